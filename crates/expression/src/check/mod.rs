//! Tree to what is compiled: every name resolved, every type known.
//!
//! A part that is at fault is reported once; what is around it is checked as far as it does not depend on it.

mod choice;
mod function;
mod name;
mod operator;
mod typed;

pub use function::{Usage, usages};
pub(crate) use typed::{Type, Typed};

use crate::{
    Environment,
    compiled::{Bool, Double, Int, Text},
    problem::Fault,
    syntax::{Kind, Operator, Syntax},
};

pub(crate) struct Checker<'e> {
    environment: &'e Environment,
    pub(crate) faults: Vec<Fault>,
}

// === impl Checker ===

impl<'e> Checker<'e> {
    pub(crate) fn new(environment: &'e Environment) -> Self {
        Self { environment, faults: Vec::new() }
    }

    /// The value of a part with its type; `None`: it was reported.
    pub(crate) fn value(&mut self, syntax: &Syntax) -> Option<Typed> {
        match &syntax.kind {
            Kind::Bool(value) => Some(Typed::Bool(Bool::Constant(*value))),
            Kind::Int(number) => Some(Typed::Int(Int::Constant(*number))),
            Kind::Double(number) => Some(Typed::Double(Double::Constant(*number))),
            Kind::Text(text) => Some(Typed::Text(Text::Constant(text.as_str().into()))),
            Kind::List(items) => self.list(syntax.at, items),
            Kind::Name(_) | Kind::Member(..) => self.named(syntax),
            Kind::Index(target, key) => self.entry(target, key),
            Kind::Call { target, function, arguments } => self.call(syntax.at, target.as_deref(), function, arguments),
            Kind::Not(operand) => {
                let operand = self.decision(operand, "`!` goes with a bool")?;
                Some(Typed::Bool(Bool::Not(Box::new(operand))))
            }
            Kind::Negative(operand) => self.negative(syntax.at, operand),
            Kind::Binary(Operator::And, ..) => {
                Some(Typed::Bool(Bool::All(self.operands(syntax, Operator::And)?.into())))
            }
            Kind::Binary(Operator::Or, ..) => Some(Typed::Bool(Bool::Any(self.operands(syntax, Operator::Or)?.into()))),
            Kind::Binary(operator, left, right) => self.binary(syntax.at, *operator, left, right),
            Kind::If(parts) => self.choice(syntax.at, parts),
        }
    }

    /// A value that decides. `what` says who wants to have it decided.
    pub(crate) fn decision(&mut self, syntax: &Syntax, what: &str) -> Option<Bool> {
        let value = self.value(syntax)?;
        let found = value.kind();
        if let Typed::Bool(value) = value {
            return Some(value);
        }
        let hint = match found {
            Type::String => Some("compare it with something, as in `… == \"x\"`"),
            Type::Int | Type::Double => Some("compare it with something, as in `… > 0`"),
            Type::Map => Some("ask whether it has a key: `\"x\" in …`"),
            Type::List => Some("ask whether it holds something: `\"x\" in …`"),
            Type::Bool | Type::Timestamp | Type::Duration => None,
        };
        self.object(syntax.at, format!("{what}, and this is {}", found.with_article()), hint)
    }

    /// Reports that a value is not of the type that is wanted.
    pub(crate) fn refuse<T>(&mut self, syntax: &Syntax, found: &Typed, wanted: &str) -> Option<T> {
        let found = found.kind().with_article();
        self.object(syntax.at, format!("this expression gives {wanted}, and what is written is {found}"), None)
    }

    fn list(&mut self, at: usize, items: &[Syntax]) -> Option<Typed> {
        // All of them are looked at, whatever becomes of the first.
        let values: Vec<Option<Typed>> = items.iter().map(|item| self.value(item)).collect();
        let values: Vec<Typed> = values.into_iter().map(|value| value.map(Typed::plain)).collect::<Option<_>>()?;
        let Some(first) = values.first().map(Typed::kind) else {
            return self.object(at, "this list is empty, and holds nothing", None);
        };
        if !matches!(first, Type::String | Type::Int) {
            let message = format!("a list holds strings or ints, and this one begins with {}", first.with_article());
            return self.object(at, message, None);
        }
        if let Some((other, item)) = values.iter().zip(items).find(|(value, _)| value.kind() != first) {
            let (first, other) = (first.with_article(), other.kind().with_article());
            let message = format!("a list holds values of one type, and this one has {first} and {other}");
            return self.object(item.at, message, None);
        }
        let (mut texts, mut ints) = (Vec::new(), Vec::new());
        for value in values {
            match value {
                Typed::Text(text) => texts.push(text),
                Typed::Int(int) => ints.push(int),
                _ => {}
            }
        }
        Some(if ints.is_empty() { Typed::Texts(texts) } else { Typed::Ints(ints) })
    }

    /// Reports a fault; there is no value then.
    fn object<T>(&mut self, at: usize, message: impl Into<String>, hint: Option<&str>) -> Option<T> {
        self.faults.push(Fault { at, message: message.into(), hint: hint.map(str::to_owned) });
        None
    }
}
