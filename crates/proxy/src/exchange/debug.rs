//! For callers who show the debug token: where the time of a response went, and what was tried.

use std::{fmt::Write as _, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use message::Record;
use snapshot::Debugging;

use super::Ending;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const SLUICE_TRAIL: HeaderName = HeaderName::from_static("sluice-trail");

/// Takes out the field that shows the token, whatever it holds; whether the request shows it. Whoever shows two shows none.
pub(super) fn take(headers: &mut HeaderMap, debugging: &Debugging) -> bool {
    let mut values = headers.get_all(&debugging.header).iter();
    let is_shown = match (values.next(), values.next()) {
        (Some(value), None) => debugging.token.is(value.as_bytes()),
        (None, _) => return false,
        _ => false,
    };
    headers.remove(&debugging.header);
    is_shown
}

/// Tells in the response what is known when its head goes out. A response whose fields leave no room goes without.
#[cold]
pub(crate) fn tell(headers: &mut HeaderMap, ending: &mut Ending) {
    let id = ending.exchange.request_id();
    let record = &ending.exchange.record;
    if let Ok(timing) = HeaderValue::try_from(timing(record)) {
        // What the endpoint says of itself stays.
        _ = headers.try_append(SERVER_TIMING, timing);
    }
    if let Ok(trail) = HeaderValue::try_from(trail(ending, id.to_str().unwrap_or_default())) {
        _ = headers.try_insert(SLUICE_TRAIL, trail);
    }
}

/// Server Timing (W3C), in milliseconds.
fn timing(record: &Record) -> String {
    let until_head = record.responded.map(|at| at.saturating_duration_since(record.started)).unwrap_or_default();
    let (policies, upstream) = (record.in_policies(), record.waited());
    let own = until_head.saturating_sub(policies).saturating_sub(upstream);
    let millis = |duration: Duration| duration.as_micros() as f64 / 1_000.0;
    format!("gw;dur={}, policies;dur={}, upstream;dur={}", millis(own), millis(policies), millis(upstream))
}

/// A dictionary (RFC 9651, 3.2).
fn trail(ending: &Ending, id: &str) -> String {
    let (record, snapshot) = (&ending.exchange.record, &ending.world.snapshot);
    let mut trail = format!("id={id:?}");
    if let Some(route) = record.route {
        _ = write!(trail, ", route={:?}", &*snapshot.routes[route as usize].name);
    }
    if let Some(side) = snapshot.side(record) {
        _ = write!(trail, ", side={:?}", &*side.name);
    }
    if let Some(last) = record.attempts.last() {
        _ = write!(trail, ", upstream={:?}, attempts=(", &*snapshot.upstreams[last.upstream as usize].name);
        for (index, attempt) in record.attempts.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            _ = match attempt.outcome {
                Ok(status) => write!(trail, "{separator}{:?};status={}", attempt.endpoint, status.as_u16()),
                Err(cause) => write!(trail, "{separator}{:?};cause={cause}", attempt.endpoint),
            };
        }
        trail.push(')');
    }
    _ = write!(trail, ", policies={}", ending.ran);
    if let Some(cause) = record.cause {
        _ = write!(trail, ", cause={cause}");
    }
    trail
}

#[cfg(test)]
mod tests {
    use message::Token;

    use super::*;

    #[test]
    fn only_the_one_right_token_counts_and_none_goes_on() {
        let name = HeaderName::from_static("x-sluice-debug");
        let debugging = Debugging { header: name.clone(), token: Token::new("0123456789abcdef").unwrap() };
        for (values, expected) in [
            (&[][..], false),
            (&["0123456789abcdef"], true),
            (&["0123456789abcdeX"], false),
            (&["0123456789abcdef", "0123456789abcdef"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(&name, HeaderValue::from_static(value));
            }
            assert_eq!(take(&mut headers, &debugging), expected, "{values:?}");
            assert!(headers.is_empty());
        }
    }
}
