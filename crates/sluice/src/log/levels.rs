//! How much is said, while the program runs.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use admin::{LogLevel, LogLevelChange, LogLevelOrder, LogLevelTold};
use tracing_subscriber::filter::Targets;

use super::Filter;

/// Follows orders of operators. Cheap to clone; clones are the same.
#[derive(Clone)]
pub(crate) struct Levels(Arc<Shared>);

struct Shared {
    configured: Filter,
    apply: Box<dyn Fn(Targets) + Send + Sync>,
    /// By target; `None`: of all others.
    changes: Mutex<BTreeMap<Option<String>, Change>>,
}

struct Change {
    level: LogLevel,
    /// When it is taken back by itself, and what clocks on walls say then.
    until: Option<(Instant, SystemTime)>,
}

// === impl Levels ===

impl Levels {
    /// `apply` makes it so.
    pub(super) fn new(configured: Filter, apply: impl Fn(Targets) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared { configured, apply: Box::new(apply), changes: Mutex::default() }))
    }

    /// As they are.
    pub(crate) fn tell(&self) -> LogLevelTold {
        let changes = self.0.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let Filter { rest, targets } = self.0.filter(&changes);
        let told = |(target, change): (&Option<String>, &Change)| LogLevelChange {
            target: target.clone(),
            level: change.level,
            until: change.until.map(|(_, until)| telemetry::rfc3339(until)),
        };
        LogLevelTold { level: rest, targets, changes: changes.iter().map(told).collect() }
    }

    /// Follows an order. What is to be taken back by itself is so by [`expire`](Self::expire), after the time that is returned.
    pub(crate) fn order(&self, order: &LogLevelOrder, now: Instant, time: SystemTime) -> Option<Duration> {
        let mut changes = self.0.changes.lock().unwrap_or_else(PoisonError::into_inner);
        match order.level {
            None => _ = changes.remove(&order.target),
            Some(level) => {
                let until = order.lasts.map(|lasts| (now + lasts, time + lasts));
                changes.insert(order.target.clone(), Change { level, until });
            }
        }
        (self.0.apply)(self.0.filter(&changes).targets());
        order.level.and(order.lasts)
    }

    /// Takes back what was to hold until now.
    pub(crate) fn expire(&self, now: Instant) {
        let mut changes = self.0.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let before = changes.len();
        changes.retain(|_, change| change.until.is_none_or(|(until, _)| until > now));
        if changes.len() < before {
            (self.0.apply)(self.0.filter(&changes).targets());
        }
    }
}

// === impl Shared ===

impl Shared {
    fn filter(&self, changes: &BTreeMap<Option<String>, Change>) -> Filter {
        let mut filter = self.configured.clone();
        for (target, change) in changes {
            match target {
                None => filter.rest = change.level,
                Some(target) => _ = filter.targets.insert(target.clone(), change.level),
            }
        }
        filter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(target: Option<&str>, level: Option<LogLevel>, lasts: Option<u64>) -> LogLevelOrder {
        LogLevelOrder { target: target.map(str::to_owned), level, lasts: lasts.map(Duration::from_secs) }
    }

    #[test]
    fn orders_hold_until_they_are_taken_back() {
        let applied = Arc::new(Mutex::new(String::new()));
        let seen = applied.clone();
        let levels =
            Levels::new("info,proxy=warn".parse().unwrap(), move |targets| *seen.lock().unwrap() = targets.to_string());
        let (now, time) = (Instant::now(), SystemTime::UNIX_EPOCH);
        let second = Duration::from_secs(1);
        let is = |expected: &str| {
            let mut found: Vec<_> = applied.lock().unwrap().split(',').map(str::to_owned).collect();
            found.sort();
            assert_eq!(found.join(","), expected);
        };
        let debug = Some(LogLevel::Debug);
        assert_eq!(levels.order(&order(Some("proxy"), debug, Some(600)), now, time), Some(600 * second));
        is("info,proxy=debug");
        assert_eq!(levels.order(&order(None, Some(LogLevel::Error), None), now, time), None);
        is("error,proxy=debug");
        let told = levels.tell();
        assert_eq!((told.level, told.targets["proxy"]), (LogLevel::Error, LogLevel::Debug));
        let until: Vec<_> = told.changes.iter().map(|change| change.until.as_deref()).collect();
        assert_eq!(until, [None, Some("1970-01-01T00:10:00.000Z")]);
        levels.expire(now + 599 * second);
        is("error,proxy=debug");
        levels.expire(now + 600 * second);
        is("error,proxy=warn");
        levels.order(&order(None, None, None), now, time);
        is("info,proxy=warn");
        assert!(levels.tell().changes.is_empty());
    }
}
