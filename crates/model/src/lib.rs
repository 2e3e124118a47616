//! What operators write, and what is left of it once it is checked. No I/O, no async.
//!
//! In the order in which a document goes through it:

/// Text to tree: YAML with the place of everything, `${NAME}` filled in.
mod parse;

/// The tree: nodes and their places.
mod node;

/// Several files to one tree.
mod merge;

/// Documents that are no files.
mod further;

/// Tree to types, with every problem instead of the first.
mod decode;

/// The types of single values: durations, sizes, addresses, patterns.
pub mod values;

/// The types of the document, as it is written.
pub mod document;

/// What documents cannot say yet.
mod pending;

/// Document to model.
mod check;

/// The result: resolved, well formed, complete.
mod model;

/// Text with holes, as it is read.
mod template;

/// All that is wrong, at once.
mod report;

/// Documents that are read again, and what need not be.
mod kept;

/// The JSON Schema of the document.
mod schema;

/// Text that must not be printed.
mod secret;

/// Values to text.
mod yaml;

pub use check::{check, registered_balance};
pub use decode::{FromText, TextOr, decode};
pub use expression::nearest;
pub use further::Further;
pub use kept::{Kept, Part, check_again};
pub use merge::{Include, LISTS, includes, merge};
pub use model::*;
pub use node::{Key, Node, Place, Value};
pub use parse::parse;
pub use report::{Problem, Report, Severity};
pub use schema::schema;
pub use secret::Secret;
pub use values::is_capture_name;
pub use yaml::{yaml, yaml_line};
