//! Routes that are in each other's way, found before the first request is.
//!
//! In reading order: [`groups`] puts routes together that can meet because of their hosts, and [`tree`] finds those among
//! them that can meet because of their paths. [`pairs`] looks at each two of them and says what is odd; whether one takes
//! all that the other matches is for [`covers`] to prove. What remains is shown by an example, or it is not said
//! ([`findings`]).
//!
//! What is called unreachable is so: that is proved from the patterns alone. Not all that is unreachable is found, and a
//! tie or a surprise only where an example shows it. The search is bounded by steps, not by time, so that the same
//! document always gets the same answer.

mod covers;
mod findings;
mod groups;
mod pairs;
mod tree;

use model::Route;

use crate::{Criterion, Example, Table};

/// What a look at all routes came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conflicts {
    /// By kind, and then in the order of the routes that lose.
    pub findings: Vec<Finding>,
    /// The routes meet too often to look at every two of them; there may be more to find.
    pub cut_off: bool,
}

/// A route that loses where whoever wrote it may not expect it.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub kind: Kind,
    /// Index of the route that loses.
    pub route: usize,
    /// Indices of the routes that win: one, unless several have to come together to make a route unreachable.
    pub winners: Vec<usize>,
    /// How many more routes it loses to in the same way.
    pub others: usize,
    /// What the winner goes before the other by.
    pub decided_by: Criterion,
    /// A request that the route and the first of the winners match, and that the winner takes. What is unreachable may
    /// have none: that some request matches it is another question.
    pub example: Option<Example>,
}

/// What is odd about a route that loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Other routes take every request that it matches.
    Unreachable,
    /// Only the order in the document decides.
    Tie,
    /// A route with a higher priority takes requests that this one names more closely, and asks for nothing more.
    Priority,
    /// The host decides before the path: a route for a closer host takes requests whose path this one names more closely.
    Host,
    /// Prefixes and templates go before wildcards, and those before regexes: also before a narrower one.
    Pattern,
    /// Path and methods decide before headers, query, cookies and `client_ip`: a route that asks for none of those that
    /// this one asks for goes before it.
    Fields,
}

/// Finds routes that are in each other's way. `table` is built from the same routes.
pub fn analyse<R: AsRef<Route>>(routes: &[R], table: &Table) -> Conflicts {
    let routes: Vec<_> = routes.iter().map(AsRef::as_ref).collect();
    let met = pairs::meet(&routes);
    findings::settle(&routes, table, &met)
}
