//! Settings of `compress`.

use http::HeaderValue;
use model::{Place, Report, values::Size};
use schemars::JsonSchema;
use serde::Deserialize;

use super::media_type::{self, Pattern};
use crate::common::OneOrMany;

/// Settings of `compress`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "compress")]
pub(crate) struct Config {
    /// What may be used. Clients choose; among what they like equally, the first of this list is taken. Left out: zstd,
    /// br, gzip.
    pub(super) algorithms: Vec<Coding>,
    /// Responses that are known to be shorter are left as they are: there is little to gain. Left out: 1KiB.
    pub(super) min_bytes: Size,
    /// How much work goes into it. Left out: default.
    pub(super) level: Level,
    /// The media types that are compressed: `text/css`, `text/*` or `application/*+json`. Left out: text in all its
    /// forms.
    pub(super) types: OneOrMany<Pattern>,
}

/// A content coding (RFC 9110, 8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum Coding {
    /// RFC 8878.
    Zstd,
    /// RFC 7932.
    Br,
    /// RFC 1952.
    Gzip,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum Level {
    /// Little processor time, longer responses.
    Fastest,
    /// What most servers do.
    #[default]
    Default,
    /// Several times the processor time for a little less; never so much that other exchanges would have to wait for
    /// long.
    Best,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            algorithms: vec![Coding::Zstd, Coding::Br, Coding::Gzip],
            min_bytes: Size(1 << 10),
            level: Level::Default,
            types: OneOrMany(media_type::defaults()),
        }
    }
}

impl Config {
    pub(super) fn check(&self, place: &Place, report: &mut Report) {
        if self.algorithms.is_empty() {
            report.error_with_hint(place, "`algorithms` is empty", "leave it out for all, or leave out the policy");
        }
        if self.types.0.is_empty() {
            report.error_with_hint(
                place,
                "`types` is empty",
                "leave it out for the usual ones, or leave out the policy",
            );
        }
        for (index, coding) in self.algorithms.iter().enumerate() {
            if self.algorithms[..index].contains(coding) {
                report.error_with_hint(
                    place,
                    format!("`{}` stands twice in `algorithms`", coding.name()),
                    "keep the first",
                );
            }
        }
    }
}

// === impl Coding ===

impl Coding {
    /// As in `Accept-Encoding` and `Content-Encoding`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Br => "br",
            Self::Gzip => "gzip",
        }
    }

    pub(super) const fn value(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }
}
