//! What stands behind the `?`, and times as programs in Go write them.

use std::{convert::Infallible, time::Duration};

use axum::extract::FromRequestParts;
use http::request::Parts;

/// The parameters of a request, decoded, in their order.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

/// Of those who do not say how long they would wait for a change, and the longest for all (as Consul has it).
const WAIT: Duration = Duration::from_mins(5);
const LONGEST_WAIT: Duration = Duration::from_mins(10);

// === impl Query ===

impl Query {
    fn parse(query: &str) -> Self {
        let parts = query.split('&').filter(|part| !part.is_empty());
        Self(
            parts
                .map(|part| part.split_once('=').unwrap_or((part, "")))
                .map(|(k, v)| (decoded(k), decoded(v)))
                .collect(),
        )
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a parameter that may stand several times.
    pub(crate) fn all<'q>(&'q self, name: &str) -> impl Iterator<Item = &'q str> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether it is there, and not said to be off.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "false" && value != "0")
    }

    /// `index` and `wait`: what somebody has seen, and how long to wait for something else. Nobody has seen 0.
    ///
    /// # Errors
    /// They make no sense.
    pub(crate) fn blocking(&self) -> Result<Option<(u64, Duration)>, String> {
        let index = self.get("index").unwrap_or("0");
        let index: u64 = index.parse().map_err(|_| format!("the index `{}` is no number", index.escape_debug()))?;
        let wait = match self.get("wait").filter(|wait| !wait.is_empty()) {
            Some(wait) => {
                go_duration(wait).ok_or_else(|| format!("`{}` is no time such as `30s`", wait.escape_debug()))?
            }
            None => WAIT,
        };
        Ok((index > 0).then(|| (index, if wait.is_zero() { WAIT } else { wait.min(LONGEST_WAIT) })))
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

/// As forms are encoded. What is no UTF-8 then becomes what is no name of anything.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, after) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                bytes.push(hex(*high).unwrap_or_default() << 4 | hex(*low).unwrap_or_default());
                rest = after;
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `30s`, `1m30s`, `1.5h`, `250ms`: a time above zero as Go writes it (`time.ParseDuration`).
pub(crate) fn go_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut total, mut rest) = (0.0, text);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = after;
    }
    // To the microsecond, which is what the sum is good for.
    let rounded = Duration::try_from_secs_f64(total).ok()?.as_micros();
    u64::try_from(rounded).ok().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("tag=a%20b&tag=c+d&passing&index=7&wait=2s&x=%zz%4");
        assert_eq!(query.all("tag").collect::<Vec<_>>(), ["a b", "c d"]);
        assert!(query.is("passing") && !query.is("near"));
        assert_eq!(query.get("x"), Some("%zz%4"));
        assert_eq!(query.blocking(), Ok(Some((7, Duration::from_secs(2)))));
        assert_eq!(Query::parse("wait=2s").blocking(), Ok(None));
        assert_eq!(Query::parse("index=1&wait=99h").blocking(), Ok(Some((1, LONGEST_WAIT))));
        assert_eq!(Query::parse("index=1").blocking(), Ok(Some((1, WAIT))));
        assert!(Query::parse("index=-1").blocking().is_err());
        assert!(Query::parse("index=1&wait=soon").blocking().is_err());
    }

    #[test]
    fn times_as_go_writes_them() {
        for (text, millis) in
            [("10s", 10_000), ("1m30s", 90_000), ("1.5h", 5_400_000), ("250ms", 250), ("0", 0), ("0s", 0)]
        {
            assert_eq!(go_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "10", "s", "10x", "-1s", "1s2", "1e400h", "..s"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }
}
