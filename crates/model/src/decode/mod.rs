//! Tree to types, reporting everything that is wrong instead of the first thing.
//!
//! serde stops at the first error, so `decode` asks again: a value that failed is reported with its place,
//! remembered, and left out of the next pass; a pass that finds nothing new is the last one. A key that is missing, or
//! whose value was left out, gets a stand-in (`phantom`) so that the passes get to what lies behind it. Every problem
//! costs a pass, so long lists of large objects are better decoded item by item.
//!
//! # What a type may use
//!
//! Anything that serde derives. Some forms decode well but explain less:
//! - Keys that a struct does not know are always errors, with or without `deny_unknown_fields`. Where a struct is read
//!   through another deserializer (`MapAccessDeserializer` in a visitor of one's own) the attribute is needed.
//! - `untagged` and internally tagged enums are buffered by serde: a problem in them is reported at the place of the
//!   whole value, and unknown keys in them only with `deny_unknown_fields`. Better an externally tagged enum, or
//!   `TextOr`.
//! - `flatten` turns a struct into a map that takes any key: unknown keys go unnoticed. Do not use it.
//! - A key without a value (`null`) is an error, also where the field is an `Option`: it is rarely what was meant.
//!
//! In a message of one's own (`serde::de::Error::custom`) what follows the first `"; "` becomes the hint.

mod deserializer;
mod failure;
mod key;
mod memory;
mod phantom;
mod text_or;

use serde::de::DeserializeOwned;

pub use self::text_or::{FromText, TextOr};
use self::{deserializer::NodeDeserializer, memory::Memory};
use crate::{Node, Report};

/// Passes over one value; more are only needed by a value with more problems than anybody reads at once.
const PASSES: u32 = 64;

/// Decodes a node. Every problem goes to the report; `None` if there was one.
pub fn decode<T: DeserializeOwned>(node: &Node, report: &mut Report) -> Option<T> {
    decode_without(node, &[], report)
}

/// Decodes a node as if `skipped`, some values in it, had been found wrong and reported already.
pub(crate) fn decode_without<T: DeserializeOwned>(node: &Node, skipped: &[&Node], report: &mut Report) -> Option<T> {
    let memory = Memory::new(skipped);
    let mut decoded = None;
    let mut progress = None;
    for pass in 0.. {
        let result = T::deserialize(NodeDeserializer::new(node, &memory));
        decoded = result.map_err(|failure| memory.settle(node, failure)).ok();
        if memory.is_poisoned(node) || progress.replace(memory.progress()) == Some(memory.progress()) {
            break;
        }
        if pass == PASSES {
            memory.give_up(node);
            break;
        }
    }
    let whole = memory.is_untouched();
    memory.hand_over(report);
    decoded.filter(|_| whole)
}
