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
    Record(RecordText),
}

/// Texts of a request that has ended; empty for what it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordText {
    Cause,
    Route,
    Side,
    Upstream,
    Endpoint,
    Consumer,
    RequestId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntVariable {
    EndpointWeight,
    EndpointInFlight,
    RecordStatus,
    RecordAttempts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoubleVariable {
    EndpointLatency,
    RecordDuration,
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

#[rustfmt::skip]
const RECORD: &[Declared] = &[
    declared("request.method",     Variable::Text(TextVariable::RequestMethod),                   "the method, as in `GET`"),
    declared("request.host",       Variable::Text(TextVariable::RequestHost),                     "who was asked for: lower case, with port"),
    declared("request.path",       Variable::Text(TextVariable::RequestPath),                     "the path in canonical form, without query"),
    declared("request.scheme",     Variable::Text(TextVariable::RequestScheme),                   "`https` if the client spoke TLS to the gateway, else `http`"),
    declared("request.headers",    Variable::Map(MapVariable::RequestHeaders),                    "the header fields that are recorded, by name"),
    declared("request.query",      Variable::Map(MapVariable::RequestQuery),                      "parameters of the query, decoded; of a repeated one the first"),
    declared("client.ip",          Variable::Address(AddressVariable::ClientIp),                  "the address of the client, through trusted proxies"),
    declared("record.status",      Variable::Int(IntVariable::RecordStatus),                      "the status that the client got; 499 if it left before, 0 if there was none"),
    declared("record.cause",       Variable::Text(TextVariable::Record(RecordText::Cause)),       "why it did not simply go well; empty if it did"),
    declared("record.route",       Variable::Text(TextVariable::Record(RecordText::Route)),       "the route; empty if none took it"),
    declared("record.side",        Variable::Text(TextVariable::Record(RecordText::Side)),        "the side of a `split`, or the version"),
    declared("record.upstream",    Variable::Text(TextVariable::Record(RecordText::Upstream)),    "the upstream of the last attempt"),
    declared("record.endpoint",    Variable::Text(TextVariable::Record(RecordText::Endpoint)),    "the endpoint of the last attempt"),
    declared("record.consumer",    Variable::Text(TextVariable::Record(RecordText::Consumer)),    "who called"),
    declared("record.request_id",  Variable::Text(TextVariable::Record(RecordText::RequestId)),   "the request id, if anybody asked for it"),
    declared("record.attempts",    Variable::Int(IntVariable::RecordAttempts),                    "how many endpoints were asked"),
    declared("record.duration_ms", Variable::Double(DoubleVariable::RecordDuration),              "from the head of the request to the end of the response, in milliseconds"),
];

const PENDING: &[(&str, &str)] = &[
    (
        "consumer",
        "who calls is found out by policies, once the route is known; a `split` can go by it, and a header can be matched with `request.headers`",
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

    /// A request that has ended: for those who look at records.
    pub const fn record() -> Self {
        Self { tables: &[RECORD], pending: &[] }
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
