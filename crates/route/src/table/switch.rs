//! Crowded leaves: many routes with the same host and path that differ by the value of a header, parameter or cookie.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    iter::successors,
    sync::Arc,
};

use http::HeaderName;
use model::{FieldMatch, HeaderMatch, ValueMatch};
use smallvec::SmallVec;

use super::{
    Link, NONE, Rank, Search,
    words::{Collected, Full, Words},
};
use crate::{Ask, field, predicate::Predicate};

/// A leaf with more routes than this is worth a switch, if so many of them want the same field exactly.
const CROWD: usize = 16;

/// Switches may lie within one another up to this depth.
const DEPTH: usize = 4;

/// Where the numbers of leaves that are switches begin.
pub(super) const FIRST: u32 = 1 << 31;

/// Leaves that are divided by the value of a field, so that only routes which may match are asked.
#[derive(Debug, Default)]
pub(super) struct Switches {
    all: Vec<Switch>,
    /// Leaves by switch and value.
    values: Words<u32, 48>,
}

#[derive(Debug)]
struct Switch {
    top: Rank,
    field: Field,
    /// The leaf of routes that do not want the field, or not exactly.
    other: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Field {
    Header(HeaderName),
    Query(Arc<str>),
    Cookie(Arc<str>),
}

/// [`Switches`] while they are made. Takes the links of a table apart and ties them anew.
pub(super) struct Divider<'t> {
    links: &'t mut [Link],
    predicates: &'t [Predicate],
    all: Vec<Switch>,
    values: Collected<u32>,
}

// === impl Switches ===

impl Switches {
    /// Offers the leaves of a switch that a request may match.
    pub(super) fn walk(&self, leaf: u32, search: &mut Search<'_>) {
        let number = leaf - FIRST;
        let Some(switch) = self.all.get(number as usize).filter(|switch| switch.top > search.best) else { return };
        let mut leaves: SmallVec<[u32; 4]> = SmallVec::new();
        switch.field.values(search.ask, |value| leaves.extend(self.values.get(number, value).copied()));
        // A value may be sent many times; its routes are asked once.
        leaves.sort_unstable();
        leaves.dedup();
        leaves.into_iter().for_each(|leaf| search.offer(leaf));
        search.offer(switch.other);
    }
}

// === impl Field ===

impl Field {
    /// The field and the value that a predicate wants exactly, if that is what it wants.
    fn of(predicate: &Predicate) -> Option<(Self, &Arc<str>)> {
        match predicate {
            Predicate::Header(HeaderMatch { name, value: ValueMatch::Exact(value) }) => {
                Some((Self::Header(name.clone()), value))
            }
            Predicate::Query(FieldMatch { name, value: ValueMatch::Exact(value) }) => {
                Some((Self::Query(name.clone()), value))
            }
            Predicate::Cookie(FieldMatch { name, value: ValueMatch::Exact(value) }) => {
                Some((Self::Cookie(name.clone()), value))
            }
            _ => None,
        }
    }

    fn values(&self, ask: &Ask<'_>, mut each: impl FnMut(&str)) {
        let mut text = |text: Option<Cow<'_, str>>| text.into_iter().for_each(|text| each(&text));
        match self {
            Self::Header(name) => field::headers(ask.headers, name).for_each(|value| text(value.text())),
            Self::Query(name) => field::parameters(ask.query, name).for_each(|value| text(value.text())),
            Self::Cookie(name) => field::cookies(ask.headers, name).for_each(|value| text(value.text())),
        }
    }
}

// === impl Divider ===

impl<'t> Divider<'t> {
    pub(super) fn new(links: &'t mut [Link], predicates: &'t [Predicate]) -> Self {
        Self { links, predicates, all: Vec::new(), values: Collected::default() }
    }

    /// Makes a leaf a switch if it is crowded; returns where the leaf is now.
    pub(super) fn divide(&mut self, leaf: u32) -> Result<u32, Full> {
        let after = |link: u32| self.links.get(link as usize).map(|link| link.next);
        let links = || successors(Some(leaf), |link| after(*link)).take_while(|link| *link != NONE);
        if links().nth(CROWD).is_none() {
            return Ok(leaf);
        }
        let links: Vec<_> = links().collect();
        self.part(&links, &mut Vec::new())
    }

    pub(super) fn lay_out(self) -> Result<Switches, Full> {
        Ok(Switches { all: self.all, values: self.values.lay_out(|leaf| leaf)? })
    }

    /// Makes a leaf of links, the greatest first. `used`: the fields by which they are divided already.
    fn part(&mut self, links: &[u32], used: &mut Vec<Field>) -> Result<u32, Full> {
        let crowded = links.len() > CROWD && used.len() < DEPTH;
        let Some(field) = crowded.then(|| self.common(links, used)).flatten() else { return Ok(self.tie(links)) };
        let number = u32::try_from(self.all.len()).ok().filter(|number| *number < NONE - FIRST).ok_or(Full)?;
        self.all.push(Switch { top: self.links[links[0] as usize].rank, field: field.clone(), other: NONE });
        let (mut by_value, mut other) = (BTreeMap::<_, Vec<_>>::new(), Vec::new());
        for &link in links {
            match self.wants(link).find(|(wanted, _)| *wanted == field) {
                Some((_, value)) => by_value.entry(value.clone()).or_default().push(link),
                None => other.push(link),
            }
        }
        used.push(field);
        for (value, links) in by_value {
            let leaf = self.part(&links, used)?;
            self.values.entry(number, &value, leaf)?;
        }
        self.all[number as usize].other = self.part(&other, used)?;
        used.pop();
        Ok(FIRST + number)
    }

    /// The field that most of the links want exactly, if they are a crowd and do not all want the same value.
    fn common(&self, links: &[u32], used: &[Field]) -> Option<Field> {
        let mut counts: HashMap<Field, (usize, &str, bool)> = HashMap::new();
        for (field, value) in links.iter().flat_map(|link| self.wants(*link)) {
            let (count, first, differ) = counts.entry(field).or_insert((0, value, false));
            *count += 1;
            *differ |= **value != **first;
        }
        counts.retain(|field, (count, _, differ)| *count > CROWD && *differ && !used.contains(field));
        counts.into_iter().max_by_key(|(_, (count, ..))| *count).map(|(field, _)| field)
    }

    fn wants(&self, link: u32) -> impl Iterator<Item = (Field, &Arc<str>)> {
        let (start, end) = self.links[link as usize].predicates;
        self.predicates[start as usize..end as usize].iter().filter_map(Field::of)
    }

    /// Ties links to one another; returns the first.
    fn tie(&mut self, links: &[u32]) -> u32 {
        links.iter().rev().fold(NONE, |next, &link| {
            self.links[link as usize].next = next;
            link
        })
    }
}
