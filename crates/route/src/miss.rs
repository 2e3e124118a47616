//! Why a route did not match, in words.

use std::{fmt, sync::Arc};

use expression::{Condition, Failure, literal::shortened};
use http::{HeaderName, Method};
use ipnet::IpNet;
use model::{HostPattern, PathPattern, Segment, TimeMatch, ValueMatch};

/// The first thing that a route wants and a request is not.
///
/// Says what the route wants, never what the request holds: a miss ends up in logs, and values are the client's.
#[derive(Debug, Clone)]
pub enum Miss {
    Listener,
    Host {
        wanted: Vec<HostPattern>,
    },
    Path {
        wanted: PathPattern,
    },
    Method {
        wanted: Vec<Method>,
    },
    ClientIp {
        wanted: Vec<IpNet>,
    },
    Sni {
        wanted: Vec<HostPattern>,
        found: Presence,
    },
    Header {
        name: HeaderName,
        wanted: ValueMatch,
        found: Presence,
    },
    Query {
        name: Arc<str>,
        wanted: ValueMatch,
        found: Presence,
    },
    Cookie {
        name: Arc<str>,
        wanted: ValueMatch,
        found: Presence,
    },
    Time {
        wanted: TimeMatch,
    },
    /// `failure`: why the condition has no value, if it has none.
    When {
        wanted: Condition,
        failure: Option<Failure>,
    },
}

/// Whether a field was there at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Absent,
    /// There, but not as wanted.
    Present,
}

/// More than this of a list is counted, not shown.
const SHOWN: usize = 5;

// === impl Miss ===

impl Miss {
    /// How far the request came before it missed: the route that missed at the highest stage is the nearest one.
    pub fn stage(&self) -> u8 {
        match self {
            Self::Host { .. } => 0,
            Self::Path { .. } => 1,
            Self::Listener => 2,
            Self::Method { .. } => 3,
            Self::ClientIp { .. } => 4,
            Self::Sni { .. } => 5,
            Self::Header { .. } => 6,
            Self::Query { .. } => 7,
            Self::Cookie { .. } => 8,
            Self::Time { .. } => 9,
            Self::When { .. } => 10,
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener => f.write_str("the route is not on this listener"),
            Self::Host { wanted } => write!(f, "host is not {}", List(wanted, host)),
            Self::Path { wanted } => write!(f, "path does not match {}", Path(wanted)),
            Self::Method { wanted } => write!(f, "method is not {}", List(wanted, Method::to_string)),
            Self::ClientIp { wanted } => write!(f, "client_ip is not within {}", List(wanted, IpNet::to_string)),
            Self::Sni { wanted, found: Presence::Absent } => {
                write!(f, "no server name (sni) was given in a TLS handshake, and it must be {}", List(wanted, host))
            }
            Self::Sni { wanted, found: Presence::Present } => write!(f, "sni is not {}", List(wanted, host)),
            Self::Header { name, wanted, found } => field(f, "header", name.as_str(), wanted, *found),
            Self::Query { name, wanted, found } => field(f, "query parameter", name, wanted, *found),
            Self::Cookie { name, wanted, found } => field(f, "cookie", name, wanted, *found),
            Self::Time { wanted } => write!(f, "the time is not {wanted}"),
            Self::When { wanted, failure: None } => {
                write!(f, "the condition `{}` does not hold", shortened(wanted.as_str()))
            }
            Self::When { wanted, failure: Some(failure) } => {
                write!(f, "the condition `{}` has no value: {failure}", shortened(wanted.as_str()))
            }
        }
    }
}

fn field(f: &mut fmt::Formatter<'_>, kind: &str, name: &str, wanted: &ValueMatch, found: Presence) -> fmt::Result {
    let quoted = |text: &Arc<str>| format!("{text:?}");
    match (wanted, found) {
        (ValueMatch::Absent, _) => write!(f, "{kind} {name} is present and must be absent"),
        (_, Presence::Absent) => write!(f, "{kind} {name} is absent"),
        (ValueMatch::Present, Presence::Present) => write!(f, "{kind} {name} is present"),
        (ValueMatch::Exact(text), _) => write!(f, "{kind} {name} is not {text:?}"),
        (ValueMatch::Prefix(text), _) => write!(f, "{kind} {name} does not begin with {text:?}"),
        (ValueMatch::Regex(regex), _) => write!(f, "{kind} {name} does not match the regex {:?}", regex.as_str()),
        (ValueMatch::AnyOf(texts), _) => write!(f, "{kind} {name} is not {}", List(texts, quoted)),
    }
}

fn host(pattern: &HostPattern) -> String {
    match pattern {
        HostPattern::Exact(host) => host.to_string(),
        HostPattern::Suffix(suffix) => format!("*.{suffix}"),
    }
}

// === impl Presence ===

impl Presence {
    pub(crate) fn of(present: bool) -> Self {
        if present { Self::Present } else { Self::Absent }
    }
}

/// `a`, or `one of a, b and 17 more`.
struct List<'a, T, F>(&'a [T], F);

impl<T, F: Fn(&T) -> String> fmt::Display for List<'_, T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(items, show) = self;
        let shown: Vec<_> = items.iter().take(SHOWN).map(show).collect();
        if items.len() > 1 {
            f.write_str("one of ")?;
        }
        f.write_str(&shown.join(", "))?;
        match items.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// A path pattern as it was written.
struct Path<'a>(&'a PathPattern);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            PathPattern::Exact(path) => write!(f, "exactly {path}"),
            PathPattern::Prefix(path) => write!(f, "the prefix {path}"),
            PathPattern::Wildcard { pattern, .. } => write!(f, "the wildcard {pattern}"),
            PathPattern::Regex(regex) => write!(f, "the regex {regex}"),
            PathPattern::Template(segments) => {
                f.write_str("the template ")?;
                segments.iter().try_for_each(|segment| match segment {
                    Segment::Literal(text) => write!(f, "/{text}"),
                    Segment::Capture(name) => write!(f, "/{{{name}}}"),
                    Segment::Typed(name, typed) => write!(f, "/{{{name}:{}}}", typed.name()),
                    Segment::Rest(name) => write!(f, "/{{{name}...}}"),
                })
            }
        }
    }
}
