//! How documents are changed: every way to write one is a list of edits.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use revisions::{
    Document,
    edit::{Edit, EditError, List, Why, name_of},
};
use serde_json::{Map, Value};
use snapshot::{ChangeError, ChangeOrder, ChangeTold, Expected, Finding, Role};

use super::{
    call::Call,
    operation::{Answer, Shape},
    query::{Parameter, bad},
    tags::{self, Conditions, Seen},
};
use crate::{Gateway, Identity, audit, least_role_of, may_change};
use listen::Problem;

/// What every change may be told.
macro_rules! of_change {
    ($($own:expr),* $(,)?) => {
        &[
            Parameter::flag("dry_run", "Only tells what would come of it, with the difference."),
            Parameter::flag("diff", "Tells the difference, and examples of requests that go elsewhere."),
            Parameter::text("message", "Why, in your words; it is kept with the revision."),
            $($own),*
        ]
    };
}

pub(super) static OF_CHANGE: &[Parameter] = of_change![];

/// How a change may fail, beside the ways in which everything may: it is not there, is there already or somebody else's, has
/// changed, is no good, or cannot be kept.
pub(super) const FAILURES: &[u16] = &[404, 409, 412, 422, 503];

/// Longest message, in bytes.
const MESSAGE_BYTES: usize = 1024;

/// So many objects are looked up one by one; where more are asked for, all are told at once.
const FEW: usize = 100;

/// What came of a change.
pub(super) struct Changed {
    pub(super) told: ChangeTold,
    /// Of what is new.
    pub(super) location: Option<String>,
    /// Of what is there now.
    pub(super) tag: Option<String>,
    /// For whoever keeps who did what.
    pub(super) noted: audit::Told,
}

/// The order that a request gives, but for its conditions.
pub(super) fn order(call: &Call, edits: Vec<Edit>) -> Result<ChangeOrder, Problem> {
    let message = call.query.get("message").unwrap_or_default().to_owned();
    check_message(&message)?;
    Ok(ChangeOrder {
        edits,
        expected: Vec::new(),
        author: call.author(),
        message,
        dry_run: call.query.flag("dry_run"),
        with_diff: call.query.flag("diff"),
    })
}

pub(super) fn check_message(message: &str) -> Result<(), Problem> {
    match message.len() <= MESSAGE_BYTES {
        true => Ok(()),
        false => Err(bad(format!("`message` has at most {MESSAGE_BYTES} bytes"))),
    }
}

/// What `If-Match` and `If-None-Match` want of an object.
pub(super) fn expected_of_object(
    gateway: &dyn Gateway,
    list: List,
    name: &str,
    conditions: &Conditions,
) -> Result<Vec<Expected>, Problem> {
    let expected = |tag| Expected::Object { list, name: name.to_owned(), tag };
    let mut all = Vec::new();
    if conditions.is_new {
        all.push(expected(None));
    }
    match &conditions.seen {
        None => {}
        Some(Seen::Tags(tags)) if tags.len() == 1 => all.extend(tags.iter().cloned().map(Some).map(expected)),
        Some(seen) => match gateway.object(list, name) {
            Some(object) if seen.has(&object.tag) => all.push(expected(Some(object.tag))),
            Some(object) => {
                return Err(unexpected(format!("the {} `{name}` has another tag: `{}`", list.singular(), object.tag)));
            }
            None => return Err(unexpected(format!("there is no {} `{name}`", list.singular()))),
        },
    }
    Ok(all)
}

/// What they want of the document as a whole, whose tag is the number of its newest revision.
pub(super) fn expected_of_document(gateway: &dyn Gateway, conditions: &Conditions) -> Result<Vec<Expected>, Problem> {
    let mut all = Vec::new();
    if conditions.is_new {
        all.push(Expected::Revision(0));
    }
    match &conditions.seen {
        None => {}
        Some(seen) => {
            let newest = newest(gateway)?;
            // Nobody has seen what is no number.
            if newest == 0 && *seen == Seen::Any || *seen != Seen::Any && !seen.has(&newest.to_string()) {
                return Err(unexpected(format!("the newest revision is {newest}")));
            }
            all.push(Expected::Revision(newest));
        }
    }
    Ok(all)
}

/// The number of the newest revision; 0: there is none.
pub(super) fn newest(gateway: &dyn Gateway) -> Result<u64, Problem> {
    let newest = gateway.revisions(None, 1).map_err(unreadable)?;
    Ok(newest.first().map_or(0, |newest| newest.number))
}

pub(super) fn unreadable(why: String) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, why)
}

fn unexpected(what: String) -> Problem {
    refused(&ChangeError::Unexpected(what))
}

/// Makes a change, if who asks may.
pub(super) fn change(gateway: &dyn Gateway, identity: &Identity, order: ChangeOrder) -> Result<Changed, Problem> {
    let (edits, before) = (order.edits.clone(), written(gateway, &order.edits));
    let (message, order) = (order.message.clone(), permitted(gateway, identity, order)?);
    let told = gateway.change(order).map_err(|error| match &error {
        ChangeError::Edit(edit) if edits.len() > 1 => refused(&error).with("edit", edit.index),
        _ => refused(&error),
    })?;
    let revision = told.revision.as_ref().map(|revision| revision.number);
    let changed = match revision {
        Some(_) => audit::Changed::of(&edits, &before, &written(gateway, &edits)),
        None => Vec::new(),
    };
    let noted = audit::Told { revision, message, changed };
    Ok(Changed { told, location: None, tag: None, noted })
}

/// The order as it may be followed: who may not say who the operators are, is not to do so by way of another document.
fn permitted(gateway: &dyn Gateway, identity: &Identity, mut order: ChangeOrder) -> Result<ChangeOrder, Problem> {
    if identity.role == Role::Admin {
        return Ok(order);
    }
    let replaces = order.edits.iter().any(|edit| matches!(edit, Edit::Replace { .. }));
    // In this order: if operators are changed in between, this is an order about another document.
    let newest = replaces.then(|| newest(gateway)).transpose()?;
    // A document that was told comes back without its secrets, one that was kept with them; neither is a change of operators.
    let kept = newest.filter(|newest| *newest > 0).and_then(|newest| gateway.revision(newest).ok());
    let is_as_kept = kept.is_some_and(|kept| least_role_of(&order.edits, &kept.document) <= identity.role);
    if !is_as_kept {
        may_change(gateway, identity, &order.edits, &written(gateway, &order.edits))?;
    }
    order.expected.extend(newest.map(Expected::Revision));
    Ok(order)
}

/// As much of what the API keeps as edits may change.
fn written(gateway: &dyn Gateway, edits: &[Edit]) -> Document {
    let mut named: BTreeMap<List, BTreeSet<&str>> = BTreeMap::new();
    for edit in edits {
        let (list, name) = match edit {
            Edit::Create { list, object } => (*list, name_of(object).unwrap_or_default()),
            Edit::Put { list, name, .. } | Edit::Patch { list, name, .. } | Edit::Delete { list, name } => {
                (*list, &**name)
            }
            Edit::PatchGateway { .. } | Edit::Replace { .. } => return gateway.document(true).into(),
        };
        named.entry(list).or_default().insert(name);
    }
    let there = |(list, names): (List, BTreeSet<&str>)| {
        let told: Vec<_> = match names.len() {
            ..=FEW => names.iter().filter_map(|name| gateway.object(list, name)).collect(),
            _ => gateway.objects(list).into_iter().filter(|told| names.contains(&*told.name)).collect(),
        };
        (list.name().to_owned(), told.into_iter().map(|told| Value::Object(told.object)).collect())
    };
    named.into_iter().map(there).collect::<Map<_, _>>().into()
}

/// Why nothing was changed.
pub(super) fn refused(error: &ChangeError) -> Problem {
    let problem = Problem::new(status(error), error.to_string());
    match error {
        ChangeError::Refused(problems) => problem.with("problems", problems),
        ChangeError::NotOurs { owner, .. } => problem.with("owner", owner),
        ChangeError::Edit(error) => match finding(&error.why, error.to_string()) {
            Some(finding) => problem.with("problems", [finding]),
            None => problem,
        },
        _ => problem,
    }
}

fn status(error: &ChangeError) -> StatusCode {
    match error {
        ChangeError::Edit(EditError { why: Why::Missing { .. }, .. }) | ChangeError::NoRevision(_) => {
            StatusCode::NOT_FOUND
        }
        ChangeError::Edit(EditError { why: Why::Exists { .. }, .. }) | ChangeError::NotOurs { .. } => {
            StatusCode::CONFLICT
        }
        ChangeError::Unexpected(_) => StatusCode::PRECONDITION_FAILED,
        ChangeError::Edit(_) | ChangeError::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        ChangeError::ReadOnly(_) => StatusCode::FORBIDDEN,
        ChangeError::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What cannot be edited, as a problem of the object.
fn finding(why: &Why, message: String) -> Option<Finding> {
    let path = match why {
        Why::Name { list, expected, .. } => {
            let of = expected.as_ref().map(|name| format!("[{name}]")).unwrap_or_default();
            Some(format!("{}{of}.name", list.name()))
        }
        Why::Shape(_) => None,
        Why::Missing { .. } | Why::Exists { .. } => return None,
    };
    Some(Finding { severity: "error".to_owned(), path, place: None, message, hint: None })
}

// === impl Seen ===

impl Seen {
    fn has(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|seen| seen == tag),
        }
    }
}

// === impl Changed ===

impl Changed {
    /// With the tag of the object that was written, unless somebody else has written since: who has not seen what they wrote must
    /// not replace it.
    pub(super) fn tagged(self, gateway: &dyn Gateway, list: List, name: &str) -> Self {
        let Some(revision) = &self.told.revision else { return self };
        let tag = gateway.object(list, name).map(|object| object.tag);
        let is_newest = newest(gateway).is_ok_and(|newest| newest == revision.number);
        Self { tag: tag.filter(|_| is_newest), ..self }
    }
}

impl IntoResponse for Changed {
    fn into_response(self) -> Response {
        let status = if self.location.is_some() { StatusCode::CREATED } else { StatusCode::OK };
        let mut response = (status, Json(self.told)).into_response();
        let location = self.location.and_then(|location| HeaderValue::from_str(&location).ok());
        let tag = self.tag.as_deref().and_then(tags::field);
        let headers = response.headers_mut();
        headers.extend(location.map(|location| (header::LOCATION, location)));
        headers.extend(tag.map(|tag| (header::ETAG, tag)));
        response.extensions_mut().insert(self.noted);
        response
    }
}

impl Answer for Changed {
    fn shape() -> Shape {
        Shape::told::<ChangeTold>()
    }
}
