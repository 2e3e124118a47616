//! Families and samples, written down.

use std::time::Duration;

use crate::{
    Format,
    exemplar::Exemplar,
    histogram::{Bounds, Totals},
    names::{Family, Kind},
};

/// The text of a scrape while it is written.
#[derive(Debug)]
pub struct Exposition {
    text: String,
    format: Format,
}

/// Takes the samples of one family.
#[derive(Debug)]
pub struct Samples<'o> {
    text: &'o mut String,
    family: &'static Family,
    format: Format,
}

// === impl Exposition ===

impl Exposition {
    pub fn new(format: Format) -> Self {
        Self::with_room(format, 16 << 10)
    }

    /// For a text of so many bytes, or more.
    pub(super) fn with_room(format: Format, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), format }
    }

    /// Begins a family; each may be begun once.
    pub fn family(&mut self, family: &'static Family) -> Samples<'_> {
        let (name, kind) = match (self.format, family.kind) {
            (Format::Text, Kind::Info) => (family.name, "gauge"),
            (Format::Text, kind) => (family.name, kind.name()),
            (Format::OpenMetrics, kind) => (family.stem(), kind.name()),
        };
        self.meta("HELP", name, family.help);
        self.meta("TYPE", name, kind);
        if let (Format::OpenMetrics, Some(unit)) = (self.format, family.unit()) {
            self.meta("UNIT", name, unit);
        }
        Samples { text: &mut self.text, family, format: self.format }
    }

    fn meta(&mut self, what: &str, name: &str, text: &str) {
        for part in ["# ", what, " ", name, " ", text, "\n"] {
            self.text.push_str(part);
        }
    }

    /// The whole text.
    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

// === impl Family ===

impl Family {
    /// What OpenMetrics calls the family: the name without what the kind adds to samples.
    fn stem(&self) -> &'static str {
        self.name.strip_suffix("_total").or_else(|| self.name.strip_suffix("_info")).unwrap_or(self.name)
    }

    fn unit(&self) -> Option<&'static str> {
        ["seconds", "bytes"].into_iter().find(|unit| self.stem().ends_with(unit))
    }
}

// === impl Kind ===

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }
}

// === impl Samples ===

impl Samples<'_> {
    /// A sample that is a whole number. `labels` are the values, in the order of the family's labels.
    pub fn count(&mut self, labels: &[&str], value: u64) {
        self.sample("", labels, |text| push_integer(text, value));
    }

    /// A sample that is a time, in seconds; exact to the nanosecond, no float on the way.
    pub fn seconds(&mut self, labels: &[&str], value: Duration) {
        self.sample("", labels, |text| push_seconds(text, value));
    }

    pub(crate) fn histogram<const N: usize>(&mut self, labels: &[&str], bounds: &Bounds<N>, totals: &Totals<N>) {
        self.histogram_with(labels, bounds, totals, |_| None);
    }

    /// The same, with a trace for each bucket that has one, where the format can say so. `exemplar` is asked by the index of the
    /// bucket.
    pub(crate) fn histogram_with<const N: usize>(
        &mut self,
        labels: &[&str],
        bounds: &Bounds<N>,
        totals: &Totals<N>,
        exemplar: impl Fn(usize) -> Option<Exemplar>,
    ) {
        let mut count = 0;
        // The head is the same for every bucket up to the bound, so it is written once and copied.
        let start = self.text.len();
        self.head("_bucket", labels);
        self.text.push_str(if labels.is_empty() { "{le=\"" } else { ",le=\"" });
        let head = start..self.text.len();
        let buckets = bounds.text.iter().zip(totals.within).chain([(&"+Inf", totals.beyond)]);
        for (index, (bound, within)) in buckets.enumerate() {
            if index > 0 {
                self.text.extend_from_within(head.clone());
            }
            count += within;
            self.text.push_str(bound);
            self.text.push_str("\"} ");
            push_integer(self.text, count);
            if let Some(exemplar) = exemplar(index).filter(|_| self.format == Format::OpenMetrics) {
                push_exemplar(self.text, &exemplar);
            }
            self.text.push('\n');
        }
        self.sample("_sum", labels, |text| push_seconds(text, totals.sum));
        self.sample("_count", labels, |text| push_integer(text, count));
    }

    fn sample(&mut self, suffix: &str, labels: &[&str], value: impl FnOnce(&mut String)) {
        self.head(suffix, labels);
        self.text.push_str(if labels.is_empty() { " " } else { "} " });
        value(self.text);
        self.text.push('\n');
    }

    /// Name and labels, without the closing brace.
    fn head(&mut self, suffix: &str, labels: &[&str]) {
        debug_assert_eq!(labels.len(), self.family.labels.len(), "labels of {}", self.family.name);
        self.text.push_str(self.family.name);
        self.text.push_str(suffix);
        for (index, (name, value)) in self.family.labels.iter().zip(labels).enumerate() {
            self.text.push(if index == 0 { '{' } else { ',' });
            self.text.push_str(name);
            self.text.push_str("=\"");
            push_escaped(self.text, value);
            self.text.push('"');
        }
    }
}

/// OpenMetrics 1.0, "Exemplars": labels, the value, when it was.
fn push_exemplar(text: &mut String, exemplar: &Exemplar) {
    text.push_str(" # {trace_id=\"");
    text.push_str(str::from_utf8(&exemplar.trace.hex()).unwrap_or_default());
    text.push_str("\"} ");
    push_seconds(text, exemplar.took);
    text.push(' ');
    push_seconds(text, exemplar.when);
}

fn push_integer(text: &mut String, value: u64) {
    text.push_str(itoa::Buffer::new().format(value));
}

fn push_seconds(text: &mut String, value: Duration) {
    push_integer(text, value.as_secs());
    let nanos = value.subsec_nanos();
    if nanos > 0 {
        // A leading 1 keeps the zeros behind the point; it is replaced by the point.
        let mut buffer = itoa::Buffer::new();
        let digits = &buffer.format(1_000_000_000 + nanos)[1..];
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
}

/// As both formats want label values.
fn push_escaped(text: &mut String, value: &str) {
    let mut rest = value;
    while let Some(at) = rest.find(['\\', '"', '\n']) {
        text.push_str(&rest[..at]);
        text.push_str(match rest.as_bytes()[at] {
            b'\\' => "\\\\",
            b'"' => "\\\"",
            _ => "\\n",
        });
        rest = &rest[at + 1..];
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        histogram::{Histogram, OVERHEAD},
        names,
    };

    fn written(format: Format, write: impl FnOnce(&mut Exposition)) -> String {
        let mut out = Exposition::new(format);
        write(&mut out);
        out.finish()
    }

    #[test]
    fn counters_carry_total_where_the_format_wants_it() {
        let write = |out: &mut Exposition| out.family(&names::REQUEST_BYTES).count(&["a"], 7);
        assert_eq!(
            written(Format::Text, write),
            "# HELP sluice_request_bytes_total Bytes of request bodies.\n\
             # TYPE sluice_request_bytes_total counter\n\
             sluice_request_bytes_total{route=\"a\"} 7\n"
        );
        assert_eq!(
            written(Format::OpenMetrics, write),
            "# HELP sluice_request_bytes Bytes of request bodies.\n\
             # TYPE sluice_request_bytes counter\n\
             # UNIT sluice_request_bytes bytes\n\
             sluice_request_bytes_total{route=\"a\"} 7\n\
             # EOF\n"
        );
    }

    #[test]
    fn labels_are_escaped() {
        let text = written(Format::Text, |out| out.family(&names::BUILD_INFO).count(&["\"ä\\\n"], 1));
        assert!(text.ends_with("sluice_build_info{version=\"\\\"ä\\\\\\n\"} 1\n"), "{text}");
        assert!(text.contains("# TYPE sluice_build_info gauge\n"), "{text}");
    }

    #[test]
    fn buckets_are_cumulative() {
        let histogram = Histogram::default();
        for micros in [5, 30, 30, 20_000] {
            histogram.observe(&OVERHEAD, Duration::from_micros(micros));
        }
        let totals = Totals::of([&histogram].into_iter());
        let text = written(Format::Text, |out| out.family(&names::OVERHEAD).histogram(&["a"], &OVERHEAD, &totals));
        let samples: Vec<_> =
            text.lines().skip(2).map(|line| line.trim_start_matches("sluice_overhead_seconds")).collect();
        assert_eq!(samples[0], "_bucket{route=\"a\",le=\"1e-05\"} 1");
        assert_eq!(samples[1], "_bucket{route=\"a\",le=\"2.5e-05\"} 1");
        assert_eq!(samples[2], "_bucket{route=\"a\",le=\"5e-05\"} 3");
        assert_eq!(samples[10], "_bucket{route=\"a\",le=\"+Inf\"} 4");
        assert_eq!(samples[11..], ["_sum{route=\"a\"} 0.020065", "_count{route=\"a\"} 4"]);
    }

    #[test]
    fn buckets_show_traces_to_those_who_can_read_it() {
        let totals = Totals::of([&Histogram::default()].into_iter());
        let exemplar = Exemplar {
            trace: message::TraceId::new([0xab; 16]).unwrap(),
            took: Duration::from_micros(20),
            when: Duration::from_millis(1_500),
        };
        let written = |format| {
            written(format, |out| {
                let exemplar = |bucket| (bucket == 1).then_some(exemplar);
                out.family(&names::OVERHEAD).histogram_with(&["a"], &OVERHEAD, &totals, exemplar);
            })
        };
        let line = "le=\"2.5e-05\"} 0 # {trace_id=\"abababababababababababababababab\"} 0.00002 1.5\n";
        assert!(written(Format::OpenMetrics).contains(line), "{}", written(Format::OpenMetrics));
        assert!(!written(Format::Text).contains("trace_id"));
    }

    #[test]
    fn seconds_are_exact() {
        for (nanos, text) in [(0, "0"), (1, "0.000000001"), (1_500_000_000, "1.5"), (10_000_000_000, "10")] {
            let mut written = String::new();
            push_seconds(&mut written, Duration::from_nanos(nanos));
            assert_eq!(written, text);
        }
    }
}
