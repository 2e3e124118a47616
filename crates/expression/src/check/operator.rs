//! Operators.

use ipnet::IpNet;

use super::{Checker, Type, Typed};
use crate::{
    compiled::{Address, Bool, Double, Int, Pair, Span, Text, Time},
    literal,
    syntax::{Arithmetic, Kind, Operator, Relation, Syntax},
};

// === impl Checker ===

impl Checker<'_> {
    /// The operands of a run of `&&`, or of `||`: a long one nests no deeper than a short one.
    pub(super) fn operands(&mut self, syntax: &Syntax, operator: Operator) -> Option<Vec<Bool>> {
        let mut parts = Vec::new();
        run(syntax, operator, &mut parts);
        let what = format!("`{}` joins bools", operator.symbol());
        let operands: Vec<Option<Bool>> = parts.into_iter().map(|part| self.decision(part, &what)).collect();
        operands.into_iter().collect()
    }

    pub(super) fn negative(&mut self, at: usize, operand: &Syntax) -> Option<Typed> {
        match self.value(operand)? {
            Typed::Int(number) => Some(Typed::Int(Int::Negative(Box::new(number)))),
            Typed::Double(number) => Some(Typed::Double(Double::Negative(Box::new(number)))),
            other => {
                let message = format!("`-` goes with a number, and this is {}", other.kind().with_article());
                self.object(at, message, None)
            }
        }
    }

    pub(super) fn binary(&mut self, at: usize, operator: Operator, left: &Syntax, right: &Syntax) -> Option<Typed> {
        if operator == Operator::Arithmetic(Arithmetic::Subtract)
            && let Some(fault) = self.dashed(left, right)
        {
            self.faults.push(fault);
            return None;
        }
        if operator == Operator::In && matches!(left.kind, Kind::Not(_)) {
            return self.object(left.at, "`!` binds closer than `in`", Some("write `!(… in …)`"));
        }
        let values = (self.value(left), self.value(right));
        let (left_value, right_value) = (values.0?, values.1?);
        match operator {
            Operator::Arithmetic(arithmetic) => {
                self.arithmetic(at, arithmetic, left_value.plain(), right_value.plain())
            }
            Operator::In => self.within(at, left_value, right, right_value),
            Operator::Relation(relation @ (Relation::Equal | Relation::NotEqual))
                if matches!((&left_value, &right_value), (Typed::Address(_), _) | (_, Typed::Address(_))) =>
            {
                self.same_address(relation, (left, left_value), (right, right_value))
            }
            Operator::Relation(relation) => {
                let is_chain = matches!(&left.kind, Kind::Binary(Operator::Relation(_), ..));
                self.relation(at, relation, left_value.plain(), right_value.plain(), is_chain)
            }
            Operator::And | Operator::Or => None,
        }
    }

    fn relation(&mut self, at: usize, relation: Relation, left: Typed, right: Typed, is_chain: bool) -> Option<Typed> {
        let symbol = Operator::Relation(relation).symbol();
        let (kind, other) = (left.kind(), right.kind());
        let is_order = !matches!(relation, Relation::Equal | Relation::NotEqual);
        let (relation, pair) = match (left, right) {
            (Typed::Text(left), Typed::Text(right)) if !is_order => {
                let same = Bool::Same(Box::new((left, right)));
                return Some(Typed::Bool(if relation == Relation::Equal { same } else { Bool::Not(Box::new(same)) }));
            }
            (Typed::Bool(left), Typed::Bool(right)) if !is_order => (relation, Pair::Bool(left, right)),
            (Typed::Int(left), Typed::Int(right)) => (relation, Pair::Int(left, right)),
            (Typed::Double(left), Typed::Double(right)) => (relation, Pair::Double(left, right)),
            (Typed::Int(left), Typed::Double(right)) => (relation, Pair::Mixed(left, right)),
            (Typed::Double(left), Typed::Int(right)) => (relation.turned(), Pair::Mixed(right, left)),
            (Typed::Text(left), Typed::Text(right)) => (relation, Pair::Text(left, right)),
            (Typed::Time(left), Typed::Time(right)) => (relation, Pair::Time(left, right)),
            (Typed::Span(left), Typed::Span(right)) => (relation, Pair::Span(left, right)),
            _ => {
                let message = if kind == other {
                    format!("`{symbol}` does not go between two {kind}s")
                } else {
                    let (left, right) = (kind.with_article(), other.with_article());
                    format!("`{symbol}` compares values of one type, and these are {left} and {right}")
                };
                let hint = match (kind, other) {
                    _ if is_chain => Some("join two comparisons with `&&`"),
                    (Type::String, Type::Int | Type::Double) | (Type::Int | Type::Double, Type::String) => {
                        Some("put the number in quotes, or read the string with `int(…)`")
                    }
                    (Type::Map, _) | (_, Type::Map) => Some("compare an entry of the map: `map[\"x\"]`"),
                    (Type::List, _) | (_, Type::List) => Some("ask with `in` whether a list holds something"),
                    _ => None,
                };
                return self.object(at, message, hint);
            }
        };
        Some(Typed::Bool(Bool::Compare(relation, Box::new(pair))))
    }

    /// `==` and `!=` of an address: compared as what it is, since one address has several spellings.
    fn same_address(&mut self, relation: Relation, left: (&Syntax, Typed), right: (&Syntax, Typed)) -> Option<Typed> {
        let (variable, (syntax, other)) = match (left, right) {
            ((_, Typed::Address(variable)), other) | (other, (_, Typed::Address(variable))) => (variable, other),
            _ => return None,
        };
        let holds = match other.constant() {
            Some(text) => {
                let network = self.address(syntax.at, text)?;
                Bool::Within(Box::new(Address::Variable(variable)), [network].into())
            }
            None => {
                let texts = (Typed::Text(Text::Address(variable)), other.plain());
                return self.relation(syntax.at, relation, texts.0, texts.1, false);
            }
        };
        Some(Typed::Bool(if relation == Relation::Equal { holds } else { Bool::Not(Box::new(holds)) }))
    }

    /// An address that another one is compared with.
    fn address(&mut self, at: usize, text: &str) -> Option<IpNet> {
        if let Ok(address) = text.parse::<std::net::IpAddr>() {
            return Some(address.into());
        }
        let message = format!("`{text}` is no IP address, so no client could have it");
        let hint = format!("for a network write `client.ip.within(\"{text}\")`");
        self.object(at, message, literal::network(text).is_ok().then_some(&*hint))
    }

    /// `in`
    fn within(&mut self, at: usize, item: Typed, list: &Syntax, value: Typed) -> Option<Typed> {
        let decided = match (item, value) {
            (Typed::Address(variable), Typed::Texts(texts)) if texts.iter().all(is_constant) => {
                let items = match &list.kind {
                    Kind::List(items) => items.as_slice(),
                    _ => &[],
                };
                let networks: Vec<Option<IpNet>> = items
                    .iter()
                    .filter_map(|item| match &item.kind {
                        Kind::Text(text) => Some(self.address(item.at, text)),
                        _ => None,
                    })
                    .collect();
                Bool::Within(Box::new(Address::Variable(variable)), networks.into_iter().collect::<Option<_>>()?)
            }
            (item, Typed::Map(map)) => Bool::Has(map, self.key(at, map, item)?),
            (item, value) => match (item.plain(), value) {
                (Typed::Text(item), Typed::Texts(texts)) => among(item, texts),
                (Typed::Int(item), Typed::Ints(ints)) => Bool::IntIn(Box::new(item), ints.into()),
                (item, list @ (Typed::Texts(_) | Typed::Ints(_))) => {
                    let held = if matches!(list, Typed::Texts(_)) { "strings" } else { "ints" };
                    let item = item.kind().with_article();
                    return self.object(at, format!("this list holds {held}, and what is looked for is {item}"), None);
                }
                (_, other) => {
                    let hint = (other.kind() == Type::String).then_some("look into a string with `.contains(…)`");
                    let other = other.kind().with_article();
                    return self.object(at, format!("`in` looks into a list or a map, and this is {other}"), hint);
                }
            },
        };
        Some(Typed::Bool(decided))
    }

    fn arithmetic(&mut self, at: usize, operator: Arithmetic, left: Typed, right: Typed) -> Option<Typed> {
        let (kind, other) = (left.kind(), right.kind());
        Some(match (operator, left, right) {
            (_, Typed::Int(left), Typed::Int(right)) => Typed::Int(Int::Arithmetic(operator, Box::new((left, right)))),
            (
                Arithmetic::Add | Arithmetic::Subtract | Arithmetic::Multiply | Arithmetic::Divide,
                Typed::Double(left),
                Typed::Double(right),
            ) => Typed::Double(Double::Arithmetic(operator, Box::new((left, right)))),
            (Arithmetic::Add, Typed::Text(left), Typed::Text(right)) => {
                Typed::Text(Text::Joined(Box::new((left, right))))
            }
            (Arithmetic::Add, Typed::Time(time), Typed::Span(span))
            | (Arithmetic::Add, Typed::Span(span), Typed::Time(time)) => {
                Typed::Time(Time::Later(Box::new((time, span))))
            }
            (Arithmetic::Subtract, Typed::Time(time), Typed::Span(span)) => {
                Typed::Time(Time::Earlier(Box::new((time, span))))
            }
            (Arithmetic::Subtract, Typed::Time(left), Typed::Time(right)) => {
                Typed::Span(Span::Between(Box::new((left, right))))
            }
            (Arithmetic::Add, Typed::Span(left), Typed::Span(right)) => Typed::Span(Span::Sum(Box::new((left, right)))),
            (Arithmetic::Subtract, Typed::Span(left), Typed::Span(right)) => {
                Typed::Span(Span::Difference(Box::new((left, right))))
            }
            _ => {
                let symbol = Operator::Arithmetic(operator).symbol();
                let message =
                    format!("`{symbol}` does not go between {} and {}", kind.with_article(), other.with_article());
                let hint = match (kind, other) {
                    (Type::Int, Type::Double) | (Type::Double, Type::Int) => {
                        Some("make the int a double: `double(…)`, or `1.0` for `1`")
                    }
                    (Type::String, Type::Int | Type::Double | Type::Bool) if operator == Arithmetic::Add => {
                        Some("make a string of it: `string(…)`")
                    }
                    (Type::Timestamp | Type::Duration, Type::Int | Type::Double) => {
                        Some("write a duration: `duration(\"30s\")`")
                    }
                    _ => None,
                };
                return self.object(at, message, hint);
            }
        })
    }
}

/// The parts of a run of one operator, from the left.
fn run<'s>(syntax: &'s Syntax, operator: Operator, parts: &mut Vec<&'s Syntax>) {
    match &syntax.kind {
        Kind::Binary(found, left, right) if *found == operator => {
            run(left, operator, parts);
            run(right, operator, parts);
        }
        _ => parts.push(syntax),
    }
}

fn is_constant(text: &Text) -> bool {
    matches!(text, Text::Constant(_))
}

fn among(item: Text, texts: Vec<Text>) -> Bool {
    if !texts.iter().all(is_constant) {
        return Bool::TextIn(Box::new(item), texts.into());
    }
    let constant = |text| match text {
        Text::Constant(text) => Some(text),
        _ => None,
    };
    let mut texts: Vec<Box<str>> = texts.into_iter().filter_map(constant).collect();
    texts.sort_unstable();
    Bool::Among(Box::new(item), texts.into())
}

// === impl Relation ===

impl Relation {
    /// What holds of two values if this does with their sides changed.
    fn turned(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }
}
