//! `/api/v1`: what operators may ask who show the admin token.

/// Which operation a request names.
mod address;
/// A request, as an operation sees it.
mod call;
/// JSON, strictly.
mod json;
/// What may be asked for.
mod operation;
/// The table of all operations, as OpenAPI has it.
mod openapi;
/// What parameters of an address say of requests.
mod parameters;
/// What stands behind the `?`.
mod query;
/// The table of all operations.
mod table;
/// What somebody has seen of a thing.
mod tags;

/// How documents are changed.
mod change;
mod config;
mod objects;
mod revisions;
mod transactions;

mod audit;
mod breakers;
mod certificates;
mod endpoints;
mod explain;
mod health;
mod keys;
mod log_level;
mod nodes;
mod requests;
mod series;
mod services;
mod tap;

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use tokio::sync::Mutex;

use self::call::Call;
pub(crate) use self::{
    address::{Found, Sought, decoded},
    openapi::openapi,
    operation::Operation,
};
use crate::Gateway;

#[derive(Clone)]
struct Api {
    gateway: Arc<dyn Gateway>,
    /// Held by the one answer that is being worked out: many at once would take the processor from the requests.
    turn: Arc<Mutex<()>>,
}

/// What all addresses here begin with.
const BASE: &str = "/api/v1";

/// Answers whoever was let in, by the operation that [`Sought`] says that the request names.
pub(crate) fn router(gateway: &Arc<dyn Gateway>) -> Router {
    // Not nested: axum would take `/api/v1//routes` for `/api/v1/routes`.
    let addresses = [BASE.to_owned(), format!("{BASE}/"), format!("{BASE}/{{*rest}}")];
    addresses
        .into_iter()
        .fold(Router::new(), |router, address| router.route(&address, any(dispatch)))
        .with_state(Api { gateway: gateway.clone(), turn: Arc::default() })
}

/// Has an operation answer, or says what there is instead.
async fn dispatch(State(api): State<Api>, Extension(Sought(sought)): Extension<Sought>, request: Request) -> Response {
    let (head, body): (_, Body) = request.into_parts();
    let found = match sought {
        Ok(found) => found,
        Err(missing) => return missing.answer(&head.method),
    };
    let operation = found.operation;
    match Call::new(api, found, head) {
        Ok(call) => operation.answer(call, body).await,
        Err(problem) => problem.into_response(),
    }
}
