//! Texts, and the keys of maps.

use std::borrow::Cow;

use super::{Key, Result, Text};
use crate::{EntryKey, Subject};

// === impl Text ===

impl Text {
    pub(crate) fn value<'s>(&'s self, subject: &'s dyn Subject) -> Result<Cow<'s, str>> {
        match self {
            Self::Constant(text) => Ok(Cow::Borrowed(text)),
            Self::Variable(variable) => subject.text(*variable),
            Self::Address(variable) => Ok(Cow::Owned(subject.address(*variable)?.to_canonical().to_string())),
            Self::Entry(map, key) => key.with(subject, |key| subject.entry(*map, key)),
            Self::Joined(texts) => {
                let mut joined = texts.0.value(subject)?.into_owned();
                joined.push_str(&texts.1.value(subject)?);
                Ok(Cow::Owned(joined))
            }
            Self::If(choice) => choice.chosen(subject)?.value(subject),
            Self::Lower(text) => Ok(changed(text.value(subject)?, u8::is_ascii_uppercase, str::make_ascii_lowercase)),
            Self::Upper(text) => Ok(changed(text.value(subject)?, u8::is_ascii_lowercase, str::make_ascii_uppercase)),
            Self::OfBool(value) => Ok(Cow::Borrowed(if value.value(subject)? { "true" } else { "false" })),
            Self::OfInt(number) => Ok(Cow::Owned(number.value(subject)?.to_string())),
            Self::OfDouble(number) => Ok(Cow::Owned(number.value(subject)?.to_string())),
        }
    }
}

/// The text with a change, copied only if there is something to be changed.
fn changed<'s>(mut text: Cow<'s, str>, is_wrong: fn(&u8) -> bool, change: fn(&mut str)) -> Cow<'s, str> {
    if text.as_bytes().iter().any(is_wrong) {
        change(text.to_mut());
    }
    text
}

// === impl Key ===

impl Key {
    /// Asks with the key. One that is made of texts lives no longer than the question.
    pub(super) fn with<T>(&self, subject: &dyn Subject, ask: impl FnOnce(EntryKey<'_>) -> Result<T>) -> Result<T> {
        match self {
            Self::Header(name) => ask(EntryKey::Header(name)),
            Self::Constant(text) => ask(EntryKey::Text(text)),
            Self::Text(text) => ask(EntryKey::Text(&text.value(subject)?)),
        }
    }
}
