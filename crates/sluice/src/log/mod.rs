//! What the program says about itself while it runs: lines on standard error.
//!
//! Standard output belongs to what a command was asked for, and to the access log.

/// How much is said, by whom.
mod filter;
/// Lines as JSON.
mod json;
/// How much is said, while the program runs.
mod levels;

use std::{
    env,
    io::{self, IsTerminal},
};

use clap::{Args, ValueEnum};
use tracing_subscriber::{Layer, Registry, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt};

use filter::Filter;
pub(crate) use levels::Levels;

/// What the command line says of it.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// How much the program says about itself on standard error: off, error, warn, info or debug; for parts of it as in
    /// info,proxy=debug
    #[arg(
        long = "log-level",
        visible_alias = "log",
        global = true,
        env = "SLUICE_LOG",
        value_name = "LEVEL",
        default_value = "info",
        hide_env_values = true,
        display_order = 100
    )]
    level: Filter,
    /// How a line of that is written
    #[arg(
        long = "log-format",
        global = true,
        env = "SLUICE_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text",
        hide_env_values = true,
        display_order = 101
    )]
    format: Format,
}

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// An object of JSON
    Json,
}

/// To be called once, first.
pub(crate) fn start(settings: Settings) -> Levels {
    let Settings { level, format } = settings;
    let (filter, handle) = reload::Layer::new(level.targets());
    let lines: Box<dyn Layer<_> + Send + Sync> = match format {
        Format::Text => {
            let is_colored = io::stderr().is_terminal() && wants_color(env::var("NO_COLOR").ok().as_deref());
            Box::new(fmt::layer().with_target(false).with_ansi(is_colored).with_writer(io::stderr))
        }
        Format::Json => Box::new(fmt::layer().event_format(json::Json).with_ansi(false).with_writer(io::stderr)),
    };
    Registry::default().with(filter).with(lines).init();
    Levels::new(level, move |targets| _ = handle.reload(targets))
}

/// As <https://no-color.org> has it: any text but the empty one says no.
fn wants_color(no_color: Option<&str>) -> bool {
    no_color.is_none_or(str::is_empty)
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
