//! Access logs that are wrong.

use crate::check;

#[test]
fn where_lines_go_is_said_once() {
    check(
        "version: 1
gateway:
  access_log:
    - {}
    - { path: stdout, otlp: { endpoint: http://a } }
    - { path: a.log, format: jsn }
    - off
    - { path: b.log }
    - { path: b.log }
    - { name: x, path: c.log }
    - { name: x, path: d.log }
",
        &[
            "4:7: error: it is not said where the lines go; add `path: stdout`, or one of `syslog`, `http` and `otlp`",
            "5:7: error: a log has one place that its lines go to, and here are `path`, `otlp`; make it a list, with a log for each",
            "6:30: error: unknown value `jsn`; did you mean `json`?",
            "7:7: error: expected a map with keys such as `name`, found the text `off`",
        ],
    );
    check(
        "version: 1
gateway:
  access_log:
    - { path: b.log }
    - { path: b.log }
    - { name: x, path: c.log }
    - { name: x, path: d.log }
",
        &[
            "5:15: error: `b.log` is written by two logs, the first at 4:15; give each a file of its own",
            "7:15: error: there are two access logs with the name `x`, the first at 6:15; give each a name of its own",
        ],
    );
}

#[test]
fn what_lines_say_makes_sense() {
    check(
        "version: 1
gateway:
  access_log:
    - { path: a.log, fields: [time, tme, time] }
    - { path: b.log, fields: [] }
    - { path: c.log, fields: [time], format: { template: '{method}' } }
    - { path: d.log, format: { template: '{metod} {path}' } }
    - { path: e.log, format: { template: plain } }
    - { path: f.log, status: [], redact: [''] }
    - { path: g.log, sample: 101%, status: [99] }
    - { path: h.log, request_headers: ['a b'] }
    - { path: i.log, fields: [path, path] }
",
        &[
            "4:37: error: unknown value `tme`; did you mean `time`?",
            "5:30: error: a line would say nothing; leave `fields` out for those that are usual",
            "6:22: error: `fields` has no say, because a template says itself what a line holds; leave it out",
            "7:42: error: a line knows no `metod`; did you mean `method`?",
            "8:42: error: the template says nothing of an exchange; name fields in it, as in `{method} {path}`",
            "9:30: error: no status would get a line; leave `status` out for all of them",
            "9:42: error: an empty text is the name of nothing",
            "10:30: error: expected a ratio from `0%` to `100%`, found the text `101%`",
            "10:45: error: expected a status from 200 to 599, or a range such as `200-299`, found the number 99",
            "11:40: error: expected the name of a header field, found the text `a b`",
            "12:30: error: `path` is given twice",
        ],
    );
}

#[test]
fn sinks_are_told_what_they_need() {
    check(
        "version: 1
gateway:
  access_log:
    - { path: stdout, rotate: { size: 1MiB } }
    - { path: a.log, rotate: {} }
    - { path: b.log, rotate: { size: 1KiB, keep: 0 } }
    - { path: e.log, rotate: { size: 1KiB } }
    - { syslog: { address: '127.0.0.1:514' } }
    - { syslog: { address: 'udp://127.0.0.1', app_name: 'a b' } }
    - { http: { url: 'http://a', index: x, labels: { a: b } } }
    - { http: { url: 'http://a', shape: elasticsearch, tls: {} }, format: logfmt }
    - { http: { url: 'http://a', shape: loki, labels: {}, batch: { bytes: 8MiB } } }
    - { http: { url: 'http://a', headers: { content-length: '1' } } }
    - { otlp: { endpoint: 'http://a' }, format: json }
    - { otlp: { endpoint: 'http://a:4318/v1/logs', tls: {}, headers: { te: x } } }
",
        &[
            "4:31: error: only a file can be moved away; give `path` the path of a file, or leave `rotate` out",
            "5:30: error: it is not said when the file is moved away; add `size: 100MiB` or `age: 1d`",
            "6:50: error: expected a whole number from 1 to 1000, found the number 0",
            "7:38: error: a file of 1024 bytes would be moved away again and again; make it at least `64KiB`",
            "8:28: error: expected an address such as `udp://127.0.0.1:514`, `tcp://logs.internal:601` or `unix:/dev/log`, found the text `127.0.0.1:514`; add the scheme: `udp://127.0.0.1:514`",
            "9:57: error: `a b` is no name of a program for syslog; 1 to 48 visible ASCII characters",
            "10:34: error: `index` belongs to `shape: elasticsearch`; leave it out",
            "10:44: error: `labels` belong to `shape: loki`; leave them out",
            "11:15: error: a batch of this `shape` is made of JSON, and `format` says otherwise; leave `format` out, or use `shape: loki`",
            "11:15: error: it is not said which index the lines belong to; add `index`, for example `index: sluice-access`",
            "11:56: error: `http://a` is asked without TLS, so `tls` has no say; begin `url` with `https://`, or leave `tls` out",
            "12:55: error: a stream of Loki has at least one label; write `labels: { job: sluice }`",
            "12:75: error: a batch is larger than all that may wait, `queue`; make `queue` at least as large as `bytes`",
            "13:45: error: `content-length` is set by the gateway itself; leave it out",
            "14:41: error: `format` has no say, because log records of OTLP have a form of their own; leave it out",
            "15:27: error: `/v1/logs` is added by the gateway, as each kind of data has its own; write `http://a:4318`",
            "15:52: error: the collector is not asked over TLS; write `https://a:4318`, or leave `tls` out",
            "15:72: error: `te` is set by the gateway itself; leave it out",
        ],
    );
}
