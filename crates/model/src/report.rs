//! All that is wrong with a document, at once.

use std::collections::HashSet;

use crate::Place;

/// What a check found. Nothing is published while a report holds an error.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub problems: Vec<Problem>,
    /// Places whose value is known to be wrong; whatever follows from it is not worth a problem of its own.
    doubtful: HashSet<Place>,
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

    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
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
        if self.doubtful.is_empty() || !self.doubtful.contains(place) {
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
