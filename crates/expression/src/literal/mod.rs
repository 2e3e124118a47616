//! Texts that stand for something else: a pattern, a network, a moment, a duration. Read when an expression is checked;
//! other values of a document that are written the same way are read here too, so that both say the same of a bad one.
//!
//! Each error is a message; what follows its first `"; "` is the hint.

mod calendar;
mod duration;
mod moment;
mod network;
mod pattern;

pub use calendar::{Date, two_digits};
pub(crate) use duration::duration;
pub use moment::{minute_of_day, minutes_ahead, moment};
pub use network::network;
pub use pattern::pattern;

/// A text cut down to what a message can hold.
pub fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn not_expected(expected: &str, text: &str) -> String {
    match text {
        "" => format!("expected {expected}, found an empty text"),
        _ => format!("expected {expected}, found the text `{}`", shortened(text)),
    }
}
