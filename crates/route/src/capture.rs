//! What a pattern takes from the path that it matches.

use message::Captures;
use model::{PathPattern, Segment};
use smallvec::SmallVec;

/// How to take the captures of a path that is known to match, without another look at its pattern.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plan {
    Nothing,
    /// What follows a prefix of so many bytes.
    After(u32),
    /// Segments by the bits of their index; the last one with all that follows it, if `rest`.
    Segments {
        taken: u32,
        rest: bool,
    },
    /// Ask the pattern.
    Match,
}

/// Matches one path against one pattern.
///
/// A name in a template takes one segment that is not empty and looks like its type, if it has one; `{rest...}` takes what is left without its leading slash,
/// so that `/files/{rest...}` stands for `/files`, `/files/` and all that is below.
pub(crate) fn match_path(pattern: &PathPattern, path: &str) -> Option<Captures> {
    match pattern {
        PathPattern::Exact(exact) => (**exact == *path).then(Captures::default),
        PathPattern::Wildcard { regex, .. } => regex.is_match(path).then(Captures::default),
        PathPattern::Prefix(prefix) => {
            let rest = path.strip_prefix(prefix.trim_end_matches('/'))?;
            let border = rest.starts_with('/') || rest.is_empty() && !path.is_empty();
            border.then(|| Captures::one(path.len() - rest.len(), path.len()))
        }
        PathPattern::Template(segments) => match_template(segments, path),
        PathPattern::Regex(regex) => match_regex(regex, path),
    }
}

fn match_template(segments: &[Segment], path: &str) -> Option<Captures> {
    let mut captures = Captures::default();
    let mut at = path.starts_with('/').then_some(1)?;
    if segments.is_empty() {
        return (path == "/").then_some(captures);
    }
    for segment in segments {
        if let Segment::Rest(_) = segment {
            captures.push(at.min(path.len()), path.len());
            return Some(captures);
        }
        let length = path.get(at..)?.find('/').unwrap_or(path.len() - at);
        match segment {
            Segment::Literal(text) if **text == path[at..at + length] => {}
            Segment::Capture(_) if length > 0 => captures.push(at, at + length),
            Segment::Typed(_, typed) if typed.takes(&path[at..at + length]) => captures.push(at, at + length),
            _ => return None,
        }
        at += length + 1;
    }
    (at > path.len()).then_some(captures)
}

fn match_regex(regex: &regex::Regex, path: &str) -> Option<Captures> {
    if !regex.is_match(path) {
        return None;
    }
    let mut captures = Captures::default();
    let names: SmallVec<[usize; 4]> =
        regex.capture_names().enumerate().filter_map(|(group, name)| name.map(|_| group)).collect();
    if !names.is_empty() {
        let groups = regex.captures(path)?;
        for group in names {
            // A group that took no part holds nothing.
            let (start, end) = groups.get(group).map_or((0, 0), |taken| (taken.start(), taken.end()));
            captures.push(start, end);
        }
    }
    Some(captures)
}

// === impl Plan ===

impl Plan {
    pub(crate) fn of(path: Option<&PathPattern>) -> Self {
        match path {
            None | Some(PathPattern::Exact(_) | PathPattern::Wildcard { .. }) => Self::Nothing,
            Some(PathPattern::Prefix(prefix)) => {
                u32::try_from(prefix.trim_end_matches('/').len()).map_or(Self::Match, Self::After)
            }
            Some(PathPattern::Regex(regex)) if regex.capture_names().flatten().next().is_none() => Self::Nothing,
            Some(PathPattern::Regex(_)) => Self::Match,
            Some(PathPattern::Template(segments)) if segments.len() > 32 => Self::Match,
            Some(PathPattern::Template(segments)) => {
                let bits = segments.iter().zip(0..).map(|(segment, index)| match segment {
                    Segment::Literal(_) => 0,
                    Segment::Capture(_) | Segment::Typed(..) | Segment::Rest(_) => 1 << index,
                });
                Self::Segments { taken: bits.sum(), rest: matches!(segments.last(), Some(Segment::Rest(_))) }
            }
        }
    }

    /// The captures of `path`, which `pattern` matches.
    pub(crate) fn take<'p>(self, pattern: impl FnOnce() -> Option<&'p PathPattern>, path: &str) -> Captures {
        match self {
            Self::Nothing => Captures::default(),
            Self::After(length) => Captures::one(length as usize, path.len()),
            Self::Segments { taken, rest } => segments(taken, rest, path),
            Self::Match => pattern().and_then(|pattern| match_path(pattern, path)).unwrap_or_default(),
        }
    }
}

fn segments(mut taken: u32, rest: bool, path: &str) -> Captures {
    let mut captures = Captures::default();
    let mut at = 1;
    while taken != 0 {
        let left = path.get(at..).unwrap_or_default();
        if rest && taken == 1 {
            captures.push(path.len() - left.len(), path.len());
            break;
        }
        let length = left.bytes().position(|byte| byte == b'/').unwrap_or(left.len());
        if taken & 1 == 1 {
            captures.push(at, at + length);
        }
        at += length + 1;
        taken >>= 1;
    }
    captures
}
