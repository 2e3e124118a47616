//! A gateway that runs, asked by commands: who is asked, what for, and how the answer is shown.

/// Which gateway is asked.
mod running;
/// Several gateways, by name.
pub(crate) mod contexts;
/// Asks it.
mod remote;
/// Below `/api/v1`.
mod path;
/// What it says when it says no.
mod answered;

/// What may be asked for.
pub(crate) mod kind;
/// How each of it is shown in a line.
mod columns;
/// Lines whose columns stand below one another.
mod table;
/// As what an answer is printed.
mod form;

/// What becomes of changes.
pub(crate) mod change;
/// Documents that somebody wants to be so.
pub(crate) mod wanted;
/// Who uses what.
pub(crate) mod uses;
/// Asks people.
mod confirm;

pub(crate) use answered::Answered;
pub(crate) use columns::time;
pub(crate) use confirm::confirm;
pub(crate) use form::Form;
pub(crate) use path::Path;
pub(crate) use remote::{Remote, block_on};
pub(crate) use running::Running;
pub(crate) use table::{Table, plain};
