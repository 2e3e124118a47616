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
        &[],
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
        &[],
    );
    check(
        r"version: 1
gateway:
  tracing: { otlp: {} }
",
        &[],
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
        &[],
    );
    check(
        r"version: 1
gateway:
  tracing: { propagate: [w3c, b3, w3c] }
",
        &[],
    );
}
