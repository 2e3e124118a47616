//! What decides.

use std::net::IpAddr;

use super::{Address, Bool, Pair, Result, Search};
use crate::{Failure, Subject};

// === impl Bool ===

impl Bool {
    pub(crate) fn value(&self, subject: &dyn Subject) -> Result<bool> {
        Ok(match self {
            Self::Constant(value) => *value,
            Self::Not(operand) => !operand.value(subject)?,
            Self::All(operands) => return decided(operands, false, subject),
            Self::Any(operands) => return decided(operands, true, subject),
            Self::If(choice) => return choice.chosen(subject)?.value(subject),
            Self::Same(texts) => texts.0.value(subject)? == texts.1.value(subject)?,
            Self::Compare(relation, pair) => relation.holds(pair.order(subject)?),
            Self::Among(item, texts) => {
                let item = item.value(subject)?;
                texts.binary_search_by(|text| (**text).cmp(&item)).is_ok()
            }
            Self::TextIn(item, texts) => {
                let item = item.value(subject)?;
                return any(texts.iter().map(|text| Ok(*text.value(subject)? == *item)));
            }
            Self::IntIn(item, numbers) => {
                let item = item.value(subject)?;
                return any(numbers.iter().map(|number| Ok(number.value(subject)? == item)));
            }
            Self::Has(map, key) => return key.with(subject, |key| subject.has(*map, key)),
            Self::Search(search, texts) => {
                let (text, wanted) = (texts.0.value(subject)?, texts.1.value(subject)?);
                match search {
                    Search::Start => text.starts_with(&*wanted),
                    Search::End => text.ends_with(&*wanted),
                    Search::Anywhere => text.contains(&*wanted),
                }
            }
            Self::Matches(text, regex) => regex.is_match(&text.value(subject)?),
            Self::Within(address, networks) => {
                let address = address.value(subject)?;
                // An IPv4 client of an IPv6 socket is found by either of its addresses.
                let canonical = address.to_canonical();
                networks.iter().any(|network| network.contains(&canonical) || network.contains(&address))
            }
        })
    }
}

/// `deciding` if any operand is that; of the others, one without a value leaves the whole without.
fn decided(operands: &[Bool], deciding: bool, subject: &dyn Subject) -> Result<bool> {
    let mut outcome = Ok(!deciding);
    for operand in operands {
        match operand.value(subject) {
            Ok(value) if value == deciding => return Ok(deciding),
            Ok(_) => {}
            Err(failure) => outcome = outcome.and(Err(failure)),
        }
    }
    outcome
}

/// Whether anything was found. A list is made before it is looked into, so that one bad item leaves the whole without
/// a value.
fn any(mut found: impl Iterator<Item = Result<bool>>) -> Result<bool> {
    found.try_fold(false, |before, found| Ok(before | found?))
}

// === impl Pair ===

impl Pair {
    fn order(&self, subject: &dyn Subject) -> Result<Option<std::cmp::Ordering>> {
        Ok(match self {
            Self::Bool(left, right) => Some(left.value(subject)?.cmp(&right.value(subject)?)),
            Self::Int(left, right) => Some(left.value(subject)?.cmp(&right.value(subject)?)),
            Self::Double(left, right) => left.value(subject)?.partial_cmp(&right.value(subject)?),
            Self::Mixed(left, right) => super::number::compare(left.value(subject)?, right.value(subject)?),
            Self::Text(left, right) => Some(left.value(subject)?.cmp(&right.value(subject)?)),
            Self::Time(left, right) => Some(left.value(subject)?.cmp(&right.value(subject)?)),
            Self::Span(left, right) => Some(left.value(subject)?.cmp(&right.value(subject)?)),
        })
    }
}

// === impl Address ===

impl Address {
    fn value(&self, subject: &dyn Subject) -> Result<IpAddr> {
        match self {
            Self::Variable(variable) => subject.address(*variable),
            Self::OfText(text) => text.value(subject)?.parse().map_err(|_| Failure::Unreadable),
        }
    }
}
