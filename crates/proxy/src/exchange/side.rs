//! Which side of a route an exchange goes to.

use std::time::SystemTime;

use message::{Exchange, Result};
use snapshot::{Asking, Destination, ListenerId, Sides, admission};

use super::begin;
use crate::{connection::Connection, worker::World};

/// Chooses, by what the request says or else by chance, and notes it in the record.
///
/// Done before policies run, because those of the side's upstream are among them; unless the choice depends on who calls.
///
/// # Errors
/// Why no side may have the request. Policies still see that answer, so it is the business of [`super::act`].
pub(super) fn choose(sides: &Sides, exchange: &mut Exchange, listener: ListenerId) -> Result<()> {
    let asking = Asking {
        ask: admission::ask(exchange, listener, None, &SystemTime::now),
        captures: &exchange.captures,
        consumer: exchange.consumer.as_deref(),
    };
    let choice = match sides.decide(&asking)? {
        Some(choice) => choice,
        None => sides.draw(&mut exchange.random)?,
    };
    exchange.record.side = u32::try_from(choice.side).ok();
    Ok(())
}

/// Where the side leads that was chosen, or is chosen now that it is known who calls.
///
/// # Errors
/// The side is past its sunset, or none may have the request.
pub(super) fn destination(
    sides: &Sides,
    world: &World,
    connection: &Connection,
    exchange: &mut Exchange,
) -> Result<Destination> {
    if exchange.record.side.is_none() {
        choose(sides, exchange, connection.listener(world).ok_or_else(begin::gone)?)?;
    }
    let side = &sides.list()[exchange.record.side.unwrap_or_default() as usize];
    match side.sunset {
        Some(sunset) if SystemTime::now() >= sunset => Err(sides.expired(side)),
        _ => Ok(side.to),
    }
}
