//! Who called, through how many proxies: `X-Forwarded-*`, `Forwarded` (RFC 7239) and `Via` (RFC 9110, 7.6.3).

use std::{fmt::Write, net::IpAddr};

use http::{HeaderMap, HeaderName, HeaderValue, Version, header};
use ipnet::IpNet;

use crate::Peer;

pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Says that a request is a copy, by the name of the route whose mirror made it.
pub const X_SLUICE_MIRROR: HeaderName = HeaderName::from_static("x-sluice-mirror");

/// As many gateways of our name in `Via` mean a circle.
const MAX_HOPS: usize = 8;

/// Which of these headers an endpoint gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    pub via: bool,
    pub x_forwarded: bool,
    pub forwarded: bool,
}

/// The address of the client: the peer's, or, behind trusted proxies, the rightmost one in `X-Forwarded-For` that no
/// trusted proxy has.
///
/// A list that cannot be read ends the search at the last address that could be.
pub fn client_ip(headers: &HeaderMap, peer: &Peer, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.address.ip();
    if !peer.trusted {
        return client;
    }
    let hops = headers.get_all(X_FORWARDED_FOR).iter().rev().flat_map(|value| value.as_bytes().rsplit(|b| *b == b','));
    for hop in hops {
        let Some(address) = parse_hop(hop) else { break };
        client = address;
        if !is_trusted(address, trusted) {
            break;
        }
    }
    client
}

/// Whether the client came over TLS: here, or, as a trusted proxy says, there.
pub fn is_secure(headers: &HeaderMap, peer: &Peer) -> bool {
    let says_https =
        || headers.get(X_FORWARDED_PROTO).is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"));
    peer.tls.is_some() || (peer.trusted && says_https())
}

pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|net| net.contains(&address))
}

/// Whether `Via` shows that the request passed gateways of our name too often.
pub fn is_circling(headers: &HeaderMap) -> bool {
    let mut hops = 0;
    for value in headers.get_all(header::VIA) {
        hops += value.as_bytes().split(|byte| *byte == b',').filter(|hop| hop.ends_with(b" sluice")).count();
    }
    hops >= MAX_HOPS
}

/// Writes what the endpoint shall know of the client. What an untrusted peer claimed is replaced, not added to.
pub fn write(headers: &mut HeaderMap, peer: &Peer, authority: &HeaderValue, version: Version, rules: Rules) {
    if rules.x_forwarded {
        write_x_forwarded(headers, peer, authority);
    } else if !peer.trusted {
        for name in [X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST] {
            headers.remove(name);
        }
    }
    if rules.forwarded {
        write_forwarded(headers, peer, authority);
    } else if !peer.trusted {
        headers.remove(header::FORWARDED);
    }
    if rules.via {
        write_via(headers, version);
    }
}

/// Adds this gateway to `Via`, on a request or a response that came in as `version`.
pub fn write_via(headers: &mut HeaderMap, version: Version) {
    // The list may be as long as the header limits of the listener allow; one more entry cannot overflow the map.
    _ = headers.try_append(header::VIA, via(version));
}

fn via(version: Version) -> HeaderValue {
    match version {
        Version::HTTP_2 => const { HeaderValue::from_static("2 sluice") },
        Version::HTTP_10 => const { HeaderValue::from_static("1.0 sluice") },
        _ => const { HeaderValue::from_static("1.1 sluice") },
    }
}

fn write_x_forwarded(headers: &mut HeaderMap, peer: &Peer, authority: &HeaderValue) {
    let earlier = if peer.trusted { joined(headers, &X_FORWARDED_FOR) } else { None };
    let chain = match earlier {
        Some(earlier) => append_text(&earlier, &peer.address_text),
        None => peer.address_text.clone(),
    };
    headers.insert(X_FORWARDED_FOR, chain);
    if !(peer.trusted && headers.contains_key(X_FORWARDED_PROTO)) {
        headers.insert(X_FORWARDED_PROTO, peer.scheme_value());
    }
    if !(peer.trusted && headers.contains_key(X_FORWARDED_HOST)) {
        headers.insert(X_FORWARDED_HOST, authority.clone());
    }
}

fn write_forwarded(headers: &mut HeaderMap, peer: &Peer, authority: &HeaderValue) {
    let mut element = String::new();
    let address = peer.address.ip();
    // Writing to a string cannot fail. IPv6 needs quotes and brackets (RFC 7239, 6).
    _ = match address {
        IpAddr::V4(address) => write!(element, "for={address}"),
        IpAddr::V6(address) => write!(element, "for=\"[{address}]\""),
    };
    _ = write!(element, ";proto={}", peer.scheme());
    if let Ok(host) = authority.to_str() {
        _ = write!(element, ";host=\"{host}\"");
    }
    let earlier = if peer.trusted { joined(headers, &header::FORWARDED) } else { None };
    let Ok(own) = HeaderValue::from_str(&element) else { return };
    headers.insert(header::FORWARDED, earlier.map_or_else(|| own.clone(), |earlier| append_text(&earlier, &own)));
}

fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.clone();
    Some(values.fold(first, |list, value| append_text(&list, value)))
}

fn append_text(list: &HeaderValue, item: &HeaderValue) -> HeaderValue {
    let joined = [list.as_bytes(), b", ", item.as_bytes()].concat();
    // Two valid values joined by a comma are a valid value.
    HeaderValue::from_bytes(&joined).unwrap_or_else(|_| item.clone())
}

/// One hop of `X-Forwarded-For`: an address, perhaps with port, perhaps in brackets.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(hop).ok()?.trim();
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str, trusted: bool) -> Peer {
        let address = format!("{address}:1").parse().unwrap();
        Peer::new(address, "127.0.0.1:80".parse().unwrap(), trusted, None)
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_rightmost_untrusted_address_is_the_client() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let check = |xff: &'static str, peer: Peer, expected: &str| {
            let client = client_ip(&headers(&[("x-forwarded-for", xff)]), &peer, &trusted);
            assert_eq!(client, expected.parse::<IpAddr>().unwrap(), "{xff}");
        };
        check("1.1.1.1", peer("9.9.9.9", false), "9.9.9.9");
        check("6.6.6.6, 1.1.1.1, 10.0.0.2", peer("10.0.0.1", true), "1.1.1.1");
        check("6.6.6.6, ::ffff:1.1.1.1", peer("10.0.0.1", true), "1.1.1.1");
        check("10.0.0.3, 10.0.0.2", peer("10.0.0.1", true), "10.0.0.3");
        check("6.6.6.6, nonsense, 10.0.0.2", peer("10.0.0.1", true), "10.0.0.2");
        check("[2001:db8::1]:80", peer("10.0.0.1", true), "2001:db8::1");
    }

    #[test]
    fn claims_of_strangers_are_replaced() {
        let rules = Rules { via: true, x_forwarded: true, forwarded: true };
        let host = HeaderValue::from_static("a.test");
        let claims = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-proto", "https"), ("forwarded", "for=6.6.6.6")];
        let mut strangers = headers(&claims);
        write(&mut strangers, &peer("9.9.9.9", false), &host, Version::HTTP_11, rules);
        assert_eq!(strangers["x-forwarded-for"], "9.9.9.9");
        assert_eq!(strangers["x-forwarded-proto"], "http");
        assert_eq!(strangers["forwarded"], "for=9.9.9.9;proto=http;host=\"a.test\"");
        let mut friends = headers(&claims);
        write(&mut friends, &peer("10.0.0.1", true), &host, Version::HTTP_11, rules);
        assert_eq!(friends["x-forwarded-for"], "6.6.6.6, 10.0.0.1");
        assert_eq!(friends["x-forwarded-proto"], "https");
        assert_eq!(friends["via"], "1.1 sluice");
    }
}
