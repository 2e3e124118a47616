//! What an expression may name: one table for each kind of thing that expressions are about.

/// The variables that an expression may name, and those that it may name one day.
#[derive(Debug, Clone, Copy)]
pub struct Environment {
    tables: &'static [&'static [Declared]],
    /// Names that are known and mean nothing yet, with what to do instead. Whoever builds one moves it to a table.
    pending: &'static [(&'static str, &'static str)],
}

/// A variable by its name in expressions.
#[derive(Debug, Clone, Copy)]
pub struct Declared {
    pub name: &'static str,
    pub variable: Variable,
    /// What it holds, for the reference.
    pub about: &'static str,
}

/// A variable by its type, as whoever answers for it is asked ([`Subject`](crate::Subject)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    Text(TextVariable),
    Int(IntVariable),
    Double(DoubleVariable),
    Map(MapVariable),
    Address(AddressVariable),
    Time(TimeVariable),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextVariable {
    RequestMethod,
    RequestHost,
    RequestPath,
    RequestScheme,
    TlsSni,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntVariable {
    EndpointWeight,
    EndpointInFlight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoubleVariable {
    EndpointLatency,
}

/// Texts by text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapVariable {
    RequestHeaders,
    RequestQuery,
    RequestCookies,
    EndpointLabels,
}

/// An address is a text to those who write expressions, and need not become one to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressVariable {
    ClientIp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeVariable {
    Now,
}

#[rustfmt::skip]
const REQUEST: &[Declared] = &[
    declared("request.method",  Variable::Text(TextVariable::RequestMethod),  "the method, as in `GET`"),
    declared("request.host",    Variable::Text(TextVariable::RequestHost),    "who is asked for: lower case, without port"),
    declared("request.path",    Variable::Text(TextVariable::RequestPath),    "the path in canonical form, without query"),
    declared("request.scheme",  Variable::Text(TextVariable::RequestScheme),  "`https` if the client speaks TLS to the gateway, else `http`"),
    declared("request.headers", Variable::Map(MapVariable::RequestHeaders),   "header fields by name, in whatever case; of a repeated one the first line"),
    declared("request.query",   Variable::Map(MapVariable::RequestQuery),     "parameters of the query, decoded; of a repeated one the first"),
    declared("request.cookies", Variable::Map(MapVariable::RequestCookies),   "cookies; of a repeated one the first"),
    declared("client.ip",       Variable::Address(AddressVariable::ClientIp), "the address of the client, through trusted proxies"),
    declared("tls.sni",         Variable::Text(TextVariable::TlsSni),         "the name that the client asked for in the TLS handshake, in lower case; empty if there was none"),
    declared("now",             Variable::Time(TimeVariable::Now),            "when the expression is looked at"),
];

#[rustfmt::skip]
const ENDPOINT: &[Declared] = &[
    declared("endpoint.labels",    Variable::Map(MapVariable::EndpointLabels),       "the labels that the document gives the endpoint"),
    declared("endpoint.weight",    Variable::Int(IntVariable::EndpointWeight),       "its weight"),
    declared("endpoint.in_flight", Variable::Int(IntVariable::EndpointInFlight),     "how many requests it works on"),
    declared("endpoint.latency",   Variable::Double(DoubleVariable::EndpointLatency), "how long it took to answer of late, in milliseconds"),
];

const PENDING: &[(&str, &str)] = &[
    (
        "consumer",
        "leave it out until a version that identifies callers; a header can be matched with `request.headers`",
    ),
    ("request.body", "match what comes before the body: method, path, header fields"),
    ("response", "an expression is looked at before there is a response"),
];

const fn declared(name: &'static str, variable: Variable, about: &'static str) -> Declared {
    Declared { name, variable, about }
}

// === impl Environment ===

impl Environment {
    /// What is known of a request: for the conditions of routes and of policies.
    pub const fn request() -> Self {
        Self { tables: &[REQUEST], pending: PENDING }
    }

    /// What is known of an endpoint: for those who choose among several.
    pub const fn endpoint() -> Self {
        Self { tables: &[ENDPOINT], pending: PENDING }
    }

    /// A request and an endpoint that it may go to.
    pub const fn request_and_endpoint() -> Self {
        Self { tables: &[REQUEST, ENDPOINT], pending: PENDING }
    }

    /// Every variable, in the order of the reference.
    pub fn declared(&self) -> impl Iterator<Item = &'static Declared> + Clone + use<> {
        self.tables.iter().copied().flatten()
    }

    pub(crate) fn get(&self, name: &str) -> Option<Variable> {
        self.declared().find(|declared| declared.name == name).map(|declared| declared.variable)
    }

    /// What to do instead of naming `name`, if that is known and pending.
    pub(crate) fn pending(&self, name: &str) -> Option<&'static str> {
        self.pending.iter().find(|(pending, _)| *pending == name).map(|(_, hint)| *hint)
    }
}
