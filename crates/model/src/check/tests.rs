//! What operators expect of their routes.

use http::{HeaderMap, Method};

use super::names::Names;
use crate::{
    Expectation, Expected, Node, Report, Test, TestRequest,
    decode::decode,
    document::{self, ExpectedRoute, Fields},
    values::{FieldName, FieldValue, IpAddress, MethodName, Moment, Status},
};

/// What tests may refer to.
pub(super) struct Known<'k, 'n, 'r> {
    pub(super) listeners: &'k mut Names<'n>,
    pub(super) upstreams: &'k mut Names<'n>,
    pub(super) routes: &'k mut Names<'r>,
}

pub(super) fn check(node: &Node, known: &mut Known<'_, '_, '_>, report: &mut Report) -> Option<Test> {
    let written = decode::<document::Test>(node, report);
    // These read the tree, so that they are made even if some other value is wrong.
    let (request, expect) = (node.near("request"), node.near("expect"));
    for (name, names) in
        [(request.get("listener"), &mut *known.listeners), (expect.get("upstream"), &mut *known.upstreams)]
    {
        name.map(|name| names.find(name, report));
    }
    expect.get("route").map(|name| known.routes.find(name, report));
    let document::Test { name, request: asked, expect: expected } = written?;
    if name.is_empty() {
        report.error(&node.near("name").place, "expected the name of a test, found an empty text");
    }
    let expected = expectations(expect, expected);
    if expected.is_empty() {
        let hint = "for example `route: users`";
        report.error_with_hint(&expect.place, "a test that expects nothing", hint);
    }
    Some(Test { name: name.into(), place: node.place.clone(), request: self::request(request, asked), expected })
}

fn request(node: &Node, written: document::TestRequest) -> TestRequest {
    let document::TestRequest { method, url, headers: Fields(fields), client_ip, listener, sni, at } = written;
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (FieldName(name), FieldValue(value)) in fields {
        headers.append(name, value);
    }
    TestRequest {
        method: method.map_or(Method::GET, |MethodName(method)| method),
        url,
        place: node.near("url").place.clone(),
        headers,
        client_ip: client_ip.map(|IpAddress(address)| address),
        listener: listener.map(Into::into),
        sni,
        at: at.map(|Moment(moment)| moment),
    }
}

/// In the order in which a request meets them.
fn expectations(node: &Node, written: document::Expect) -> Vec<Expectation> {
    let document::Expect { route, upstream, path, status, headers: Fields(fields), cause } = written;
    let route = match route {
        ExpectedRoute::Any => None,
        ExpectedRoute::None => Some(Expected::Route(None)),
        ExpectedRoute::Named(name) => Some(Expected::Route(Some(name.into()))),
    };
    let single = [
        ("cause", cause.map(|cause| Expected::Cause(cause.into()))),
        ("route", route),
        ("upstream", upstream.map(|name| Expected::Upstream(name.into()))),
        ("path", path.map(|path| Expected::Path(path.into()))),
        ("status", status.map(|Status(status)| Expected::Status(status))),
    ];
    let at = |key: &str, expected| Expectation { place: node.near(key).place.clone(), expected };
    let mut expectations: Vec<_> = single.into_iter().filter_map(|(key, expected)| Some(at(key, expected?))).collect();
    expectations.extend(headers(node.near("headers"), fields));
    expectations
}

/// One for each name; the values of one follow each other.
fn headers(node: &Node, fields: Vec<(FieldName, FieldValue)>) -> Vec<Expectation> {
    let mut expectations: Vec<Expectation> = Vec::new();
    for (FieldName(name), FieldValue(value)) in fields {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        match expectations.last_mut().map(|last| &mut last.expected) {
            Some(Expected::Header { name: last, values }) if *last == name => values.push(value),
            _ => {
                let entry = node.entries().iter().find(|(key, _)| key.name.eq_ignore_ascii_case(name.as_str()));
                let place = entry.map_or(&node.place, |(_, node)| &node.place).clone();
                expectations.push(Expectation { place, expected: Expected::Header { name, values: vec![value] } });
            }
        }
    }
    expectations
}
