//! Compresses responses.

/// What is written, and checked.
mod config;
/// Which media types are worth it.
mod media_type;
/// What a client takes.
mod negotiate;

/// One face for three compressors.
mod encoder;
/// A body that compresses another on its way.
mod stream;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use message::{Body, Cause, Error, Exchange, Response, Result};
use model::Report;
use policy::{BuildError, Manual, Policy, PolicyKind, Site, Stage, Step};

use self::{
    config::{Coding, Config, Level},
    encoder::Encoder,
    media_type::{MediaType, Pattern},
    negotiate::{Choice, negotiate},
    stream::Compressed,
};
use crate::common::{set, step, vary};

pub(crate) struct Compress {
    algorithms: Box<[Coding]>,
    min_bytes: u64,
    level: Level,
    types: Box<[Pattern]>,
}

/// The client's `Accept-Encoding`, kept for the way out: policies behind may change the request.
#[derive(Clone)]
struct Accepted(HeaderValue);

// === impl Compress ===

impl PolicyKind for Compress {
    const NAME: &'static str = "compress";
    const STAGE: Stage = Stage::Transform;
    type Config = Config;
    type Policy = Self;

    fn manual() -> Manual {
        Manual {
            summary: "compresses responses with zstd, brotli or gzip",
            description: "What the client takes (`Accept-Encoding`) decides; `algorithms` says what is preferred where \
                          it does not care. Responses are compressed as they pass: nothing is held back, so that \
                          events and slow streams arrive as they are sent.\n\n\
                          Left as they are: what is compressed already, parts of a whole (206), types that are not \
                          listed, short responses, and what the upstream marks with `Cache-Control: no-transform` or \
                          vouches for with a digest of its bytes. A strong `ETag` becomes a weak one, because the \
                          bytes are not the same.\n\n\
                          Where a response holds a secret beside something that the caller chose, its compressed \
                          length can give the secret away (BREACH): leave this policy off such routes.",
            example: "compress:\n  algorithms: [zstd, br, gzip]\n  min_bytes: 1KiB\n  level: default\n",
        }
    }

    fn check(config: &Config, site: &Site<'_>, report: &mut Report) {
        config.check(site.place, report);
    }

    fn build(config: Config, _: &Site<'_>) -> Result<Self, BuildError> {
        Ok(Self {
            algorithms: config.algorithms.into(),
            min_bytes: config.min_bytes.bytes(),
            level: config.level,
            types: config.types.0.into(),
        })
    }
}

impl Policy for Compress {
    fn on_request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        if let Some(accepted) = Accepted::of(&exchange.head.headers) {
            exchange.head.extensions.insert(accepted);
        }
        Step::Continue
    }

    fn on_response<'a>(&'a self, exchange: &'a mut Exchange, response: &'a mut Response) -> Step<'a> {
        let Some(media_type) = self.worthwhile(&exchange.head.method, response) else { return Step::Continue };
        let is_event_stream = media_type.is_event_stream();
        step(self.negotiated(exchange, response, is_event_stream))
    }
}

impl Compress {
    /// The type of a response that may be compressed, if the client takes it.
    fn worthwhile<'r>(&self, method: &Method, response: &'r Response) -> Option<MediaType<'r>> {
        let headers = response.headers();
        let media_type = MediaType::of(headers.get(header::CONTENT_TYPE)?)?;
        let meant = !media_type.is_grpc() && self.types.iter().any(|each| each.matches(media_type));
        (meant && has_content(method, response.status()) && !must_stay(headers)).then_some(media_type)
    }

    fn negotiated(&self, exchange: &Exchange, response: &mut Response, eager: bool) -> Result<()> {
        // Also where it stays as it is: another client gets it compressed.
        vary(response.headers_mut(), "Accept-Encoding")?;
        let Some(Accepted(accepted)) = exchange.head.extensions.get() else { return Ok(()) };
        let Some(choice) = negotiate(accepted.to_str().unwrap_or_default(), &self.algorithms) else { return Ok(()) };
        let length = response.body().size_hint().exact();
        let long_enough = length.is_none_or(|length| length > 0 && (choice.required || length >= self.min_bytes));
        if !long_enough || exchange.head.method == Method::HEAD {
            return Ok(());
        }
        self.compress(response, choice, length, eager)
    }

    fn compress(&self, response: &mut Response, choice: Choice, length: Option<u64>, eager: bool) -> Result<()> {
        let encoder = Encoder::new(choice.coding, self.level, length).map_err(|error| {
            Error::new(Cause::PolicyFailed, "the response could not be compressed").with_source(error)
        })?;
        let headers = response.headers_mut();
        set(headers, &header::CONTENT_ENCODING, choice.coding.value())?;
        headers.remove(header::CONTENT_LENGTH);
        // Ranges would be cut out of something else than what they were asked of.
        headers.remove(header::ACCEPT_RANGES);
        weaken_etag(headers);
        let source = response.body_mut().take();
        *response.body_mut() = Body::stream(Compressed::new(source, encoder, eager));
        Ok(())
    }
}

/// Whether there is a whole representation in the response, or would be if this were not a `HEAD` request.
fn has_content(method: &Method, status: StatusCode) -> bool {
    let without =
        [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::PARTIAL_CONTENT, StatusCode::NOT_MODIFIED];
    *method != Method::CONNECT && !status.is_informational() && !without.contains(&status)
}

/// Whether the bytes are to arrive as they are.
fn must_stay(headers: &HeaderMap) -> bool {
    const FIXED: [&str; 4] = ["content-range", "content-digest", "repr-digest", "digest"];
    let is_coded = headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
    is_coded || FIXED.iter().any(|name| headers.contains_key(*name)) || forbids_transform(headers)
}

/// `Cache-Control: no-transform` (RFC 9111, 5.2.2.6).
fn forbids_transform(headers: &HeaderMap) -> bool {
    let mut directives =
        headers.get_all(header::CACHE_CONTROL).iter().flat_map(|line| line.as_bytes().split(|b| *b == b','));
    directives.any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-transform"))
}

/// A strong validator vouches for each byte (RFC 9110, 8.8.1).
fn weaken_etag(headers: &mut HeaderMap) {
    let Some(etag) = headers.get_mut(header::ETAG) else { return };
    if etag.as_bytes().starts_with(b"\"")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", etag.as_bytes()].concat())
    {
        *etag = weak;
    }
}

// === impl Accepted ===

impl Accepted {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(header::ACCEPT_ENCODING).iter();
        let first = lines.next()?.clone();
        let rest: Vec<_> = lines.map(HeaderValue::as_bytes).collect();
        if rest.is_empty() {
            return Some(Self(first));
        }
        let joined = [first.as_bytes(), &rest.join(&b", "[..])].join(&b", "[..]);
        HeaderValue::from_bytes(&joined).ok().map(Self)
    }
}

#[cfg(test)]
mod tests;
