//! The Prometheus text format, as far as a test asks about it.

use std::collections::BTreeMap;

/// Samples by name with labels, as written: `sluice_requests_total{route="users",status="200"}`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics(pub BTreeMap<String, f64>);

// === impl Metrics ===

impl Metrics {
    /// Reads an exposition.
    ///
    /// # Panics
    /// When a line is no sample: a scraper would refuse the whole, and so does a test.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.map(|line| sample(line).unwrap_or_else(|| panic!("this line is no sample: {line}"))).collect())
    }

    /// The sum over the samples of this name that have these labels among theirs, or none when there is no such sample.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect::<Vec<_>>();
        let fits = |key: &str| {
            let (found, rest) = key.split_once('{').unwrap_or((key, ""));
            let found_labels = split(rest.trim_end_matches('}'));
            found == name && wanted.iter().all(|label| found_labels.contains(&label.as_str()))
        };
        let values = self.0.iter().filter(|(key, _)| fits(key)).map(|(_, value)| *value);
        values.reduce(|sum, value| sum + value)
    }
}

/// `name{labels} value`, and what may follow: a time, an exemplar.
fn sample(line: &str) -> Option<(String, f64)> {
    let end = labels_end(line)?;
    let value = line[end..].split_whitespace().next()?.parse().ok()?;
    Some((line[..end].to_owned(), value))
}

/// Where name and labels end; a quoted value may hold anything, also spaces and braces.
fn labels_end(line: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, octet) in line.bytes().enumerate() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Some(at + 1),
            b' ' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Labels at the commas outside of quotes.
fn split(labels: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    labels
        .split(|character| {
            let boundary = character == ',' && !quoted;
            match character {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                _ => {}
            }
            boundary
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# HELP requests_total answered
# TYPE requests_total counter
requests_total{route="users",status="200"} 3
requests_total{route="users",status="503"} 1
requests_total{route="odd, } \" name",status="200"} 7 1700000000000
generation 2
bucket{le="+Inf"} 4 # {trace_id="ab"} 0.5
"#;

    #[test]
    fn samples_are_found_by_name_and_labels() {
        let metrics = Metrics::parse(TEXT);
        assert_eq!(metrics.value("generation", &[]), Some(2.0));
        assert_eq!(metrics.value("requests_total", &[]), Some(11.0));
        assert_eq!(metrics.value("requests_total", &[("route", "users")]), Some(4.0));
        assert_eq!(metrics.value("requests_total", &[("status", "200"), ("route", "users")]), Some(3.0));
        assert_eq!(metrics.value("requests_total", &[("route", r#"odd, } \" name"#)]), Some(7.0));
        assert_eq!(metrics.value("bucket", &[("le", "+Inf")]), Some(4.0));
        assert_eq!(metrics.value("requests", &[]), None);
        assert_eq!(metrics.0.len(), 5);
    }

    #[test]
    #[should_panic(expected = "no sample")]
    fn nonsense_is_refused() {
        Metrics::parse("<html>");
    }
}
