//! What stands behind the question mark.

use std::time::Duration;

/// The parameters of a question, decoded.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

/// How long a query waits unless it says so, and at most.
const WAIT: Duration = Duration::from_secs(5 * 60);
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

// === impl Query ===

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self(pairs.map(|(key, value)| (decoded(key), decoded(value))).collect())
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| &**value)
    }

    pub(super) fn all(&self, key: &str) -> Vec<String> {
        self.0.iter().filter(|(name, _)| name == key).map(|(_, value)| value.clone()).collect()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The first parameter that is none of these.
    pub(super) fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.0.iter().map(|(name, _)| &**name).find(|name| !known.contains(name))
    }

    pub(super) fn index(&self) -> Result<u64, String> {
        self.get("index").map_or(Ok(0), |text| text.parse().map_err(|_| "Invalid index".to_owned()))
    }

    pub(super) fn wait(&self) -> Result<Duration, String> {
        let Some(text) = self.get("wait") else { return Ok(WAIT) };
        duration(text).map(|wait| wait.min(LONGEST_WAIT)).ok_or_else(|| "Invalid wait time".to_owned())
    }
}

/// `%20` and the like to what they mean.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escape = after.first_chunk::<2>().and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, escape.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A duration as Go has it: `300ms`, `5m`, `1m30s`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut whole = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let seconds = match &after[..unit] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        whole += Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        rest = &after[unit..];
    }
    (!text.is_empty()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_they_are_meant() {
        let query = Query::parse("tag=a%2Fb&passing&tag=c+d&wait=1m30s&index=7");
        assert_eq!(query.all("tag"), ["a/b", "c d"]);
        assert!(query.has("passing") && !query.has("dc"));
        assert_eq!((query.wait(), query.index()), (Ok(Duration::from_secs(90)), Ok(7)));
        assert!(Query::parse("wait=5").wait().is_err());
        assert_eq!(Query::parse("wait=1h").wait(), Ok(LONGEST_WAIT));
    }
}
