//! What follows once it is known who calls.

use message::{
    Cause, Error, Exchange, Result,
    consumer::{X_CONSUMER_GROUPS, X_CONSUMER_NAME},
};
use policy::Caller;

use super::set;

/// Notes who calls, for policies, balancers and logs, and tells the endpoint.
pub(crate) fn identified(exchange: &mut Exchange, caller: &Caller) -> Result<()> {
    let before = exchange.consumer.replace(caller.consumer.clone());
    if before.as_ref().is_some_and(|before| !before.is_anonymous && before.name != caller.consumer.name) {
        return Err(several("the request shows that it is of several callers"));
    }
    let headers = &mut exchange.head.headers;
    set(headers, &X_CONSUMER_NAME, caller.name.clone())?;
    match &caller.groups {
        Some(groups) => set(headers, &X_CONSUMER_GROUPS, groups.clone())?,
        // What clients say of them was taken away before.
        None if before.is_some() => drop(headers.remove(X_CONSUMER_GROUPS)),
        None => {}
    }
    Ok(())
}

/// Credentials of which nobody can say which one counts.
#[cold]
pub(crate) fn several(detail: &'static str) -> Error {
    Error::new(Cause::InvalidCredentials, detail).with_status(http::StatusCode::BAD_REQUEST)
}
