//! What is left of an expression once it is checked: a tree for each type, so that no value is of a wrong one.
//!
//! Evaluating borrows: a text is copied only where texts are joined or changed.

mod bool;
mod number;
mod text;
mod time;

use std::cmp::Ordering;

use http::HeaderName;
use ipnet::IpNet;
use regex::Regex;

use crate::{
    AddressVariable, DoubleVariable, Failure, IntVariable, MapVariable, TextVariable, TimeVariable,
    syntax::{Arithmetic, Relation},
};

pub(crate) use time::{moment, since_1970, span};

pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// What decides. Of `&&` and `||`, a side that decides alone does so even if the other one has no value.
#[derive(Debug)]
pub(crate) enum Bool {
    Constant(bool),
    Not(Box<Bool>),
    All(Box<[Bool]>),
    Any(Box<[Bool]>),
    If(Box<If<Bool>>),
    /// Of texts, whether they are equal: what most conditions come to, and their lengths tell most of them apart.
    Same(Box<(Text, Text)>),
    Compare(Relation, Box<Pair>),
    /// Sorted.
    Among(Box<Text>, Box<[Box<str>]>),
    TextIn(Box<Text>, Box<[Text]>),
    IntIn(Box<Int>, Box<[Int]>),
    Has(MapVariable, Key),
    Search(Search, Box<(Text, Text)>),
    Matches(Box<Text>, Box<Regex>),
    Within(Box<Address>, Box<[IpNet]>),
}

/// Two values of types that can be compared.
#[derive(Debug)]
pub(crate) enum Pair {
    Bool(Bool, Bool),
    Int(Int, Int),
    Double(Double, Double),
    /// On one number line.
    Mixed(Int, Double),
    Text(Text, Text),
    Time(Time, Time),
    Span(Span, Span),
}

#[derive(Debug)]
pub(crate) enum Text {
    Constant(Box<str>),
    Variable(TextVariable),
    Address(AddressVariable),
    Entry(MapVariable, Key),
    Joined(Box<(Text, Text)>),
    If(Box<If<Text>>),
    Lower(Box<Text>),
    Upper(Box<Text>),
    OfBool(Box<Bool>),
    OfInt(Box<Int>),
    OfDouble(Box<Double>),
}

#[derive(Debug)]
pub(crate) enum Int {
    Constant(i64),
    Variable(IntVariable),
    Negative(Box<Int>),
    Arithmetic(Arithmetic, Box<(Int, Int)>),
    If(Box<If<Int>>),
    /// In characters.
    Length(Box<Text>),
    OfDouble(Box<Double>),
    OfText(Box<Text>),
    /// Seconds since 1970.
    OfTime(Box<Time>),
    /// By a clock that is so many minutes ahead of UTC.
    Part(Part, i16, Box<Time>),
    /// Whole units, each of so many nanoseconds.
    Whole(i128, Box<Span>),
    /// Milliseconds beyond the whole second.
    Milliseconds(Box<Span>),
}

#[derive(Debug)]
pub(crate) enum Double {
    Constant(f64),
    Variable(DoubleVariable),
    Negative(Box<Double>),
    /// Without a remainder: there is none of doubles.
    Arithmetic(Arithmetic, Box<(Double, Double)>),
    If(Box<If<Double>>),
    OfInt(Box<Int>),
    OfText(Box<Text>),
}

/// A moment, in nanoseconds since 1970.
#[derive(Debug)]
pub(crate) enum Time {
    Constant(i128),
    Variable(TimeVariable),
    Later(Box<(Time, Span)>),
    Earlier(Box<(Time, Span)>),
    If(Box<If<Time>>),
    OfText(Box<Text>),
    /// Seconds since 1970.
    OfInt(Box<Int>),
}

/// A duration, in nanoseconds.
#[derive(Debug)]
pub(crate) enum Span {
    Constant(i128),
    Between(Box<(Time, Time)>),
    Sum(Box<(Span, Span)>),
    Difference(Box<(Span, Span)>),
    If(Box<If<Span>>),
    OfText(Box<Text>),
}

/// An address that is looked at as such.
#[derive(Debug)]
pub(crate) enum Address {
    Variable(AddressVariable),
    OfText(Text),
}

#[derive(Debug)]
pub(crate) enum Key {
    Header(HeaderName),
    Constant(Box<str>),
    Text(Box<Text>),
}

#[derive(Debug)]
pub(crate) struct If<T> {
    pub(crate) condition: Bool,
    pub(crate) then: T,
    pub(crate) otherwise: T,
}

/// Where one text is looked for in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Search {
    Start,
    End,
    Anywhere,
}

/// What a clock or a calendar says, counted as CEL counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    FullYear,
    /// From 0.
    Month,
    /// From 1.
    Date,
    /// From 0.
    DayOfMonth,
    /// From 0, a Sunday.
    DayOfWeek,
    /// From 0.
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

// === impl If ===

impl<T> If<T> {
    fn chosen(&self, subject: &dyn crate::Subject) -> Result<&T> {
        Ok(if self.condition.value(subject)? { &self.then } else { &self.otherwise })
    }
}

// === impl Relation ===

impl Relation {
    /// Whether it holds of two values in this order; of values without one, only that they are not equal.
    fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Self::Equal => order == Some(Ordering::Equal),
            Self::NotEqual => order != Some(Ordering::Equal),
            Self::Less => order == Some(Ordering::Less),
            Self::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}
