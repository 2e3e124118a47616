//! `docs/errors.md`

use std::fmt::Write;

use message::{Cause, Side};

use crate::{Page, head, row};

const INTRODUCTION: &str = "\
Whatever does not simply go well has one **cause**. The same name stands in the field `cause` of the
[access log](operations.md#the-access-log), in the label `cause` of the [metrics](metrics.md), and in what callers get:

```
HTTP/1.1 502 Bad Gateway
content-type: application/problem+json
x-request-id: 019a0f2e-…
proxy-status: sluice; error=connection_refused; details=\"connect_refused\"

{\"type\":\"urn:sluice:error:connect_refused\",\"title\":\"The endpoint refused the connection\",\"status\":502,
 \"detail\":\"…\",\"cause\":\"connect_refused\",\"request_id\":\"019a0f2e-…\"}
```

The body is a problem as RFC 9457 describes it. A caller that speaks gRPC gets a response of trailers only instead, with
`grpc-status` and `grpc-message`. `Proxy-Status` is that of RFC 9209. What concerns the inside of the network, such as
addresses, stands in `detail` for [trusted proxies](reference.md#gateway) only; with `--log debug` the gateway says it itself.
";

pub(crate) fn page() -> Page {
    let mut text = INTRODUCTION.to_owned();
    for (side, title, about) in [
        (Side::Client, "The client", "The request cannot be served, whatever the document says."),
        (Side::Gateway, "The gateway", "A rule of the document decided so, or the gateway failed."),
        (Side::Upstream, "The upstream", "The endpoint, or the way to it, failed."),
    ] {
        let causes = || Cause::ALL.iter().filter(move |cause| cause.side() == side);
        _ = write!(text, "\n## {title}\n\n{about}\n\n");
        text += &head(&["cause", "status", "gRPC status", "error token", "title"]);
        for cause in causes() {
            let name = cause.name();
            text += &row(&[
                &format!("[`{name}`](#{name})"),
                &status(*cause),
                &grpc(cause.grpc_status()),
                &format!("`{}`", cause.proxy_status()),
                cause.title(),
            ]);
        }
        for cause in causes() {
            _ = write!(text, "\n### {}\n\n{}\n", cause.name(), cause.manual().trim().replace("\n ", "\n"));
        }
    }
    Page { name: "errors.md", title: "Errors", source: "`crates/message/src/cause.rs`", text }
}

/// Those that nobody is told stand in the log alone.
fn status(cause: Cause) -> String {
    match cause {
        Cause::ClientClosed | Cause::ClientStalled => format!("({})", cause.status().as_u16()),
        _ => cause.status().as_u16().to_string(),
    }
}

fn grpc(status: u8) -> String {
    let name = match status {
        1 => "cancelled",
        3 => "invalid argument",
        4 => "deadline exceeded",
        7 => "permission denied",
        8 => "resource exhausted",
        12 => "unimplemented",
        13 => "internal",
        14 => "unavailable",
        16 => "unauthenticated",
        other => return other.to_string(),
    };
    format!("{status} {name}")
}
