//! Traces, and the collectors that are told.

use std::{sync::Arc, time::Duration};

use http::{HeaderName, header};

use super::{routes::may_be_set, upstreams::tls_rules};
use crate::{
    Node, Otlp, OtlpProtocol, Propagation, Report, Sample, Tracing, Whose, document,
    values::{Count, HttpUrl, Name, Ratio, SecretSource},
};

pub(super) fn check(node: &Node, written: document::Tracing, report: &mut Report) -> Tracing {
    let document::Tracing { otlp, sample, propagate, continues, queue, service_name, resource } = written;
    let continues = continues.map_or(Whose::Anybody, whose);
    Tracing {
        otlp: otlp.map(|otlp| self::otlp(node.near("otlp"), otlp, report)),
        sample: self::sample(node.near("sample"), &sample, continues, report),
        propagate: self::propagate(node.near("propagate"), propagate, report),
        continues,
        queue: queue.map_or(4096, |Count(queue)| queue),
        service_name: service_name.map_or_else(|| "sluice".into(), |Name(name)| name),
        resource: self::resource(node.near("resource"), resource, report),
    }
}

/// A collector, whatever it is told.
pub(super) fn otlp(node: &Node, written: document::Otlp, report: &mut Report) -> Otlp {
    let document::Otlp { endpoint, protocol, headers, tls, timeout, compression } = written;
    if let (Some(key), false) = (node.key("tls"), endpoint.is_tls) {
        let hint = format!("write `https://{}`, or leave `tls` out", endpoint.authority());
        report.error_with_hint(&key.place, "the collector is not asked over TLS", hint);
    }
    let usual = Otlp::to(endpoint);
    Otlp {
        protocol: self::protocol(node, &usual, protocol, report),
        headers: self::headers(node.near("headers"), headers, report),
        tls: tls.map(tls_rules).unwrap_or_default(),
        timeout: timeout.map_or(usual.timeout, Into::into),
        gzip: compression == document::OtlpCompression::Gzip,
        ..usual
    }
}

fn protocol(node: &Node, usual: &Otlp, written: Option<document::OtlpProtocol>, report: &mut Report) -> OtlpProtocol {
    let endpoint = &usual.endpoint;
    for path in ["/v1/traces", "/v1/logs"] {
        if let Some(base) = endpoint.path.strip_suffix(path) {
            let url = HttpUrl { path: base.into(), ..endpoint.clone() };
            let message = format!("`{path}` is added by the gateway, as each kind of data has its own");
            report.error_with_hint(&node.near("endpoint").place, message, format!("write `{url}`"));
        }
    }
    let (protocol, other) = match (written, endpoint.port) {
        (None, _) => return usual.protocol,
        (Some(document::OtlpProtocol::Grpc), 4318) => (OtlpProtocol::Grpc, "http"),
        (Some(document::OtlpProtocol::Http), 4317) => (OtlpProtocol::Http, "grpc"),
        (Some(document::OtlpProtocol::Grpc), _) => return OtlpProtocol::Grpc,
        (Some(document::OtlpProtocol::Http), _) => return OtlpProtocol::Http,
    };
    let message = format!("collectors speak `{other}` at the port {}, unless they are told otherwise", endpoint.port);
    report.warning_with_hint(&node.near("protocol").place, message, format!("write `protocol: {other}`"));
    protocol
}

fn headers(
    node: &Node,
    written: impl IntoIterator<Item = (String, SecretSource)>,
    report: &mut Report,
) -> Vec<(HeaderName, SecretSource)> {
    const OWN: [HeaderName; 4] = [header::HOST, header::CONTENT_TYPE, header::CONTENT_ENCODING, header::TE];
    let mut headers = Vec::new();
    for (name, value) in written {
        let place = &node.key(&name).map_or(&node.place, |key| &key.place);
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
            report.error(place, format!("expected the name of a header field, found the text `{name}`"));
            continue;
        };
        may_be_set(&parsed, place, report);
        if OWN.contains(&parsed) || parsed.as_str().starts_with("grpc-") {
            report.error_with_hint(place, format!("`{parsed}` is set by the gateway itself"), "leave it out");
        }
        headers.push((parsed, value));
    }
    headers
}

fn sample(node: &Node, written: &document::Sample, continues: Whose, report: &mut Report) -> Sample {
    let default = Sample::default();
    let parent = written.parent.map_or(default.parent, whose);
    let follows_more = matches!(
        (parent, continues),
        (Whose::Anybody, Whose::TrustedProxies | Whose::Nobody) | (Whose::TrustedProxies, Whose::Nobody)
    );
    if let (Some(key), true) = (node.key("parent"), follows_more) {
        let message = "whose trace does not go on here has no choice that could be followed";
        report.error_with_hint(&key.place, message, "let `continue` name as many as `parent`");
    }
    let slower_than: Option<Duration> = written.slower_than.map(Into::into);
    if slower_than.is_some_and(|bound| bound.is_zero()) {
        let message = "everything takes longer than nothing";
        report.error_with_hint(&node.near("slower_than").place, message, "to be told of all, write `ratio: 100%`");
    }
    Sample {
        ratio: written.ratio.map_or(default.ratio, Ratio::fraction),
        parent,
        errors: written.errors.unwrap_or(default.errors),
        slower_than,
    }
}

fn propagate(node: &Node, written: Option<Vec<document::Propagation>>, report: &mut Report) -> Vec<Propagation> {
    let Some(written) = written else { return vec![Propagation::W3c] };
    if written.is_empty() {
        let message = "nothing would be handed on, so every endpoint would begin a trace of its own";
        report.error_with_hint(&node.place, message, "write `[w3c]`, or leave `propagate` out");
    }
    let mut formats = Vec::new();
    for (index, written) in written.into_iter().enumerate() {
        let (format, name) = match written {
            document::Propagation::W3c => (Propagation::W3c, "w3c"),
            document::Propagation::B3 => (Propagation::B3, "b3"),
            document::Propagation::B3Multi => (Propagation::B3Multi, "b3_multi"),
        };
        if formats.contains(&format) {
            report.error_with_hint(&node.item(index).place, format!("`{name}` is given twice"), "leave one out");
        }
        formats.push(format);
    }
    formats
}

fn resource(
    node: &Node,
    written: impl IntoIterator<Item = (String, String)>,
    report: &mut Report,
) -> Vec<(Arc<str>, Arc<str>)> {
    let mut resource = Vec::new();
    for (key, value) in written {
        let place = node.key(&key).map_or(&node.place, |key| &key.place);
        if key == "service.name" {
            report.error_with_hint(place, "`service.name` has a key of its own", "write it as `service_name`");
        } else if key.is_empty() {
            report.error(place, "an attribute without a name");
        }
        resource.push((key.into(), value.into()));
    }
    resource
}

fn whose(written: document::Whose) -> Whose {
    match written {
        document::Whose::Nobody => Whose::Nobody,
        document::Whose::TrustedProxies => Whose::TrustedProxies,
        document::Whose::Anybody => Whose::Anybody,
    }
}
