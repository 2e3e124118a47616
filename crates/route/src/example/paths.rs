//! Paths that several patterns match at once.

use message::canonical;
use model::{PathPattern, Segment};

use crate::{
    capture::match_path,
    language::{Alphabet, Language, shortest},
};

/// A pattern as segments, if it has any.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part<'p> {
    Text(&'p str),
    /// A capture.
    Any,
}

/// Several patterns at once, segment by segment.
#[derive(Debug, Clone, Default)]
struct Shape<'p> {
    parts: Vec<Part<'p>>,
    /// More may follow.
    open: bool,
}

/// Paths in normal form that all of `patterns` match, the plainest first; empty if none is found.
pub(super) fn of(patterns: &[&PathPattern]) -> Vec<String> {
    let is_of_all = |path: &str| {
        let is_canonical = canonical::path(path).is_ok_and(|canonical| canonical == path);
        is_canonical && patterns.iter().all(|pattern| match_path(pattern, path).is_some())
    };
    let mut whole = Shape { parts: Vec::new(), open: true };
    for shape in patterns.iter().filter_map(|pattern| Shape::of(pattern)) {
        match whole.with(&shape) {
            Some(both) => whole = both,
            None => return Vec::new(),
        }
    }
    let mut paths = whole.paths();
    paths.retain(|path| is_of_all(path));
    if patterns.iter().any(|pattern| Shape::of(pattern).is_none()) {
        let languages: Option<Vec<_>> = patterns.iter().map(|pattern| Language::of_path(pattern)).collect();
        let languages = languages.unwrap_or_default();
        if !languages.is_empty() {
            paths.extend(shortest(&languages.iter().collect::<Vec<_>>(), Alphabet::Path, is_of_all));
        }
    }
    paths
}

/// What stands for a segment that a pattern captures: the `number`-th of a path, another one in each `variant`.
fn word(number: usize, variant: usize) -> &'static str {
    const WORDS: [[&str; 4]; 2] = [["a", "b", "c", "d"], ["1", "2", "3", "4"]];
    WORDS[variant % 2][number % 4]
}

// === impl Shape ===

impl<'p> Shape<'p> {
    /// `None` of what is no matter of segments.
    fn of(pattern: &'p PathPattern) -> Option<Self> {
        match pattern {
            PathPattern::Exact(path) => Some(Self { parts: parts(path), open: false }),
            PathPattern::Prefix(prefix) if **prefix == *"/" => Some(Self { parts: Vec::new(), open: true }),
            PathPattern::Prefix(prefix) => Some(Self { parts: parts(prefix), open: true }),
            PathPattern::Template(segments) => {
                let parts = segments.iter().filter_map(|segment| match segment {
                    Segment::Literal(text) => Some(Part::Text(text)),
                    Segment::Capture(_) => Some(Part::Any),
                    Segment::Rest(_) => None,
                });
                Some(Self { parts: parts.collect(), open: matches!(segments.last(), Some(Segment::Rest(_))) })
            }
            PathPattern::Wildcard { .. } | PathPattern::Regex(_) => None,
        }
    }

    /// What both have in common.
    fn with(&self, other: &Self) -> Option<Self> {
        let (short, long) = if self.parts.len() <= other.parts.len() { (self, other) } else { (other, self) };
        if short.parts.len() < long.parts.len() && !short.open {
            return None;
        }
        let mut parts = long.parts.clone();
        for (part, other) in parts.iter_mut().zip(&short.parts) {
            match (&part, other) {
                (Part::Any, other) => *part = *other,
                (Part::Text(_), Part::Any) => {}
                (Part::Text(text), Part::Text(other)) if text == other => {}
                _ => return None,
            }
        }
        Some(Self { parts, open: long.open && (short.open || short.parts.len() < long.parts.len()) })
    }

    /// As it is, and if more may follow, with more.
    fn paths(&self) -> Vec<String> {
        let path = |more: usize, variant: usize| {
            let mut number = 0;
            let mut path = String::new();
            for part in self.parts.iter().copied().chain(std::iter::repeat_n(Part::Any, more)) {
                path.push('/');
                path.push_str(match part {
                    Part::Text(text) => text,
                    Part::Any => word(number, variant),
                });
                number += usize::from(part == Part::Any);
            }
            if path.is_empty() { "/".to_owned() } else { path }
        };
        let mut paths = vec![path(0, 0)];
        if self.open {
            paths.extend([path(1, 0), path(2, 1)]);
        }
        if self.parts.contains(&Part::Any) {
            paths.push(path(0, 1));
        }
        paths
    }
}

fn parts(path: &str) -> Vec<Part<'_>> {
    path.trim_start_matches('/').split('/').map(Part::Text).collect()
}
