use std::borrow::Cow;

use expression::suggestion;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::{
    FromText,
    values::{CookieName, Expression, FieldName, LoadFactor, SecretSource, Timeout, shortened},
};

/// How an endpoint is chosen. All ways honour weights, and none asks an endpoint of weight 0.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// One after the other, by weight and evenly mixed.
    #[default]
    RoundRobin,
    /// By chance.
    Random,
    /// The one with the fewest requests under way for its weight, counted over all workers. Of more than eight, two are
    /// drawn and compared.
    LeastRequests,
    /// Those that answer fast and have little to do: by the moving average of the time to the head of a response, which
    /// rises at once and falls slowly, times the requests under way. Failures count as slow answers.
    PeakEwma(PeakEwma),
    /// The same address of a client leads to the same endpoint: `consistent_hash` by `client_ip`.
    IpHash,
    /// The same key leads to the same endpoint, whichever gateway is asked; when endpoints come or go, few keys move.
    ConsistentHash(ConsistentHash),
    /// The one with the lowest score, which is an expression over what is known of an endpoint.
    Custom(Custom),
    /// A cookie of the gateway's binds a client to the endpoint that answered it first.
    Sticky(StickyCookie),
}

/// Settings of `peak_ewma`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeakEwma {
    /// How fast what was learned fades: after this time, an answer has lost about two thirds of its say. Default: `10s`.
    pub decay: Option<Timeout>,
    /// What a failed attempt, or a status of 500 and more, counts as, unless it took longer. Default: `5s`.
    pub failure: Option<Timeout>,
}

/// Settings of `consistent_hash`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsistentHash {
    /// What of a request decides.
    pub key: HashKey,
    /// What decides if a request lacks the key. Without it, or if that is missing too, chance does.
    pub fallback: Option<HashKey>,
    /// How keys are laid out over the endpoints. Default: `ring`.
    #[serde(default)]
    pub algorithm: HashAlgorithm,
    /// No endpoint gets more than this many times the average of the requests under way, by weight; what is too much
    /// goes on to the next endpoint. From 1.01 to 10. Default: no bound.
    pub bounded_load: Option<LoadFactor>,
}

/// What of a request decides on its endpoint. An empty value counts as none; of several, the first one counts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HashKey {
    /// The address of the client, through trusted proxies.
    ClientIp,
    /// Who calls, as a policy found out.
    Consumer,
    /// The path that the endpoint is asked for, without the query.
    Path,
    /// A header field.
    Header(FieldName),
    /// A parameter of the query.
    Query(String),
    /// A cookie.
    Cookie(CookieName),
}

/// How keys are laid out over the endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HashAlgorithm {
    /// A ring of points (Karger et al. 1997, as in ketama): if an endpoint goes, only its own keys move. Shares are off by
    /// one or two per cent of themselves.
    #[default]
    Ring,
    /// A table (Eisenbud et al. 2016): shares are even, and a look-up is one load. If an endpoint goes, a few per cent of the
    /// other keys move as well.
    Maglev,
}

/// Settings of `custom`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    /// A number for an endpoint; the lowest one wins, and among equals weights decide. It may look at `endpoint.labels`,
    /// `endpoint.weight`, `endpoint.in_flight` and `endpoint.latency` (in milliseconds, 0 while nothing is known). Who has no
    /// score, because the expression has no value, is asked last.
    pub score: Expression,
    /// Whose scores are compared: `two` that are drawn by weight, or `all`. Default: `two`.
    #[serde(default)]
    pub among: Among,
    /// How fast `endpoint.latency` fades, as with `peak_ewma`. Default: `10s`.
    pub decay: Option<Timeout>,
    /// What a failure counts as in `endpoint.latency`, as with `peak_ewma`. Default: `5s`.
    pub failure: Option<Timeout>,
}

/// Whose scores are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Among {
    /// Two that are drawn by weight: cheap however many there are, and no herd runs to the best one.
    #[default]
    Two,
    /// All, one by one: for small sets.
    All,
}

/// Settings of `sticky`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StickyCookie {
    /// The name of the cookie. Default: `sluice-` and the name of the upstream.
    pub cookie: Option<CookieName>,
    /// How long a client keeps it, at least `1s`. Default: until its session ends.
    pub ttl: Option<Timeout>,
    /// What cookies are signed with, at least 16 bytes. Needed where several gateways must take each other's cookies.
    /// Default: one made at the start, so that clients are bound anew after a restart.
    pub secret: Option<SecretSource>,
}

/// A way that needs no settings, by its name.
type Plain = (&'static str, fn() -> Balance);

// === impl Balance ===

impl Balance {
    /// Those that need no settings.
    const PLAIN: [Plain; 6] = [
        ("round_robin", || Self::RoundRobin),
        ("random", || Self::Random),
        ("least_requests", || Self::LeastRequests),
        ("peak_ewma", || Self::PeakEwma(PeakEwma::default())),
        ("ip_hash", || Self::IpHash),
        ("sticky", || Self::Sticky(StickyCookie::default())),
    ];

    /// What the ways are called that come with the gateway.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> + Clone {
        Self::PLAIN.iter().map(|(name, _)| *name).chain(["consistent_hash", "custom"])
    }
}

impl FromText for Balance {
    const EXPECTED: &'static str = "a way to choose an endpoint such as `round_robin`, or a map with one key";

    fn from_text(text: &str) -> Result<Self, String> {
        if let Some((_, balance)) = Self::PLAIN.iter().find(|(name, _)| *name == text) {
            return Ok(balance());
        }
        if text == "consistent_hash" {
            return Err(format!("`{text}` needs a key; write `{{ {text}: {{ key: client_ip }} }}`"));
        }
        if text == "custom" {
            return Err("`custom` needs a score; write `{ custom: { score: endpoint.in_flight } }`".to_owned());
        }
        let hint = suggestion(text, Self::names()).map(|hint| format!("; {hint}")).unwrap_or_default();
        Err(format!("unknown value `{}`{hint}", shortened(text)))
    }
}

/// The schema of `TextOr<Balance>`.
pub(super) struct BalanceShortOrLong;

impl JsonSchema for BalanceShortOrLong {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "BalanceShortOrLong".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let names = Balance::PLAIN.map(|(name, _)| name);
        json_schema!({ "anyOf": [{ "enum": names }, generator.subschema_for::<Balance>()] })
    }
}
