//! One request with its response: the spine.

use std::{cell::OnceCell, rc::Rc, time::SystemTime};

use http::{
    Method, Request,
    header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN},
    request,
};
use hyper::body::Incoming;
use message::{Cause, Error, Exchange, Response, Result};
use policy::{Chain, Needs};
use snapshot::{Action, ListenerId, Route, To};

use crate::{
    connection::{Connection, StreamWatch},
    forward::{self, Forwarded},
    relay::{self, Relay},
    reply,
    worker::World,
};

mod begin;
mod ending;
mod side;

use begin::Begun;
pub(crate) use ending::{Ending, tell_refused};

/// Serves one request. Whatever happens, there is a response, and the exchange is finished exactly once: by the relay,
/// when the last byte of the response is out or the client is gone.
///
/// The request is taken in at once; what is left for the future is small, since it is moved before it runs.
pub(crate) fn serve(
    connection: Rc<Connection>,
    request: Request<Incoming>,
    watch: Option<Rc<StreamWatch>>,
) -> impl Future<Output = http::Response<Relay>> {
    let world = connection.worker.world();
    let (ending, begun) = begin::begin(world, connection, request, watch);
    run(ending, begun)
}

/// The spine: find the route, policies in, do what it says, policies out.
async fn run(mut ending: Box<Ending>, begun: Begun) -> http::Response<Relay> {
    let Ending { exchange, connection, world, ran, link, .. } = &mut *ending;
    let (route, chain) = match begun.admitted {
        Ok(listener) => find(world, exchange, listener),
        Err(error) => {
            let response = reply::from_error(exchange, &error);
            return relay::respond(ending, response);
        }
    };
    let outcome = match run_request_policies(chain, exchange, ran).await {
        Ok(Some(response)) => Ok(Forwarded { response, link: None }),
        Ok(None) => act(world, connection, exchange, route, begun.upgrade).await,
        Err(error) => Err(error),
    };
    let mut response = match outcome {
        Ok(forwarded) => {
            *link = forwarded.link;
            forwarded.response
        }
        Err(error) => Box::new(reply::from_error(exchange, &error)),
    };
    if let Some(side) = world.snapshot.side(&exchange.record) {
        side.note(response.headers_mut());
    }
    if *ran > 0
        && let Err(error) = chain.on_response(exchange, &mut response, *ran).await
    {
        *response = reply::from_error(exchange, &error);
    }
    relay::respond(ending, *response)
}

/// The route that takes the request, or why none does, and the policies that go with it; those of the listener if there is
/// no route.
fn find<'w>(world: &'w World, exchange: &mut Exchange, listener: ListenerId) -> (Result<&'w Route>, &'w Chain) {
    let requested_method = preflight(exchange);
    let moment = OnceCell::new();
    let now = || *moment.get_or_init(SystemTime::now);
    let ask = ask(exchange, listener, requested_method.as_ref(), &now);
    let Some(found) = world.snapshot.table.find(&ask) else {
        return (Err(no_route(exchange)), &world.snapshot.listener(listener).chain);
    };
    exchange.captures = found.captures;
    exchange.record.route = u32::try_from(found.route).ok();
    let route = &world.snapshot.routes[found.route];
    let chosen = match route.sides() {
        Some(sides) if !sides.awaits_consumer() => side::choose(sides, exchange, listener),
        _ => Ok(()),
    };
    (chosen.map(|()| route), route.chains.of(listener, exchange.record.side))
}

/// What the request is asked by; `method` stands for another one than its own.
fn ask<'a>(
    exchange: &'a Exchange,
    listener: ListenerId,
    method: Option<&'a Method>,
    now: &'a dyn Fn() -> SystemTime,
) -> route::Ask<'a> {
    route::Ask {
        listener,
        host: exchange.host(),
        path: exchange.head.uri.path(),
        query: exchange.head.uri.query(),
        method: method.unwrap_or(&exchange.head.method),
        headers: &exchange.head.headers,
        client_ip: exchange.client_ip,
        sni: exchange.peer.tls.as_ref().and_then(|tls| tls.server_name.as_deref()),
        now,
    }
}

/// A CORS preflight asks on behalf of another method, and is answered by the route of that one (Fetch, 4.8).
fn preflight(exchange: &Exchange) -> Option<Method> {
    let Exchange { head: request::Parts { method, headers, .. }, .. } = exchange;
    if method != Method::OPTIONS || !headers.contains_key(ORIGIN) {
        return None;
    }
    Method::from_bytes(headers.get(ACCESS_CONTROL_REQUEST_METHOD)?.as_bytes()).ok()
}

async fn run_request_policies(
    chain: &Chain,
    exchange: &mut Exchange,
    ran: &mut usize,
) -> Result<Option<Box<Response>>> {
    if let Needs::Buffer(limit) = chain.needs() {
        relay::buffer_request(exchange, limit).await?;
    }
    chain.on_request(exchange, ran).await
}

/// Does what the route says.
async fn act(
    world: &Rc<World>,
    connection: &Connection,
    exchange: &mut Exchange,
    route: Result<&Route>,
    upgrade: Option<Box<forward::Upgrade>>,
) -> Result<Forwarded> {
    let route = route?;
    match &route.action {
        Action::Upstream { to, rewrite } => {
            let to = match to {
                To::One(to) => *to,
                To::Side(sides) => side::destination(sides, world, connection, exchange)?,
            };
            if let Some(rewrite) = rewrite {
                forward::rewrite(exchange, rewrite)?;
            }
            forward::forward(world, connection, exchange, route, to, upgrade).await
        }
        Action::Redirect(redirect) => reply::redirect(redirect, exchange).map(Forwarded::reply),
        Action::Respond(respond) => Ok(Forwarded::reply(reply::respond(respond))),
    }
}

#[cold]
fn no_route(exchange: &Exchange) -> Error {
    let Exchange { head, .. } = exchange;
    let detail =
        format!("no route takes {} for host `{}` and path `{}`", head.method, exchange.host(), head.uri.path());
    Error::new(Cause::NoRoute, detail)
}
