//! From a document to the world that requests live in.
//!
//! ```text
//! load ─▶ compile ─▶ prepare: bind, open logs, threads ─▶ publish ─▶ the old one drains
//!            └───────────── may fail: nothing changed ──┘    └ cannot fail
//! ```
//! Whoever changes the world has the turn: one after the other, however many ask.

/// A document to a snapshot, or all that stands in its way.
mod compile;
/// All that may fail before a world goes live.
mod prepare;
/// What cannot fail.
mod publish;
/// Files that are read again.
mod reload;
/// The first world.
mod start;

use std::{fmt, io, sync::Arc};

use model::{Kept, Model, Problem, Report};
use proxy::Sockets;
use snapshot::Snapshot;
use telemetry::AccessLogs;

pub(crate) use self::compile::compile_sources;
pub use self::{
    compile::{Compiled, check, compile_document},
    start::Options,
};
use crate::{Files, source::Text, traces::Telling};

/// What a start or reload came to.
#[derive(Debug)]
pub struct Applied {
    pub generation: u64,
    pub routes: usize,
    /// Warnings; nothing that stands in the way.
    pub report: Report,
}

/// Why nothing was started or changed.
#[derive(Debug)]
pub enum Refusal {
    Document(Report),
    Io(io::Error),
}

/// A world that may go live. Let go of, it leaves nothing behind.
pub(crate) struct Prepared {
    pub(crate) model: Model,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) report: Report,
    /// By binding: what the world before had not.
    sockets: Vec<(Arc<str>, Sockets)>,
    logs: AccessLogs,
    /// `None`: as before.
    telling: Option<Telling>,
    files: Files,
    kept: Kept,
    pub(crate) texts: Vec<Text>,
}

// === impl Refusal ===

impl Refusal {
    /// The problems, if it is the document that was refused.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Document(report) => &report.problems,
            Self::Io(_) => &[],
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(report) => {
                for (index, problem) in report.problems.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "\n" };
                    write!(f, "{separator}{problem}")?;
                }
                Ok(())
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}
