//! What a pattern takes from the path that it matches.

use model::{PathPattern, Segment};
use smallvec::SmallVec;

/// Parts of the path that was asked for, as byte ranges, by their index in [`PathPattern::captures`].
///
/// Ranges instead of text: they outlive the request they were taken from without borrowing it, and up to four of them
/// need no allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures(SmallVec<[(u32, u32); 4]>);

/// Matches one path against one pattern.
///
/// A name in a template takes one segment that is not empty; `{rest...}` takes what is left without its leading slash,
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

// === impl Captures ===

impl Captures {
    /// What was taken of `path`, which must be the path that was asked for; empty for an index that there is not.
    pub fn get<'p>(&self, index: usize, path: &'p str) -> &'p str {
        let range = self.0.get(index).map_or(0..0, |&(start, end)| start as usize..end as usize);
        path.get(range).unwrap_or_default()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn one(start: usize, end: usize) -> Self {
        let mut captures = Self::default();
        captures.push(start, end);
        captures
    }

    /// A path of 4 GiB does not get here; if one did, its captures would be empty.
    fn push(&mut self, start: usize, end: usize) {
        self.0.push(u32::try_from(start).and_then(|start| Ok((start, u32::try_from(end)?))).unwrap_or_default());
    }
}
