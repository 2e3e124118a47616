//! What the program says about itself while it runs: plain lines on standard error.
//!
//! Standard output belongs to what a command was asked for, and to the access log.

use std::{
    env,
    io::{self, IsTerminal},
};

use clap::ValueEnum;
use tracing_subscriber::filter::LevelFilter;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// Nothing
    Off,
    /// What went wrong
    Error,
    /// What may go wrong.
    Warn,
    /// What was done.
    Info,
    /// What it is about to do; many lines per connection.
    Debug,
}

/// To be called once, first.
pub(crate) fn start(level: Level) {
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal() && wants_color(env::var("NO_COLOR").ok().as_deref()))
        .with_writer(io::stderr)
        .init();
}

/// As <https://no-color.org> has it: any text but the empty one says no.
fn wants_color(no_color: Option<&str>) -> bool {
    no_color.is_none_or(str::is_empty)
}

// === impl Level ===

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Off => Self::OFF,
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_can_be_declined() {
        assert!(wants_color(None));
        assert!(wants_color(Some("")));
        assert!(!wants_color(Some("1")));
        assert!(!wants_color(Some("0")));
    }
}
