//! To an endpoint and back.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use message::{Cause, Error, Exchange, Response, Result, canonical};
use snapshot::{Rewrite, Route};
use upstream::{Stream, balance::Ask};

use crate::{
    connection::Connection,
    worker::{LocalUpstream, World},
};

mod attempt;
mod head;
mod interim;
mod mirror;
pub(crate) mod tunnel;
mod upgrade;

pub(crate) use upgrade::Upgrade;

/// What came of an action.
pub(crate) struct Forwarded {
    pub(crate) response: Box<Response>,
    /// What holds the response to its endpoint; `None` for the gateway's own replies.
    pub(crate) link: Option<Link>,
}

/// The way back to an endpoint, while its response is relayed.
pub(crate) struct Link {
    /// A place on a connection of HTTP/2, taken until then. HTTP/1 connections hang on the body alone.
    #[expect(dead_code, reason = "only to be dropped in time")]
    pub(crate) stream: Option<Stream>,
    /// Between two pieces of the body.
    pub(crate) idle_timeout: Duration,
    /// When the exchange must be over.
    pub(crate) deadline: Option<Instant>,
    /// Both sides switched protocols.
    pub(crate) tunnel: Option<tunnel::Ends>,
}

/// Forwards the request to an endpoint of `upstream` and waits for the head of the response. The mirrors of the route get
/// their copies.
///
/// # Errors
/// Why there is none.
pub(crate) async fn forward(
    world: &Rc<World>,
    connection: &Connection,
    exchange: &mut Exchange,
    route: &Route,
    upstream: usize,
    upgrade: Option<Box<Upgrade>>,
) -> Result<Forwarded> {
    let local = world.upstream(upstream);
    let set = local.current();
    let worker = connection.worker.index;
    let endpoint = set.pick(&Ask { worker, tried: &[] }).ok_or_else(|| no_endpoint(local))?;
    head::prepare(exchange, world.snapshot.settings.forwarded);
    if let Some(mirrors) = &route.mirrors
        && upgrade.is_none()
    {
        mirror::copy(mirrors, world, worker, exchange);
    }
    let target = attempt::Target { world, worker, upstream, endpoint, local, pool: set.pool(endpoint) };
    attempt::run(&target, connection, exchange, upgrade).await
}

#[cold]
fn no_endpoint(local: &LocalUpstream) -> Error {
    Error::new(Cause::NoEndpoint, format!("upstream `{}` has no endpoint to ask", local.upstream.name))
}

/// Changes the request as the route says. What comes out is brought into canonical form like any request.
///
/// # Errors
/// [`Cause::RewriteFailed`] if captures lead to a path that is none.
pub(crate) fn rewrite(exchange: &mut Exchange, rewrite: &Rewrite) -> Result<()> {
    if let Some(template) = &rewrite.path {
        let uri = &exchange.head.uri;
        let rendered = template.render(&exchange.captures, uri.path());
        let (path, query) = match rendered.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&*rendered, uri.query()),
        };
        let invalid = |error: Error| Error::new(Cause::RewriteFailed, error.detail().to_owned());
        let path = canonical::path(path).map_err(invalid)?;
        exchange.head.uri = canonical::uri(&path, query)?;
    }
    if let Some(host) = &rewrite.host {
        exchange.set_authority(host.clone());
    }
    Ok(())
}

// === impl Forwarded ===

impl Forwarded {
    pub(crate) fn reply(response: Response) -> Self {
        Self { response: Box::new(response), link: None }
    }
}
