//! What must hold of a request.

use crate::{
    FieldMatch, HeaderMatch, Match, TextOr, document,
    values::{FieldName, HostName, MethodName, Network},
};

pub(super) fn check(written: document::Match) -> Match {
    let field = |document::FieldMatch { name, value }| FieldMatch { name: name.into(), value };
    Match {
        hosts: written.hosts.into_iter().map(|HostName(host)| host).collect(),
        path: written.path.map(|TextOr(document::Path(path))| path),
        methods: written.methods.into_iter().map(|MethodName(method)| method).collect(),
        headers: written
            .headers
            .into_iter()
            .map(|document::HeaderMatch { name: FieldName(name), value }| HeaderMatch { name, value })
            .collect(),
        query: written.query.into_iter().map(field).collect(),
        cookies: written.cookies.into_iter().map(field).collect(),
        client_ip: written.client_ip.into_iter().map(|Network(network)| network).collect(),
    }
}
