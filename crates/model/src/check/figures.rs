//! Numbers and times that must stay within bounds, and their defaults.

use std::{fmt::Display, ops::RangeInclusive, time};

use crate::{Node, Report, values};

/// The figures of one map.
pub(super) struct Figures<'f> {
    pub(super) map: Option<&'f Node>,
    pub(super) report: &'f mut Report,
}

// === impl Figures ===

impl Figures<'_> {
    /// A number, or its default if it was not given or is out of bounds.
    pub(super) fn number(&mut self, key: &str, given: Option<u64>, default: u32, bounds: RangeInclusive<u32>) -> u32 {
        let Some(given) = given else { return default };
        match u32::try_from(given) {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                self.error(
                    key,
                    format_args!("expected a number from {} to {}, found {given}", bounds.start(), bounds.end()),
                );
                default
            }
        }
    }

    /// A time, or its default if it was not given or is zero.
    pub(super) fn time(
        &mut self,
        key: &str,
        given: Option<values::Duration>,
        default: time::Duration,
    ) -> time::Duration {
        match given {
            Some(values::Duration(time::Duration::ZERO)) => {
                self.error(key, "expected a duration above zero, found `0`");
                default
            }
            Some(values::Duration(given)) => given,
            None => default,
        }
    }

    fn error(&mut self, key: &str, message: impl Display) {
        if let Some(map) = self.map {
            self.report.error(&map.near(key).place, message.to_string());
        }
    }
}
