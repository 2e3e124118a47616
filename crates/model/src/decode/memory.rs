//! What the passes over one value have learnt.
//!
//! Nodes and keys are told apart by their address; the tree stands still while it is decoded.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use expression::suggestion;

use super::{
    failure::{Complaint, Failure},
    phantom::STAND_INS,
};
use crate::{Key, Node, Problem, Report, Severity, nearest};

pub(super) struct Memory(RefCell<Known>);

#[derive(Default)]
struct Known {
    /// Values that failed: later passes leave them out.
    poisoned: HashSet<*const Node>,
    /// Keys that mean nothing: later passes leave them out with their values.
    unknown: HashSet<*const Key>,
    /// Keys that a map should have and has not, with the number of stand-ins that were tried for each.
    absent: HashMap<(*const Node, &'static str), usize>,
    problems: Vec<Problem>,
}

// === impl Memory ===

impl Memory {
    pub(super) fn new(skipped: &[&Node]) -> Self {
        let poisoned = skipped.iter().map(|node| std::ptr::from_ref::<Node>(node)).collect();
        Self(RefCell::new(Known { poisoned, ..Known::default() }))
    }

    /// Grows whenever something is learnt.
    pub(super) fn progress(&self) -> usize {
        let known = self.0.borrow();
        known.poisoned.len() + known.unknown.len() + known.absent.len() + known.absent.values().sum::<usize>()
    }

    /// Nothing was reported and nothing made up.
    pub(super) fn is_untouched(&self) -> bool {
        let known = self.0.borrow();
        known.problems.is_empty() && known.absent.is_empty()
    }

    pub(super) fn hand_over(self, report: &mut Report) {
        for Problem { severity, place, message, hint } in self.0.into_inner().problems {
            report.push(severity, &place, message, hint);
        }
    }

    pub(super) fn is_poisoned(&self, node: &Node) -> bool {
        let known = self.0.borrow();
        !known.poisoned.is_empty() && known.poisoned.contains(&std::ptr::from_ref(node))
    }

    pub(super) fn is_unknown(&self, key: &Key) -> bool {
        let known = self.0.borrow();
        !known.unknown.is_empty() && known.unknown.contains(&std::ptr::from_ref(key))
    }

    /// Those of `names` that `map` lacks although its type needs them, with the number of the stand-in for each.
    pub(super) fn absent(&self, map: &Node, names: &[&'static str]) -> Vec<(&'static str, usize)> {
        let known = self.0.borrow();
        if known.absent.is_empty() {
            return Vec::new();
        }
        let stand_in = |name: &&'static str| Some((*name, *known.absent.get(&(std::ptr::from_ref(map), *name))?));
        names.iter().filter_map(stand_in).collect()
    }

    pub(super) fn poison(&self, node: &Node) {
        self.0.borrow_mut().poisoned.insert(node);
    }

    /// A stand-in was refused: the next pass tries another, or gives the map up.
    pub(super) fn refuse_stand_in(&self, map: &Node, name: &'static str) {
        let mut known = self.0.borrow_mut();
        let tried = known.absent.entry((map, name)).or_default();
        *tried += 1;
        if *tried == STAND_INS {
            known.poisoned.insert(map);
        }
    }

    pub(super) fn give_up(&self, node: &Node) {
        let message = "too many problems in this value; the rest is not listed".to_owned();
        self.0.borrow_mut().report(&node.place, message, None);
    }

    /// Reports a key that its map does not know.
    pub(super) fn unknown_key(&self, key: &Key, known: &[&'static str]) {
        let message = format!("unknown key `{}`", key.name);
        self.0.borrow_mut().report(&key.place, message, suggestion(&key.name, known.iter().copied()));
        self.0.borrow_mut().unknown.insert(key);
    }

    /// Gives a failure that comes out of `node` its place, reports it, and sees to it that the next pass gets further.
    pub(super) fn settle(&self, node: &Node, failure: Failure) -> Failure {
        match failure {
            Failure::Settled | Failure::Phantom => {}
            Failure::Raw(complaint) => self.settle_complaint(node, *complaint),
        }
        Failure::Settled
    }

    /// The same for a failure to decode a key.
    pub(super) fn settle_key(&self, key: &Key, failure: Failure) -> Failure {
        let Failure::Raw(complaint) = failure else { return failure };
        match *complaint {
            Complaint::UnknownVariant { known, .. } | Complaint::UnknownKey { known, .. } => {
                self.unknown_key(key, known);
            }
            complaint => {
                let (message, hint) = complaint.words(&format!("the key `{}`", key.name));
                self.0.borrow_mut().report(&key.place, message, hint);
                self.0.borrow_mut().unknown.insert(key);
            }
        }
        Failure::Settled
    }

    fn settle_complaint(&self, node: &Node, complaint: Complaint) {
        match complaint {
            Complaint::Missing(name) => self.missing(node, name),
            Complaint::UnknownKey { name, known } => match node.key(&name) {
                Some(key) if !self.is_unknown(key) => self.unknown_key(key, known),
                _ => self.poison(node),
            },
            complaint => {
                // What is said about a whole whose parts are wrong mostly follows from that.
                if !self.0.borrow().is_tainted(node) {
                    let place = match (&complaint, node.entries()) {
                        (Complaint::UnknownVariant { .. }, [(key, _)]) => &key.place,
                        _ => &node.place,
                    };
                    let (message, mut hint) = complaint.words(&node.describe());
                    if hint.is_none() && is_quoted_number(node) && message.contains("number") {
                        hint = Some("write it without quotes".to_owned());
                    }
                    self.0.borrow_mut().report(place, message, hint);
                }
                self.poison(node);
            }
        }
    }

    fn missing(&self, map: &Node, name: &'static str) {
        let mut known = self.0.borrow_mut();
        if known.absent.insert((map, name), 0).is_some() {
            // The stand-in was not even asked for.
            known.poisoned.insert(map);
        } else if map.get(name).is_none() && !known.is_misspelt(map, name) {
            known.report(&map.place, format!("missing key `{name}`"), None);
        }
    }
}

fn is_quoted_number(node: &Node) -> bool {
    node.text().is_some_and(|text| text.parse::<f64>().is_ok())
}

// === impl Known ===

impl Known {
    fn report(&mut self, place: &crate::Place, message: String, hint: Option<String>) {
        self.problems.push(Problem { severity: Severity::Error, place: place.clone(), message, hint });
    }

    /// A key of `map` that means nothing was probably meant to be `name`.
    fn is_misspelt(&self, map: &Node, name: &str) -> bool {
        let mut unknown = map.entries().iter().filter(|(key, _)| self.unknown.contains(&std::ptr::from_ref(key)));
        unknown.any(|(key, _)| nearest(&key.name, [name]).is_some())
    }

    fn is_tainted(&self, node: &Node) -> bool {
        let wrong = |node: &Node| self.poisoned.contains(&std::ptr::from_ref(node)) || self.is_tainted(node);
        self.absent.keys().any(|(map, _)| *map == std::ptr::from_ref(node))
            || node.items().iter().any(wrong)
            || node.entries().iter().any(|(key, node)| self.unknown.contains(&std::ptr::from_ref(key)) || wrong(node))
    }
}

// === impl Complaint ===

impl Complaint {
    /// Message and hint. `found` is what stands in the document.
    fn words(self, found: &str) -> (String, Option<String>) {
        match self {
            Self::Expected { what, hint } => (format!("expected {what}, found {found}"), hint.map(str::to_owned)),
            Self::UnknownVariant { name, known } => {
                (format!("unknown value `{name}`"), suggestion(&name, known.iter().copied()))
            }
            Self::Missing(name) => (format!("missing key `{name}`"), None),
            Self::UnknownKey { name, known } => {
                (format!("unknown key `{name}`"), suggestion(&name, known.iter().copied()))
            }
            Self::Length(message) => (message, None),
            Self::Custom(message) => match message.split_once("; ") {
                Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
                None => (message, None),
            },
        }
    }
}
