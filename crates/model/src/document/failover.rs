use schemars::JsonSchema;
use serde::Deserialize;

use crate::values::{LoadFactor, Ratio};

/// Which endpoints are asked first, and when others help out. Endpoints stand in tiers: by their `tier`, and within one,
/// those in the zone of the gateway first. A tier gets only what those before it cannot bear, because too few of their
/// endpoints are fit to be asked.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failover {
    /// Whether endpoints in `gateway.zone` are asked before others of their tier. Default: true, where the gateway has a zone.
    pub prefer_zone: Option<bool>,
    /// How many times its usual load an endpoint can bear, from 1.01 to 10. With 1.4, a tier keeps all requests as long as five in
    /// seven of it, by weight, are fit to be asked; with half of it fit, it keeps 70 %. Default: 1.4.
    pub headroom: Option<LoadFactor>,
    /// With less than this part of a tier fit to be asked, by weight, and no other tier to make up for it, all of it is asked,
    /// whatever their health: that so many fail at once says more of who judges them. With `0%` health always counts, and with
    /// nobody fit there is no answer but 503. Default: `50%`.
    pub panic_threshold: Option<Ratio>,
}
