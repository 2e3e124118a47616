//! A request, as the operation that it names sees it.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use tokio::task::spawn_blocking;

use super::{Api, Found, json, query::Query};
use crate::{Gateway, Identity};
use listen::Problem;

/// A request without its body.
pub(super) struct Call {
    pub(super) api: Api,
    pub(super) query: Query,
    pub(super) headers: HeaderMap,
    /// In the order of the path, decoded.
    ids: Vec<String>,
    pub(super) identity: Identity,
}

/// What an operation takes a body for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asks {
    /// For people: `an order`.
    pub(super) what: &'static str,
    pub(super) example: &'static str,
    /// Longest body, in bytes.
    most: usize,
    /// It was always taken from `curl -d`, which calls everything a form.
    forms: bool,
    /// Nothing is the same as `{}`.
    optional: bool,
}

/// A body that is longer is no object.
const OBJECT_BYTES: usize = 64 * 1024;

/// The longest document, which a body may hold.
const DOCUMENT_BYTES: usize = 64 << 20;

/// What is longer is read on a thread that may take its time.
const QUICK_BYTES: usize = 64 * 1024;

// === impl Asks ===

impl Asks {
    pub(super) const fn object(what: &'static str, example: &'static str) -> Self {
        Self { what, example, most: OBJECT_BYTES, forms: false, optional: false }
    }

    /// May be as long as a whole document.
    pub(super) const fn document(what: &'static str, example: &'static str) -> Self {
        Self { what, example, most: DOCUMENT_BYTES, forms: false, optional: false }
    }

    pub(super) const fn also_as_form(self) -> Self {
        Self { forms: true, ..self }
    }

    pub(super) const fn or_nothing(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Nothing but JSON: a page that a browser was lured to sends anything else without asking us first.
    fn check_type(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
        let value = String::from_utf8_lossy(value.as_bytes());
        let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
        if is_json || (self.forms && kind == "application/x-www-form-urlencoded") {
            return Ok(());
        }
        let detail = format!("{} is sent with `content-type: application/json`, not `{value}`", self.what);
        Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
    }
}

// === impl Call ===

impl Call {
    pub(super) fn new(api: Api, found: Found, head: request::Parts) -> Result<Self, Problem> {
        let query = Query::read(head.uri.query(), found.operation.parameters)?;
        // Nobody else gets here; if somebody did, they would be nobody.
        let identity = head
            .extensions
            .get()
            .cloned()
            .ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "nobody knows who asks"))?;
        Ok(Self { api, query, headers: head.headers, ids: found.ids, identity })
    }

    /// The id in the address, if it has one.
    pub(super) fn id(&self) -> String {
        self.ids.first().cloned().unwrap_or_default()
    }

    /// The second one.
    pub(super) fn inner_id(&self) -> String {
        self.ids.get(1).cloned().unwrap_or_default()
    }

    pub(super) fn author(&self) -> String {
        (*self.identity.name).to_owned()
    }

    /// Asks the gateway what takes a moment. It goes on even if whoever asked goes away.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Gateway) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let gateway = self.api.gateway.clone();
        let answer = spawn_blocking(move || ask(&*gateway)).await;
        answer.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer broke off"))
    }

    pub(super) async fn read<T: DeserializeOwned + Send + 'static>(
        &self,
        asks: Asks,
        body: Body,
    ) -> Result<T, Problem> {
        asks.check_type(&self.headers)?;
        let mut bytes = collect(asks, body).await?;
        if asks.optional && bytes.is_empty() {
            bytes = Bytes::from_static(b"{}");
        }
        let read = match bytes.len() > QUICK_BYTES {
            false => json::read(&bytes),
            true => self.ask(move |_| json::read(&bytes)).await?,
        };
        let Asks { what, example, .. } = asks;
        let what = what.split_once(' ').map_or(what, |(_, noun)| noun);
        read.map_err(|why: String| {
            Problem::new(StatusCode::BAD_REQUEST, format!("the body is no {what} such as {example}: {why}"))
        })
    }
}

async fn collect(Asks { what, most, .. }: Asks, body: Body) -> Result<Bytes, Problem> {
    let collected = Limited::new(body, most).collect().await;
    collected.map(|collected| collected.to_bytes()).map_err(|error| match error.is::<LengthLimitError>() {
        true => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("{what} has at most {most} bytes")),
        false => Problem::new(StatusCode::BAD_REQUEST, format!("the body broke off: {error}")),
    })
}
