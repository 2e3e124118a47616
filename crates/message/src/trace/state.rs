use http::{HeaderMap, HeaderName};
use smallvec::SmallVec;

use super::put;

pub(super) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// As many as there may be (section 3.3.1.1).
const MOST_MEMBERS: usize = 32;

/// What must be handed on at least (section 3.3.1.5), and is at most.
const MOST_BYTES: usize = 512;

/// Members longer than this go first, when there is too much.
const LONG: usize = 128;

/// Hands on what vendors said, in the order in which they said it. What breaks the rules goes, all of it; of what is too much,
/// long members go first, then those at the end (section 3.3.1.5).
pub(super) fn tidy(headers: &mut HeaderMap) {
    let mut values = headers.get_all(TRACESTATE).iter();
    // The usual case, and nothing to be written anew.
    if let (Some(value), None) = (values.next(), values.next())
        && value.len() <= MOST_BYTES
        && members([value.as_bytes()].into_iter()).is_some()
    {
        return;
    }
    let values = headers.get_all(TRACESTATE).iter().map(|value| value.as_bytes());
    match members(values).map(shortened) {
        Some(text) if !text.is_empty() => put(headers, TRACESTATE, &text),
        _ => _ = headers.remove(TRACESTATE),
    }
}

/// What one vendor says, and where its key ends.
type Member<'v> = (&'v [u8], usize);

/// The members, without white space around; `None` if anything breaks the rules.
fn members<'v>(values: impl Iterator<Item = &'v [u8]>) -> Option<SmallVec<[Member<'v>; 8]>> {
    let mut members = SmallVec::<[Member<'v>; 8]>::new();
    for member in values.flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii) {
        // Empty ones are allowed, for the sake of those who join lists.
        if member.is_empty() {
            continue;
        }
        let equals = member.iter().position(|byte| *byte == b'=')?;
        let key = &member[..equals];
        let is_there = members.iter().any(|(other, equals)| &other[..*equals] == key);
        if is_there || !is_key(key) || !is_value(&member[equals + 1..]) || members.len() == MOST_MEMBERS {
            return None;
        }
        members.push((member, equals));
    }
    Some(members)
}

fn shortened(members: SmallVec<[Member<'_>; 8]>) -> Vec<u8> {
    let mut members: Vec<&[u8]> = members.into_iter().map(|(member, _)| member).collect();
    let length = |members: &[&[u8]]| members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1);
    while length(&members) > MOST_BYTES {
        let long = members.iter().rposition(|member| member.len() > LONG);
        members.remove(long.unwrap_or(members.len() - 1));
    }
    members.join(&b","[..])
}

/// Begins with a letter or a digit; a tenant may stand before `@`.
fn is_key(key: &[u8]) -> bool {
    let is_inner = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let first = key.first().copied().unwrap_or_default();
    let is_begin = first.is_ascii_lowercase() || first.is_ascii_digit();
    is_begin && key.len() <= 256 && key.iter().all(is_inner) && key.iter().filter(|byte| **byte == b'@').count() <= 1
}

fn is_value(value: &[u8]) -> bool {
    let is_inner = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    value.len() <= 256 && value.iter().all(is_inner)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(before: &[&str], after: Option<&str>) {
        let mut headers = HeaderMap::new();
        for value in before {
            headers.append(TRACESTATE, HeaderValue::from_str(value).unwrap());
        }
        tidy(&mut headers);
        let left: Vec<_> = headers.get_all(TRACESTATE).iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(left, Vec::from_iter(after), "{before:?}");
    }

    #[test]
    fn what_vendors_say_is_kept_in_order() {
        check(&["rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"], Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"));
        check(&["a=1", "b=2, t@c=3"], Some("a=1,b=2,t@c=3"));
        check(&["a=1,", " ", "b=2"], Some("a=1,b=2"));
    }

    #[test]
    fn what_breaks_the_rules_goes() {
        for bad in ["a", "A=1", "a=1,a=2", "a=1=2", "a b=1", "=1", "a=\t1", "a@b@c=1"] {
            check(&[bad], None);
        }
        let many: Vec<String> = (0..33).map(|index| format!("k{index}=1")).collect();
        check(&[&many.join(",")], None);
        check(&[&many[..32].join(",")], Some(&many[..32].join(",")));
    }

    #[test]
    fn of_too_much_the_long_and_the_last_go() {
        let (long, short) = (format!("long={}", "x".repeat(200)), format!("short={}", "y".repeat(100)));
        let most: Vec<String> = (0..5).map(|index| format!("k{index}={}", "z".repeat(97))).collect();
        check(&[&long, &short, &most.join(",")], Some(&format!("{short},{}", most[..4].join(","))));
    }
}
