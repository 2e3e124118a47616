//! The order among routes that match.

use std::{cmp::Reverse, fmt};

use model::{HostPattern, PathPattern, Route, Segment};

/// Who wins among routes that match: the greatest.
///
/// The fields are the criteria and their order is the order in which they decide, so the derived `Ord` is the rule.
/// For one request it agrees with what the Kubernetes Gateway API says of `HTTPRoute`: host before path, exact before
/// the longest prefix, then method, headers and query parameters, then the order in which routes were written. What that
/// knows nothing of (priority, templates, cookies and so on) has its place between.
/// It is total: no two routes of one model have the same position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Precedence {
    pub priority: i32,
    pub host: HostRank,
    pub path: PathRank,
    /// Whether methods are given; how many does not count.
    pub method: bool,
    pub headers: u16,
    pub query: u16,
    pub cookies: u16,
    /// How many of `client_ip`, `sni`, `time` and `when` are given.
    pub further: u8,
    /// Index of the route in the model; the earlier one is greater.
    pub position: Reverse<u32>,
}

/// How closely the host that matched is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostRank {
    /// The route names no host.
    Any,
    /// By the length of what follows `*.`, in bytes.
    Wildcard(u16),
    Exact,
}

/// How closely the path is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathRank {
    /// No path is given, or one that holds nothing: the prefix `/` and the template `/{rest...}` refuse no path, so a
    /// catch-all written that way leaves wildcards and regexes their turn.
    Any,
    Regex,
    /// By the number of literal segments, so that `/admin/**` goes before `/**`.
    Wildcard(u16),
    /// A prefix or a template, by the number of literal segments, and then of captures with a type.
    Literal {
        segments: u16,
        typed: u16,
    },
    /// Also a template without captures.
    Exact,
}

/// What decides between two routes: the first thing that tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criterion {
    Priority,
    Host,
    Path,
    Method,
    Headers,
    Query,
    Cookies,
    /// `client_ip`, `sni`, `time` and `when`.
    Further,
    /// Nothing but the order in the document.
    Position,
}

// === impl Precedence ===

impl Precedence {
    /// The precedence of `route` when `host` of its hosts is the one that matched.
    ///
    /// `position` is the index of the route in the model.
    pub fn of(route: &Route, host: Option<&HostPattern>, position: usize) -> Self {
        let matching = &route.matching;
        Self {
            priority: route.priority,
            host: HostRank::of(host),
            path: PathRank::of(matching.path.as_ref()),
            method: !matching.methods.is_empty(),
            headers: count(matching.headers.len()),
            query: count(matching.query.len()),
            cookies: count(matching.cookies.len()),
            further: [
                !matching.client_ip.is_empty(),
                !matching.sni.is_empty(),
                matching.time.is_some(),
                matching.when.is_some(),
            ]
            .into_iter()
            .map(u8::from)
            .sum(),
            position: Reverse(u32::try_from(position).unwrap_or(u32::MAX)),
        }
    }

    /// The criterion by which one of two precedences is the greater.
    pub fn decided_by(&self, other: &Self) -> Criterion {
        let Self { priority, host, path, method, headers, query, cookies, further, position: _ } = self;
        let criteria = [
            (*priority != other.priority, Criterion::Priority),
            (*host != other.host, Criterion::Host),
            (*path != other.path, Criterion::Path),
            (*method != other.method, Criterion::Method),
            (*headers != other.headers, Criterion::Headers),
            (*query != other.query, Criterion::Query),
            (*cookies != other.cookies, Criterion::Cookies),
            (*further != other.further, Criterion::Further),
        ];
        criteria.iter().find(|(differs, _)| *differs).map_or(Criterion::Position, |(_, criterion)| *criterion)
    }
}

impl fmt::Display for Precedence {
    /// Every criterion that the route has something to say to, in the order in which they decide.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "priority {}, {}, {}", self.priority, self.host, self.path)?;
        if self.method {
            f.write_str(", method")?;
        }
        for (number, what) in [
            (self.headers, "header"),
            (self.query, "query parameter"),
            (self.cookies, "cookie"),
            (self.further.into(), "further matcher"),
        ] {
            match number {
                0 => {}
                1 => write!(f, ", 1 {what}")?,
                _ => write!(f, ", {number} {what}s")?,
            }
        }
        write!(f, ", route number {}", u64::from(self.position.0) + 1)
    }
}

// === impl HostRank ===

impl HostRank {
    pub fn of(host: Option<&HostPattern>) -> Self {
        match host {
            None => Self::Any,
            Some(HostPattern::Suffix(suffix)) => Self::Wildcard(count(suffix.len())),
            Some(HostPattern::Exact(_)) => Self::Exact,
        }
    }
}

impl fmt::Display for HostRank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any host"),
            Self::Wildcard(length) => write!(f, "wildcard host of {length} characters"),
            Self::Exact => f.write_str("exact host"),
        }
    }
}

// === impl PathRank ===

impl PathRank {
    pub fn of(path: Option<&PathPattern>) -> Self {
        match path {
            None => Self::Any,
            Some(PathPattern::Exact(_)) => Self::Exact,
            Some(PathPattern::Prefix(prefix)) => match literals(prefix) {
                0 => Self::Any,
                segments => Self::Literal { segments, typed: 0 },
            },
            Some(PathPattern::Template(segments)) => Self::of_template(segments),
            Some(PathPattern::Wildcard { pattern, .. }) => Self::Wildcard(literals(pattern)),
            Some(PathPattern::Regex(_)) => Self::Regex,
        }
    }

    fn of_template(segments: &[Segment]) -> Self {
        let literal = |segment: &&Segment| matches!(segment, Segment::Literal(text) if !text.is_empty());
        match segments {
            [Segment::Rest(_)] => Self::Any,
            _ if segments.iter().all(|segment| matches!(segment, Segment::Literal(_))) => Self::Exact,
            _ => Self::Literal {
                segments: count(segments.iter().filter(literal).count()),
                typed: count(segments.iter().filter(|segment| matches!(segment, Segment::Typed(..))).count()),
            },
        }
    }
}

impl fmt::Display for PathRank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any path"),
            Self::Regex => f.write_str("path by regex"),
            Self::Wildcard(number) => write!(f, "path by wildcard with {}", Literals(*number)),
            Self::Literal { segments, typed: 0 } => write!(f, "path with {}", Literals(*segments)),
            Self::Literal { segments, typed: 1 } => write!(f, "path with {} and 1 typed capture", Literals(*segments)),
            Self::Literal { segments, typed } => {
                write!(f, "path with {} and {typed} typed captures", Literals(*segments))
            }
            Self::Exact => f.write_str("exact path"),
        }
    }
}

struct Literals(u16);

impl fmt::Display for Literals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 literal segment"),
            number => write!(f, "{number} literal segments"),
        }
    }
}

/// The number of segments of a pattern that hold text and no `*`.
fn literals(pattern: &str) -> u16 {
    count(pattern.split('/').filter(|segment| !segment.is_empty() && !segment.contains('*')).count())
}

fn count(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
