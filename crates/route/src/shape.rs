//! Paths as segments: what a pattern asks of each, and whether more may follow.

use model::{PathPattern, Segment};
use regex_syntax::hir::{Hir, HirKind, Look};
use smallvec::SmallVec;

/// What a pattern asks of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'p> {
    Text(&'p str),
    /// Whatever is not empty.
    Any,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shape<'p> {
    pub(crate) parts: SmallVec<[Part<'p>; 6]>,
    /// Any number of segments may follow.
    pub(crate) open: bool,
}

// === impl Shape ===

impl<'p> Shape<'p> {
    /// All paths that begin with a slash.
    pub(crate) fn all() -> Self {
        Self { parts: SmallVec::new(), open: true }
    }

    /// Exactly the paths that a pattern matches; `None` if segments do not say it.
    pub(crate) fn of(pattern: &'p PathPattern) -> Option<Self> {
        match pattern {
            PathPattern::Exact(path) => Some(Self { parts: parts(path).collect(), open: false }),
            PathPattern::Prefix(prefix) if **prefix == *"/" => Some(Self::all()),
            PathPattern::Prefix(prefix) => Some(Self { parts: parts(prefix).collect(), open: true }),
            // A type says more than segments do.
            PathPattern::Template(segments) if segments.iter().any(|one| matches!(one, Segment::Typed(..))) => None,
            PathPattern::Template(segments) => Some(Self::of_template(segments)),
            PathPattern::Wildcard { .. } | PathPattern::Regex(_) => None,
        }
    }

    fn of_template(segments: &'p [Segment]) -> Self {
        let parts = segments.iter().filter_map(|segment| match segment {
            Segment::Literal(text) => Some(Part::Text(text)),
            Segment::Capture(_) | Segment::Typed(..) => Some(Part::Any),
            Segment::Rest(_) => None,
        });
        Self { parts: parts.collect(), open: matches!(segments.last(), Some(Segment::Rest(_))) }
    }

    /// The paths that a pattern matches, and perhaps some that it does not. That a segment may be empty is not minded.
    pub(crate) fn around(pattern: &'p PathPattern) -> Self {
        match pattern {
            PathPattern::Wildcard { pattern, .. } => Self::around_wildcard(pattern),
            // What a regex begins with cannot be borrowed, so it is found in the text of the regex.
            PathPattern::Regex(regex) => Self { parts: beginning(regex.as_str()).collect(), open: true },
            PathPattern::Template(segments) => Self::of_template(segments),
            pattern => Self::of(pattern).unwrap_or_else(Self::all),
        }
    }

    fn around_wildcard(pattern: &'p str) -> Self {
        let closed = parts(pattern).take_while(|part| !matches!(part, Part::Text(text) if text.contains("**")));
        let any = |part| if matches!(part, Part::Text(text) if text.contains('*')) { Part::Any } else { part };
        Self { parts: closed.map(any).collect(), open: pattern.contains("**") }
    }

    /// Whether every path of this shape is one of `outer`.
    pub(crate) fn within(&self, outer: &Self) -> bool {
        let is_within = |(inner, outer): (&Part<'_>, &Part<'_>)| match (inner, outer) {
            (Part::Text(inner), Part::Text(outer)) => inner == outer,
            (Part::Text(inner), Part::Any) => !inner.is_empty(),
            (Part::Any, Part::Any) => true,
            (Part::Any, Part::Text(_)) => false,
        };
        let more = if self.parts.len() == outer.parts.len() { self.open } else { self.parts.len() > outer.parts.len() };
        self.parts.len() >= outer.parts.len()
            && (outer.open || !more)
            && self.parts.iter().zip(&outer.parts).all(is_within)
    }

    /// What both have in common.
    pub(crate) fn with(&self, other: &Self) -> Option<Self> {
        let (short, long) = if self.parts.len() <= other.parts.len() { (self, other) } else { (other, self) };
        if short.parts.len() < long.parts.len() && !short.open {
            return None;
        }
        let mut parts = long.parts.clone();
        for (part, other) in parts.iter_mut().zip(&short.parts) {
            match (*part, *other) {
                (Part::Any, other) => *part = other,
                (Part::Text(_), Part::Any) => {}
                (Part::Text(text), Part::Text(other)) if text == other => {}
                _ => return None,
            }
        }
        Some(Self { parts, open: long.open && (short.open || short.parts.len() < long.parts.len()) })
    }
}

fn parts(path: &str) -> impl Iterator<Item = Part<'_>> {
    path.strip_prefix('/').unwrap_or(path).split('/').map(Part::Text)
}

/// The whole segments with which every match of a regex begins.
fn beginning(regex: &str) -> impl Iterator<Item = Part<'_>> {
    let text = regex_syntax::parse(regex).ok().and_then(|hir| anchored(&hir)).unwrap_or_default();
    // The same text again, as it stands in the regex; what is escaped there is left out.
    let written = regex.trim_start_matches('^').trim_start_matches(r"\A");
    let length = text.bytes().zip(written.bytes()).take_while(|(meant, written)| meant == written).count();
    let whole = written[..length].rfind('/').map_or("", |last| &written[..last]);
    (!whole.is_empty()).then(|| parts(whole)).into_iter().flatten()
}

/// The literal text that a regex has right behind its `^`.
fn anchored(hir: &Hir) -> Option<String> {
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let [start, text, ..] = parts.as_slice() else { return None };
    match (start.kind(), text.kind()) {
        (HirKind::Look(Look::Start), HirKind::Literal(text)) => String::from_utf8(text.0.to_vec()).ok(),
        _ => None,
    }
}
