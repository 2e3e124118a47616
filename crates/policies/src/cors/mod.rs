//! Lets browsers call from other origins (Fetch standard, 3.3).
//!
//! ```text
//! OPTIONS + Origin + Access-Control-Request-Method ──▶ preflight: answered here, nothing behind hears of it
//! anything else ──▶ upstream or own reply ──▶ on_response puts the fields on, whoever made the response
//! ```
//!
//! The stage is `Identify`, the first: a preflight carries no credentials, so whatever asks for them must come later;
//! and what comes first on the way in comes last on the way out, so that refusals get the fields as well. Without them
//! a script could not tell a 429 from a broken network.

/// What is written, and checked.
mod config;
/// Which origins may call.
mod origin;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use message::{Body, Exchange, Response, Result};
use model::Report;
use policy::{BuildError, Manual, Policy, PolicyKind, Site, Stage, Step};

use self::{
    config::{Config, is_wildcard},
    origin::Pattern,
};
use crate::common::{Name, set, step, vary};

const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");
const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");

const TRUE: HeaderValue = HeaderValue::from_static("true");

/// All that a response says about cross-origin access.
const OWN: [HeaderName; 7] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
    ALLOW_PRIVATE_NETWORK,
];

pub(crate) struct Cors {
    origins: Origins,
    methods: Allow,
    headers: Allow,
    expose: Option<HeaderValue>,
    credentials: bool,
    max_age: Option<HeaderValue>,
    private_network: bool,
}

enum Origins {
    /// Every answer is the same for everybody.
    Any,
    Listed(Box<[Pattern]>),
}

/// How a preflight's question is answered.
enum Allow {
    /// With nothing: only what the standard always allows.
    Nothing,
    Listed(HeaderValue),
    /// With what was asked for: `*` is no wildcard when credentials are sent.
    Echo,
}

/// What the browser asked, kept for the way out: policies behind may change the request.
#[derive(Clone)]
struct Asked {
    origin: HeaderValue,
    is_preflight: bool,
}

// === impl Cors ===

impl PolicyKind for Cors {
    const NAME: &'static str = "cors";
    const STAGE: Stage = Stage::Identify;
    type Config = Config;
    type Policy = Self;

    fn manual() -> Manual {
        Manual {
            summary: "lets browsers call from other origins",
            description: "Browsers let a page read answers from another origin only if the answer says so, and ask \
                          beforehand (a preflight) about requests that a plain form could not make. This policy \
                          answers preflights itself and puts the fields on every response, also on the gateway's own, \
                          so that scripts can read a 404 or a 429. What the upstream says about it is replaced.\n\n\
                          An origin that is not allowed gets an answer without the fields; it is the browser that \
                          refuses. This is no protection against anything but browsers.\n\n\
                          Unless everybody is allowed, answers depend on who asks, and say so to caches \
                          (`Vary: Origin`).\n\n\
                          Where routes are matched by method, mind that a preflight is an `OPTIONS` request.",
            example: "cors:\n  \
                        origins: [\"https://app.example\", \"https://*.example.org\"]\n  \
                        methods: [GET, POST, PUT, DELETE]\n  \
                        headers: [content-type, authorization]\n  \
                        expose: [x-request-id]\n  \
                        credentials: true\n  \
                        max_age: 10m\n",
        }
    }

    fn check(config: &Config, site: &Site<'_>, report: &mut Report) {
        config.check(site.place, report);
    }

    fn build(config: Config, _: &Site<'_>) -> Result<Self, BuildError> {
        let credentials = config.credentials;
        let methods = config.methods.0.iter().map(|method| method.0.as_str());
        let any_method = config.methods.0.iter().any(|method| method.0.as_str() == "*");
        let any_header = config.headers.0.iter().any(is_wildcard);
        Ok(Self {
            methods: if any_method && credentials { Allow::Echo } else { Allow::list(methods)? },
            headers: if any_header && credentials { Allow::Echo } else { Allow::list(texts(&config.headers.0))? },
            expose: join(texts(&config.expose.0))?,
            max_age: config.max_age.map(|age| HeaderValue::from(age.as_secs())),
            private_network: config.private_network,
            credentials,
            origins: if config.allows_any_origin() { Origins::Any } else { Origins::Listed(config.origins.0.into()) },
        })
    }
}

impl Policy for Cors {
    fn on_request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let Some(asked) = Asked::of(&exchange.head) else { return Step::Continue };
        let reply = asked.is_preflight.then(|| self.preflight(&asked.origin, &exchange.head.headers));
        exchange.head.extensions.insert(asked);
        match reply {
            None => Step::Continue,
            Some(Ok(response)) => Step::Reply(Box::new(response)),
            Some(Err(error)) => Step::Fail(error),
        }
    }

    fn on_response<'a>(&'a self, exchange: &'a mut Exchange, response: &'a mut Response) -> Step<'a> {
        let asked = exchange.head.extensions.get::<Asked>();
        match asked {
            Some(Asked { is_preflight: true, .. }) => Step::Continue,
            _ => step(self.actual(asked.map(|asked| &asked.origin), response.headers_mut())),
        }
    }
}

impl Cors {
    fn preflight(&self, origin: &HeaderValue, asked: &HeaderMap) -> Result<Response> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        self.vary_by_question(headers)?;
        if !self.allow_origin(Some(origin), headers)? {
            return Ok(response);
        }
        let answers = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.answer(asked, &header::ACCESS_CONTROL_REQUEST_METHOD)),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, self.headers.answer(asked, &header::ACCESS_CONTROL_REQUEST_HEADERS)),
            (header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone()),
            (ALLOW_PRIVATE_NETWORK, self.allows_private_network(asked).then_some(TRUE)),
        ];
        for (name, answer) in answers {
            if let Some(answer) = answer {
                set(headers, &name, answer)?;
            }
        }
        Ok(response)
    }

    /// On a response to anything but a preflight, whoever made it. `origin` is `None` where no browser asks across
    /// origins.
    fn actual(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) -> Result<()> {
        for name in &OWN {
            headers.remove(name);
        }
        if self.depends_on_origin() {
            vary(headers, "Origin")?;
        }
        match &self.expose {
            Some(expose) if self.allow_origin(origin, headers)? => {
                set(headers, &header::ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone())
            }
            Some(_) => Ok(()),
            None => self.allow_origin(origin, headers).map(drop),
        }
    }

    /// Says that the origin may read the response, if it may.
    fn allow_origin(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) -> Result<bool> {
        let allowed = match (&self.origins, origin) {
            // Also where nobody asked: caches may hand the response to a browser that does (Fetch, 3.3.5).
            (Origins::Any, _) => HeaderValue::from_static("*"),
            (Origins::Listed(patterns), Some(origin)) if is_listed(patterns, origin) => origin.clone(),
            _ => return Ok(false),
        };
        set(headers, &header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed)?;
        if self.credentials {
            set(headers, &header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE)?;
        }
        Ok(true)
    }

    fn allows_private_network(&self, asked: &HeaderMap) -> bool {
        self.private_network && asked.get(&REQUEST_PRIVATE_NETWORK) == Some(&TRUE)
    }

    /// Whether different origins get different answers; caches must know, also from the answer to one that is refused.
    fn depends_on_origin(&self) -> bool {
        matches!(self.origins, Origins::Listed(_))
    }

    fn vary_by_question(&self, headers: &mut HeaderMap) -> Result<()> {
        for (depends, on) in [
            (self.depends_on_origin(), "Origin"),
            (matches!(self.methods, Allow::Echo), "Access-Control-Request-Method"),
            (matches!(self.headers, Allow::Echo), "Access-Control-Request-Headers"),
            (self.private_network, "Access-Control-Request-Private-Network"),
        ] {
            if depends {
                vary(headers, on)?;
            }
        }
        Ok(())
    }
}

fn is_listed(patterns: &[Pattern], origin: &HeaderValue) -> bool {
    origin.to_str().is_ok_and(|origin| patterns.iter().any(|pattern| pattern.matches(origin)))
}

// === impl Allow ===

impl Allow {
    fn list<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, BuildError> {
        Ok(join(words)?.map_or(Self::Nothing, Self::Listed))
    }

    /// The answer to the field `question` of a preflight.
    fn answer(&self, asked: &HeaderMap, question: &HeaderName) -> Option<HeaderValue> {
        match self {
            Self::Nothing => None,
            Self::Listed(list) => Some(list.clone()),
            Self::Echo => asked.get(question).cloned(),
        }
    }
}

fn texts(names: &[Name]) -> impl Iterator<Item = &str> {
    names.iter().map(|name| name.0.as_str())
}

/// `a, b, c`; `None` for no words.
fn join<'a>(words: impl Iterator<Item = &'a str>) -> Result<Option<HeaderValue>, BuildError> {
    let list = words.collect::<Vec<_>>().join(", ");
    if list.is_empty() {
        return Ok(None);
    }
    HeaderValue::try_from(list).map(Some).map_err(|error| BuildError(error.to_string()))
}

// === impl Asked ===

impl Asked {
    /// `None` where no browser asks across origins, or where it cannot be said who asks.
    fn of(head: &Parts) -> Option<Self> {
        let mut origins = head.headers.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else { return None };
        let is_preflight =
            head.method == Method::OPTIONS && head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        Some(Self { origin: origin.clone(), is_preflight })
    }
}

#[cfg(test)]
mod tests;
