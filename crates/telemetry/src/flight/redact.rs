//! What is secret, and does not leave the gateway.

use std::borrow::Cow;

/// Stands in place of what is not shown.
pub(super) const REDACTED: &str = "REDACTED";

/// Parts of the names of query parameters whose values nobody should read who reads about requests.
const SECRETS: &[&str] =
    &["token", "secret", "passw", "pwd", "key", "auth", "signature", "credential", "session", "jwt"];

/// Whole names that are too short to look for in others.
const SHORT_SECRETS: &[&str] = &["code", "otp", "pass", "pin", "sid", "sig", "state"];

/// The query with the values of secret-like names taken out.
pub(super) fn query(query: &str) -> Cow<'_, str> {
    if !query.split('&').any(is_secret) {
        return Cow::Borrowed(query);
    }
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret(pair) => format!("{name}={REDACTED}"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&").into()
}

fn is_secret(pair: &str) -> bool {
    let name = pair.split_once('=').map_or(pair, |(name, _)| name).to_ascii_lowercase();
    // An escape may hide any letter.
    name.contains('%') || SECRETS.iter().any(|secret| name.contains(secret)) || SHORT_SECRETS.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_like_names_are_taken_out() {
        for (written, shown) in [
            ("", ""),
            ("a=b&c", "a=b&c"),
            ("a=b&access_token=x&c=d", "a=b&access_token=REDACTED&c=d"),
            ("API-Key=x=y", "API-Key=REDACTED"),
            ("t%6Fken=x", "t%6Fken=REDACTED"),
            ("page=2&sig=z&design=1", "page=2&sig=REDACTED&design=1"),
            ("token", "token"),
        ] {
            assert_eq!(query(written), shown);
        }
    }
}
