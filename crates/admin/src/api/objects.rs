//! `/api/v1/routes` and its like: the objects of a document, one by one.

use std::sync::Arc;

use axum::Json;
use http::StatusCode;
use revisions::edit::{Edit, List, Why, name_of};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use snapshot::{BreakerTold, EndpointHealthTold, ObjectTold, Operators, Owner};

use super::{
    address,
    call::Call,
    change::{Changed, change, expected_of_object, newest, order},
    query::{Parameter, bad},
    tags::{Conditions, Tagged},
};
use crate::Gateway;
use listen::Problem;

pub(super) static OF_LIST: &[Parameter] = &[
    // Every page is looked for from the begin of the list: who wants all of a long one asks for it at once.
    Parameter::number("limit", [1, 100_000], Some(100), "How many are told at most."),
    Parameter::text("after", "The `next` of the page before."),
    Parameter::text("q", "Those that say this in some key or value, in whichever case."),
    Parameter::one_of("owner", &[("api", ""), ("file", ""), ("catalog", "")], "Those that this one changes."),
];

type Object = Map<String, Value>;

/// A page of a list.
#[derive(Serialize, JsonSchema)]
pub(super) struct ObjectsTold {
    /// In the order of the document.
    items: Vec<ItemTold>,
    /// The `after` of the next page; `None`: this is the last.
    next: Option<String>,
    /// How many there are on all pages.
    total: usize,
    /// The newest revision; `None`: it cannot be read.
    revision: Option<u64>,
}

/// An object of a list.
#[derive(Serialize, JsonSchema)]
pub(super) struct ItemTold {
    #[serde(flatten)]
    told: ObjectTold,
    /// Of an operator: when the token was last used, RFC 3339, to the minute; `null`: not in the life of this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<Option<String>>,
}

/// An object, and how it is.
#[derive(Serialize, JsonSchema)]
pub(super) struct OneTold {
    #[serde(flatten)]
    item: ItemTold,
    status: StatusTold,
}

#[derive(Serialize, JsonSchema)]
struct StatusTold {
    /// It is in force.
    live: bool,
    /// Of an upstream: the endpoints whose health is looked after.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoints: Option<Vec<EndpointHealthTold>>,
    /// Of an upstream or a route: those that are about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    breakers: Option<Vec<BreakerTold>>,
}

/// What is asked for of a list.
struct Wanted {
    limit: usize,
    after: Option<String>,
    /// In lower case.
    text: Option<String>,
    owner: Option<String>,
}

/// A page of a list.
pub(super) async fn list(call: Call, list: List) -> Result<Json<ObjectsTold>, Problem> {
    let wanted = Wanted::of(&call);
    call.ask(move |gateway| {
        let revision = newest(gateway).ok();
        let operators = operators(gateway, list);
        let tell = |told| ItemTold::new(told, operators.as_deref());
        wanted.page(gateway.objects(list), list, revision, tell).map(Json)
    })
    .await?
}

/// One object.
pub(super) async fn get(call: Call, list: List) -> Result<Tagged<OneTold>, Problem> {
    let (name, headers) = (call.id(), call.headers.clone());
    call.ask(move |gateway| {
        let told = gateway.object(list, &name).ok_or_else(|| missing(gateway, list, &name))?;
        let status = StatusTold::of(gateway, list, &name);
        let tag = told.tag.clone();
        let item = ItemTold::new(told, operators(gateway, list).as_deref());
        Tagged::new(tag, &OneTold { item, status }, &headers)
    })
    .await?
}

/// A new one.
pub(super) async fn create(call: Call, object: Object, list: List) -> Result<Changed, Problem> {
    let name = name_of(&object).unwrap_or_default().to_owned();
    let segment = address::segment(&name);
    // What has no name at all is refused with the rest.
    if segment.is_none() && !name.is_empty() {
        let detail = format!(
            "`{name}` cannot be part of an address, so nobody could ask for this {}; take another name, without `/` and `%`",
            list.singular()
        );
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let conditions = Conditions::read(&call.headers)?;
    let mut order = order(&call, vec![Edit::Create { list, object }])?;
    let identity = call.identity.clone();
    call.ask(move |gateway| {
        order.expected = expected_of_object(gateway, list, &name, &conditions)?;
        let is_dry = order.dry_run;
        let changed = change(gateway, &identity, order)?.tagged(gateway, list, &name);
        let location = segment.filter(|_| !is_dry).map(|segment| format!("/api/v1/{}/{segment}", list.name()));
        Ok(Changed { location, ..changed })
    })
    .await?
}

/// One as it shall be, whether or not there is one.
pub(super) async fn put(call: Call, object: Object, list: List) -> Result<Changed, Problem> {
    let name = call.id();
    let conditions = Conditions::read(&call.headers)?;
    let mut order = order(&call, vec![Edit::Put { list, name: name.clone(), object }])?;
    let identity = call.identity.clone();
    call.ask(move |gateway| {
        order.expected = expected_of_object(gateway, list, &name, &conditions)?;
        let is_new = !order.dry_run && gateway.object(list, &name).is_none();
        let changed = change(gateway, &identity, order)?.tagged(gateway, list, &name);
        let location = address::segment(&name).filter(|_| is_new);
        Ok(Changed { location: location.map(|segment| format!("/api/v1/{}/{segment}", list.name())), ..changed })
    })
    .await?
}

/// Some keys of one.
pub(super) async fn patch(call: Call, patch: Object, list: List) -> Result<Changed, Problem> {
    let name = call.id();
    let edit = Edit::Patch { list, name: name.clone(), patch: Value::Object(patch) };
    let conditions = Conditions::read(&call.headers)?;
    let mut order = order(&call, vec![edit])?;
    let identity = call.identity.clone();
    call.ask(move |gateway| {
        order.expected = expected_of_object(gateway, list, &name, &conditions)?;
        Ok(change(gateway, &identity, order)?.tagged(gateway, list, &name))
    })
    .await?
}

pub(super) async fn delete(call: Call, list: List) -> Result<Changed, Problem> {
    let name = call.id();
    let conditions = Conditions::read(&call.headers)?;
    let mut order = order(&call, vec![Edit::Delete { list, name: name.clone() }])?;
    let identity = call.identity.clone();
    call.ask(move |gateway| {
        order.expected = expected_of_object(gateway, list, &name, &conditions)?;
        change(gateway, &identity, order)
    })
    .await?
}

/// Who knows when tokens were used, if the list is theirs.
fn operators(gateway: &dyn Gateway, list: List) -> Option<Arc<Operators>> {
    (list == List::Operators).then(|| gateway.operators())
}

/// There is no such object, with the nearest name.
pub(super) fn missing(gateway: &dyn Gateway, list: List, name: &str) -> Problem {
    let names: Vec<_> = gateway.objects(list).into_iter().map(|object| object.name).collect();
    let nearest = model::nearest(name, names.iter().map(|name| &**name)).map(str::to_owned);
    let why = Why::Missing { list, name: name.to_owned(), nearest };
    Problem::new(StatusCode::NOT_FOUND, why.to_string())
}

// === impl Wanted ===

impl Wanted {
    fn of(call: &Call) -> Self {
        let text = |name| call.query.get(name).map(str::to_owned);
        Self {
            limit: call.query.count("limit"),
            after: text("after"),
            text: call.query.get("q").map(str::to_lowercase),
            owner: text("owner"),
        }
    }

    fn page(
        &self,
        objects: Vec<ObjectTold>,
        list: List,
        revision: Option<u64>,
        tell: impl Fn(ObjectTold) -> ItemTold,
    ) -> Result<ObjectsTold, Problem> {
        let begin = match &self.after {
            None => 0,
            Some(after) => match objects.iter().position(|object| object.name == *after) {
                Some(last) => last + 1,
                None => {
                    let gone = format!("`after` is `{after}`, and there is no {} of this name", list.singular());
                    return Err(bad(format!("{gone} any more; begin again without it")));
                }
            },
        };
        let total = objects.iter().filter(|object| self.takes(object)).count();
        let mut rest = objects.into_iter().skip(begin).filter(|object| self.takes(object));
        let items: Vec<_> = rest.by_ref().take(self.limit).map(tell).collect();
        let has_more = rest.next().is_some();
        let next = items.last().filter(|_| has_more).map(|last| last.told.name.clone());
        Ok(ObjectsTold { items, next, total, revision })
    }

    fn takes(&self, ObjectTold { owner, object, .. }: &ObjectTold) -> bool {
        let kind = match owner {
            Owner::Api => "api",
            Owner::File { .. } => "file",
            Owner::Catalog { .. } => "catalog",
        };
        self.owner.as_deref().is_none_or(|owner| owner == kind)
            && self.text.as_deref().is_none_or(|text| object.iter().any(|(key, value)| says(key, value, text)))
    }
}

/// Whether a key or what is behind it has `text` in it, which is in lower case.
fn says(key: &str, value: &Value, text: &str) -> bool {
    let has = |said: &str| said.to_lowercase().contains(text);
    has(key)
        || match value {
            Value::Null => false,
            Value::String(said) => has(said),
            Value::Bool(_) | Value::Number(_) => has(&value.to_string()),
            Value::Array(items) => items.iter().any(|item| says("", item, text)),
            Value::Object(entries) => entries.iter().any(|(key, value)| says(key, value, text)),
        }
}

// === impl ItemTold ===

impl ItemTold {
    /// `operators` if it is one of them.
    fn new(told: ObjectTold, operators: Option<&Operators>) -> Self {
        let last_used = operators.map(|operators| operators.last_used(&told.name).map(telemetry::rfc3339));
        Self { told, last_used }
    }
}

// === impl StatusTold ===

impl StatusTold {
    fn of(gateway: &dyn Gateway, list: List, name: &str) -> Self {
        let breakers = |is_about: fn(&BreakerTold) -> Option<&str>| {
            gateway.breakers().into_iter().filter(|breaker| is_about(breaker) == Some(name)).collect()
        };
        let (endpoints, breakers) = match list {
            List::Upstreams => {
                let health = gateway.health().into_iter().filter(|health| *health.upstream == *name);
                (Some(health.collect()), Some(breakers(|breaker| breaker.upstream.as_deref())))
            }
            List::Routes => (None, Some(breakers(|breaker| breaker.route.as_deref()))),
            _ => (None, None),
        };
        Self { live: true, endpoints, breakers }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted(limit: usize, after: Option<&str>, text: Option<&str>) -> Wanted {
        Wanted { limit, after: after.map(str::to_owned), text: text.map(str::to_owned), owner: None }
    }

    fn objects(names: &[&str]) -> Vec<ObjectTold> {
        let told = |name: &&str| {
            let Value::Object(object) =
                json!({ "name": name, "match": { "hosts": [format!("{name}.Example.org")], "n": 7 } })
            else {
                panic!("it is a map")
            };
            ObjectTold { name: (*name).to_owned(), owner: Owner::Api, tag: "t".to_owned(), object }
        };
        names.iter().map(told).collect()
    }

    fn page(wanted: &Wanted, names: &[&str]) -> Result<ObjectsTold, Problem> {
        wanted.page(objects(names), List::Routes, None, |told| ItemTold::new(told, None))
    }

    #[test]
    fn pages_have_everything_once() {
        let names = ["d", "b", "a", "c", "e"];
        for limit in 1..7 {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = page(&wanted(limit, after.as_deref(), None), &names).unwrap();
                assert_eq!(page.total, names.len());
                seen.extend(page.items.into_iter().map(|item| item.told.name));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, names, "{limit}");
        }
        assert!(page(&wanted(1, Some("x"), None), &names).is_err());
    }

    #[test]
    fn keys_and_values_are_searched() {
        for (text, found) in [("a.example", 1), ("example.org", 2), ("hosts", 2), ("7", 2), ("null", 0), ("b", 1)] {
            let page = page(&wanted(9, None, Some(text)), &["a", "b"]).unwrap();
            assert_eq!((page.total, page.items.len()), (found, found), "{text}");
        }
    }
}
