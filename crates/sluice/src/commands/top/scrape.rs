//! The metrics of a gateway, read from the text of a scrape.

use std::{collections::BTreeMap, time::Instant};

/// What was counted up to a moment.
#[derive(Debug)]
pub(super) struct Scrape {
    pub(super) at: Instant,
    samples: Vec<Sample>,
}

#[derive(Debug, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// Durations that were counted between two scrapes: up to where each bucket reaches, and how many were within it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Buckets(Vec<(f64, f64)>);

// === impl Scrape ===

impl Scrape {
    /// Lines that are no samples are left out.
    pub(super) fn read(text: &str, at: Instant) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self { at, samples: lines.filter_map(Sample::read).collect() }
    }

    /// The sum of a metric over all its series with these labels.
    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.with(name, labels).map(|sample| sample.value).sum()
    }

    /// The values of a label, each once.
    pub(super) fn values<'s>(&'s self, name: &'s str, label: &str) -> Vec<&'s str> {
        let mut values: Vec<_> =
            self.with(name, &[]).filter_map(|sample| sample.labels.get(label)).map(String::as_str).collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// The buckets of a histogram, without what an earlier scrape had.
    pub(super) fn buckets(&self, earlier: &Self, name: &str, labels: &[(&str, &str)]) -> Buckets {
        let name = format!("{name}_bucket");
        let bound = |sample: &Sample| match sample.labels.get("le").map(String::as_str) {
            Some("+Inf") => Some(f64::INFINITY),
            le => le?.parse().ok(),
        };
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for sample in self.with(&name, labels) {
            let Some(le) = bound(sample) else { continue };
            let before =
                earlier.samples.iter().find(|other| other.name == sample.name && other.labels == sample.labels);
            buckets.push((le, sample.value - before.map_or(0.0, |before| before.value)));
        }
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        Buckets(buckets)
    }

    fn with<'s>(&'s self, name: &'s str, labels: &'s [(&str, &str)]) -> impl Iterator<Item = &'s Sample> {
        self.samples.iter().filter(move |sample| {
            let has = |(name, value): &(&str, &str)| sample.labels.get(*name).is_some_and(|found| found == value);
            sample.name == name && labels.iter().all(has)
        })
    }
}

// === impl Sample ===

impl Sample {
    fn read(line: &str) -> Option<Self> {
        let (name, mut rest) = line.split_at(line.find(['{', ' '])?);
        let mut labels = BTreeMap::new();
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner;
            while !rest.starts_with('}') {
                let (label, behind) = rest.trim_start_matches(',').split_once("=\"")?;
                let (value, behind) = quoted(behind)?;
                labels.insert(label.to_owned(), value);
                rest = behind;
            }
            rest = &rest[1..];
        }
        let value = rest.split_whitespace().next()?.parse().ok()?;
        Some(Self { name: name.to_owned(), labels, value })
    }
}

/// What stands before the closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

// === impl Buckets ===

impl Buckets {
    /// The duration that such a part of them did not exceed, in seconds; `None` if there were none. Within a bucket they are
    /// taken to be spread evenly; beyond the last bound, it is that.
    pub(super) fn quantile(&self, part: f64) -> Option<f64> {
        let all = self.0.last()?.1;
        if all <= 0.0 {
            return None;
        }
        let wanted = all * part;
        let (mut lower, mut below) = (0.0, 0.0);
        for &(bound, within) in &self.0 {
            if within >= wanted {
                let share = if within > below { (wanted - below) / (within - below) } else { 1.0 };
                return Some(if bound.is_finite() { lower + (bound - lower) * share } else { lower });
            }
            (lower, below) = (bound, within);
        }
        Some(lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
# HELP a_total Something.
a_total{route="x \"y\" \\",class="2xx"} 3
a_total{route="z",class="2xx"} 4 1700000000
plain 0.5
d_bucket{le="1.0"} 10
d_bucket{le="2.0"} 20
d_bucket{le="+Inf"} 20
broken{le="1
"#;

    #[test]
    fn samples_are_read() {
        let scrape = Scrape::read(TEXT, Instant::now());
        assert_eq!(scrape.sum("a_total", &[("class", "2xx")]), 7.0);
        assert_eq!(scrape.sum("a_total", &[("route", "x \"y\" \\")]), 3.0);
        assert_eq!(scrape.sum("plain", &[]), 0.5);
        assert_eq!(scrape.values("a_total", "route"), ["x \"y\" \\", "z"]);
    }

    #[test]
    fn quantiles_lie_within_their_bucket() {
        let none = Scrape::read("", Instant::now());
        let scrape = Scrape::read(TEXT, Instant::now());
        let buckets = scrape.buckets(&none, "d", &[]);
        assert_eq!(buckets.quantile(0.25), Some(0.5));
        assert_eq!(buckets.quantile(0.75), Some(1.5));
        assert_eq!(buckets.quantile(1.0), Some(2.0));
        assert_eq!(scrape.buckets(&scrape, "d", &[]).quantile(0.5), None, "nothing happened since");
    }
}
