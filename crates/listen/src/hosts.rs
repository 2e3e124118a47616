//! An address that listens on this machine only is protected by that, and a browser on this machine undermines it: a page of
//! `evil.example` may make that name resolve to 127.0.0.1 (DNS rebinding) and then read what it asks for. Such a request
//! gives itself away by its `Host`.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderValue, Request, header, uri::Authority};

/// All names that a request asks for: of its target, and of each `Host`. What is not text is told as an empty name, which
/// is no known one.
pub fn asked<B>(request: &Request<B>) -> impl Iterator<Item = &str> {
    let in_target = request.uri().authority().map(Authority::as_str);
    let in_headers = request.headers().get_all(header::HOST).iter().map(|value| value.to_str().unwrap_or_default());
    in_target.into_iter().chain(in_headers)
}

/// Whether no attacker can own this name: it is an address, `localhost`, or one of `names`.
pub fn is_known(host: &str, names: &[Arc<str>]) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    // What stands before an `@` is for people to take for the name.
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host().to_ascii_lowercase();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
    address.parse::<IpAddr>().is_ok()
        || host == "localhost"
        || host.ends_with(".localhost")
        || names.iter().any(|name| name.eq_ignore_ascii_case(&host))
}

/// What every answer says: browsers and proxies keep nothing of it, and take it for nothing else.
pub fn protect(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_an_attacker_cannot_own_are_known() {
        let names = ["Gateway.internal".into()];
        // tidy-allow fixed-port: data, never bound
        for host in [
            "127.0.0.1",
            "10.0.0.7:9901",
            "[2001:db8::1]:9901",
            "[::1]",
            "localhost",
            "LOCALHOST:9901",
            "sluice.localhost",
            "gateway.internal:9901",
        ] {
            assert!(is_known(host, &names), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:9901",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "localhost@evil.example",
            "evil.example@localhost",
            "gateway.internal.evil.example",
            "a b",
        ] {
            assert!(!is_known(host, &names), "{host}");
        }
    }

    #[test]
    fn every_name_counts() {
        let request = Request::builder().uri("http://a/").header("host", "b").header("host", "c").body(()).unwrap();
        assert_eq!(asked(&request).collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
