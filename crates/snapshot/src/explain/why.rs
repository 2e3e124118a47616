//! An explanation in one line.

use std::fmt;

use route::{Candidate, Verdict};

use super::{Answer, Decision, candidates};
use crate::Snapshot;

/// Why a request did not go where it was meant to go.
pub(crate) enum Why<'s> {
    /// The route that was meant misses something.
    Missed {
        meant: &'s str,
        miss: String,
    },
    /// It matches, but another one goes before it.
    Beaten {
        meant: &'s str,
        winner: &'s str,
        verdict: Verdict,
    },
    /// None was meant, and this one matches.
    Taken {
        winner: &'s str,
        precedence: String,
    },
    /// None was meant, and none matches; this one came nearest.
    Nearest {
        nearest: &'s str,
        miss: String,
    },
    Refused {
        detail: String,
    },
}

// === impl Why ===

impl<'s> Why<'s> {
    /// `meant` is the index of the route that the request was meant for, if any was.
    ///
    /// Asks every route.
    pub(crate) fn new(snapshot: &'s Snapshot, answer: &Answer, meant: Option<usize>) -> Option<Self> {
        let Some(seen) = &answer.seen else {
            let Decision::Refuse { detail, .. } = &answer.decision else { return None };
            return Some(Self::Refused { detail: detail.clone() });
        };
        let name = |candidate: &Candidate| &*snapshot.routes[candidate.route].name;
        let candidates = candidates(snapshot, seen, answer);
        let first = candidates.first()?;
        let Some(meant) = candidates.iter().find(|candidate| Some(candidate.route) == meant) else {
            return Some(match &first.miss {
                None => Self::Taken { winner: name(first), precedence: first.precedence.to_string() },
                Some(miss) => Self::Nearest { nearest: name(first), miss: miss.to_string() },
            });
        };
        Some(match &meant.miss {
            Some(miss) => Self::Missed { meant: name(meant), miss: miss.to_string() },
            None => Self::Beaten {
                meant: name(meant),
                winner: name(first),
                verdict: Verdict { winner: first.precedence, loser: meant.precedence },
            },
        })
    }
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missed { meant, miss } => write!(f, "`{meant}` does not match: {miss}"),
            Self::Beaten { meant, winner, verdict } => write!(f, "`{winner}` goes before `{meant}` by {verdict}"),
            Self::Taken { winner, precedence } => write!(f, "`{winner}` matches: {precedence}"),
            Self::Nearest { nearest, miss } => write!(f, "the nearest route is `{nearest}`: {miss}"),
            Self::Refused { detail } => f.write_str(detail),
        }
    }
}
