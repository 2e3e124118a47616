//! The sides of a route: several destinations, of which each exchange goes to one.
//!
//! ```text
//!            decide: what the request says                        draw: what it leaves open
//! split      force ─▶ cohort ─▶ the only one with a weight ─▶ sticky key ─▶ chance
//! versions   each of `from` in turn ─▶ default ─▶ refused
//! ```
//! A choice depends on the document, the request and the dice, and on nothing else: every node and every start of a
//! gateway makes the same one, and it can be told without traffic ([`Sides::tell`]).

use std::{fmt, sync::Arc, time::SystemTime};

use http::HeaderMap;
use message::{Captures, Cause, Consumer, Error, Random, Result};
use model::{SubsetId, UpstreamId};
use telemetry::SideMetrics;

mod media_type;
mod notice;
mod rendezvous;
mod split;
mod versions;
mod weights;

pub use weights::Weights;

use notice::Notice;
use split::Split;
use versions::Versions;

/// Sides, and the rule that says who gets to which.
pub struct Sides {
    list: Box<[Side]>,
    rule: Rule,
}

/// One of the destinations of a route.
pub struct Side {
    pub name: Arc<str>,
    pub to: Destination,
    pub metrics: Arc<SideMetrics>,
    /// From then on its requests are refused.
    pub sunset: Option<SystemTime>,
    notice: Notice,
}

/// An upstream, or some of its endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    /// Index in [`crate::Snapshot::upstreams`].
    pub upstream: usize,
    /// Index in the upstream's own list; `None`: every endpoint will do.
    pub subset: Option<u32>,
}

/// What a choice may depend on.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    pub ask: route::Ask<'a>,
    /// Of the path in `ask`.
    pub captures: &'a Captures,
    pub consumer: Option<&'a Consumer>,
}

/// A side, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Index of the side.
    pub side: usize,
    pub reason: Reason,
}

/// Why a request goes to its side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The request names it.
    Forced,
    /// Its cohort holds.
    Cohort,
    /// The request's key falls to it, as it always does.
    Sticky,
    /// The dice fell that way.
    Chance,
    /// No other side has a weight.
    Only,
    /// The request names no version, and this is the default.
    Default,
}

enum Rule {
    Split(Split),
    Versions(Versions),
}

// === impl Sides ===

impl Sides {
    /// `metrics` gives the counters of the side with this name.
    pub(crate) fn of_split(split: &model::Split, metrics: impl Fn(&str) -> Arc<SideMetrics>) -> Self {
        let side = |written: &model::Side| Side {
            name: written.name.clone(),
            to: written.to.into(),
            metrics: metrics(&written.name),
            sunset: None,
            notice: Notice::of_side(split, written),
        };
        Self { list: split.sides.iter().map(side).collect(), rule: Rule::Split(Split::new(split)) }
    }

    /// Likewise.
    pub(crate) fn of_versions(versions: &model::Versions, metrics: impl Fn(&str) -> Arc<SideMetrics>) -> Self {
        let side = |known: &model::ApiVersion| Side {
            name: known.name.clone(),
            to: known.to.into(),
            metrics: metrics(&known.name),
            sunset: known.sunset,
            notice: Notice::of_version(versions, known),
        };
        Self { list: versions.known.iter().map(side).collect(), rule: Rule::Versions(Versions::new(versions)) }
    }

    pub fn list(&self) -> &[Side] {
        &self.list
    }

    /// By which chance chooses among the sides, by their index; `None`: it never does.
    pub fn weights(&self) -> Option<&[u32]> {
        match &self.rule {
            Rule::Split(split) => Some(split.weights().each()),
            Rule::Versions(_) => None,
        }
    }

    /// Whether a choice must wait for the policies that find out who calls.
    pub fn awaits_consumer(&self) -> bool {
        matches!(&self.rule, Rule::Split(split) if split.asks_consumer)
    }

    /// The choice that the request leaves no doubt about; `None`: it is up to [`Sides::draw`].
    ///
    /// # Errors
    /// The request names a version that there is not, or none where it must.
    pub fn decide(&self, asking: &Asking<'_>) -> Result<Option<Choice>> {
        match &self.rule {
            Rule::Split(split) => Ok(split.decide(&self.list, asking)),
            Rule::Versions(versions) => versions.decide(&self.list, asking).map(Some),
        }
    }

    /// Leaves the choice to chance.
    ///
    /// # Errors
    /// [`Cause::NoEndpoint`] if no side has a weight.
    pub fn draw(&self, random: &mut Random) -> Result<Choice> {
        let drawn = match &self.rule {
            Rule::Split(split) => split.weights().draw(random),
            // Decides always.
            Rule::Versions(_) => None,
        };
        drawn.map(|side| Choice { side, reason: Reason::Chance }).ok_or_else(no_side)
    }

    /// Why a side that is past its sunset gets nothing.
    #[cold]
    pub fn expired(&self, side: &Side) -> Error {
        let others: Vec<_> = self.list.iter().filter(|other| other.name != side.name).collect();
        let ended = side.sunset.map(|sunset| format!(" at {}", httpdate::fmt_http_date(sunset))).unwrap_or_default();
        let detail = format!("version `{}` ended{ended}; there {}", side.name, there_are(&others));
        Error::new(Cause::VersionExpired, detail)
    }

    /// What would be chosen, and why, in words.
    pub fn tell(&self, asking: &Asking<'_>) -> String {
        match (self.decide(asking), &self.rule) {
            (Ok(Some(choice)), rule) => {
                let why = match rule {
                    Rule::Split(split) => split.why(choice, asking),
                    Rule::Versions(versions) => versions.why(choice, asking),
                };
                format!("`{}`: {why}", self.list[choice.side].name)
            }
            (Ok(None), Rule::Split(split)) if split.weights().total() > 0 => {
                let shares: Vec<_> = (self.list.iter().zip(split.weights().shares()))
                    .filter(|(_, share)| *share > 0.0)
                    .map(|(side, share)| format!("`{}` {:.3}%", side.name, share * 100.0))
                    .collect();
                format!("by chance: {}", shares.join(", "))
            }
            (Ok(None), _) => no_side().detail().to_owned(),
            (Err(error), _) => format!("refused: {}", error.detail()),
        }
    }
}

#[cold]
fn no_side() -> Error {
    Error::new(Cause::NoEndpoint, "no side of the split has a weight, and the request is in no cohort")
}

/// "are `1`, `2`".
fn there_are(sides: &[&Side]) -> String {
    let names: Vec<_> = sides.iter().map(|side| format!("`{}`", side.name)).collect();
    match &*names {
        [] => "is no other".to_owned(),
        [only] => format!("is {only}"),
        _ => format!("are {}", names.join(", ")),
    }
}

// === impl Side ===

impl Side {
    /// Adds to a response what the document wants said about this side.
    pub fn note(&self, headers: &mut HeaderMap) {
        self.notice.write(headers);
    }
}

// === impl Destination ===

impl From<model::Destination> for Destination {
    fn from(to: model::Destination) -> Self {
        let model::Destination { upstream: UpstreamId(upstream), subset } = to;
        Self { upstream: upstream as usize, subset: subset.map(|SubsetId(subset)| subset) }
    }
}

// === impl Reason ===

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forced => "the request names it",
            Self::Cohort => "its cohort holds",
            Self::Sticky => "the caller's key falls to it",
            Self::Chance => "chance",
            Self::Only => "no other side has a weight",
            Self::Default => "the request names no version, and this is the default",
        })
    }
}
