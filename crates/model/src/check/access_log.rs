//! Logs of exchanges.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use expression::suggestion;
use http::HeaderName;

use crate::{
    AccessLog, Batch, HttpLog, LogFormat, LogItem, LogPart, LogShape, LogSink, Node, OtlpLog, Place, Report, Rotate,
    Syslog, UpstreamTls, Value,
    decode::decode,
    document::{self, Facility},
    values::{Bytes, Count, FieldName, HttpUrl, LogField, Name, Ratio, Size, StatusRange},
};

const EXPECTED: &str = "`off`, or a map with `path`";
const SINKS: [&str; 4] = ["path", "syslog", "http", "otlp"];
/// A file that is moved away sooner is a slip of the unit.
const LEAST_SIZE: u64 = 64 << 10;

/// `None`: the report says why.
pub(super) fn check(node: Option<&Node>, report: &mut Report) -> Option<Vec<AccessLog>> {
    let Some(node) = node else { return Some(Vec::new()) };
    let nodes = match &node.value {
        Value::Text(text) if text == "off" => return Some(Vec::new()),
        Value::Bool(false) => return Some(Vec::new()),
        Value::Map(_) => std::slice::from_ref(node),
        Value::List(items) => items,
        Value::Text(text) if !text.is_empty() => {
            let message = format!("expected {EXPECTED}, found {}", node.describe());
            report.error_with_hint(&node.place, message, format!("write `{{ path: {text} }}`"));
            return None;
        }
        _ => {
            report.error(&node.place, format!("expected {EXPECTED}, found {}", node.describe()));
            return None;
        }
    };
    let logs: Vec<_> = nodes.iter().map(|node| log(node, report)).collect();
    let mut logs = logs.into_iter().collect::<Option<Vec<_>>>()?;
    name_apart(nodes, &mut logs, report);
    refuse_shared_files(nodes, &logs, report);
    Some(logs)
}

fn log(node: &Node, report: &mut Report) -> Option<AccessLog> {
    let written = decode::<document::AccessLog>(node, report)?;
    let document::AccessLog {
        name,
        path,
        syslog,
        http,
        otlp,
        format,
        fields,
        request_headers,
        response_headers,
        sample,
        status,
        rotate,
        redact,
    } = written;
    let items = items(node, fields.as_deref(), request_headers, response_headers, report);
    let format = self::format(node, format, items, report);
    let rotate = rotate.map(|rotate| self::rotate(node, &rotate, report));
    if status.as_ref().is_some_and(Vec::is_empty) {
        let hint = "leave `status` out for all of them";
        report.error_with_hint(&node.near("status").place, "no status would get a line", hint);
    }
    if redact.iter().any(String::is_empty) {
        report.error(&node.near("redact").place, "an empty text is the name of nothing");
    }
    let given: Vec<String> = SINKS.iter().filter(|key| node.get(key).is_some()).map(|key| format!("`{key}`")).collect();
    let sink = match (path, syslog, http, otlp) {
        (Some(path), None, None, None) => file(path, rotate),
        (None, Some(written), None, None) => self::syslog(node.near("syslog"), written, report),
        (None, None, Some(written), None) => self::http(node.near("http"), written, &format, report),
        (None, None, None, Some(written)) => self::otlp(node, written, report),
        (None, None, None, None) => {
            let hint = "add `path: stdout`, or one of `syslog`, `http` and `otlp`";
            report.error_with_hint(&node.place, "it is not said where the lines go", hint);
            return None;
        }
        _ => {
            let message = format!("a log has one place that its lines go to, and here are {}", given.join(", "));
            report.error_with_hint(&node.place, message, "make it a list, with a log for each");
            return None;
        }
    };
    let is_otlp = matches!(sink, LogSink::Otlp(_));
    Some(AccessLog {
        name: name.map_or_else(|| usual_name(&sink).into(), |Name(name)| name),
        sink,
        format: match format {
            LogFormat::Json(items) if is_otlp => LogFormat::Otlp(items),
            format => format,
        },
        sample: sample.map_or(1.0, Ratio::fraction),
        status: status.unwrap_or_default().into_iter().map(|StatusRange(range)| range).collect(),
        redact: redact.iter().map(|name| name.to_ascii_lowercase().into()).collect(),
    })
}

fn items(
    node: &Node,
    fields: Option<&[LogField]>,
    request_headers: Vec<FieldName>,
    response_headers: Vec<FieldName>,
    report: &mut Report,
) -> Vec<LogItem> {
    let request_headers = request_headers.into_iter().map(|FieldName(name)| LogItem::RequestHeader(name));
    let response_headers = response_headers.into_iter().map(|FieldName(name)| LogItem::ResponseHeader(name));
    let fields = fields.unwrap_or(LogField::USUAL).iter().copied().map(LogItem::Field);
    let items: Vec<_> = fields.chain(request_headers).chain(response_headers).collect();
    for (index, item) in items.iter().enumerate() {
        if items[..index].contains(item) {
            let (key, name) = match item {
                LogItem::Field(field) => ("fields", field.name()),
                LogItem::RequestHeader(name) => ("request_headers", name.as_str()),
                LogItem::ResponseHeader(name) => ("response_headers", name.as_str()),
            };
            report.error(&node.near(key).place, format!("`{name}` is given twice"));
        }
    }
    if items.is_empty() {
        let message = "a line would say nothing";
        report.error_with_hint(&node.near("fields").place, message, "leave `fields` out for those that are usual");
    }
    items
}

fn format(node: &Node, written: Option<document::LogFormat>, items: Vec<LogItem>, report: &mut Report) -> LogFormat {
    let text = match written {
        None | Some(document::LogFormat::Json) => return LogFormat::Json(items),
        Some(document::LogFormat::Logfmt) => return LogFormat::Logfmt(items),
        Some(document::LogFormat::Template(text)) => text,
    };
    for key in ["fields", "request_headers", "response_headers"].into_iter().filter_map(|key| node.key(key)) {
        let message = format!("`{}` has no say, because a template says itself what a line holds", key.name);
        report.error_with_hint(&key.place, message, "leave it out");
    }
    let place = &node.near("format").near("template").place;
    match template(&text) {
        Ok(parts) => LogFormat::Template(parts),
        Err(message) => {
            match message.split_once("; ") {
                Some((message, hint)) => report.error_with_hint(place, message, hint),
                None => report.error(place, message),
            }
            LogFormat::Template(Vec::new())
        }
    }
}

/// `{name}` is a hole; `{{` and `}}` stand for braces. What follows the first `"; "` of an error is the hint.
fn template(text: &str) -> Result<Vec<LogPart>, String> {
    let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix(brace) {
            literal.push_str(brace);
            rest = behind;
            continue;
        }
        let name = match (brace, rest.split_once('}')) {
            ("{", Some((name, behind))) => {
                rest = behind;
                name
            }
            _ => return Err(format!("a single `{brace}`; write `{brace}{brace}` for the character itself")),
        };
        if !literal.is_empty() {
            parts.push(LogPart::Literal(std::mem::take(&mut literal).into()));
        }
        parts.push(LogPart::Item(item(name)?));
    }
    if !literal.is_empty() {
        parts.push(LogPart::Literal(literal.into()));
    }
    match parts.iter().any(|part| matches!(part, LogPart::Item(_))) {
        true if text.contains(['\n', '\r']) => Err("a template is one line; take the line break out".to_owned()),
        true => Ok(parts),
        false => Err("the template says nothing of an exchange; name fields in it, as in `{method} {path}`".to_owned()),
    }
}

fn item(name: &str) -> Result<LogItem, String> {
    let header = |name: &str| {
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is not the name of a header field"))
    };
    if let Some(name) = name.strip_prefix("request_headers.") {
        return header(name).map(LogItem::RequestHeader);
    }
    if let Some(name) = name.strip_prefix("response_headers.") {
        return header(name).map(LogItem::ResponseHeader);
    }
    let known = LogField::ALL.iter().map(|field| field.name());
    match LogField::ALL.iter().find(|field| field.name() == name) {
        Some(field) => Ok(LogItem::Field(*field)),
        None => {
            let hint = suggestion(name, known).unwrap_or_default();
            Err(format!("a line knows no `{name}`; {hint}"))
        }
    }
}

fn file(path: PathBuf, rotate: Option<Rotate>) -> LogSink {
    if path.as_os_str() == "stdout" { LogSink::Stdout } else { LogSink::File { path, rotate } }
}

fn rotate(node: &Node, written: &document::Rotate, report: &mut Report) -> Rotate {
    let place = &node.near("rotate").place;
    let document::Rotate { size, age, keep } = *written;
    if node.get("path").is_none_or(|path| path.text() == Some("stdout")) {
        let message = "only a file can be moved away";
        report.error_with_hint(place, message, "give `path` the path of a file, or leave `rotate` out");
    }
    if size.is_none() && age.is_none() {
        let hint = "add `size: 100MiB` or `age: 1d`";
        report.error_with_hint(place, "it is not said when the file is moved away", hint);
    }
    if let Some(Size(size)) = size
        && size < LEAST_SIZE
    {
        let message = format!("a file of {size} bytes would be moved away again and again");
        report.error_with_hint(&node.near("rotate").near("size").place, message, "make it at least `64KiB`");
    }
    let default = Rotate::default();
    Rotate {
        size: size.map(|Size(size)| size),
        age: age.map(Into::into),
        keep: keep.map_or(default.keep, |Count(keep)| keep),
    }
}

fn syslog(node: &Node, written: document::Syslog, report: &mut Report) -> LogSink {
    let document::Syslog { address, facility, app_name } = written;
    let app_name = app_name.unwrap_or_else(|| "sluice".to_owned());
    if app_name.is_empty() || app_name.len() > 48 || !app_name.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = format!("`{}` is no name of a program for syslog", app_name.escape_debug());
        report.error_with_hint(&node.near("app_name").place, message, "1 to 48 visible ASCII characters");
    }
    LogSink::Syslog(Syslog { address, facility: number(facility), app_name: app_name.into() })
}

/// RFC 5424, 6.2.1.
fn number(facility: Facility) -> u8 {
    match facility {
        Facility::Kern => 0,
        Facility::User => 1,
        Facility::Mail => 2,
        Facility::Daemon => 3,
        Facility::Auth => 4,
        Facility::Syslog => 5,
        Facility::Lpr => 6,
        Facility::News => 7,
        Facility::Uucp => 8,
        Facility::Cron => 9,
        Facility::Authpriv => 10,
        Facility::Ftp => 11,
        Facility::Local0 => 16,
        Facility::Local1 => 17,
        Facility::Local2 => 18,
        Facility::Local3 => 19,
        Facility::Local4 => 20,
        Facility::Local5 => 21,
        Facility::Local6 => 22,
        Facility::Local7 => 23,
    }
}

fn http(node: &Node, written: document::HttpLog, format: &LogFormat, report: &mut Report) -> LogSink {
    let document::HttpLog { url, shape, index, labels, headers, tls, batch } = written;
    let is_json = matches!(format, LogFormat::Json(_));
    if shape != document::LogShape::Loki && !is_json {
        let message = "a batch of this `shape` is made of JSON, and `format` says otherwise";
        report.error_with_hint(&node.place, message, "leave `format` out, or use `shape: loki`");
    }
    if let (Some(key), true) = (node.key("index"), shape != document::LogShape::Elasticsearch) {
        report.error_with_hint(&key.place, "`index` belongs to `shape: elasticsearch`", "leave it out");
    }
    if let (Some(key), true) = (node.key("labels"), shape != document::LogShape::Loki) {
        report.error_with_hint(&key.place, "`labels` belong to `shape: loki`", "leave them out");
    }
    if labels.as_ref().is_some_and(BTreeMap::is_empty) {
        let message = "a stream of Loki has at least one label";
        report.error_with_hint(&node.near("labels").place, message, "write `labels: { job: sluice }`");
    }
    let (path, shape) = match shape {
        document::LogShape::JsonLines => ("/", LogShape::JsonLines),
        document::LogShape::Loki => ("/loki/api/v1/push", LogShape::Loki { labels: self::labels(labels) }),
        document::LogShape::Elasticsearch => {
            if index.is_none() && url.path.is_empty() {
                let message = "it is not said which index the lines belong to";
                report.error_with_hint(&node.place, message, "add `index`, for example `index: sluice-access`");
            }
            ("/_bulk", LogShape::Elasticsearch { index: index.map(Into::into) })
        }
    };
    let (tls, batch) = (self::tls(node, &url, tls, report), self::batch(node.near("batch"), &batch, report));
    LogSink::Http(HttpLog {
        url: with_path(url, path),
        shape,
        headers: self::headers(headers, node, report),
        tls,
        batch,
    })
}

fn otlp(node: &Node, written: document::OtlpLog, report: &mut Report) -> LogSink {
    if let Some(key) = node.key("format") {
        let message = "`format` has no say, because log records of OTLP have a form of their own";
        report.error_with_hint(&key.place, message, "leave it out");
    }
    let node = node.near("otlp");
    let document::OtlpLog { endpoint, protocol, headers, tls, timeout, compression, service_name, queue } = written;
    let collector = document::Otlp { endpoint, protocol, headers, tls, timeout, compression };
    LogSink::Otlp(OtlpLog {
        collector: super::tracing::otlp(node, collector, report),
        service_name: service_name.map_or_else(|| "sluice".into(), |Name(name)| name),
        queue: queue.map_or(Batch::default().queue, |Bytes(bytes)| bytes),
    })
}

fn labels(written: Option<BTreeMap<String, String>>) -> Vec<(Arc<str>, Arc<str>)> {
    match written {
        None => vec![("job".into(), "sluice".into())],
        Some(labels) => labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
    }
}

fn with_path(url: HttpUrl, usual: &str) -> HttpUrl {
    if url.path.is_empty() { HttpUrl { path: usual.into(), ..url } } else { url }
}

fn tls(node: &Node, url: &HttpUrl, written: Option<document::UpstreamTls>, report: &mut Report) -> UpstreamTls {
    if let (Some(key), false) = (node.key("tls"), url.is_tls) {
        let message = format!("`{url}` is asked without TLS, so `tls` has no say");
        report.error_with_hint(&key.place, message, "begin `url` with `https://`, or leave `tls` out");
    }
    let none = UpstreamTls { server_name: None, ca: None, client_certificate: None };
    written.map_or(none, super::upstreams::tls_rules)
}

fn batch(node: &Node, written: &document::Batch, report: &mut Report) -> Batch {
    let default = Batch::default();
    let bytes = written.bytes.map_or(default.bytes, |Bytes(bytes)| bytes);
    let queue = written.queue.map_or(default.queue, |Bytes(bytes)| bytes);
    if bytes > queue && written.bytes.is_some() {
        let message = "a batch is larger than all that may wait, `queue`";
        report.error_with_hint(&node.near("bytes").place, message, "make `queue` at least as large as `bytes`");
    }
    Batch {
        bytes: bytes.min(queue),
        age: written.age.map_or(default.age, Into::into),
        queue,
        timeout: written.timeout.map_or(default.timeout, Into::into),
        retry: written.retry.map_or(default.retry, Into::into),
    }
}

fn headers(
    document::SecretFields(fields): document::SecretFields,
    node: &Node,
    report: &mut Report,
) -> Vec<(HeaderName, crate::values::SecretSource)> {
    let place_of = |name: &HeaderName| -> Place {
        let headers = node.near("headers");
        let key = headers.entries().iter().find(|(key, _)| key.name.eq_ignore_ascii_case(name.as_str()));
        key.map_or(&headers.place, |(key, _)| &key.place).clone()
    };
    let field = |(FieldName(name), source)| {
        super::routes::may_be_set(&name, &place_of(&name), report);
        (name, source)
    };
    fields.into_iter().map(field).collect()
}

fn usual_name(sink: &LogSink) -> &'static str {
    match sink {
        LogSink::Stdout => "stdout",
        LogSink::File { .. } => "file",
        LogSink::Syslog(_) => "syslog",
        LogSink::Http(_) => "http",
        LogSink::Otlp(_) => "otlp",
    }
}

/// Refuses names that are written twice, and numbers those that nobody wrote.
fn name_apart(nodes: &[Node], logs: &mut [AccessLog], report: &mut Report) {
    super::Names::collect("access log", nodes, report);
    for index in 0..logs.len() {
        if nodes[index].get("name").is_some() {
            continue;
        }
        let usual = logs[index].name.clone();
        let is_taken = |name: &str| {
            let named = logs.iter().zip(nodes).enumerate();
            named.into_iter().any(|(other, (log, node))| {
                (other < index || node.get("name").is_some()) && other != index && *log.name == *name
            })
        };
        let numbered = (2..).map(|number| Arc::from(format!("{usual}-{number}")));
        let free = std::iter::once(usual.clone()).chain(numbered).find(|name: &Arc<str>| !is_taken(name));
        // There are more numbers than logs.
        logs[index].name = free.unwrap_or(usual);
    }
}

/// Two writers of one file would move it away under each other.
fn refuse_shared_files(nodes: &[Node], logs: &[AccessLog], report: &mut Report) {
    let mut seen: HashMap<PathBuf, &Place> = HashMap::new();
    for (log, node) in logs.iter().zip(nodes) {
        let path = match &log.sink {
            LogSink::Stdout => PathBuf::from("stdout"),
            LogSink::File { path, .. } => path.clone(),
            _ => continue,
        };
        let place = &node.near("path").place;
        match seen.get(&path) {
            None => _ = seen.insert(path, place),
            Some(first) => {
                let message = format!("`{}` is written by two logs, the first at {first}", path.display());
                report.error_with_hint(place, message, "give each a file of its own");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<String, String> {
        let part = |part: &LogPart| match part {
            LogPart::Literal(text) => text.to_string(),
            LogPart::Item(LogItem::Field(field)) => format!("<{}>", field.name()),
            LogPart::Item(LogItem::RequestHeader(name)) => format!("<request {name}>"),
            LogPart::Item(LogItem::ResponseHeader(name)) => format!("<response {name}>"),
        };
        template(text).map(|parts| parts.iter().map(part).collect())
    }

    #[test]
    fn templates_are_texts_with_holes() {
        for (text, expected) in [
            ("{method} {path}", "<method> <path>"),
            ("a{{b}}{status}", "a{b}<status>"),
            ("{request_headers.X-A}|{response_headers.etag}", "<request x-a>|<response etag>"),
            ("{{{status}}}", "{<status>}"),
        ] {
            assert_eq!(told(text).as_deref(), Ok(expected), "{text}");
        }
        for (text, why) in [
            ("plain", "the template says nothing of an exchange"),
            ("{metod}", "a line knows no `metod`; did you mean `method`?"),
            ("{method", "a single `{`"),
            ("{method} }", "a single `}`"),
            ("{request_headers.a b}", "`a b` is not the name of a header field"),
            ("{method}\n{path}", "a template is one line"),
        ] {
            let error = told(text).unwrap_err();
            assert!(error.starts_with(why), "{text}: {error}");
        }
    }
}
