//! Expressions in documents: what operators write where a list of matchers does not reach.
//!
//! The language is CEL (the Common Expression Language), without what has no bound: no comprehensions, no macros but
//! `has`. In the order in which a text goes through it:
//!
//! ```text
//! text ── tokens ──▶ syntax ── check, against an environment ──▶ compiled ── evaluate, for a subject ──▶ value
//!         when the document is checked: every problem, with its place              on the path of a request
//! ```
//! What is compiled has types, names nothing by text and allocates only to join or to change texts.

/// What is wrong with an expression, and where.
mod problem;

/// The nearest known word.
mod nearest;

/// Texts that stand for something else: patterns, networks, moments, durations.
pub mod literal;

/// Text to tokens, tokens to tree.
mod syntax;

/// What an expression may name.
mod environment;

/// Tree to what is compiled: every name resolved, every type known.
mod check;

/// What is left of an expression once it is checked.
mod compiled;

/// Who answers for the variables, when an expression is evaluated.
mod subject;

/// The expressions that others hold.
mod expression;

pub use check::{Usage, usages};
pub use environment::{
    AddressVariable, Declared, DoubleVariable, Environment, IntVariable, MapVariable, RecordText, TextVariable,
    TimeVariable, Variable,
};
pub use expression::{Condition, NumberExpression, TextExpression};
pub use nearest::{nearest, suggestion};
pub use problem::Problem;
pub use subject::{EntryKey, Failure, Subject};
