//! Where in a request a key may be.

use std::{borrow::Cow, sync::Arc};

use http::{HeaderMap, HeaderName, header, request::Parts};
use message::{Exchange, field};

/// At least one is given.
pub(super) struct Places {
    pub(super) header: Option<HeaderName>,
    pub(super) query: Option<Arc<str>>,
    pub(super) cookie: Option<Arc<str>>,
    /// `Authorization: Bearer KEY` (RFC 6750, 2.1).
    pub(super) bearer: bool,
}

/// What a request shows.
pub(super) enum Shown<'r> {
    Nothing,
    Key(Cow<'r, [u8]>),
    /// Nobody can say which one counts.
    Several,
}

// === impl Places ===

impl Places {
    pub(super) fn shown<'r>(&self, head: &'r Parts) -> Shown<'r> {
        let mut shown = Shown::Nothing;
        if let Some(name) = &self.header {
            field::headers(&head.headers, name).for_each(|value| shown.and(value.bytes()));
        }
        if self.bearer {
            bearer(&head.headers).for_each(|key| shown.and(key.into()));
        }
        if let Some(name) = &self.query {
            field::parameters(head.uri.query(), name).for_each(|value| shown.and(value.bytes()));
        }
        if let Some(name) = &self.cookie {
            field::cookies(&head.headers, name).for_each(|value| shown.and(value.bytes()));
        }
        shown
    }

    /// Takes keys out of what is told of the request, and out of what the endpoint gets, unless that `keeps` them.
    pub(super) fn hide(&self, exchange: &mut Exchange, keeps: bool) {
        if let Some(name) = &self.query {
            exchange.hide_parameter(name, keeps);
        }
        let headers = &mut exchange.head.headers;
        if keeps {
            // What cookies and credentials are called is known to logs anyway.
            let kept = self.header.as_ref().and_then(|name| headers.get_mut(name));
            return kept.into_iter().for_each(|value| value.set_sensitive(true));
        }
        if let Some(name) = &self.header {
            headers.remove(name);
        }
        if self.bearer && bearer(headers).next().is_some() {
            headers.remove(header::AUTHORIZATION);
        }
        // In canonical form there is one line.
        if let Some(name) = &self.cookie
            && let Some(line) = headers.get(header::COOKIE)
        {
            match field::without_cookie(line, name) {
                Some(left) => drop(headers.insert(header::COOKIE, left)),
                None => drop(headers.remove(header::COOKIE)),
            }
        }
    }

    /// For people: "in the field `x-api-key`, or as `Authorization: Bearer KEY`".
    pub(super) fn named(&self) -> String {
        let places = [
            self.header.as_ref().map(|name| format!("in the field `{name}`")),
            self.bearer.then(|| "as `Authorization: Bearer KEY`".to_owned()),
            self.query.as_ref().map(|name| format!("in the parameter `{name}` of the query")),
            self.cookie.as_ref().map(|name| format!("in the cookie `{name}`")),
        ];
        places.into_iter().flatten().collect::<Vec<_>>().join(", or ")
    }
}

fn bearer(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    headers.get_all(header::AUTHORIZATION).iter().filter_map(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(SCHEME.len())?;
        scheme.eq_ignore_ascii_case(SCHEME).then(|| key.trim_ascii())
    })
}

// === impl Shown ===

impl<'r> Shown<'r> {
    fn and(&mut self, key: Cow<'r, [u8]>) {
        *self = match self {
            Self::Nothing => Self::Key(key),
            _ => Self::Several,
        };
    }
}
