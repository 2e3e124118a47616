use http::Uri;

use super::{not_expected, text_value};
use crate::FromText;

/// What a probe asks for: a path, with a query if need be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeTarget(pub Uri);

text_value!(ProbeTarget, {
    "type": "string",
    "description": "A path, with a query if need be, as in `/healthz` or `/healthz?full=1`.",
    "pattern": "^/",
});

// === impl ProbeTarget ===

impl FromText for ProbeTarget {
    const EXPECTED: &'static str = "a path such as `/healthz`";

    fn from_text(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') && !text.is_empty() {
            return Err(format!(
                "a path begins with `/`, and `{}` does not; the host is set with `host`",
                super::shortened(text)
            ));
        }
        match text.parse::<Uri>() {
            Ok(target) if !text.contains('#') && target.authority().is_none() && !text.is_empty() => Ok(Self(target)),
            _ => Err(not_expected::<Self>(text)),
        }
    }
}
