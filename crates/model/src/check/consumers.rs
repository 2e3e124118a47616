//! Who calls, and what shows it.

use std::collections::HashMap;

use crate::{
    Consumer, Credential, Node, Place, Report, TextOr,
    decode::decode,
    document::{self, ApiKey},
    values::{DateOrTime, GroupName, Name, SecretHash},
};

/// One result for each node.
pub(super) fn check(nodes: &[Node], report: &mut Report) -> Vec<Option<Consumer>> {
    let consumers: Vec<_> = nodes.iter().map(|node| consumer(node, report)).collect();
    let mut taken: HashMap<SecretHash, &Place> = HashMap::new();
    for (node, consumer) in nodes.iter().zip(&consumers) {
        let Some(consumer) = consumer else { continue };
        for (index, credential) in consumer.credentials.iter().enumerate() {
            let place = &node.near("credentials").item(index).near("key").near("hash").place;
            let first = *taken.entry(credential.hash).or_insert(place);
            if !std::ptr::eq(first, place) {
                let id = credential.hash.id();
                let message = format!("two credentials are the key with the hash `blake3:{id}…`, the first at {first}");
                report.error_with_hint(place, message, "a key shows who calls; make another one for each");
            }
        }
    }
    consumers
}

fn consumer(node: &Node, report: &mut Report) -> Option<Consumer> {
    let document::Consumer { name: Name(name), groups, credentials, labels } =
        decode::<document::Consumer>(node, report)?;
    check_groups(&groups, node.near("groups"), report);
    let credentials: Vec<_> = credentials.into_iter().map(credential).collect();
    check_credentials(&credentials, node.near("credentials"), report);
    Some(Consumer {
        name,
        place: node.place.clone(),
        groups: groups.into_iter().map(|GroupName(group)| group).collect(),
        labels: labels.into_iter().map(|(key, value)| (key.into(), value.into())).collect(),
        credentials,
    })
}

fn check_groups(groups: &[GroupName], node: &Node, report: &mut Report) {
    for (index, group) in groups.iter().enumerate() {
        if groups[..index].contains(group) {
            let GroupName(name) = group;
            report.warning_with_hint(
                &node.item(index).place,
                format!("the group `{name}` is given twice"),
                "once is enough",
            );
        }
    }
}

fn credential(written: document::Credential) -> Credential {
    let document::Credential { key: TextOr(ApiKey { hash }), id, created, not_after } = written;
    let moment = |moment: Option<DateOrTime>| moment.map(|DateOrTime(moment)| moment);
    Credential {
        hash,
        id: id.map_or_else(|| hash.id().into(), |Name(id)| id),
        created: moment(created),
        not_after: moment(not_after),
    }
}

fn check_credentials(credentials: &[Credential], node: &Node, report: &mut Report) {
    for (index, credential) in credentials.iter().enumerate() {
        let node = node.item(index);
        let Credential { hash, id, created, not_after } = credential;
        let is_other = |other: &&Credential| other.id == *id && other.hash != *hash;
        if credentials[..index].iter().any(|other| is_other(&other)) {
            let message = format!("two credentials of this consumer have the id `{id}`");
            report.error_with_hint(&node.near("id").place, message, "give each an `id` of its own");
        }
        if let (Some(created), Some(not_after)) = (created, not_after)
            && not_after <= created
        {
            let hint = "leave the credential out, or correct one of them";
            report.error_with_hint(&node.near("not_after").place, "it ends before it was created", hint);
        }
    }
}
