mod action;
mod fallback;
mod matching;
mod mirror;
mod split;
mod time;
mod upstream;
mod versions;

use schemars::JsonSchema;
use serde::Deserialize;

pub use action::{Fields, NewPath, QueryEdits, Redirect, RedirectQuery, Respond, Rewrite, Scheme};
pub use fallback::Fallback;
pub use matching::{FieldMatch, HeaderMatch, Match, Path};
pub use mirror::{Mirror, Mirrors};
pub use split::{Cohort, Field, Reveal, Side, Split, Sticky, StickyKey};
pub use time::Time;
pub use upstream::Destination;
pub use versions::{ApiVersion, VersionSource, Versions};

use super::{Breaker, Policy};
use crate::{TextOr, values::Name};

/// Which request goes where.
///
/// Exactly one of `upstream`, `split`, `versions`, `redirect` and `respond` says what is done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// What logs and metrics call it.
    pub name: Name,
    /// The names of the listeners that it holds on. Default: all.
    #[serde(default)]
    pub listeners: Vec<String>,
    /// What must hold for a request. Default: every request matches.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// Higher wins over every other route that matches; among equals the more specific one does. Default: 0.
    #[serde(default)]
    pub priority: i32,
    /// Policies for every exchange on this route.
    #[serde(default)]
    pub policies: Vec<Policy>,
    /// Action: the upstream that gets the request, by its name, or as a map to name labels of its endpoints too. Names that
    /// the route's path captures stand in `{}`, as in `orders-{region}`; a request that fills in the name of none is answered
    /// with 404.
    #[schemars(with = "Option<upstream::ShortOrLong>")]
    pub upstream: Option<TextOr<Destination>>,
    /// Action: share requests out among versions of a service.
    pub split: Option<Split>,
    /// Action: send each request to the version of an API that it asks for.
    pub versions: Option<Versions>,
    /// Action: send the client elsewhere.
    pub redirect: Option<Redirect>,
    /// Action: answer without an upstream.
    pub respond: Option<Respond>,
    /// What is changed in the request before the upstream gets it.
    pub rewrite: Option<Rewrite>,
    /// Keeps the requests of this route from where they go while that fails them. Default: none but those of upstreams.
    pub breaker: Option<Breaker>,
    /// Who answers instead if that fails, after its retries: they are tried in this order. Default: nobody.
    #[serde(default)]
    pub fallback: Vec<Fallback>,
    /// Where copies of the requests go, besides: an upstream, or a list of them.
    #[serde(default)]
    pub mirror: Mirrors,
}
