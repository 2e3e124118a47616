//! What is known of a request, for expressions.

use std::{borrow::Cow, net::IpAddr, time::SystemTime};

use expression::{AddressVariable, EntryKey, Failure, MapVariable, Subject, TextVariable, TimeVariable};
use http::{HeaderMap, Method};

use crate::field::{self, Value};

/// A request as an expression sees it: in canonical form, borrowed from whoever holds it.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    pub method: &'a Method,
    pub scheme: &'a str,
    /// Lower case, without port.
    pub host: &'a str,
    pub path: &'a str,
    /// What follows the `?`, as it was sent.
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub client_ip: IpAddr,
    pub sni: Option<&'a str>,
    /// What time it is. Looked at only if an expression names it; the same however often.
    pub now: &'a dyn Fn() -> SystemTime,
}

// === impl Facts ===

impl Facts<'_> {
    /// The first of several values, which is all that a map holds.
    fn first(&self, map: MapVariable, key: EntryKey<'_>) -> Result<Option<Value<'_>>, Failure> {
        match (map, key) {
            (MapVariable::RequestHeaders, EntryKey::Header(name)) => Ok(field::headers(self.headers, name).next()),
            (MapVariable::RequestHeaders, EntryKey::Text(name)) => {
                Ok(self.headers.get(name).map(|value| Value::Plain(value.as_bytes())))
            }
            (MapVariable::RequestQuery, key) => Ok(field::parameters(self.query, key.as_str()).next()),
            (MapVariable::RequestCookies, key) => Ok(field::cookies(self.headers, key.as_str()).next()),
            (MapVariable::EndpointLabels, _) => Err(Failure::Undeclared),
        }
    }
}

impl Subject for Facts<'_> {
    fn text(&self, variable: TextVariable) -> Result<Cow<'_, str>, Failure> {
        Ok(Cow::Borrowed(match variable {
            TextVariable::RequestMethod => self.method.as_str(),
            TextVariable::RequestHost => self.host,
            TextVariable::RequestPath => self.path,
            TextVariable::RequestScheme => self.scheme,
            TextVariable::TlsSni => self.sni.unwrap_or_default(),
            TextVariable::Record(_) => return Err(Failure::Undeclared),
        }))
    }

    fn address(&self, AddressVariable::ClientIp: AddressVariable) -> Result<IpAddr, Failure> {
        Ok(self.client_ip)
    }

    fn time(&self, TimeVariable::Now: TimeVariable) -> Result<SystemTime, Failure> {
        Ok((self.now)())
    }

    fn entry(&self, map: MapVariable, key: EntryKey<'_>) -> Result<Cow<'_, str>, Failure> {
        self.first(map, key)?.ok_or(Failure::Missing)?.text().ok_or(Failure::NotText)
    }

    fn has(&self, map: MapVariable, key: EntryKey<'_>) -> Result<bool, Failure> {
        Ok(self.first(map, key)?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use expression::Environment;
    use http::HeaderValue;

    use super::*;

    #[test]
    fn every_variable_of_a_request_is_answered_for() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("x-a", &b"1"[..]), ("x-a", b"2"), ("x-bytes", b"\xff"), ("cookie", b"c=3; d=4")] {
            headers.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        let facts = Facts {
            method: &Method::GET,
            scheme: "https",
            host: "a.example",
            path: "/a",
            query: Some("q=x%20y&q=z&empty"),
            headers: &headers,
            client_ip: [10, 0, 0, 1].into(),
            sni: Some("b.example"),
            now: &|| SystemTime::UNIX_EPOCH,
        };
        for text in [
            "request.method == 'GET' && request.scheme == 'https' && request.host == 'a.example'",
            "request.path == '/a' && client.ip == '10.0.0.1' && tls.sni == 'b.example' && int(now) == 0",
            "request.headers['x-a'] == '1' && request.headers['X-A'] == '1'",
            "request.headers['x-' + request.path.lowerAscii() + ''] == '1' || true",
            "'x-bytes' in request.headers && !('x-b' in request.headers) && !(' ' + 'x' in request.headers)",
            "request.query.q == 'x y' && request.query.empty == '' && !has(request.query.other)",
            "request.cookies.c == '3' && request.cookies.d == '4' && !has(request.cookies.e)",
        ] {
            let condition = Environment::request().condition(text).unwrap();
            assert_eq!(condition.value(&facts), Ok(true), "{text}");
        }
        for (text, failure) in
            [("request.headers['x-bytes'] == ''", Failure::NotText), ("request.cookies.e == ''", Failure::Missing)]
        {
            let condition = Environment::request().condition(text).unwrap();
            assert_eq!(condition.value(&facts), Err(failure), "{text}");
        }
    }
}
