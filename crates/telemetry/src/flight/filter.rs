//! Which records somebody wants to see.

use std::time::Duration;

use expression::Condition;
use http::StatusCode;

use super::{Slot, slot::Tag};

/// Wants all that is said; what is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The request id of the exchange, the [`Flight::id`](super::Flight::id) of its record, or the id of its trace.
    pub id: Option<String>,
    /// The id of its trace, in hexadecimal.
    pub trace: Option<String>,
    pub route: Option<String>,
    pub upstream: Option<String>,
    pub consumer: Option<String>,
    pub method: Option<String>,
    pub path_prefix: Option<String>,
    pub status: Option<StatusWanted>,
    /// By name; `any` for all that has one.
    pub cause: Option<String>,
    pub min_duration: Option<Duration>,
    /// About the variables of [`expression::Environment::record`]. One that has no value does not hold.
    pub condition: Option<Condition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusWanted {
    Exactly(StatusCode),
    /// Its first digit.
    Class(u16),
}

/// Of the id of a trace, in hexadecimal.
const TRACE_DIGITS: usize = 32;

// === impl Filter ===

impl Filter {
    pub fn passes(&self, slot: &Slot) -> bool {
        let head = &slot.head;
        let is_cause = |wanted: &String| head.cause.is_some_and(|cause| wanted == "any" || cause.name() == wanted);
        let is = |wanted: &Option<String>, tag: Tag| {
            wanted.as_ref().is_none_or(|wanted| slot.text(tag) == Some(wanted.as_bytes()))
        };
        // The cheap ones first: those in the head.
        self.status.is_none_or(|wanted| wanted.is(head.status))
            && self.cause.as_ref().is_none_or(is_cause)
            && self.min_duration.is_none_or(|least| u128::from(head.total) >= least.as_nanos())
            && self.id.as_ref().is_none_or(|wanted| is_named(slot, wanted))
            && self.trace.as_ref().is_none_or(|wanted| is_of_trace(slot, wanted))
            && is(&self.route, Tag::Route)
            && is(&self.consumer, Tag::Consumer)
            && is(&self.method, Tag::Method)
            && self.path_prefix.as_ref().is_none_or(|prefix| begins(slot, prefix))
            && self.upstream.as_ref().is_none_or(|wanted| asked(slot, wanted))
            && self.condition.as_ref().is_none_or(|condition| condition.value(slot) == Ok(true))
    }
}

fn is_named(slot: &Slot, wanted: &str) -> bool {
    slot.text(Tag::RequestId) == Some(wanted.as_bytes()) || slot.id() == wanted || is_of_trace(slot, wanted)
}

fn is_of_trace(slot: &Slot, wanted: &str) -> bool {
    wanted.len() == TRACE_DIGITS && slot.trace().is_some_and(|id| id.hex().eq_ignore_ascii_case(wanted.as_bytes()))
}

fn begins(slot: &Slot, prefix: &str) -> bool {
    slot.text(Tag::Path).is_some_and(|path| path.starts_with(prefix.as_bytes()))
}

fn asked(slot: &Slot, upstream: &str) -> bool {
    slot.attempts().any(|attempt| attempt.upstream == upstream)
}

// === impl StatusWanted ===

impl StatusWanted {
    /// `503`, or `5xx` for the class.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(class) = text.strip_suffix("xx") {
            let class = class.parse().ok()?;
            return (1..=5).contains(&class).then_some(Self::Class(class));
        }
        text.parse().ok().map(Self::Exactly)
    }

    fn is(self, status: u16) -> bool {
        match self {
            Self::Exactly(wanted) => wanted.as_u16() == status,
            Self::Class(class) => status / 100 == class,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_or_a_class_of_them() {
        for (text, is, is_not) in [("503", 503, 502), ("5xx", 599, 499), ("2xx", 204, 304)] {
            let wanted = StatusWanted::parse(text).unwrap();
            assert!(wanted.is(is) && !wanted.is(is_not), "{text}");
        }
        for text in ["", "xx", "6xx", "0xx", "5x", "abc", "12", "50x"] {
            assert_eq!(StatusWanted::parse(text), None, "{text}");
        }
    }
}
