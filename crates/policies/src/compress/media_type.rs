//! Which media types are worth it.

use std::borrow::Cow;

use http::HeaderValue;
use serde::Deserialize;

use crate::common::text_schema;

/// `text/css`, `text/*` or `application/*+json`; in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Pattern {
    main: String,
    sub: Sub,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sub {
    Any,
    Exact(String),
    /// With its plus sign.
    Suffix(String),
}

/// Text in all its forms. What is packed already (images, video, archives) would only cost time.
const DEFAULTS: &[&str] = &[
    "text/*",
    "application/*+json",
    "application/*+xml",
    "application/ecmascript",
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/json-seq",
    "application/ndjson",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-javascript",
    "application/x-ndjson",
    "application/x-protobuf",
    "application/xml",
    "application/yaml",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/svg+xml",
    "image/x-icon",
];

pub(super) fn defaults() -> Vec<Pattern> {
    DEFAULTS.iter().filter_map(|text| Pattern::parse(text)).collect()
}

text_schema!(Pattern, {
    "pattern": "^[^*/ ]+/([*]|[*][+][^*/ ]+|[^*/ ]+)$",
    "examples": ["text/*", "application/json", "application/*+json"],
});

/// A media type without its parameters.
#[derive(Clone, Copy)]
pub(super) struct MediaType<'a> {
    main: &'a str,
    sub: &'a str,
}

// === impl MediaType ===

impl<'a> MediaType<'a> {
    pub(super) fn of(content_type: &'a HeaderValue) -> Option<Self> {
        let essence = content_type.to_str().ok()?.split(';').next()?.trim();
        essence.split_once('/').map(|(main, sub)| Self { main, sub })
    }

    /// A stream of events, each of which is awaited.
    pub(super) fn is_event_stream(self) -> bool {
        self.main.eq_ignore_ascii_case("text") && self.sub.eq_ignore_ascii_case("event-stream")
    }

    /// gRPC compresses its own messages, and its peers know no content codings.
    pub(super) fn is_grpc(self) -> bool {
        let grpc = self.sub.as_bytes().get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"grpc"));
        grpc && self.main.eq_ignore_ascii_case("application")
    }
}

// === impl Pattern ===

impl Pattern {
    pub(super) fn matches(&self, media_type: MediaType<'_>) -> bool {
        let ends_in = |text: &str, suffix: &str| {
            let start = text.len().checked_sub(suffix.len());
            start.and_then(|start| text.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
        };
        self.main.eq_ignore_ascii_case(media_type.main)
            && match &self.sub {
                Sub::Any => true,
                Sub::Exact(exact) => exact.eq_ignore_ascii_case(media_type.sub),
                Sub::Suffix(suffix) => ends_in(media_type.sub, suffix),
            }
    }

    fn parse(text: &str) -> Option<Self> {
        let (main, sub) = text.split_once('/')?;
        let sub = match sub.strip_prefix('*') {
            Some("") => Sub::Any,
            Some(suffix) if suffix.strip_prefix('+').is_some_and(is_token) => Sub::Suffix(suffix.to_ascii_lowercase()),
            None if is_token(sub) => Sub::Exact(sub.to_ascii_lowercase()),
            _ => return None,
        };
        is_token(main).then(|| Self { main: main.to_ascii_lowercase(), sub })
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
}

impl TryFrom<String> for Pattern {
    type Error = Cow<'static, str>;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| match &*text {
            "*" | "*/*" => "not everything is worth compressing; name the types, as in `text/*`".into(),
            _ => format!("`{text}` is no media type; write `text/css`, `text/*` or `application/*+json`").into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_pattern() {
        assert_eq!(defaults().len(), DEFAULTS.len());
    }

    #[test]
    fn what_is_compressed_by_default() {
        for (content_type, expected) in [
            ("text/html; charset=utf-8", true),
            ("TEXT/Plain", true),
            ("application/json", true),
            ("application/problem+json", true),
            ("Application/Vnd.Api+JSON ;v=1", true),
            ("image/svg+xml", true),
            ("text/event-stream", true),
            ("image/png", false),
            ("application/zip", false),
            ("application/octet-stream", false),
            ("application/jsonp", false),
            ("font/woff2", false),
            ("", false),
            ("text", false),
        ] {
            let value = HeaderValue::from_static(content_type);
            let media_type = MediaType::of(&value);
            let meant = media_type.is_some_and(|media_type| defaults().iter().any(|each| each.matches(media_type)));
            assert_eq!(meant, expected, "{content_type}");
        }
    }

    #[test]
    fn patterns() {
        for text in ["", "text", "*", "*/*", "text/", "/css", "*/css", "text/c*", "text/*json", "text/*+", "te xt/css"]
        {
            assert!(Pattern::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
