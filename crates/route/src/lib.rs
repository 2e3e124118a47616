//! Which route? Host, path and predicates compiled to one automaton, with a total order of precedence. Pure.
//!
//! In reading order: an [`Ask`] is the request as the router sees it; a [`Table`] is built once from the routes of a
//! model and answers with what it [`Found`]. [`Precedence`] is the whole law of who wins: among all routes that match,
//! the one with the greatest precedence. However the table gets there, that sentence is what the tests hold it to.
//! [`Table::candidates`] tells the same story at length, with a [`Miss`] for every route that lost; [`examples`] makes
//! requests for routes instead of the other way round.

mod ask;
mod capture;
mod claim;
mod conditions;
mod conflict;
mod example;
mod field;
mod language;
mod miss;
mod precedence;
mod predicate;
mod shape;
mod table;
mod verdict;

pub use ask::{Ask, preflight};
pub use conditions::Conditions;
pub use conflict::{Conflicts, Finding, Kind, analyse};
pub use example::{Example, examples};
pub use field::{Value, first_value, header_holds};
pub use miss::{Miss, Presence};
pub use precedence::{Criterion, HostRank, PathRank, Precedence};
pub use table::{BuildError, Candidate, Excess, Found, Nearness, Table};
pub use verdict::Verdict;
