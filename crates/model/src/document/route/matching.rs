use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use super::Time;
use crate::{
    FromText, PathPattern, TextOr, ValueMatch,
    values::{
        ExactPath, Expression, FieldName, HostName, MethodName, Network, PathTemplate, Pattern, PrefixPath, SniName,
        WildcardPath,
    },
};

/// What must hold for a request: all that is given; of a list of hosts, methods, networks or server names one is enough.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Hosts, without port: `api.example.com`, or `*.example.org` for every name below it. Default: any.
    #[serde(default)]
    pub hosts: Vec<HostName>,
    /// The path. A text is a template if it holds `{`, as in `/users/{id}`, and otherwise one exact path. Default: any.
    #[schemars(with = "Option<Path>")]
    pub path: Option<TextOr<Path>>,
    /// Methods. Default: any.
    #[serde(default)]
    pub methods: Vec<MethodName>,
    /// What header fields must hold.
    #[serde(default)]
    pub headers: Vec<HeaderMatch>,
    /// What parameters of the query must hold.
    #[serde(default)]
    pub query: Vec<FieldMatch>,
    /// What cookies must hold.
    #[serde(default)]
    pub cookies: Vec<FieldMatch>,
    /// Networks or addresses that the client must be in. Default: any.
    #[serde(default)]
    pub client_ip: Vec<Network>,
    /// Server names, one of which the client must have asked for in the TLS handshake (SNI); never holds without TLS.
    /// Default: any, or none.
    #[serde(default)]
    pub sni: Vec<SniName>,
    /// When the route holds. Default: at any time.
    pub time: Option<Time>,
    /// An expression (CEL) that must hold, for what the other keys do not reach. Default: none.
    pub when: Option<Expression>,
}

/// How a path is matched.
#[derive(Debug, Clone)]
pub struct Path(pub PathPattern);

/// What a header field must hold: `name` with one of the others.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "WrittenHeaderMatch")]
pub struct HeaderMatch {
    pub name: FieldName,
    pub value: ValueMatch,
}

/// What a parameter or cookie must hold: `name` with one of the others.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "WrittenFieldMatch")]
pub struct FieldMatch {
    pub name: String,
    pub value: ValueMatch,
}

// === impl Path ===

/// A path by the name of its kind.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum WrittenPath {
    /// One path.
    Exact(ExactPath),
    /// A path and all below it.
    Prefix(PrefixPath),
    /// A path with names for some of its segments.
    Template(PathTemplate),
    /// A path with `*` and `**`.
    Wildcard(WildcardPath),
    /// A regular expression over the whole path; its named groups are captured.
    Regex(Pattern),
}

impl FromText for Path {
    const EXPECTED: &'static str = "a path, or a map with one of `exact`, `prefix`, `template`, `wildcard` and `regex`";

    fn from_text(text: &str) -> Result<Self, String> {
        if text.contains('*') {
            return Err(format!(
                "`*` in a path could mean itself or anything; write `{{ wildcard: \"{text}\" }}` or `{{ exact: \"{text}\" }}`"
            ));
        }
        if text.contains('{') {
            return PathTemplate::from_text(text).map(|path| Self(path.0));
        }
        ExactPath::from_text(text).map(|path| Self(path.0))
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match WrittenPath::deserialize(deserializer)? {
            WrittenPath::Exact(ExactPath(path))
            | WrittenPath::Prefix(PrefixPath(path))
            | WrittenPath::Template(PathTemplate(path))
            | WrittenPath::Wildcard(WildcardPath(path)) => path,
            WrittenPath::Regex(Pattern(regex)) => PathPattern::Regex(regex),
        }))
    }
}

impl JsonSchema for Path {
    fn schema_name() -> Cow<'static, str> {
        "Path".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = WrittenPath::json_schema(generator);
        json_schema!({
            "description": "A text is a template if it holds `{`, and otherwise one exact path.",
            "anyOf": [{ "type": "string", "pattern": "^/[^*]*$" }, long],
        })
    }
}

// === impl HeaderMatch, FieldMatch ===

macro_rules! written_match {
    ($written:ident, $match:ident, $name:ty, $schema:literal) => {
        #[derive(Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        #[schemars(rename = $schema)]
        struct $written {
            /// Its name.
            name: $name,
            /// It holds exactly this.
            exact: Option<String>,
            /// It begins with this.
            prefix: Option<String>,
            /// A regular expression matches it, anywhere unless anchored.
            regex: Option<Pattern>,
            /// It holds exactly one of these.
            any_of: Option<Vec<String>>,
            /// `true`: it is there, whatever it holds. `false`: it is not there.
            present: Option<bool>,
        }

        impl TryFrom<$written> for $match {
            type Error = String;

            fn try_from(written: $written) -> Result<Self, String> {
                let $written { name, exact, prefix, regex, any_of, present } = written;
                Ok(Self { name, value: value_match(exact, prefix, regex, any_of, present)? })
            }
        }

        impl JsonSchema for $match {
            fn schema_name() -> Cow<'static, str> {
                $schema.into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let mut schema = $written::json_schema(generator);
                let one = ["exact", "prefix", "regex", "any_of", "present"].map(|key| json_schema!({ "required": [key] }));
                schema.insert("oneOf".into(), one.into_iter().map(Schema::to_value).collect());
                schema
            }
        }
    };
}

written_match!(WrittenHeaderMatch, HeaderMatch, FieldName, "HeaderMatch");
written_match!(WrittenFieldMatch, FieldMatch, String, "FieldMatch");

fn value_match(
    exact: Option<String>,
    prefix: Option<String>,
    regex: Option<Pattern>,
    any_of: Option<Vec<String>>,
    present: Option<bool>,
) -> Result<ValueMatch, String> {
    let given = [
        exact.map(|text| ("exact", ValueMatch::Exact(text.into()))),
        prefix.map(|text| ("prefix", ValueMatch::Prefix(text.into()))),
        regex.map(|Pattern(regex)| ("regex", ValueMatch::Regex(regex))),
        any_of.map(|texts| ("any_of", ValueMatch::AnyOf(texts.into_iter().map(Into::into).collect()))),
        present.map(|present| ("present", if present { ValueMatch::Present } else { ValueMatch::Absent })),
    ];
    let mut given: Vec<(&str, ValueMatch)> = given.into_iter().flatten().collect();
    match (given.len(), given.pop()) {
        (1, Some((_, ValueMatch::AnyOf(texts)))) if texts.is_empty() => {
            Err("`any_of` is empty, so nothing could match".to_owned())
        }
        (1, Some((_, value))) => Ok(value),
        (_, last) => {
            let names: Vec<String> = given.into_iter().chain(last).map(|(name, _)| format!("`{name}`")).collect();
            let found = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Err(format!(
                "expected exactly one of `exact`, `prefix`, `regex`, `any_of`, `present` beside `name`, found {found}"
            ))
        }
    }
}
