//! Finds out by a key who calls.

mod config;
mod places;

use std::{sync::Arc, time::SystemTime};

use http::HeaderValue;
use message::{Cause, Consumer, Error, Exchange, Result};
use model::{Report, nearest};
use policy::{BadKey, BuildError, Caller, Consumers, Manual, Policy, PolicyKind, Site, Stage, Step};

use self::{
    config::Config,
    places::{Places, Shown},
};
use crate::common::{identified, several, step};

pub(crate) struct KeyAuth {
    consumers: Arc<Consumers>,
    places: Places,
    hides: bool,
    anonymous: Option<Caller>,
    is_required: bool,
}

// === impl KeyAuth ===

impl PolicyKind for KeyAuth {
    const NAME: &'static str = "key_auth";
    const STAGE: Stage = Stage::Identify;
    const IDENTIFIES: bool = true;
    type Config = Config;
    type Policy = Self;

    fn manual() -> Manual {
        Manual {
            summary: "finds out by a key which consumer calls",
            description: "The keys are those of the document's `consumers`; the document holds their hashes, and the \
                          [API](consumers.md) makes new ones. A request without a key gets 401 `unauthenticated`, one with a \
                          key that is not known, or has expired, 401 `invalid_credentials`. Two keys are refused with 400, \
                          even if they are the same: nobody can say which one an endpoint would look at.\n\n\
                          Who calls is known to whatever asks for the `consumer`: logs, recorded requests, splits and \
                          balancers; endpoints are told in `x-consumer-name` and `x-consumer-groups`. What clients send \
                          in fields that begin with `x-consumer-`, in any spelling, is taken away on every route, so that \
                          nobody can pretend. The key itself goes no further, unless `hide` is off, and is in no log.\n\n\
                          Several of these policies may look at one request, such as one of the gateway, with `required: \
                          false`, and one of a route: who was found out by the first need not show a key to the second. \
                          A browser sends no key with a preflight: put [`cors`](#cors) before this policy.",
            example: "key_auth:\n  header: x-api-key\n  bearer: true\n",
        }
    }

    fn check(config: &Config, site: &Site<'_>, report: &mut Report) {
        config.check(site, report);
    }

    fn build(config: Config, site: &Site<'_>) -> Result<Self, BuildError> {
        let consumers = site.consumers.clone();
        let anonymous = match config.anonymous() {
            Some(name) => Some(consumers.named(name).ok_or_else(|| unknown(name, &consumers))?.anonymous()),
            None => None,
        };
        Ok(Self {
            places: config.places(),
            hides: config.hides(),
            is_required: config.is_required(),
            anonymous,
            consumers,
        })
    }
}

fn unknown(name: &str, consumers: &Consumers) -> BuildError {
    let hint = match nearest(name, consumers.names()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "add it to `consumers`; it needs no credentials".to_owned(),
    };
    BuildError(format!("`anonymous` names an unknown consumer `{name}`; {hint}"))
}

impl Policy for KeyAuth {
    fn on_request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        step(self.identify(exchange))
    }
}

impl KeyAuth {
    fn identify(&self, exchange: &mut Exchange) -> Result<()> {
        let found = match self.places.shown(&exchange.head) {
            Shown::Nothing => return self.without_key(exchange),
            Shown::Key(key) => self.consumers.identify(&key, SystemTime::now()).map_err(|bad| self.refused(bad)),
            Shown::Several => Err(several("there are several keys")),
        };
        // Also those that are refused, which may be right ones with a slip.
        self.places.hide(exchange, !self.hides);
        identified(exchange, found?)
    }

    fn without_key(&self, exchange: &mut Exchange) -> Result<()> {
        let is_known = |consumer: &Arc<Consumer>| !consumer.is_anonymous;
        match &self.anonymous {
            _ if exchange.consumer.as_ref().is_some_and(is_known) => Ok(()),
            Some(anonymous) => identified(exchange, anonymous),
            None if self.is_required => Err(self.missing()),
            None => Ok(()),
        }
    }

    #[cold]
    fn missing(&self) -> Error {
        let detail = format!("there is no key; send one {}", self.places.named());
        Error::new(Cause::Unauthenticated, detail).with_challenge(self.challenge(""))
    }

    #[cold]
    fn refused(&self, bad: BadKey) -> Error {
        Error::new(Cause::InvalidCredentials, bad.reason()).with_challenge(self.challenge(", error=\"invalid_token\""))
    }

    /// No scheme is registered for keys in other places than that of RFC 6750.
    fn challenge(&self, error: &str) -> HeaderValue {
        let challenge = match self.places.bearer {
            true => format!("Bearer realm=\"sluice\"{error}"),
            false => "Key realm=\"sluice\"".to_owned(),
        };
        HeaderValue::try_from(challenge).unwrap_or(HeaderValue::from_static("Key"))
    }
}

#[cfg(test)]
mod tests;
