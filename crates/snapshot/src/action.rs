//! What a route does, ready to be done.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use message::Captures;
use model::TemplatePart;

pub enum Action {
    Upstream {
        /// Index in [`crate::Snapshot::upstreams`].
        upstream: usize,
        rewrite: Option<Rewrite>,
    },
    Redirect(Redirect),
    Respond(Respond),
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
    pub(crate) fn new(route: &model::Route) -> Self {
        match &route.action {
            model::Action::Upstream(upstream) => {
                let rewrite = route
                    .rewrite
                    .as_ref()
                    .map(|rewrite| Rewrite { path: rewrite.path.clone().map(Template), host: rewrite.host.clone() });
                Self::Upstream { upstream: upstream.0 as usize, rewrite }
            }
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
