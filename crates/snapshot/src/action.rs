//! What a route does, ready to be done.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use message::Captures;
use model::TemplatePart;
use telemetry::SideMetrics;

use crate::{Destination, Sides};

pub enum Action {
    Upstream { to: To, rewrite: Option<Rewrite> },
    Redirect(Redirect),
    Respond(Respond),
}

/// Who gets the request.
pub enum To {
    One(Destination),
    /// One of several, chosen for each exchange.
    Side(Box<Sides>),
}

pub struct Rewrite {
    pub path: Option<Template>,
    pub host: Option<HeaderValue>,
}

pub struct Redirect {
    pub to: Template,
    pub status: StatusCode,
}

pub struct Respond {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Text with holes for captures.
pub struct Template(model::Template);

// === impl Action ===

impl Action {
    /// `metrics` gives the counters of the side with this name.
    pub(crate) fn new(route: &model::Route, metrics: impl Fn(&str) -> Arc<SideMetrics>) -> Self {
        let upstream = |to| {
            let rewrite = |written: &model::Rewrite| Rewrite {
                path: written.path.clone().map(Template),
                host: written.host.clone(),
            };
            Self::Upstream { to, rewrite: route.rewrite.as_ref().map(rewrite) }
        };
        match &route.action {
            model::Action::Upstream(to) => upstream(To::One((*to).into())),
            model::Action::Split(split) => upstream(To::Side(Box::new(Sides::of_split(split, metrics)))),
            model::Action::Versions(versions) => upstream(To::Side(Box::new(Sides::of_versions(versions, metrics)))),
            model::Action::Redirect(redirect) => {
                Self::Redirect(Redirect { to: Template(redirect.to.clone()), status: redirect.status })
            }
            model::Action::Respond(respond) => Self::Respond(Respond {
                status: respond.status,
                headers: respond.headers.clone(),
                body: respond.body.clone(),
            }),
        }
    }
}

// === impl Template ===

impl Template {
    /// The text, its holes filled with what `captures` cut out of `path`.
    pub fn render(&self, captures: &Captures, path: &str) -> String {
        let mut text = String::with_capacity(path.len() + 16);
        for part in &self.0.0 {
            match part {
                TemplatePart::Literal(literal) => text.push_str(literal),
                TemplatePart::Capture(index) => text.push_str(captures.get(*index, path)),
            }
        }
        text
    }
}
