//! Why one route goes before another, in words.

use std::fmt;

use crate::{Criterion, Precedence};

/// The criterion that decides between two routes, and what each has to say to it: `path: exact path before any path`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The greater one.
    pub winner: Precedence,
    pub loser: Precedence,
}

// === impl Verdict ===

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { winner, loser } = self;
        let given = |given: bool| if given { "given" } else { "any" };
        match winner.decided_by(loser) {
            Criterion::Priority => write!(f, "priority: {} before {}", winner.priority, loser.priority),
            Criterion::Host => write!(f, "host: {} before {}", winner.host, loser.host),
            Criterion::Path => write!(f, "path: {} before {}", winner.path, loser.path),
            Criterion::Method => write!(f, "method: {} before {}", given(winner.method), given(loser.method)),
            Criterion::Headers => write!(f, "header matchers: {} before {}", winner.headers, loser.headers),
            Criterion::Query => write!(f, "query matchers: {} before {}", winner.query, loser.query),
            Criterion::Cookies => write!(f, "cookie matchers: {} before {}", winner.cookies, loser.cookies),
            Criterion::Further => write!(f, "further matchers: {} before {}", winner.further, loser.further),
            Criterion::Position => {
                let number = |precedence: &Precedence| u64::from(precedence.position.0) + 1;
                write!(f, "order in the document: route number {} before {}", number(winner), number(loser))
            }
        }
    }
}
