//! One request with its response: the spine.

use std::{
    cell::OnceCell,
    pin::Pin,
    rc::Rc,
    time::{Instant, SystemTime},
};

use http::{HeaderValue, Request};
use hyper::body::Incoming;
use message::{Exchange, Response, Result};
use policy::{Chain, Needs};
use snapshot::{Action, ListenerId, Route, To, admission};

use crate::{
    connection::{Connection, StreamWatch},
    forward::{self, Forwarded},
    relay::{self, Relay},
    reply,
    worker::World,
};

mod begin;
pub(crate) mod debug;
mod ending;
mod nearest;
mod side;
mod telling;

use begin::Begun;
pub(crate) use ending::Ending;
pub(crate) use nearest::Budget;
pub(crate) use telling::tell_refused;

/// Serves one request. Whatever happens, there is a response, and the exchange is finished exactly once: by the relay,
/// when the last byte of the response is out or the client is gone.
///
/// The request is taken in at once; what is left for the future is small, since it is moved before it runs.
pub(crate) fn serve(
    connection: Rc<Connection>,
    request: Request<Incoming>,
    watch: Option<Rc<StreamWatch>>,
) -> impl Future<Output = http::Response<Relay>> {
    let (ending, begun) = begin::begin(connection, request, watch);
    run(ending, begun)
}

/// The same in a box of its own.
pub(crate) fn serve_boxed(
    connection: Rc<Connection>,
    request: Request<Incoming>,
) -> Pin<Box<impl Future<Output = http::Response<Relay>>>> {
    let (ending, begun) = begin::begin(connection, request, None);
    // Room first, so that what little there is yet of three kilobytes is written there, and not all of them copied.
    let room = Box::new_uninit();
    Box::into_pin(Box::write(room, run(ending, begun)))
}

/// The spine: find the route, policies in, do what it says, policies out.
async fn run(mut ending: Box<Ending>, begun: Begun) -> http::Response<Relay> {
    let Ending { exchange, connection, world, ran, link, .. } = &mut *ending;
    let (route, chain) = match begun.admitted {
        Ok(listener) => find(world, connection, exchange, listener, begun.token.as_deref()),
        Err(error) => {
            let response = reply::from_error(exchange, error);
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
        Err(error) => Box::new(reply::from_error(exchange, error)),
    };
    if let Some(side) = world.snapshot.side(&exchange.record) {
        side.note(response.headers_mut());
    }
    if *ran > 0
        && let Err(error) = chain.on_response(exchange, &mut response, *ran).await
    {
        *response = reply::from_error(exchange, error);
    }
    relay::respond(ending, *response)
}

/// The route that takes the request, or why none does, and the policies that go with it; those of the listener if there is
/// no route.
fn find<'w>(
    world: &'w World,
    connection: &Connection,
    exchange: &mut Exchange,
    listener: ListenerId,
    token: Option<&HeaderValue>,
) -> (Result<&'w Route>, &'w Chain) {
    let requested_method = route::preflight(&exchange.head.method, &exchange.head.headers);
    let moment = OnceCell::new();
    let now = || *moment.get_or_init(SystemTime::now);
    let ask = admission::ask(exchange, listener, requested_method.as_ref(), &now);
    let Some(found) = world.snapshot.table.find(&ask) else {
        exchange.record.nearest = nearest::look(&ask, exchange, world, connection, token);
        return (Err(admission::no_route(exchange)), &world.snapshot.listener(listener).chain);
    };
    exchange.captures = found.captures;
    exchange.record.route = u32::try_from(found.route).ok();
    let route = &*world.snapshot.routes[found.route];
    let chosen = match route.sides() {
        Some(sides) if !sides.awaits_consumer() => side::choose(sides, exchange, listener),
        _ => Ok(()),
    };
    (chosen.map(|()| route), route.chains.of(listener, exchange.record.side))
}

async fn run_request_policies(
    chain: &Chain,
    exchange: &mut Exchange,
    ran: &mut usize,
) -> Result<Option<Box<Response>>> {
    if chain.links().is_empty() {
        return Ok(None);
    }
    exchange.record.routed = Some(Instant::now());
    if let Needs::Buffer(limit) = chain.needs() {
        relay::buffer_request(exchange, limit).await?;
    }
    let decided = chain.on_request(exchange, ran).await;
    exchange.record.admitted = Some(Instant::now());
    decided
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
                To::Named(named) => named.find(exchange)?,
            };
            if let Some(rewrite) = rewrite {
                rewrite.apply(exchange, upgrade.is_some())?;
            }
            forward::forward(world, connection, exchange, route, to, upgrade).await
        }
        Action::Redirect(redirect) => reply::redirect(redirect, exchange).map(Forwarded::reply),
        Action::Respond(respond) => reply::respond(respond, exchange).map(Forwarded::reply),
    }
}
