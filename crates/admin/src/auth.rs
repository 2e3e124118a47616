//! Who may ask for more than health and metrics.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::{Gateway, problem::Problem};

/// Lets a request through that shows the admin token (RFC 6750, 2.1).
///
/// In no other place than `Authorization`: no page that a browser was lured to can send that without asking first, and
/// addresses with a token in them end up in logs.
pub(crate) async fn authenticate(State(gateway): State<Arc<dyn Gateway>>, request: Request, next: Next) -> Response {
    let shown = shown(request.headers());
    if shown.is_some_and(|shown| gateway.token().is(shown)) {
        return next.run(request).await;
    }
    let (detail, challenge) = match shown {
        None => (
            "this needs the admin token; send it as `Authorization: Bearer TOKEN`. It was printed at the first start, and \
             is kept in the state directory",
            "Bearer realm=\"sluice\"",
        ),
        Some(_) => (
            "this is not the admin token; it is what SLUICE_ADMIN_TOKEN said at the start, or is kept in the state directory",
            "Bearer realm=\"sluice\", error=\"invalid_token\"",
        ),
    };
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}

/// The token that a request shows. Whoever shows two shows none.
fn shown(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.as_bytes().split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bearer_token() {
        let check = |values: &[&'static str], expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            assert_eq!(shown(&headers), expected.map(str::as_bytes), "{values:?}");
        };
        check(&["Bearer abc"], Some("abc"));
        check(&["bEARER  abc "], Some("abc"));
        check(&["Bearer "], Some(""));
        check(&[], None);
        check(&["Bearer"], None);
        check(&["Bearerabc"], None);
        check(&["Basic YWJj"], None);
        check(&["Bearer abc", "Bearer abc"], None);
    }
}
