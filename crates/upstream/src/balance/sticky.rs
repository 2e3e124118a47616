//! A cookie binds clients to endpoints.
//!
//! The value is a MAC over the address of the endpoint, computed when the set is built. To sign costs nothing on the path,
//! and to verify is to look the value up: what was not given out for one of these endpoints is not found.

use std::{fmt::Write, sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use http::{HeaderMap, HeaderValue};
use message::field;
use model::Secret;

use super::{Ask, LoadBalancer, RoundRobin, ramp::Ramp};
use crate::{Endpoint, SecretError, secret};

pub(super) struct Sticky {
    /// By index of the endpoint.
    tokens: Box<[u64]>,
    /// Of endpoints with a weight, in rising order, with their indices.
    known: Box<[(u64, u32)]>,
    /// For clients without a cookie.
    first: RoundRobin,
}

/// The cookies of an upstream.
#[derive(Debug, PartialEq)]
pub struct Cookies {
    name: Arc<str>,
    ttl: Option<Duration>,
    secret: Secret,
    is_secret_ours: bool,
}

/// In bytes: half of what the MAC gives, and more than anybody guesses.
const LEAST_SECRET: usize = 16;

// === impl Sticky ===

impl Sticky {
    pub(super) fn new(endpoints: &[Arc<Endpoint>], cookies: &Cookies, ramp: Ramp, workers: usize) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, cookies.secret.expose().as_bytes());
        let tokens: Box<[u64]> = endpoints.iter().map(|endpoint| cookies.sign(&key, endpoint)).collect();
        let weighted = (0..).zip(endpoints).filter(|(_, endpoint)| endpoint.weight > 0);
        let mut known: Box<[_]> = weighted.map(|(index, _): (u32, _)| (tokens[index as usize], index)).collect();
        known.sort_unstable();
        Self { tokens, known, first: RoundRobin::new(endpoints, ramp, workers) }
    }

    fn find(&self, token: u64) -> Option<usize> {
        let at = self.known.binary_search_by_key(&token, |(token, _)| *token).ok()?;
        Some(self.known[at].1 as usize)
    }
}

impl LoadBalancer for Sticky {
    fn pick(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize> {
        self.bound(endpoints, ask).or_else(|| self.first.pick(endpoints, ask))
    }

    fn bound(&self, endpoints: &[Arc<Endpoint>], ask: &Ask<'_>) -> Option<usize> {
        self.find(ask.key?).filter(|bound| ask.takes(*bound, endpoints))
    }

    fn token(&self, endpoint: usize) -> Option<u64> {
        self.tokens.get(endpoint).copied()
    }
}

// === impl Cookies ===

impl Cookies {
    /// `previous` are those that these replace.
    ///
    /// # Errors
    /// There is no such secret, or it is too short.
    pub(super) fn new(rules: &model::StickyCookie, previous: Option<&Self>) -> Result<Self, SecretError> {
        let secret = match (&rules.secret, previous) {
            (Some(source), _) => fetch::secret::read(source, LEAST_SECRET)?,
            (None, Some(Self { secret, is_secret_ours: true, .. })) => secret.clone(),
            (None, _) => secret::make()?,
        };
        Ok(Self { name: rules.cookie.clone(), ttl: rules.ttl, secret, is_secret_ours: rules.secret.is_none() })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What the cookie of a request holds, if it looks like one of ours.
    pub(super) fn token(&self, headers: &HeaderMap) -> Option<u64> {
        field::cookies(headers, &self.name).find_map(|value| parse(&value.bytes()))
    }

    /// The `Set-Cookie` by which a client comes back, over TLS only if it came that way.
    pub fn set(&self, token: u64, is_secure: bool) -> Option<HeaderValue> {
        let mut cookie = format!("{}={token:016x}; Path=/; HttpOnly; SameSite=Lax", self.name);
        if let Some(ttl) = self.ttl {
            // Writing to a string cannot fail.
            _ = write!(cookie, "; Max-Age={}", ttl.as_secs());
        }
        if is_secure {
            cookie.push_str("; Secure");
        }
        HeaderValue::try_from(cookie).ok()
    }

    /// The name of the cookie is part of what is signed, so that upstreams with one secret do not take each other's.
    fn sign(&self, key: &hmac::Key, endpoint: &Endpoint) -> u64 {
        let mac = hmac::sign(key, format!("{}\n{}", self.name, endpoint.address).as_bytes());
        mac.as_ref().iter().take(8).fold(0, |token, byte| token << 8 | u64::from(*byte))
    }
}

/// Sixteen hex digits in lower case.
fn parse(value: &[u8]) -> Option<u64> {
    let fits = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let text = str::from_utf8(value).ok().filter(|text| text.len() == 16 && text.as_bytes().iter().all(fits))?;
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;
    use model::values::SecretSource;

    use super::{
        super::contract::{Chance, endpoint, endpoints},
        *,
    };

    fn cookies(secret: Option<&str>, previous: Option<&Cookies>) -> Result<Cookies, SecretError> {
        let secret = secret.map(|secret| SecretSource::Text(Secret::new(secret)));
        Cookies::new(&model::StickyCookie { cookie: "s".into(), ttl: None, secret }, previous)
    }

    fn token(cookies: &Cookies, text: &str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, text.parse().unwrap());
        cookies.token(&headers)
    }

    #[test]
    fn clients_come_back() {
        let endpoints = endpoints(&[1, 1, 1]);
        let balancer = Sticky::new(&endpoints, &cookies(None, None).unwrap(), Ramp(None), 1);
        let mut chance = Chance::default();
        for index in 0..3 {
            let key = balancer.token(index);
            assert!(key.is_some());
            for _ in 0..10 {
                assert_eq!(balancer.pick(&endpoints, &Ask { key, ..chance.ask() }), Some(index));
                assert_ne!(balancer.pick(&endpoints, &Ask { key, tried: &[index], ..chance.ask() }), Some(index));
            }
        }
    }

    #[test]
    fn who_has_no_weight_any_more_gets_nobody_back() {
        let cookies = cookies(None, None).unwrap();
        let before = Sticky::new(&endpoints(&[1, 1]), &cookies, Ramp(None), 1);
        let now = endpoints(&[0, 1]);
        let after = Sticky::new(&now, &cookies, Ramp(None), 1);
        assert_eq!(after.pick(&now, &Ask { key: before.token(0), ..Chance::default().ask() }), Some(1));
    }

    #[test]
    fn only_values_of_the_right_form_are_read() {
        let cookies = cookies(None, None).unwrap();
        for (text, expected) in [
            ("s=00000000000000ff", Some(255)),
            ("a=b; s=00000000000000ff; c=d", Some(255)),
            ("s=x; s=00000000000000ff", Some(255)),
            ("s=00000000000000FF", None),
            ("s=0000000000000ff", None),
            ("s=+0000000000000ff", None),
            ("s=", None),
            ("t=00000000000000ff", None),
        ] {
            assert_eq!(token(&cookies, text), expected, "{text}");
        }
    }

    #[test]
    fn the_attributes_are_safe() {
        let mut cookies = cookies(None, None).unwrap();
        assert_eq!(cookies.set(255, false).unwrap(), "s=00000000000000ff; Path=/; HttpOnly; SameSite=Lax");
        cookies.ttl = Some(Duration::from_secs(3600));
        let set = "s=00000000000000ff; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure";
        assert_eq!(cookies.set(255, true).unwrap(), set);
    }

    /// HMAC-SHA-256 over the name of the cookie, a line feed and the address, the first eight bytes:
    /// `printf 's\ne1.test:80' | openssl dgst -sha256 -hmac 0123456789abcdef`.
    #[test]
    fn gateways_with_one_secret_take_each_others_cookies() {
        let endpoints = [endpoint(1, 1)];
        let token =
            |secret: &str| Sticky::new(&endpoints, &cookies(Some(secret), None).unwrap(), Ramp(None), 1).token(0);
        assert_eq!(token("0123456789abcdef"), Some(0xdb58_e183_101a_fd84));
        assert_ne!(token("0123456789abcdef"), token("0123456789abcdeg"));
    }

    #[test]
    fn a_secret_of_our_own_outlives_a_reload() {
        let first = cookies(None, None).unwrap();
        let second = cookies(None, Some(&first)).unwrap();
        assert_eq!(first, second);
        assert_ne!(cookies(None, None).unwrap(), first);
        // It is not mixed up with one of the document's.
        let given = cookies(Some("0123456789abcdef"), Some(&second)).unwrap();
        let third = cookies(None, Some(&given)).unwrap();
        assert!(third.secret != given.secret && third.secret != first.secret);
    }

    #[test]
    fn short_secrets_are_refused() {
        let refused = cookies(Some("short"), None).unwrap_err().to_string();
        assert_eq!(refused, "a secret in the document: 5 bytes are no secret; at least 16 are needed");
    }
}
