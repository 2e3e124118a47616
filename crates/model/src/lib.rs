//! What operators write, and what is left of it once it is checked. No I/O, no async.

mod model;
mod node;
mod report;
mod secret;

pub use model::*;
pub use node::{Key, Node, Place, Value};
pub use report::{Problem, Report, Severity};
pub use secret::Secret;
