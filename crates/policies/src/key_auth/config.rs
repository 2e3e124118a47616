//! Settings of `key_auth`.

use http::HeaderName;
use message::consumer::tells_caller;
use model::{
    Report,
    values::{CookieName, Name},
};
use policy::Site;
use schemars::JsonSchema;
use serde::Deserialize;

use super::places::Places;
use crate::common::EditableName;

/// Settings of `key_auth`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "key_auth")]
pub(crate) struct Config {
    /// The field that shows the key. Left out: `x-api-key`, if no other place is named.
    header: Option<EditableName>,
    /// The parameter of the query that shows the key. Queries end up in the logs of others: take a field if you can.
    query: Option<String>,
    /// The cookie that shows the key.
    cookie: Option<CookieName>,
    /// Whether `Authorization: Bearer KEY` shows the key. Left out: no.
    bearer: bool,
    /// Whether the key is taken out of what the endpoint gets. Left out: yes.
    hide: Option<bool>,
    /// The consumer that a request without a key is from. Left out: there is none.
    anonymous: Option<Name>,
    /// Whether a request without a key is refused. Left out: yes, unless `anonymous` is given.
    required: Option<bool>,
}

/// Where keys are looked for, if no place is named.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

// === impl Config ===

impl Config {
    pub(super) fn check(&self, site: &Site<'_>, report: &mut Report) {
        if let Some(EditableName(name)) = self.header.as_ref().filter(|EditableName(name)| tells_caller(name)) {
            let message =
                format!("clients cannot send `{name}`: fields that tell who calls are written by the gateway");
            report.error_with_hint(site.place, message, "take another field, such as `x-api-key`");
        }
        if self.query.as_deref() == Some("") {
            report.error_with_hint(site.place, "`query` is empty", "name the parameter, such as `api_key`");
        }
        if self.required == Some(true) && self.anonymous.is_some() {
            let message = "a key is required, and with `anonymous` it is not";
            report.error_with_hint(site.place, message, "leave one of the two out");
        }
    }

    pub(super) fn places(&self) -> Places {
        let names_none = self.query.is_none() && self.cookie.is_none() && !self.bearer;
        let default = names_none.then_some(X_API_KEY);
        Places {
            header: self.header.as_ref().map(|EditableName(name)| name.clone()).or(default),
            query: self.query.as_deref().map(Into::into),
            cookie: self.cookie.as_ref().map(|CookieName(name)| name.clone()),
            bearer: self.bearer,
        }
    }

    pub(super) fn hides(&self) -> bool {
        self.hide.unwrap_or(true)
    }

    pub(super) fn anonymous(&self) -> Option<&str> {
        self.anonymous.as_ref().map(|Name(name)| &**name)
    }

    pub(super) fn is_required(&self) -> bool {
        self.required.unwrap_or(self.anonymous.is_none())
    }
}
