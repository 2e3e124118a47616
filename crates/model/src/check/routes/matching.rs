//! What must hold of a request.

use crate::{
    FieldMatch, HeaderMatch, Match, TextOr, document,
    values::{FieldName, HostName, MethodName, Network},
};

pub(super) fn check(written: document::Match) -> Match {
    Match {
        hosts: written.hosts.into_iter().map(|HostName(host)| host).collect(),
        path: written.path.map(|TextOr(document::Path(path))| path),
        methods: written.methods.into_iter().map(|MethodName(method)| method).collect(),
        headers: headers(written.headers),
        query: fields(written.query),
        cookies: fields(written.cookies),
        client_ip: written.client_ip.into_iter().map(|Network(network)| network).collect(),
    }
}

pub(super) fn headers(written: Vec<document::HeaderMatch>) -> Vec<HeaderMatch> {
    let header = |document::HeaderMatch { name: FieldName(name), value }| HeaderMatch { name, value };
    written.into_iter().map(header).collect()
}

/// Of the query, or cookies.
pub(super) fn fields(written: Vec<document::FieldMatch>) -> Vec<FieldMatch> {
    let field = |document::FieldMatch { name, value }| FieldMatch { name: name.into(), value };
    written.into_iter().map(field).collect()
}
