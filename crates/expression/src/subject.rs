//! Who answers for the variables, when an expression is evaluated.

use std::{borrow::Cow, fmt, net::IpAddr, time::SystemTime};

use http::HeaderName;

use crate::{AddressVariable, DoubleVariable, IntVariable, MapVariable, TextVariable, TimeVariable};

/// What an expression is about. Answers for the variables of the environment that the expression was checked against;
/// for others it need not have an answer.
pub trait Subject {
    /// # Errors
    /// [`Failure::NotText`] for what is there and no text.
    fn text(&self, variable: TextVariable) -> Result<Cow<'_, str>, Failure> {
        _ = variable;
        Err(Failure::Undeclared)
    }

    /// # Errors
    /// A variable that it does not answer for.
    fn int(&self, variable: IntVariable) -> Result<i64, Failure> {
        _ = variable;
        Err(Failure::Undeclared)
    }

    /// # Errors
    /// A variable that it does not answer for.
    fn double(&self, variable: DoubleVariable) -> Result<f64, Failure> {
        _ = variable;
        Err(Failure::Undeclared)
    }

    /// # Errors
    /// A variable that it does not answer for.
    fn address(&self, variable: AddressVariable) -> Result<IpAddr, Failure> {
        _ = variable;
        Err(Failure::Undeclared)
    }

    /// The same however often it is asked: an expression may name a time twice.
    ///
    /// # Errors
    /// A variable that it does not answer for.
    fn time(&self, variable: TimeVariable) -> Result<SystemTime, Failure> {
        _ = variable;
        Err(Failure::Undeclared)
    }

    /// The entry of a map.
    ///
    /// # Errors
    /// [`Failure::Missing`] for a key that the map does not have, [`Failure::NotText`] for what is there and no text.
    fn entry(&self, map: MapVariable, key: EntryKey<'_>) -> Result<Cow<'_, str>, Failure> {
        _ = (map, key);
        Err(Failure::Undeclared)
    }

    /// Whether a map has a key, whatever it holds.
    ///
    /// # Errors
    /// A map that it does not answer for.
    fn has(&self, map: MapVariable, key: EntryKey<'_>) -> Result<bool, Failure> {
        _ = (map, key);
        Err(Failure::Undeclared)
    }
}

/// The key of an entry: of [`MapVariable::RequestHeaders`] the name of a header if it is written in the expression.
#[derive(Debug, Clone, Copy)]
pub enum EntryKey<'k> {
    Header(&'k HeaderName),
    Text(&'k str),
}

/// Why an expression has no value. A condition without a value does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A key that a map does not have.
    Missing,
    /// Bytes that are no UTF-8.
    NotText,
    /// A text that is read as a number, a moment, a duration or an address, and is none.
    Unreadable,
    /// A number, a moment or a duration that its type has no room for.
    Overflow,
    DivisionByZero,
    /// A variable that nobody answers for here.
    Undeclared,
}

// === impl EntryKey ===

impl<'k> EntryKey<'k> {
    pub fn as_str(self) -> &'k str {
        match self {
            Self::Header(name) => name.as_str(),
            Self::Text(text) => text,
        }
    }
}

// === impl Failure ===

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "it asks for an entry that is not there",
            Self::NotText => "it looks at bytes that are no text",
            Self::Unreadable => "it reads a text as what that is not",
            Self::Overflow => "a number goes beyond its bounds",
            Self::DivisionByZero => "it divides by zero",
            Self::Undeclared => "it names what is not known here",
        })
    }
}

impl std::error::Error for Failure {}
