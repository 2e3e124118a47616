//! Paths that several patterns match at once.

use message::canonical;
use model::PathPattern;

use crate::{
    capture::match_path,
    language::{Alphabet, Language, shortest},
    shape::{Part, Shape},
};

/// Paths in normal form that all of `patterns` match, the plainest first; empty if none is found.
pub(crate) fn of(patterns: &[&PathPattern]) -> Vec<String> {
    let is_of_all = |path: &str| {
        let is_canonical = canonical::path(path).is_ok_and(|canonical| canonical == path);
        is_canonical && patterns.iter().all(|pattern| match_path(pattern, path).is_some())
    };
    let mut whole = Shape::all();
    for pattern in patterns {
        match whole.with(&Shape::around(pattern)) {
            Some(both) => whole = both,
            None => return Vec::new(),
        }
    }
    let mut paths = spelled(&whole);
    paths.retain(|path| is_of_all(path));
    if paths.is_empty() {
        paths.extend(Some(path(&whole, 0, DAYS)).filter(|path| is_of_all(path)));
    }
    if paths.is_empty() && patterns.iter().any(|pattern| Shape::of(pattern).is_none()) {
        let languages = patterns.iter().map(|pattern| Language::of_path(pattern)).collect::<Option<Vec<_>>>();
        let languages = languages.unwrap_or_default();
        paths.extend(shortest(&languages.iter().collect::<Vec<_>>(), Alphabet::Path, is_of_all));
    }
    paths
}

/// What stands for a segment that a pattern captures: the `number`-th of a path, another one in each `variant`.
fn word(number: usize, variant: usize) -> &'static str {
    const WORDS: [[&str; 4]; 3] =
        [["a", "b", "c", "d"], ["1", "2", "3", "4"], ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"]];
    WORDS[variant % 3][number % 4]
}

/// The variant of words that are days, for types that take nothing else.
const DAYS: usize = 2;

/// A path of a shape, with so many more segments.
fn path(shape: &Shape<'_>, more: usize, variant: usize) -> String {
    let mut number = 0;
    let mut path = String::new();
    for part in shape.parts.iter().copied().chain(std::iter::repeat_n(Part::Any, more)) {
        path.push('/');
        path.push_str(match part {
            Part::Text(text) => text,
            Part::Any => word(number, variant),
        });
        number += usize::from(part == Part::Any);
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

/// Of a shape as it is, and if more may follow, with more.
fn spelled(shape: &Shape<'_>) -> Vec<String> {
    let path = |more: usize, variant: usize| path(shape, more, variant);
    let mut paths = vec![path(0, 0)];
    if shape.open {
        paths.extend([path(1, 0), path(2, 1)]);
    }
    if shape.parts.contains(&Part::Any) {
        paths.push(path(0, 1));
    }
    paths
}
