//! Who may register.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use listen::Problem;

use crate::registry::Shared;

/// As clients of Consul show a token.
const CONSUL_TOKEN: &str = "x-consul-token";

/// Lets a request through that shows the token, in whatever way its dialect has: as a bearer (RFC 6750), in
/// `X-Consul-Token`, or as the password of whatever user (RFC 7617), which is all that a URL of Eureka can hold.
///
/// Never in the query: addresses with a token in them end up in logs.
pub(super) async fn authenticate(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let Some(token) = shared.token() else { return next.run(request).await };
    let shown = shown(request.headers());
    if shown.as_deref().is_some_and(|shown| token.is(shown)) {
        return next.run(request).await;
    }
    let path = request.uri().path();
    if path.starts_with("/v1/") && !path.starts_with("/v1/services") {
        return (StatusCode::FORBIDDEN, "Permission denied: the registry wants its token in `X-Consul-Token`")
            .into_response();
    }
    let (challenge, how) = if path.starts_with("/eureka") {
        ("Basic realm=\"registry\"", "as the password of a user: `http://any:TOKEN@HOST:PORT/eureka/`")
    } else {
        ("Bearer realm=\"registry\"", "as `Authorization: Bearer TOKEN`")
    };
    let what =
        if shown.is_none() { "this needs the token of the registry" } else { "this is not the token of the registry" };
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, format!("{what}; show it {how}")).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}

/// The token that a request shows. Whoever shows two shows none.
fn shown(headers: &HeaderMap) -> Option<Vec<u8>> {
    let fields = headers.get_all(header::AUTHORIZATION).iter().map(|value| authorization(value.as_bytes()));
    let of_consul = headers.get_all(CONSUL_TOKEN).iter().map(|value| Some(value.as_bytes().trim_ascii().to_owned()));
    let mut all = fields.chain(of_consul);
    let (Some(token), None) = (all.next(), all.next()) else { return None };
    token
}

fn authorization(value: &[u8]) -> Option<Vec<u8>> {
    let space = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = (&value[..space], value[space..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(rest.to_owned());
    }
    let decoded = scheme.eq_ignore_ascii_case(b"basic").then(|| STANDARD.decode(rest).ok()).flatten()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    Some(decoded[colon + 1..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_token_in_one_of_three_ways() {
        let check = |fields: &[(&'static str, &'static str)], expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(shown(&headers).as_deref(), expected.map(str::as_bytes), "{fields:?}");
        };
        check(&[("authorization", "Bearer abc")], Some("abc"));
        check(&[("authorization", "bEARER  abc ")], Some("abc"));
        check(&[("authorization", "Basic YW55OmFiYzpk")], Some("abc:d"));
        check(&[("x-consul-token", "abc")], Some("abc"));
        check(&[("authorization", "Basic YWJj")], None);
        check(&[("authorization", "Basic ?")], None);
        check(&[("authorization", "Digest abc")], None);
        check(&[("authorization", "abc")], None);
        check(&[("authorization", "Bearer abc"), ("x-consul-token", "abc")], None);
        check(&[], None);
    }
}
