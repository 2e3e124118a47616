//! No work left behind as a note.

use std::path::Path;

use super::{Problem, Source};

const MARKS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

/// Comments only: a string that holds such a word is data.
pub(super) fn check_rust(source: &Source) -> Vec<Problem> {
    let comments = source.lines.iter().map(|line| line.comment.as_str());
    check_lines(source.path, comments)
}

pub(super) fn check_text(path: &Path, text: &str) -> Vec<Problem> {
    check_lines(path, text.lines())
}

fn check_lines<'t>(path: &Path, lines: impl Iterator<Item = &'t str>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, line) in lines.enumerate() {
        let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        if let Some(mark) = words.find(|word| MARKS.contains(word)) {
            problems.push(Problem {
                file: path.to_path_buf(),
                line: index + 1,
                what: format!("a note that says {mark}"),
                why: "nobody who could act on it will read it here",
                instead: "do it now, or file an issue; a known limit is documented where users meet it".into(),
            });
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_comments_of_rust_count() {
        let text = format!("let a = \"{0}\"; // fine\n// {0}: not fine\n", MARKS[0]);
        let problems = check_rust(&Source::read(Path::new("a.rs"), &text));
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2]);
    }
}
