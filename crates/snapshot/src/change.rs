//! What operators change at run time, and what they are told of it.
//!
//! Objects are JSON as documents have it. Where one may be changed depends on its owner: the API changes what the API keeps,
//! and nothing else.

use std::fmt;

use revisions::{
    Meta,
    edit::{Edit, EditError, List},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Diff;

/// Edits that somebody asks for, all or none.
#[derive(Debug, Clone, Default)]
pub struct ChangeOrder {
    pub edits: Vec<Edit>,
    /// What must still be so when they are made.
    pub expected: Vec<Expected>,
    /// Whose token.
    pub author: String,
    /// Why, in their words; may be empty.
    pub message: String,
    /// Only tells what would come of it.
    pub dry_run: bool,
    /// Has the difference told, which takes a while with many routes; a dry run always does.
    pub with_diff: bool,
}

/// What somebody has seen (`If-Match`, `If-None-Match`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// The newest revision; 0: none.
    Revision(u64),
    /// An object with this [`ObjectTold::tag`]; `None`: that there is none.
    Object { list: List, name: String, tag: Option<String> },
}

/// What came of a change, or would come of it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChangeTold {
    /// `None`: a dry run.
    pub revision: Option<Meta>,
    /// Of the document that is live now.
    pub generation: u64,
    /// Nothing that stands in the way.
    pub warnings: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<Diff>,
}

/// Something about a document that somebody should know, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// `error` or `warning`.
    pub severity: String,
    /// Whose object it is about, and where in it: `routes[a].match.path`; `None`: not in one that the API keeps.
    pub path: Option<String>,
    /// The file, if it is in one: `sluice.yaml:12:3`.
    pub place: Option<String>,
    pub message: String,
    pub hint: Option<String>,
}

/// An object of the document that is live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectTold {
    pub name: String,
    pub owner: Owner,
    /// Another one for each change of it.
    pub tag: String,
    /// As documents have it.
    pub object: Map<String, Value>,
}

/// Who changes an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Owner {
    /// Operators, by the API.
    Api,
    /// Whoever writes the file: `sluice.yaml:12:3`.
    File { place: String },
    /// Who registers the service.
    Catalog { place: String },
}

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeError {
    /// The edits cannot be made.
    Edit(EditError),
    /// Somebody else was faster: what is there instead.
    Unexpected(String),
    /// The object is somebody else's.
    NotOurs { list: List, name: String, owner: Owner },
    /// What would come of it is no good.
    Refused(Vec<Finding>),
    /// Nothing can be changed here at all: why.
    ReadOnly(String),
    /// There is no such revision, or no more.
    NoRevision(u64),
    /// It cannot be kept, or not be put in force: why.
    Failed(String),
}

// === impl ChangeError ===

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edit(error) => error.fmt(f),
            Self::Unexpected(what) => write!(f, "{what}: look at it, and decide again"),
            Self::NotOurs { list, name, owner } => {
                write!(f, "the {} `{name}` {owner}; change it there", list.singular())
            }
            Self::Refused(findings) => {
                let errors = findings.iter().filter(|finding| finding.severity == "error").count();
                write!(f, "the document that would come of it has {errors} errors, and nothing is changed")
            }
            Self::ReadOnly(why) | Self::Failed(why) => f.write_str(why),
            Self::NoRevision(number) => write!(f, "there is no revision {number}, or no more"),
        }
    }
}

impl std::error::Error for ChangeError {}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api => f.write_str("is kept by the API"),
            Self::File { place } => write!(f, "stands in {place}"),
            Self::Catalog { place } => write!(f, "comes from the {place}"),
        }
    }
}
