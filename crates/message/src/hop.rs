//! Which headers concern one hop only (RFC 9110, 7.6.1), and how a message is rid of them.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::Notable;

/// Nominated by `Connection`, these stay all the same: dropping them would change what the message means, and a client
/// that names them is trying to (`Connection: authorization`).
const END_TO_END: [HeaderName; 8] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::AUTHORIZATION,
    header::COOKIE,
    header::CACHE_CONTROL,
    header::FORWARDED,
    header::VIA,
];

/// Removes what concerns one hop only. `TE: trailers` survives, because both sides of the gateway keep trailers.
///
/// Runs before policies and forwarding rules add anything, so that a client cannot nominate what the gateway sets. Most
/// messages have nothing of the kind, which one look at each name finds out.
pub fn strip(headers: &mut HeaderMap) {
    if Notable::of(headers).hop_by_hop {
        remove(headers);
    }
}

/// `Keep-Alive` and `Proxy-Connection` are not in RFC 9110 any more, but clients send them. `Transfer-Encoding` is
/// written anew by the codec, `Upgrade` by whoever forwards an upgrade.
fn remove(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        remove_nominated(headers);
    }
    let wants_trailers = headers.get(header::TE).is_some_and(accepts_trailers);
    for name in ["keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"] {
        headers.remove(name);
    }
    if wants_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// The protocol that an HTTP/1.1 client wants to switch to, if it asks properly (`Connection: upgrade`).
pub fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let nominated = headers.get_all(header::CONNECTION).iter().any(|value| has_token(value, "upgrade"));
    if nominated { headers.get(header::UPGRADE).cloned() } else { None }
}

#[cold]
fn remove_nominated(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|token| HeaderName::from_bytes(token.trim().as_bytes()).ok())
        .filter(|name| !END_TO_END.contains(name))
        .collect();
    for name in nominated {
        // `close`, `keep-alive` and `upgrade` are options rather than fields; removing fields of that name is right as well.
        // `TE` and `Upgrade` are dealt with by the caller.
        if name != header::TE && name != header::UPGRADE {
            headers.remove(name);
        }
    }
    headers.remove(header::CONNECTION);
}

fn accepts_trailers(value: &HeaderValue) -> bool {
    has_token(value, "trailers")
}

fn has_token(value: &HeaderValue, wanted: &str) -> bool {
    value.to_str().is_ok_and(|value| {
        value.split(',').any(|token| token.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &[(&str, &str)], after: &[(&str, &str)]) {
        let mut headers = HeaderMap::new();
        for (name, value) in before {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        strip(&mut headers);
        let mut left: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        left.sort_unstable();
        assert_eq!(left, after);
    }

    #[test]
    fn what_connection_names_goes() {
        check(&[("connection", "close, x-Secret"), ("x-secret", "1"), ("x-open", "2")], &[("x-open", "2")]);
        check(&[("connection", "a"), ("connection", "b"), ("a", "1"), ("b", "2")], &[]);
    }

    #[test]
    fn what_gives_a_message_its_meaning_stays() {
        check(
            &[("connection", "authorization, host, content-length"), ("authorization", "x"), ("host", "h")],
            &[("authorization", "x"), ("host", "h")],
        );
    }

    #[test]
    fn only_trailers_survive_in_te() {
        check(&[("te", "gzip, trailers;q=0.5"), ("connection", "te")], &[("te", "trailers")]);
        check(&[("te", "gzip")], &[]);
    }

    #[test]
    fn fixed_names_go() {
        check(&[("keep-alive", "timeout=5"), ("proxy-connection", "x"), ("transfer-encoding", "chunked")], &[]);
    }
}
