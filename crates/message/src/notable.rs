//! Which of the fields that the gateway itself looks at are there at all.

use http::HeaderMap;

use crate::consumer::tells_caller;

/// Found out in one look at each name, which costs less than two lookups; most requests have none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Notable {
    /// Something that [`crate::hop::strip`] removes.
    pub hop_by_hop: bool,
    pub upgrade: bool,
    pub transfer_encoding: bool,
    pub via: bool,
    pub expect: bool,
    /// `Forwarded` or one of `X-Forwarded-*`.
    pub forwarded: bool,
    /// The mark of a copy; see [`crate::forwarded::X_SLUICE_MIRROR`].
    pub mirror_mark: bool,
    /// [`crate::TOKEN_FIELD`].
    pub token: bool,
    /// Something that tells endpoints who calls; see [`crate::consumer`].
    pub consumer: bool,
    /// Something of the context of a trace; see [`crate::trace`].
    pub trace: bool,
}

// === impl Notable ===

impl Notable {
    pub fn of(headers: &HeaderMap) -> Self {
        let mut notable = Self::default();
        for name in headers.keys() {
            // The compiler tells names apart by length first, so nearly all cost one comparison of numbers.
            match name.as_str() {
                "connection" | "keep-alive" | "proxy-connection" | "te" => notable.hop_by_hop = true,
                "upgrade" => (notable.hop_by_hop, notable.upgrade) = (true, true),
                "transfer-encoding" => (notable.hop_by_hop, notable.transfer_encoding) = (true, true),
                "via" => notable.via = true,
                "expect" => notable.expect = true,
                "sluice-token" => notable.token = true,
                "forwarded" | "x-forwarded-for" | "x-forwarded-proto" | "x-forwarded-host" => notable.forwarded = true,
                "x-sluice-mirror" => notable.mirror_mark = true,
                "traceparent" | "tracestate" | "b3" => notable.trace = true,
                "x-b3-traceid" | "x-b3-spanid" | "x-b3-parentspanid" | "x-b3-sampled" | "x-b3-flags" => {
                    notable.trace = true;
                }
                _ => notable.consumer |= tells_caller(name),
            }
        }
        notable
    }
}
