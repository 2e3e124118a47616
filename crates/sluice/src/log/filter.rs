//! How much is said, by whom.

use std::{collections::BTreeMap, str::FromStr};

use admin::LogLevel;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// Levels by target: `info,proxy=debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Of all others.
    pub(super) rest: LogLevel,
    pub(super) targets: BTreeMap<String, LogLevel>,
}

// === impl Filter ===

impl Filter {
    pub(super) fn targets(&self) -> Targets {
        let targets = self.targets.iter().map(|(target, level)| (target.clone(), filter(*level)));
        Targets::new().with_default(filter(self.rest)).with_targets(targets)
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut filter = Self { rest: LogLevel::Info, targets: BTreeMap::new() };
        for part in text.split(',').map(str::trim) {
            match part.split_once('=') {
                None => filter.rest = part.parse()?,
                Some((target, level)) => _ = filter.targets.insert(admin::log_target(target)?, level.parse()?),
            }
        }
        Ok(filter)
    }
}

const fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_for_all_or_for_a_part() {
        for (text, rest, targets) in [
            ("debug", LogLevel::Debug, vec![]),
            ("warn,proxy=debug", LogLevel::Warn, vec![("proxy", LogLevel::Debug)]),
            (
                "proxy::forward=off, control=error",
                LogLevel::Info,
                vec![("control", LogLevel::Error), ("proxy::forward", LogLevel::Off)],
            ),
        ] {
            let filter: Filter = text.parse().unwrap();
            assert_eq!(filter.rest, rest, "{text}");
            let found: Vec<_> = filter.targets.iter().map(|(target, level)| (&**target, *level)).collect();
            assert_eq!(found, targets, "{text}");
        }
        for (text, why) in [
            ("", "expected one of"),
            ("loud", "expected one of"),
            ("info,proxy", "expected one of"),
            ("a b=info", "no target"),
            ("=info", "no target"),
            ("proxy=trace", "expected one of"),
        ] {
            let error = Filter::from_str(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
