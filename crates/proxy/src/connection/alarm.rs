//! A timer for deadlines that move all the time and are hardly ever missed.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Instant,
};

use tokio::time::Sleep;

/// An alarm of a task, for whatever part of it waits.
///
/// The exchanges of an HTTP/1 connection run in its task one after the other, and share its alarm: a busy connection
/// then touches the timer wheel once per timeout instead of several times per request.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedAlarm(Rc<RefCell<Alarm>>);

/// Set lazily: a deadline that moves away leaves the timer alone, which finds out when it goes off too early.
///
/// Must be polled by one task only.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
}

// === impl Alarm ===

impl Alarm {
    /// Ready when `deadline` has passed.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let deadline = deadline.into();
        let sleep = match &mut self.sleep {
            // It knows its task already and will wake it in time to look again.
            Some(sleep) if sleep.deadline() <= deadline && !sleep.is_elapsed() => return Poll::Pending,
            Some(sleep) => {
                sleep.as_mut().reset(deadline);
                sleep
            }
            None => self.sleep.insert(Box::pin(tokio::time::sleep_until(deadline))),
        };
        loop {
            ready!(sleep.as_mut().poll(context));
            if deadline <= tokio::time::Instant::now() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }
}

// === impl SharedAlarm ===

impl SharedAlarm {
    /// Ready when `deadline` has passed.
    pub(crate) fn poll(&self, context: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.0.borrow_mut().poll(context, deadline)
    }
}
