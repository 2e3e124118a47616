//! What may be asked for: an operation, with all that is known of it before anybody asks.

use std::future::Future;

use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use http::Method;
use revisions::edit::List;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use snapshot::Role;

use super::{
    call::{Asks, Call},
    query::Parameter,
};
use crate::Later;
use listen::Problem;

/// Something that may be asked for. The one description of it: the answers to what cannot be asked for, the OpenAPI document and
/// the check of roles are made from this.
pub(crate) struct Operation {
    pub(super) method: Method,
    /// Below `/api/v1`, as OpenAPI writes it: `/requests/{id}`.
    pub(super) path: String,
    /// What programs call it.
    pub(super) id: String,
    pub(super) summary: String,
    pub(super) parameters: &'static [Parameter],
    /// What it takes a body for, if it does.
    pub(super) asks: Option<(Asks, Shape)>,
    /// How it goes when it goes well, the usual way first.
    pub(super) successes: Vec<u16>,
    /// What it tells then, by media type.
    pub(super) tells: Vec<(&'static str, Shape)>,
    /// How it may fail, beside the ways in which everything may.
    pub(super) failures: Vec<u16>,
    /// What somebody must at least be to ask for it.
    pub(crate) least: Role,
    handler: Handler,
}

type Handler = Box<dyn Fn(Call, Body) -> Later<Response> + Send + Sync>;

/// What JSON looks like.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// As this type is read.
    Read(fn(&mut SchemaGenerator) -> Schema),
    /// As this type is told.
    Told(fn(&mut SchemaGenerator) -> Schema),
    /// As documents have the objects of this list.
    Object(List),
    /// The same, by keys: for a merge patch.
    Patch,
    /// An object of this list as it is told.
    ObjectTold(List),
    /// Several of those.
    ObjectsTold(List),
    Document,
    /// All of one, or part of it.
    DocumentTold,
    /// Nothing that JSON Schema could say.
    Any,
}

/// What an operation answers with if all is well.
pub(super) trait Answer: IntoResponse {
    /// What of it is JSON.
    fn shape() -> Shape;
}

pub(super) const JSON: &str = "application/json";

// === impl Operation ===

impl Operation {
    /// Looks at something.
    pub(super) fn get<R, F>(
        path: impl Into<String>,
        id: impl Into<String>,
        summary: impl Into<String>,
        handler: impl Fn(Call) -> F + Copy + Send + Sync + 'static,
    ) -> Self
    where
        R: Answer,
        F: Future<Output = Result<R, Problem>> + Send + 'static,
    {
        let handler =
            move |call, _: Body| -> Later<Response> { Box::pin(async move { handler(call).await.into_response() }) };
        Self::new(Method::GET, path.into(), id.into(), summary.into(), R::shape(), Box::new(handler))
    }

    /// Does something that needs nothing further to be said.
    pub(super) fn act<R, F>(
        method: Method,
        path: impl Into<String>,
        id: impl Into<String>,
        summary: impl Into<String>,
        handler: impl Fn(Call) -> F + Copy + Send + Sync + 'static,
    ) -> Self
    where
        R: Answer,
        F: Future<Output = Result<R, Problem>> + Send + 'static,
    {
        Self { method, ..Self::get(path, id, summary, handler) }.least(Role::Operator)
    }

    /// Does what a body says.
    pub(super) fn take<B, R, F>(
        method: Method,
        path: impl Into<String>,
        id: impl Into<String>,
        summary: impl Into<String>,
        asks: Asks,
        handler: impl Fn(Call, B) -> F + Copy + Send + Sync + 'static,
    ) -> Self
    where
        B: DeserializeOwned + JsonSchema + Send + 'static,
        R: Answer,
        F: Future<Output = Result<R, Problem>> + Send + 'static,
    {
        let read = move |call: Call, body: Body| -> Later<Response> {
            Box::pin(async move {
                match call.read(asks, body).await {
                    Ok(body) => handler(call, body).await.into_response(),
                    Err(problem) => problem.into_response(),
                }
            })
        };
        let mut operation = Self::new(method, path.into(), id.into(), summary.into(), R::shape(), Box::new(read));
        operation.asks = Some((asks, Shape::Read(|generator| generator.subschema_for::<B>())));
        operation.failures.extend([413, 415]);
        operation.least(Role::Operator)
    }

    fn new(method: Method, path: String, id: String, summary: String, tells: Shape, handler: Handler) -> Self {
        let failures = if path.contains('{') { vec![404] } else { Vec::new() };
        Self {
            method,
            path,
            id,
            summary,
            parameters: &[],
            asks: None,
            successes: vec![200],
            tells: vec![(JSON, tells)],
            failures,
            least: Role::Viewer,
            handler,
        }
    }

    pub(super) fn with(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    /// The body is not any of its type.
    pub(super) fn asks_for(mut self, shape: Shape) -> Self {
        if let Some((_, asked)) = &mut self.asks {
            *asked = shape;
        }
        self
    }

    /// What it tells is not any of its type.
    pub(super) fn tells(self, tells: &[(&'static str, Shape)]) -> Self {
        Self { tells: tells.to_vec(), ..self }
    }

    /// How it goes when it goes well.
    pub(super) fn goes_well(self, status: u16) -> Self {
        Self { successes: vec![status], ..self }
    }

    /// It may also go well in this way.
    pub(super) fn or(mut self, status: u16) -> Self {
        self.successes.push(status);
        self
    }

    pub(super) fn fails(mut self, statuses: &[u16]) -> Self {
        self.failures.extend(statuses);
        self
    }

    pub(super) fn least(self, least: Role) -> Self {
        Self { least, ..self }
    }

    /// The parts of its path; an id is in braces.
    pub(super) fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').skip(1)
    }

    pub(super) fn answer(&self, call: Call, body: Body) -> Later<Response> {
        (self.handler)(call, body)
    }
}

// === impl Answer ===

impl<T: Serialize + JsonSchema> Answer for Json<T> {
    fn shape() -> Shape {
        Shape::told::<T>()
    }
}

impl Answer for Response {
    fn shape() -> Shape {
        Shape::Any
    }
}

// === impl Shape ===

impl Shape {
    pub(super) fn told<T: JsonSchema>() -> Self {
        Self::Told(|generator| generator.subschema_for::<T>())
    }
}
