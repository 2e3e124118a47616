//! Text to tokens, tokens to tree.

mod parse;
mod token;

pub(crate) use parse::parse;

/// Longest expression, in bytes.
pub(crate) const LONGEST: usize = 4096;

/// Deepest nesting of parentheses, brackets, arguments and choices.
pub(crate) const DEEPEST: usize = 32;

/// Most parts that an expression may have: names, values, operators, calls. What is done with a tree goes as deep as
/// it has parts at worst, and evaluating it costs as much as it has parts.
pub(crate) const MOST: usize = 256;

/// A part of an expression, as it was written.
#[derive(Debug, PartialEq)]
pub(crate) struct Syntax {
    /// The byte that it is reported at.
    pub(crate) at: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Kind {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    List(Vec<Syntax>),
    Name(String),
    /// `a.b`
    Member(Box<Syntax>, String),
    /// `a[b]`
    Index(Box<Syntax>, Box<Syntax>),
    /// `f(…)` or `a.f(…)`
    Call {
        target: Option<Box<Syntax>>,
        function: String,
        arguments: Vec<Syntax>,
    },
    Not(Box<Syntax>),
    Negative(Box<Syntax>),
    Binary(Operator, Box<Syntax>, Box<Syntax>),
    /// `a ? b : c`
    If(Box<[Syntax; 3]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Relation(Relation),
    In,
    Arithmetic(Arithmetic),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Every operator between two operands, with how closely it binds.
#[rustfmt::skip]
const OPERATORS: &[(&str, Operator, u8)] = &[
    ("||", Operator::Or, 1),
    ("&&", Operator::And, 2),
    ("==", Operator::Relation(Relation::Equal), 3),
    ("!=", Operator::Relation(Relation::NotEqual), 3),
    ("<=", Operator::Relation(Relation::LessOrEqual), 3),
    (">=", Operator::Relation(Relation::GreaterOrEqual), 3),
    ("<",  Operator::Relation(Relation::Less), 3),
    (">",  Operator::Relation(Relation::Greater), 3),
    ("in", Operator::In, 3),
    ("+",  Operator::Arithmetic(Arithmetic::Add), 4),
    ("-",  Operator::Arithmetic(Arithmetic::Subtract), 4),
    ("*",  Operator::Arithmetic(Arithmetic::Multiply), 5),
    ("/",  Operator::Arithmetic(Arithmetic::Divide), 5),
    ("%",  Operator::Arithmetic(Arithmetic::Remainder), 5),
];

// === impl Operator ===

impl Operator {
    pub(crate) fn symbol(self) -> &'static str {
        OPERATORS.iter().find(|(_, operator, _)| *operator == self).map_or("", |(symbol, ..)| symbol)
    }

    /// The operator of a symbol, if it binds at least so closely, and how closely it does.
    fn of(symbol: &str, least: u8) -> Option<(Self, u8)> {
        let found = OPERATORS.iter().find(|(known, ..)| *known == symbol)?;
        (found.2 >= least).then_some((found.1, found.2))
    }
}
