//! The two formats, and which of them a scraper gets.

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics text 1.0.0.
    OpenMetrics,
}

// === impl Format ===

impl Format {
    /// What the header `Accept` prefers (RFC 9110, 12.5.1). OpenMetrics only where it is named; text for anybody else,
    /// also for those who accept neither: a person with a browser shall see something.
    pub fn negotiate(accept: Option<&str>) -> Self {
        let (mut text, mut open_metrics) = (0.0, 0.0);
        for range in accept.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let (mut quality, mut version) = (1.0_f32, None);
            for parameter in parts {
                match parameter.split_once('=') {
                    Some(("q" | "Q", value)) => quality = value.parse().unwrap_or(0.0),
                    Some(("version", value)) => version = Some(value.trim_matches('"')),
                    _ => {}
                }
            }
            if media.eq_ignore_ascii_case("application/openmetrics-text") && matches!(version, None | Some("1.0.0")) {
                open_metrics = quality.max(open_metrics);
            } else if ["text/plain", "text/*", "*/*"].iter().any(|ours| media.eq_ignore_ascii_case(ours)) {
                text = quality.max(text);
            }
        }
        if open_metrics > 0.0 && open_metrics >= text { Self::OpenMetrics } else { Self::Text }
    }

    /// For the header `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_format_wins() {
        for (accept, format) in [
            (None, Format::Text),
            (Some(""), Format::Text),
            (Some("text/html, */*;q=0.8"), Format::Text),
            (Some("application/openmetrics-text"), Format::OpenMetrics),
            (Some("application/openmetrics-text;q=0"), Format::Text),
            (Some("application/openmetrics-text;version=2.0.0, text/plain;q=0.1"), Format::Text),
            (Some("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.5"), Format::Text),
            // Prometheus 2.42 and 3.5.
            (
                Some(
                    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                ),
                Format::OpenMetrics,
            ),
            (
                Some(
                    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;q=0.3,*/*;q=0.2",
                ),
                Format::OpenMetrics,
            ),
        ] {
            assert_eq!(Format::negotiate(accept), format, "{accept:?}");
        }
    }
}
