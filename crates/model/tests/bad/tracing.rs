//! Traces, and the collectors that are told.

use super::check;

#[test]
fn single_values() {
    check(
        r"version: 1
gateway:
  tracing:
    otlp: { endpoint: 127.0.0.1:4317, protocol: thrift, timeout: 0s, compression: zstd, header: {} }
    sample: { ratio: 1, parent: everybody, errors: sometimes, slower_than: 1 }
    propagate: [jaeger]
    continue: strangers
    queue: 0
    resource: [a]
",
        &[
            "4:23: error: expected an address such as `https://consul.internal:8501`, found the text `127.0.0.1:4317`; add the scheme: `http://127.0.0.1:4317`",
            "4:49: error: unknown value `thrift`; known here: `grpc`, `http`",
            "4:66: error: expected a duration above zero, found `0s`",
            "4:83: error: unknown value `zstd`; known here: `none`, `gzip`",
            "4:89: error: unknown key `header`; did you mean `headers`?",
            "5:22: error: expected a ratio such as `20%`, found the number 1",
            "5:33: error: expected `trusted_proxies`, `anybody` or `nobody`, found the text `everybody`",
            "5:52: error: expected `true` or `false`, found the text `sometimes`",
            "5:76: error: expected a duration such as `250ms`, `5s` or `2m`, found the number 1",
            "6:17: error: unknown value `jaeger`; known here: `w3c`, `b3`, `b3_multi`",
            "7:15: error: expected `trusted_proxies`, `anybody` or `nobody`, found the text `strangers`",
            "8:12: error: expected a whole number from 1 to 1000000, found the number 0",
            "9:15: error: expected a map, found a list",
        ],
    );
}

#[test]
fn collectors() {
    check(
        r"version: 1
gateway:
  tracing:
    otlp:
      endpoint: http://collector:4318/v1/traces
      protocol: grpc
      tls: {}
      headers: { te: x, 'a b': x, grpc-timeout: 1s, content-length: '5' }
",
        &[
            "5:17: error: `/v1/traces` is added by the gateway, as each kind of data has its own; write `http://collector:4318`",
            "6:17: warning: collectors speak `http` at the port 4318, unless they are told otherwise; write `protocol: http`",
            "7:7: error: the collector is not asked over TLS; write `https://collector:4318`, or leave `tls` out",
            "8:18: error: `te` is set by the gateway itself; leave it out",
            "8:25: error: expected the name of a header field, found the text `a b`",
            "8:35: error: `grpc-timeout` is set by the gateway itself; leave it out",
            "8:53: error: `content-length` is set by the gateway itself; leave it out",
        ],
    );
    check(
        r"version: 1
gateway:
  tracing: { otlp: {} }
",
        &["3:20: error: missing key `endpoint`"],
    );
}

#[test]
fn what_contradicts_itself() {
    check(
        r"version: 1
gateway:
  tracing:
    sample: { parent: anybody, slower_than: 0s }
    propagate: []
    continue: nobody
    resource: { service.name: a }
",
        &[
            "4:15: error: whose trace does not go on here has no choice that could be followed; let `continue` name as many as `parent`",
            "4:45: error: everything takes longer than nothing; to be told of all, write `ratio: 100%`",
            "5:16: error: nothing would be handed on, so every endpoint would begin a trace of its own; write `[w3c]`, or leave `propagate` out",
            "7:17: error: `service.name` has a key of its own; write it as `service_name`",
        ],
    );
    check(
        r"version: 1
gateway:
  tracing: { propagate: [w3c, b3, w3c] }
",
        &["3:35: error: `w3c` is given twice; leave one out"],
    );
}
