//! What operators expect of their routes.

use std::{net::IpAddr, sync::Arc, time::SystemTime};

use http::{HeaderMap, HeaderName, Method, StatusCode};

use crate::Place;

/// A request, and what is expected to become of it.
#[derive(Debug, Clone)]
pub struct Test {
    pub name: Arc<str>,
    pub place: Place,
    pub request: TestRequest,
    /// At least one.
    pub expected: Vec<Expectation>,
}

#[derive(Debug, Clone)]
pub struct TestRequest {
    pub method: Method,
    pub url: String,
    /// Where the URL is written.
    pub place: Place,
    pub headers: HeaderMap,
    pub client_ip: Option<IpAddr>,
    /// One that there is.
    pub listener: Option<Arc<str>>,
    /// `None`: the host of the URL.
    pub sni: Option<String>,
    /// `None`: now.
    pub at: Option<SystemTime>,
}

#[derive(Debug, Clone)]
pub struct Expectation {
    /// Where the value is written.
    pub place: Place,
    pub expected: Expected,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// One that there is; `None`: that there is none.
    Route(Option<Arc<str>>),
    /// One that there is.
    Upstream(Arc<str>),
    /// That the upstream gets; with the query if it holds a `?`.
    Path(Arc<str>),
    Status(StatusCode),
    Header {
        name: HeaderName,
        /// All of them, in order.
        values: Vec<String>,
    },
    /// The name of a cause, which may be none.
    Cause(Arc<str>),
}
