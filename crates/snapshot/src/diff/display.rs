//! A diff for people.

use std::fmt;

use super::{Change, Diff, Item, Moved, What};

// === impl Diff ===

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.same {
            return writeln!(f, "nothing has changed");
        }
        let mut begun = false;
        let mut section = |f: &mut fmt::Formatter<'_>, title: &str| {
            let break_before = if std::mem::replace(&mut begun, true) { "\n" } else { "" };
            writeln!(f, "{break_before}{title}")
        };
        if !self.gateway.is_empty() {
            section(f, "gateway")?;
            self.gateway.iter().try_for_each(|change| writeln!(f, "  {change}"))?;
        }
        let lists = [
            ("listeners", &self.listeners),
            ("upstreams", &self.upstreams),
            ("routes", &self.routes),
            ("consumers", &self.consumers),
            ("operators", &self.operators),
        ];
        for (title, items) in lists {
            if !items.is_empty() {
                section(f, title)?;
                items.iter().try_for_each(|item| item.fmt(f))?;
            }
        }
        section(f, "requests that go elsewhere")?;
        self.requests.iter().try_for_each(|moved| moved.fmt(f))?;
        match (self.requests.len(), self.omitted) {
            (0, _) => writeln!(f, "  none of those that were tried"),
            (_, 0) => Ok(()),
            (_, more) => writeln!(f, "  {more} more, from other routes or to other ones"),
        }
    }
}

// === impl Item ===

/// A line, and the changes below it.
impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { name, new } => writeln!(f, "  + `{name}`: {new}"),
            Self::Removed { name, old } => writeln!(f, "  - `{name}`: {old}"),
            Self::Renamed { name, from } => {
                writeln!(f, "  = `{name}` was called `{from}`, and nothing else has changed")
            }
            Self::Changed { name, changes } => {
                writeln!(f, "  ~ `{name}`")?;
                changes.iter().try_for_each(|change| writeln!(f, "      {change}"))
            }
        }
    }
}

// === impl Change ===

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, what } = self;
        match what {
            What::Added { new } => write!(f, "{key}: added, {new}"),
            What::Removed { old } => write!(f, "{key}: removed, was {old}"),
            What::Changed { old, new } => write!(f, "{key}: {new}, was {old}"),
            What::Hidden => write!(f, "{key}: changed"),
        }
    }
}

// === impl Moved ===

/// The request, and below it what becomes of it.
impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, old, new, more } = self;
        let more = if *more == 0 { String::new() } else { format!("  (and {more} more)") };
        writeln!(f, "  {request}{more}\n      was {old}\n      now {new}")
    }
}
