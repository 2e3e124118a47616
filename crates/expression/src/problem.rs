//! What is wrong with an expression, and where.

use std::fmt;

/// One thing that is wrong. An expression that does not parse has one; one that does has all that its types are at odds
/// with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The character that it begins at, counted from 1.
    pub at: usize,
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
}

/// A problem at a byte of a text that is at hand.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

// === impl Problem ===

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, at character {}", self.message, self.at)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

// === impl Fault ===

impl Fault {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(at: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: Some(hint.into()) }
    }

    /// From a message whose hint, if it has one, follows its first `"; "`.
    pub(crate) fn divided(at: usize, message: &str) -> Self {
        match message.split_once("; ") {
            Some((message, hint)) => Self::with_hint(at, message, hint),
            None => Self::new(at, message),
        }
    }

    pub(crate) fn in_text(self, text: &str) -> Problem {
        let Self { at, message, hint } = self;
        Problem { at: text.char_indices().take_while(|(index, _)| *index < at).count() + 1, message, hint }
    }
}
