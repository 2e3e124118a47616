use std::time::{Duration, SystemTime};

use base64::{
    Engine,
    alphabet::STANDARD as ALPHABET,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use fetch::Answer;
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use prost::Message;

use crate::answers::{Exported, RetryInfo, RpcStatus};

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All was taken, but for so many.
    Taken { rejected: u64, why: String },
    /// It is worth another try, not before this time has passed.
    Later { after: Option<Duration>, why: String },
    /// Another try would come to the same.
    Refused { why: String },
}

/// Nobody waits longer than this for a collector, whatever it says.
const LONGEST: Duration = Duration::from_secs(60);

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// gRPC codes after which a request may be sent again (OTLP, "Failures"), but for the one that depends.
const AGAIN: [u32; 6] = [1, 4, 10, 11, 14, 15];
const RESOURCE_EXHAUSTED: u32 = 8;

// === impl Outcome ===

impl Outcome {
    /// Of OTLP over HTTP.
    pub(crate) fn of_http(answer: &Answer, now: SystemTime) -> Self {
        let status = answer.head.status();
        match status.as_u16() {
            200..=299 => Self::of_body(&answer.body),
            429 | 502 | 503 | 504 => {
                Self::Later { after: retry_after(answer.head.headers(), now), why: format!("it answers {status}") }
            }
            _ => Self::Refused { why: format!("it answers {status}") },
        }
    }

    /// Of OTLP over gRPC: how the call ended stands in the trailers, or in the head if there are none.
    pub(crate) fn of_grpc(answer: &Answer) -> Self {
        let head = answer.head.headers();
        let ending = if answer.trailers.contains_key("grpc-status") { &answer.trailers } else { head };
        let code = ending.get("grpc-status").and_then(|code| code.to_str().ok()).and_then(|code| code.parse().ok());
        let Some(code) = code else {
            let why = format!("it answers {} and no gRPC status", answer.head.status());
            return match answer.head.status() {
                // As gRPC maps what proxies in between say.
                StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT => Self::Later { after: None, why },
                _ => Self::Refused { why },
            };
        };
        let message = ending.get("grpc-message").and_then(|message| message.to_str().ok()).unwrap_or_default();
        let why = format!("it answers with the gRPC status {code} {message}").trim_end().to_owned();
        let delay = retry_delay(ending);
        match code {
            0 => Self::of_body(answer.body.get(5..).unwrap_or_default()),
            RESOURCE_EXHAUSTED if delay.is_none() => Self::Refused { why },
            _ if AGAIN.contains(&code) || code == RESOURCE_EXHAUSTED => Self::Later { after: delay, why },
            _ => Self::Refused { why },
        }
    }

    /// A body that cannot be read says nothing, and the status said that it went well.
    fn of_body(body: &[u8]) -> Self {
        let partial = Exported::decode(body).ok().and_then(|exported| exported.partial_success).unwrap_or_default();
        Self::Taken { rejected: u64::try_from(partial.rejected).unwrap_or(0), why: partial.error_message }
    }
}

/// RFC 9110, 10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let after = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(after.min(LONGEST))
}

/// `google.rpc.RetryInfo` among the details of a status.
fn retry_delay(ending: &HeaderMap) -> Option<Duration> {
    let details = ending.get("grpc-status-details-bin")?;
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let details = GeneralPurpose::new(&ALPHABET, lenient).decode(details.as_bytes()).ok()?;
    let details = RpcStatus::decode(&*details).ok()?.details;
    let info = details.iter().find(|detail| detail.type_url == RETRY_INFO)?;
    let delay = RetryInfo::decode(&*info.value).ok()?.retry_delay?;
    let (seconds, nanos) = (u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?);
    Some(Duration::new(seconds, nanos.min(999_999_999)).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    use bytes::Bytes;
    use http::{HeaderName, HeaderValue, Response};

    use super::*;
    use crate::answers::{Delay, PartialSuccess, RpcDetail};

    fn fields(fields: &[(&'static str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        fields.iter().map(field).collect()
    }

    fn answer(status: u16, head: &[(&'static str, &str)], body: &[u8], trailers: &[(&'static str, &str)]) -> Answer {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        *response.headers_mut() = fields(head);
        Answer { head: response, body: Bytes::copy_from_slice(body), trailers: fields(trailers) }
    }

    fn partly() -> Vec<u8> {
        let partial_success = Some(PartialSuccess { rejected: 3, error_message: "too old".to_owned() });
        Exported { partial_success }.encode_to_vec()
    }

    #[test]
    fn http_says_it_with_a_status() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let of = |status, head: &[(&'static str, &str)], body: &[u8]| {
            Outcome::of_http(&answer(status, head, body, &[]), now)
        };
        assert_eq!(of(200, &[], b""), Outcome::Taken { rejected: 0, why: String::new() });
        assert_eq!(of(200, &[], &partly()), Outcome::Taken { rejected: 3, why: "too old".to_owned() });
        assert!(matches!(of(400, &[], b""), Outcome::Refused { .. }));
        assert!(matches!(of(500, &[], b""), Outcome::Refused { .. }));
        for (value, after) in [
            ("7", Some(7)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("9999", Some(60)),
            ("soon", None),
        ] {
            let after = after.map(Duration::from_secs);
            let why = "it answers 503 Service Unavailable".to_owned();
            assert_eq!(of(503, &[("retry-after", value)], b""), Outcome::Later { after, why }, "{value}");
        }
        for status in [429, 502, 504] {
            assert!(matches!(of(status, &[], b""), Outcome::Later { after: None, .. }));
        }
    }

    #[test]
    fn grpc_says_it_with_a_code() {
        let of = |head: &[(&'static str, &str)], trailers: &[(&'static str, &str)]| {
            let mut body = vec![0; 5];
            body.extend(partly());
            Outcome::of_grpc(&answer(200, head, &body, trailers))
        };
        assert_eq!(of(&[], &[("grpc-status", "0")]), Outcome::Taken { rejected: 3, why: "too old".to_owned() });
        let why = "it answers with the gRPC status 14 busy".to_owned();
        assert_eq!(
            of(&[("grpc-status", "14"), ("grpc-message", "busy")], &[]),
            Outcome::Later { after: None, why },
            "trailers only",
        );
        assert!(matches!(of(&[], &[("grpc-status", "3")]), Outcome::Refused { .. }));
        assert!(matches!(of(&[], &[("grpc-status", "8")]), Outcome::Refused { .. }));
        assert!(matches!(of(&[], &[]), Outcome::Refused { .. }));
        let delay = RetryInfo { retry_delay: Some(Delay { seconds: 2, nanos: 500_000_000 }) }.encode_to_vec();
        let details = RpcStatus { details: vec![RpcDetail { type_url: RETRY_INFO.to_owned(), value: delay }] };
        let details = STANDARD_NO_PAD.encode(details.encode_to_vec());
        let outcome = of(&[], &[("grpc-status", "8"), ("grpc-status-details-bin", &details)]);
        assert!(matches!(outcome, Outcome::Later { after: Some(after), .. } if after == Duration::from_millis(2500)));
        let proxied = Outcome::of_grpc(&answer(503, &[], b"", &[]));
        assert!(matches!(proxied, Outcome::Later { .. }));
    }
}
