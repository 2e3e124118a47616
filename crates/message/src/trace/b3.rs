use http::HeaderMap;

use super::{Said, SpanId, Trace, TraceId, only};

pub(super) const B3: &str = "b3";
const TRACE_ID: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
const PARENT_SPAN_ID: &str = "x-b3-parentspanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";

/// What is said in several fields.
pub(super) const MULTI: [&str; 4] = [TRACE_ID, SPAN_ID, PARENT_SPAN_ID, SAMPLED];

/// What the caller says, in one field or else in several; `None` if nothing, or nothing that may be believed.
pub(super) fn read(headers: &HeaderMap) -> Option<Said> {
    match only(headers, B3) {
        Some(value) => parse(value.as_bytes()),
        None => read_multi(headers),
    }
}

/// `{trace}-{span}-{decision}-{parent span}`, of which the last two may be left out, or the decision alone.
fn parse(text: &[u8]) -> Option<Said> {
    let mut parts = text.split(|byte| *byte == b'-');
    let (trace, span) = match (parts.next()?, parts.next()) {
        (decision, None) => return Some(Said { is_sampled: Some(decided(decision)?), ..Said::default() }),
        (trace, Some(span)) => (trace, span),
    };
    let ids = (TraceId::read_long_or_short(trace)?, SpanId::read(span)?);
    let is_sampled = parts.next().map(|decision| decided(decision).ok_or(())).transpose().ok()?;
    if let Some(parent) = parts.next() {
        SpanId::read(parent)?;
    }
    parts.next().is_none().then_some(Said { ids: Some(ids), is_sampled, is_random: false })
}

fn read_multi(headers: &HeaderMap) -> Option<Said> {
    let is_debug = only(headers, FLAGS).is_some_and(|flags| flags == "1");
    let decision = match only(headers, SAMPLED) {
        _ if is_debug => Some(true),
        Some(decision) => Some(decided(decision.as_bytes())?),
        None => None,
    };
    let ids = match (only(headers, TRACE_ID), only(headers, SPAN_ID)) {
        (Some(trace), Some(span)) => {
            Some((TraceId::read_long_or_short(trace.as_bytes())?, SpanId::read(span.as_bytes())?))
        }
        _ => None,
    };
    (ids.is_some() || decision.is_some()).then_some(Said { ids, is_sampled: decision, is_random: false })
}

/// `true` and `false` are what old callers say, `d` is for those who debug.
fn decided(text: &[u8]) -> Option<bool> {
    match text {
        b"1" | b"d" | b"true" => Some(true),
        b"0" | b"false" => Some(false),
        _ => None,
    }
}

/// Removes whatever a caller said, so that nothing is left that contradicts what we say.
pub(super) fn clear(headers: &mut HeaderMap) {
    for name in [B3, TRACE_ID, SPAN_ID, PARENT_SPAN_ID, SAMPLED, FLAGS] {
        headers.remove(name);
    }
}

pub(super) fn write_single(trace: &Trace, span: SpanId, tell: &mut impl FnMut(&'static str, &[u8])) {
    let mut text = *b"00000000000000000000000000000000-0000000000000000-0-0000000000000000";
    text[..32].copy_from_slice(&trace.id.hex());
    text[33..49].copy_from_slice(&span.hex());
    text[50] += u8::from(trace.is_sampled);
    text[52..].copy_from_slice(&trace.span.hex());
    tell(B3, &text);
}

pub(super) fn write_multi(trace: &Trace, span: SpanId, tell: &mut impl FnMut(&'static str, &[u8])) {
    tell(TRACE_ID, &trace.id.hex());
    tell(SPAN_ID, &span.hex());
    tell(PARENT_SPAN_ID, &trace.span.hex());
    tell(SAMPLED, if trace.is_sampled { b"1" } else { b"0" });
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const IDS: &str = "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1";

    #[track_caller]
    fn check(fields: &[(&'static str, &str)], expected: Option<(bool, Option<bool>)>) {
        let fields =
            fields.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let headers = fields.collect::<HeaderMap>();
        let said = read(&headers).map(|said| (said.ids.is_some(), said.is_sampled));
        assert_eq!(said, expected, "{headers:?}");
    }

    #[test]
    fn one_field() {
        check(&[(B3, IDS)], Some((true, None)));
        check(&[(B3, &format!("{IDS}-1"))], Some((true, Some(true))));
        check(&[(B3, &format!("{IDS}-d-05e3ac9a4f6e3b90"))], Some((true, Some(true))));
        check(&[(B3, "64fe8b2a57d3eff7-e457b5a2e4d86bd1-0")], Some((true, Some(false))));
        check(&[(B3, "0")], Some((false, Some(false))));
        for bad in
            ["", "x", "2", &IDS[1..], &format!("{IDS}-2"), &format!("{IDS}-1-0"), &format!("{IDS}-1-{}-1", &IDS[33..])]
        {
            check(&[(B3, bad)], None);
        }
    }

    #[test]
    fn several_fields() {
        let (trace, span) = IDS.split_once('-').unwrap();
        check(&[(TRACE_ID, trace), (SPAN_ID, span)], Some((true, None)));
        check(&[(TRACE_ID, trace), (SPAN_ID, span), (SAMPLED, "1")], Some((true, Some(true))));
        check(&[(TRACE_ID, trace), (SPAN_ID, span), (FLAGS, "1")], Some((true, Some(true))));
        check(&[(SAMPLED, "0")], Some((false, Some(false))));
        check(&[(TRACE_ID, trace)], None);
        check(&[(TRACE_ID, "x"), (SPAN_ID, span)], None);
        check(&[(TRACE_ID, trace), (SPAN_ID, span), (SAMPLED, "maybe")], None);
        check(&[], None);
    }
}
