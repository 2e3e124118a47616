use http::HeaderMap;

use super::{
    Said, SpanId, Trace, TraceId,
    id::read_hex,
    only,
    state::{self, TRACESTATE},
};

pub(super) const TRACEPARENT: &str = "traceparent";

/// `00-` trace id `-` span id `-` flags.
const LENGTH: usize = 55;

const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;

/// What the caller says; `None` if nothing, or nothing that may be believed: then the trace begins anew.
pub(super) fn read(headers: &HeaderMap) -> Option<Said> {
    parse(only(headers, TRACEPARENT)?.as_bytes())
}

/// Later versions may say more behind what this one says, and are read as far as they are known (section 4.3).
fn parse(text: &[u8]) -> Option<Said> {
    let (known, more) = text.split_at_checked(LENGTH)?;
    let [b'0'..=b'9' | b'a'..=b'f', b'0'..=b'9' | b'a'..=b'f', b'-', ..] = known else { return None };
    let version = &known[..2];
    let may_be_longer = version != b"00" && more.first() == Some(&b'-');
    if version == b"ff" || !more.is_empty() && !may_be_longer || known[35] != b'-' || known[52] != b'-' {
        return None;
    }
    let ids = (TraceId::read(&known[3..35])?, SpanId::read(&known[36..52])?);
    let [flags] = read_hex(&known[53..])?;
    Some(Said { ids: Some(ids), is_sampled: Some(flags & SAMPLED != 0), is_random: flags & RANDOM != 0 })
}

/// Readies the fields of a request for those who will be asked: what was said goes when the trace does not go on, and what
/// vendors said is kept within its bounds.
pub(super) fn tidy(headers: &mut HeaderMap, goes_on: bool) {
    if !headers.contains_key(TRACESTATE) {
        return;
    }
    if goes_on {
        state::tidy(headers);
    } else {
        headers.remove(TRACESTATE);
    }
}

pub(super) fn write(trace: &Trace, span: SpanId, tell: &mut impl FnMut(&'static str, &[u8])) {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    text[3..35].copy_from_slice(&trace.id.hex());
    text[36..52].copy_from_slice(&span.hex());
    let flags = if trace.is_sampled { SAMPLED } else { 0 } | if trace.is_random { RANDOM } else { 0 };
    text[54] += flags;
    tell(TRACEPARENT, &text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(bool, bool)>) {
        let said = parse(text.as_bytes());
        assert_eq!(said.map(|said| (said.is_sampled == Some(true), said.is_random)), expected, "{text}");
    }

    #[test]
    fn contexts_are_read_strictly() {
        // Those of the specification.
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Some((true, false)));
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", Some((false, false)));
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03", Some((true, true)));
        // Flags that are not known yet.
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe", Some((false, true)));
        // A later version, with more behind.
        check("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Some((true, false)));
        check("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes", Some((true, false)));
        check("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what-comes", None);
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0G-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        ] {
            check(bad, None);
        }
    }
}
