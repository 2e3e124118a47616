//! What others ask: who is there, and how they are. All of it with `?index=&wait=`, once it has changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::{Answer, indexed, refused, told};
use crate::{
    core::{Core, Refusal, Registered},
    front::{Asked, Query},
    registry::Shared,
};

/// With `?passing`, those that are up; with `?tag=`, those that have all these tags.
pub(super) async fn service(State(shared): Asked, Path(service): Path<String>, query: Query) -> Answer {
    let (index, found) = of_service(&shared, &service, &query).await?;
    let passing = query.is("passing");
    let entries = found.iter().filter(|one| !passing || told::is_passing(one)).map(|one| told::entry(one)).collect();
    Ok(indexed(index, Value::Array(entries)))
}

pub(super) async fn checks(State(shared): Asked, Path(service): Path<String>, query: Query) -> Answer {
    let (index, found) = of_service(&shared, &service, &query).await?;
    let checks = found.iter().flat_map(|one| told::checks(one)).collect();
    Ok(indexed(index, Value::Array(checks)))
}

pub(super) async fn state(State(shared): Asked, Path(state): Path<String>, query: Query) -> Answer {
    let (index, found) = everything(&shared, &query, |core| {
        core.services().values().flat_map(|service| service.instances.values()).cloned().collect::<Vec<_>>()
    })
    .await?;
    let checks = found.iter().flat_map(|one| told::checks(one));
    let checks = checks.filter(|check| state == "any" || check["Status"] == *state).collect();
    Ok(indexed(index, Value::Array(checks)))
}

/// The services with all the tags that an instance of them has.
pub(super) async fn catalog(State(shared): Asked, query: Query) -> Answer {
    let (index, services) = everything(&shared, &query, |core| {
        let tags = |instances: &BTreeMap<Arc<str>, Arc<Registered>>| {
            instances.values().flat_map(|one| one.instance.tags.iter().cloned()).collect::<BTreeSet<_>>()
        };
        core.services()
            .iter()
            .map(|(name, service)| (name.clone(), tags(&service.instances)))
            .collect::<BTreeMap<_, _>>()
    })
    .await?;
    Ok(indexed(index, json!(services)))
}

pub(super) async fn catalog_service(State(shared): Asked, Path(service): Path<String>, query: Query) -> Answer {
    let (index, found) = of_service(&shared, &service, &query).await?;
    Ok(indexed(index, Value::Array(found.iter().map(|one| told::catalog_entry(one)).collect())))
}

pub(super) async fn nodes(State(shared): Asked) -> Answer {
    Ok(indexed(shared.core().index(), json!([told::node("127.0.0.1")])))
}

/// What an expression in `?filter=` would leave out is not for clients to be surprised by.
pub(super) fn no_filter(query: &Query) -> Result<(), String> {
    match query.get("filter") {
        Some(filter) if !filter.is_empty() => {
            Err("expressions in `filter` are not understood; there are `passing` and `tag`".to_owned())
        }
        _ => Ok(()),
    }
}

async fn of_service(
    shared: &Shared,
    service: &str,
    query: &Query,
) -> Result<(u64, Vec<Arc<Registered>>), super::Refused> {
    let asked = no_filter(query).and_then(|()| query.blocking());
    let asked = asked.map_err(|detail| refused(shared, &Refusal::Bad(detail)))?;
    let service = service.to_ascii_lowercase();
    let (index, mut found) = shared
        .look(Some(&service), asked, |core, _| {
            let service = core.services().get(&*service);
            service.into_iter().flat_map(|service| service.instances.values()).cloned().collect::<Vec<_>>()
        })
        .await;
    found.retain(|one| query.all("tag").all(|tag| one.instance.tags.iter().any(|other| **other == *tag)));
    Ok((index, found))
}

async fn everything<T>(shared: &Shared, query: &Query, look: impl Fn(&Core) -> T) -> Result<(u64, T), super::Refused> {
    let asked = no_filter(query).and_then(|()| query.blocking());
    let asked = asked.map_err(|detail| refused(shared, &Refusal::Bad(detail)))?;
    Ok(shared.look(None, asked, |core, _| look(core)).await)
}
