//! A value with its type.

use std::fmt;

use crate::{
    AddressVariable, MapVariable, Variable,
    compiled::{Bool, Double, Int, Span, Text, Time},
};

#[derive(Debug)]
pub(crate) enum Typed {
    Bool(Bool),
    Int(Int),
    Double(Double),
    Text(Text),
    /// A text that is known to be an address.
    Address(AddressVariable),
    Time(Time),
    Span(Span),
    Map(MapVariable),
    Texts(Vec<Text>),
    Ints(Vec<Int>),
}

/// A type as CEL calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int,
    Double,
    String,
    Timestamp,
    Duration,
    Map,
    List,
}

// === impl Typed ===

impl Typed {
    pub(super) fn of(variable: Variable) -> Self {
        match variable {
            Variable::Text(variable) => Self::Text(Text::Variable(variable)),
            Variable::Int(variable) => Self::Int(Int::Variable(variable)),
            Variable::Double(variable) => Self::Double(Double::Variable(variable)),
            Variable::Map(variable) => Self::Map(variable),
            Variable::Address(variable) => Self::Address(variable),
            Variable::Time(variable) => Self::Time(Time::Variable(variable)),
        }
    }

    pub(crate) fn kind(&self) -> Type {
        match self {
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Double(_) => Type::Double,
            Self::Text(_) | Self::Address(_) => Type::String,
            Self::Time(_) => Type::Timestamp,
            Self::Span(_) => Type::Duration,
            Self::Map(_) => Type::Map,
            Self::Texts(_) | Self::Ints(_) => Type::List,
        }
    }

    /// An address as the text that it also is; everything else as it is.
    pub(crate) fn plain(self) -> Self {
        match self {
            Self::Address(variable) => Self::Text(Text::Address(variable)),
            other => other,
        }
    }

    /// The text that it is, if that is known already.
    pub(super) fn constant(&self) -> Option<&str> {
        match self {
            Self::Text(Text::Constant(text)) => Some(text),
            _ => None,
        }
    }
}

// === impl Type ===

impl Type {
    pub(crate) fn with_article(self) -> String {
        let article = if self == Self::Int { "an" } else { "a" };
        format!("{article} {self}")
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::String => "string",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::Map => "map",
            Self::List => "list",
        })
    }
}
