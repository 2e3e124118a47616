//! The expressions that others hold: checked, and ready to be evaluated on any thread.

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::{
    Environment, Failure, Problem, Subject,
    check::{Checker, Typed},
    compiled::{Bool, Double, Text},
    problem::Fault,
    syntax::{self, Syntax},
};

/// An expression that decides.
#[derive(Clone)]
pub struct Condition(Arc<Checked<Bool>>);

/// An expression that gives a text.
#[derive(Clone)]
pub struct TextExpression(Arc<Checked<Text>>);

/// An expression that gives a number.
#[derive(Clone)]
pub struct NumberExpression(Arc<Checked<Double>>);

struct Checked<T> {
    text: Box<str>,
    root: T,
}

// === impl Environment ===

impl Environment {
    /// Checks and compiles an expression that decides.
    ///
    /// # Errors
    /// All that is wrong with it, in the order in which it is read.
    pub fn condition(&self, text: &str) -> Result<Condition, Vec<Problem>> {
        let root = self.compile(text, |checker, syntax| checker.decision(syntax, "a condition gives a bool"))?;
        Ok(Condition(Arc::new(Checked { text: text.into(), root })))
    }

    /// Checks and compiles an expression that gives a text.
    ///
    /// # Errors
    /// All that is wrong with it, in the order in which it is read.
    pub fn text(&self, text: &str) -> Result<TextExpression, Vec<Problem>> {
        let root = self.compile(text, |checker, syntax| match checker.value(syntax)?.plain() {
            Typed::Text(root) => Some(root),
            other => checker.refuse(syntax, &other, "a string"),
        })?;
        Ok(TextExpression(Arc::new(Checked { text: text.into(), root })))
    }

    /// Checks and compiles an expression that gives a number. An int counts as the double that is nearest.
    ///
    /// # Errors
    /// All that is wrong with it, in the order in which it is read.
    pub fn number(&self, text: &str) -> Result<NumberExpression, Vec<Problem>> {
        let root = self.compile(text, |checker, syntax| match checker.value(syntax)? {
            Typed::Double(root) => Some(root),
            Typed::Int(root) => Some(Double::OfInt(Box::new(root))),
            other => checker.refuse(syntax, &other, "a number"),
        })?;
        Ok(NumberExpression(Arc::new(Checked { text: text.into(), root })))
    }

    fn compile<T>(
        &self,
        text: &str,
        check: impl FnOnce(&mut Checker<'_>, &Syntax) -> Option<T>,
    ) -> Result<T, Vec<Problem>> {
        let in_text = |mut faults: Vec<Fault>| {
            faults.sort_by_key(|fault| fault.at);
            faults.into_iter().map(|fault| fault.in_text(text)).collect::<Vec<_>>()
        };
        let syntax = syntax::parse(text).map_err(|fault| in_text(vec![fault]))?;
        let mut checker = Checker::new(self);
        match check(&mut checker, &syntax) {
            Some(root) if checker.faults.is_empty() => Ok(root),
            _ => Err(in_text(checker.faults)),
        }
    }
}

// === impl Condition ===

impl Condition {
    /// Whether it holds. One that has no value does not.
    pub fn holds(&self, subject: &dyn Subject) -> bool {
        self.value(subject).unwrap_or(false)
    }

    /// # Errors
    /// Why it has no value.
    pub fn value(&self, subject: &dyn Subject) -> Result<bool, Failure> {
        self.0.root.value(subject)
    }
}

// === impl TextExpression ===

impl TextExpression {
    /// # Errors
    /// Why it has no value.
    pub fn value<'s>(&'s self, subject: &'s dyn Subject) -> Result<Cow<'s, str>, Failure> {
        self.0.root.value(subject)
    }
}

// === impl NumberExpression ===

impl NumberExpression {
    /// # Errors
    /// Why it has no value.
    pub fn value(&self, subject: &dyn Subject) -> Result<f64, Failure> {
        self.0.root.value(subject)
    }
}

// === impl Condition, TextExpression, NumberExpression ===

/// An expression is what it was written as: two of one environment with the same text are the same.
macro_rules! written {
    ($($type:ident)*) => {$(
        impl $type {
            /// As it was written.
            pub fn as_str(&self) -> &str {
                &self.0.text
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($type)).field(&self.0.text).finish()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0.text)
            }
        }

        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                self.0.text == other.0.text
            }
        }

        impl Eq for $type {}

        impl Hash for $type {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.text.hash(state);
            }
        }
    )*};
}

written!(Condition TextExpression NumberExpression);
