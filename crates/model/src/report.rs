//! All that is wrong with a document, at once.

use std::collections::HashSet;

use crate::Place;

/// Problems of one severity that a report holds; a document of nothing but mistakes should not cost more to refuse than
/// to serve.
const MOST: usize = 1000;

/// What a check found. Nothing is published while a report holds an error.
///
/// Holds the first thousand errors and the first thousand warnings; how many there were beyond that, [`Report::omitted`]
/// knows.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub problems: Vec<Problem>,
    /// Places whose value is known to be wrong; whatever follows from it is not worth a problem of its own.
    doubtful: HashSet<Place>,
    errors: usize,
    warnings: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    pub place: Place,
    /// What is wrong, and what was expected.
    pub message: String,
    /// A way out: the nearest known word, an example.
    pub hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Warning,
    Error,
}

// === impl Report ===

impl Report {
    pub fn error(&mut self, place: &Place, message: impl Into<String>) {
        self.push(Severity::Error, place, message.into(), None);
    }

    pub fn error_with_hint(&mut self, place: &Place, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Error, place, message.into(), Some(hint.into()));
    }

    pub fn warning(&mut self, place: &Place, message: impl Into<String>) {
        self.push(Severity::Warning, place, message.into(), None);
    }

    pub fn warning_with_hint(&mut self, place: &Place, message: impl Into<String>, hint: impl Into<String>) {
        self.push(Severity::Warning, place, message.into(), Some(hint.into()));
    }

    /// Takes in what another report holds.
    pub fn add(&mut self, problem: Problem) {
        let Problem { severity, place, message, hint } = problem;
        self.push(severity, &place, message, hint);
    }

    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Problems that were found but are not held.
    pub fn omitted(&self) -> usize {
        self.errors.saturating_sub(MOST) + self.warnings.saturating_sub(MOST)
    }

    /// Puts the problems into the order in which a reader of the documents meets them.
    pub fn sort(&mut self) {
        self.problems.sort_by(|a, b| {
            let place = |problem: &Problem| (problem.place.line, problem.place.column);
            (&a.place.file, place(a), b.severity).cmp(&(&b.place.file, place(b), a.severity))
        });
    }

    /// Mutes later problems at exactly this place: its value is wrong, and that has been said.
    pub(crate) fn doubt(&mut self, place: &Place) {
        self.doubtful.insert(place.clone());
    }

    pub(crate) fn push(&mut self, severity: Severity, place: &Place, message: String, hint: Option<String>) {
        if !self.doubtful.is_empty() && self.doubtful.contains(place) {
            return;
        }
        let count = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        *count += 1;
        if *count <= MOST {
            self.problems.push(Problem { severity, place: place.clone(), message, hint });
        }
    }
}

// === impl Problem ===

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{}: {severity}: {}", self.place, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn warnings_do_not_crowd_out_errors() {
        let place = Place { file: Arc::from("test"), line: 1, column: 1 };
        let mut report = Report::default();
        for _ in 0..MOST + 5 {
            report.warning(&place, "odd");
        }
        assert!(!report.has_errors());
        report.error(&place, "wrong");
        assert!(report.has_errors());
        assert_eq!((report.problems.len(), report.omitted()), (MOST + 1, 5));
    }

    #[test]
    fn problems_are_sorted_as_they_are_read() {
        let place = |file: &str, line, column| Place { file: Arc::from(file), line, column };
        let mut report = Report::default();
        report.error(&place("b", 1, 1), "b");
        report.warning(&place("a", 2, 1), "odd");
        report.error(&place("a", 10, 1), "last");
        report.error(&place("a", 2, 1), "wrong");
        report.error(&place("a", 2, 0), "first");
        report.sort();
        let messages: Vec<&str> = report.problems.iter().map(|problem| &*problem.message).collect();
        assert_eq!(messages, ["first", "wrong", "odd", "last", "b"]);
    }
}
