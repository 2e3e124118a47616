//! Requests shared out among several sides.

use std::{collections::HashMap, sync::Arc};

use super::{super::names::Names, action, destination::Known, matching};
use crate::{
    Cohort, Field, Node, Place, Report, Side, Split, StickyKey, document,
    values::{FieldName, Name},
};

pub(super) fn check(
    node: &Node,
    written: document::Split,
    known: &mut Known<'_>,
    report: &mut Report,
) -> Option<Split> {
    let document::Split { sticky: document::Sticky(sticky), salt, force, reveal, to } = written;
    let list = node.near("to");
    if to.is_empty() {
        report.error_with_hint(&list.place, "a split without sides", "for example `to: [{ upstream: users }]`");
    }
    let sides: Vec<_> = to
        .into_iter()
        .enumerate()
        .map(|(index, written)| side(list.item(index), index, written, known, report))
        .collect();
    let sticky: Vec<StickyKey> = sticky.into_iter().map(key).collect();
    check_keys(node, &sticky, report);
    let reveal = reveal.map(|document::Reveal { header: FieldName(name) }| {
        action::may_be_set(&name, &node.near("reveal").near("header").place, report);
        name
    });
    let sides = sides.into_iter().collect::<Option<Vec<Side>>>()?;
    check_names(&sides, report);
    check_weights(node, &sides, force.is_some(), report);
    Some(Split {
        asks_consumer: asks_consumer(node, &sticky, &sides),
        sides,
        sticky,
        salt: salt.map(Into::into),
        force: force.map(field),
        reveal,
    })
}

fn side(
    node: &Node,
    index: usize,
    written: document::Side,
    known: &mut Known<'_>,
    report: &mut Report,
) -> Option<Side> {
    let document::Side { name, upstream, labels, weight, cohort } = written;
    let name = match (name, labels.get("version")) {
        (Some(Name(name)), _) => Some(name),
        (None, Some(version)) => named_by_version(version, &node.near("labels").near("version").place, report),
        (None, None) => Some(upstream.into()),
    };
    let cohort = cohort.map(|cohort| self::cohort(node.near("cohort"), cohort, report));
    let to = known.destination(index, labels, node)?;
    let cohort = match cohort {
        Some(cohort) => Some(cohort?),
        None => None,
    };
    Some(Side { name: name?, place: node.place.clone(), to, weight: weight.unwrap_or(1), cohort })
}

/// A label may hold what a name cannot.
fn named_by_version(version: &str, place: &Place, report: &mut Report) -> Option<Arc<str>> {
    match <Name as crate::FromText>::from_text(version) {
        Ok(Name(name)) => Some(name),
        Err(_) => {
            let message = format!("the label `{version}` makes no name of a side");
            report.error_with_hint(place, message, "give the side a `name`");
            None
        }
    }
}

fn cohort(node: &Node, written: document::Cohort, report: &mut Report) -> Option<Cohort> {
    let document::Cohort { headers, cookies, consumers, groups } = written;
    if headers.is_empty() && cookies.is_empty() && consumers.is_empty() && groups.is_empty() {
        let hint = "name `headers`, `cookies`, `consumers` or `groups`, or leave it out";
        report.error_with_hint(&node.place, "a cohort that names nobody", hint);
        return None;
    }
    let texts = |list: Vec<String>| list.into_iter().map(Into::into).collect();
    Some(Cohort {
        headers: matching::headers(headers),
        cookies: matching::fields(cookies),
        consumers: texts(consumers),
        groups: texts(groups),
    })
}

/// Reports consumers that cohorts name and the document does not know.
pub(super) fn check_consumers(route: &Node, known: &mut Names<'_>, report: &mut Report) {
    let sides = route.get("split").and_then(|split| split.get("to")).map(Node::items).unwrap_or_default();
    let cohorts = sides.iter().filter_map(|side| side.get("cohort")?.get("consumers"));
    for name in cohorts.flat_map(Node::items) {
        known.find(name, report);
    }
}

fn check_names(sides: &[Side], report: &mut Report) {
    let mut seen: HashMap<&str, &Place> = HashMap::new();
    for Side { name, place, .. } in sides {
        if let Some(first) = seen.insert(name, place) {
            let message = format!("two sides are called `{name}`, the first at {first}");
            report.error_with_hint(place, message, "give each a `name` of its own");
        }
    }
}

fn check_weights(node: &Node, sides: &[Side], has_force: bool, report: &mut Report) {
    if sides.is_empty() || sides.iter().any(|side| side.weight > 0) {
        return;
    }
    let place = &node.near("to").place;
    if has_force || sides.iter().any(|side| side.cohort.is_some()) {
        let message = "all sides have the weight 0, so requests that neither `force` nor a `cohort` brings are refused";
        report.warning_with_hint(place, message, "give the side that is for everybody else a weight");
    } else {
        let hint = "give at least one of them a weight above 0";
        report.error_with_hint(place, "all sides have the weight 0, so no request could go anywhere", hint);
    }
}

fn check_keys(node: &Node, keys: &[StickyKey], report: &mut Report) {
    for (index, key) in keys.iter().enumerate() {
        if keys[..index].contains(key) {
            let place = &node.near("sticky").item(index).place;
            report.error_with_hint(place, format!("the {key} is given twice"), "keep one of them");
        }
    }
}

/// Where the document asks who calls.
fn asks_consumer(node: &Node, sticky: &[StickyKey], sides: &[Side]) -> Option<Place> {
    if let Some(index) = sticky.iter().position(|key| *key == StickyKey::Consumer) {
        return Some(node.near("sticky").item(index).place.clone());
    }
    let asks = |side: &Side| side.cohort.as_ref().is_some_and(Cohort::asks_consumer);
    let cohort = node.near("to").item(sides.iter().position(asks)?).near("cohort");
    let key = cohort.key("consumers").or(cohort.key("groups"));
    Some(key.map_or(&cohort.place, |key| &key.place).clone())
}

fn key(written: document::StickyKey) -> StickyKey {
    match written {
        document::StickyKey::ClientIp => StickyKey::ClientIp,
        document::StickyKey::Consumer => StickyKey::Consumer,
        document::StickyKey::Header(FieldName(name)) => StickyKey::Field(Field::Header(name)),
        document::StickyKey::Query(name) => StickyKey::Field(Field::Query(name.into())),
        document::StickyKey::Cookie(name) => StickyKey::Field(Field::Cookie(name.into())),
    }
}

fn field(written: document::Field) -> Field {
    match written {
        document::Field::Header(FieldName(name)) => Field::Header(name),
        document::Field::Query(name) => Field::Query(name.into()),
        document::Field::Cookie(name) => Field::Cookie(name.into()),
    }
}
