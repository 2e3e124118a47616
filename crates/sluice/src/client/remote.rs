use std::{future::Future, path::PathBuf, time::Duration};

use bytes::Bytes;
use fetch::{Bounds, Door, FetchError, Operator};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use model::{
    FromText, UpstreamTls,
    values::{EndpointTarget, HttpUrl},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime;

use super::{
    Answered, Path,
    running::{Shown, Where},
};
use crate::failure::Failure;

/// A gateway that runs, with what shows that one may ask it.
pub(crate) struct Remote {
    address: String,
    operator: Operator,
    shown: Shown,
}

/// A gateway with very many routes takes a while; and so much it may say.
const BOUNDS: Bounds = Bounds { time: Duration::from_secs(30), bytes: 256 << 20 };
/// A change of very many takes longer.
const OF_CHANGES: Bounds = Bounds { time: Duration::from_secs(120), ..BOUNDS };

/// Waits for an answer. A command does nothing else meanwhile.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Other(format!("cannot ask anybody: {error}")))?;
    runtime.block_on(future)
}

// === impl Remote ===

impl Remote {
    pub(crate) fn new(place: Where) -> Result<Self, Failure> {
        let Where { server, ca, token, shown, .. } = place;
        let door = door(&server, ca).map_err(Failure::Other)?;
        let operator = Operator::new(door, token.reveal());
        let operator = operator.ok_or_else(|| Failure::Other("the admin token is none".to_owned()))?;
        Ok(Self { address: server, operator, shown })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What the gateway says at `path`, whatever that is.
    pub(crate) async fn get(&self, path: &str) -> Result<Bytes, Failure> {
        Ok(self.ask(self.request(Method::GET, path, None, Bytes::new())?).await?.into_body())
    }

    /// The same, read from JSON.
    pub(crate) async fn get_json<T: DeserializeOwned>(&self, path: &Path) -> Result<T, Failure> {
        self.read(&self.get(path.as_str()).await?)
    }

    /// With the tag that it has as it is now.
    pub(crate) async fn get_tagged<T: DeserializeOwned>(&self, path: &Path) -> Result<(T, String), Failure> {
        let (head, body) = self.ask(self.request(Method::GET, path.as_str(), None, Bytes::new())?).await?.into_parts();
        let tag = tag(&head.headers).ok_or_else(|| self.failed("its answer has no tag"))?;
        Ok((self.read(&body)?, tag))
    }

    /// Says `body` there, and reads the answer.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &Path,
        body: impl Into<Bytes>,
    ) -> Result<T, Failure> {
        self.send_if(method, path, body, None).await
    }

    /// The same, if what was `seen` is so still: a tag.
    pub(crate) async fn send_if<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &Path,
        body: impl Into<Bytes>,
        seen: Option<&str>,
    ) -> Result<T, Failure> {
        let answer = self.ask(self.request(method, path.as_str(), seen, body.into())?).await?;
        self.read(answer.body())
    }

    /// Has `each` told every line of the answer, until it has heard enough.
    pub(crate) async fn lines(&self, path: &Path, mut each: impl FnMut(&str) -> bool) -> Result<(), Failure> {
        let answer = self.operator.lines(path.as_str()).await.map_err(|error| self.unreachable(&error))?;
        let (head, mut lines) = answer.into_parts();
        if head.status != StatusCode::OK {
            let body = lines.whole().await.map_err(|error| self.unreachable(&error))?;
            return Err(self.refused(head.status, &body));
        }
        while let Some(line) = lines.next().await.map_err(|error| self.unreachable(&error))? {
            if !each(&line) {
                break;
            }
        }
        Ok(())
    }

    fn request(&self, method: Method, path: &str, seen: Option<&str>, body: Bytes) -> Result<Request<Bytes>, Failure> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(seen) = seen {
            request = request.header(header::IF_MATCH, format!("\"{seen}\""));
        }
        request.body(body).map_err(|error| self.failed(&error.to_string()))
    }

    async fn ask(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let is_change = request.method() != Method::GET;
        let bounds = if is_change { OF_CHANGES } else { BOUNDS };
        let answer = self.operator.ask(request, bounds).await.map_err(|error| match error {
            // What was asked for may have been done, or be done still.
            FetchError::Late(_) if is_change => {
                self.failed(&format!("{error}, so nobody knows what came of it; look, before you ask again"))
            }
            error => self.unreachable(&error),
        })?;
        match answer.status() {
            StatusCode::OK | StatusCode::CREATED => Ok(answer),
            status => Err(self.refused(status, answer.body())),
        }
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(body).map_err(|error| self.failed(&format!("its answer cannot be read: {error}")))
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> Failure {
        let problem: Value = serde_json::from_slice(body).unwrap_or_default();
        Answered { address: self.address.clone(), status, problem, shown: self.shown.clone() }.into()
    }

    fn unreachable(&self, error: &FetchError) -> Failure {
        match error {
            FetchError::Unreachable(why) => {
                self.failed(&format!("{why}; is it running, and is this its `gateway.admin`?"))
            }
            other => self.failed(&other.to_string()),
        }
    }

    fn failed(&self, why: &str) -> Failure {
        Failure::Other(format!("cannot ask the gateway at {}: {why}", self.address))
    }
}

/// How an address is asked.
fn door(address: &str, ca: Option<PathBuf>) -> Result<Door, String> {
    if address.starts_with("https://") {
        let url = HttpUrl::from_text(address)?;
        let tls = UpstreamTls { server_name: None, ca, client_certificate: None };
        return Door::tls(url, &tls).map_err(|error| error.to_string());
    }
    if let Some(ca) = ca {
        let hint = "begin the address with `https://`, or leave it out";
        return Err(format!("{} is of no use: nobody speaks TLS at {address}; {hint}", ca.display()));
    }
    let written = address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/');
    EndpointTarget::from_text(written).map(|EndpointTarget(address)| Door::plain(address))
}

/// Without its quotes.
fn tag(headers: &HeaderMap) -> Option<String> {
    let tag = headers.get(header::ETAG)?.to_str().ok()?;
    Some(tag.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_asked_as_they_are_written() {
        // tidy-allow fixed-port: data, never bound
        for address in ["127.0.0.1:9901", "http://localhost:9901/", "unix:/run/a.sock", "https://gateway.example.com/a"]
        {
            assert!(door(address, None).is_ok(), "{address}");
        }
        for (address, ca, why) in [
            ("gateway", None, "add the port"),
            ("ftp://gateway:80", None, "an address has no scheme"),
            // tidy-allow fixed-port: data, never bound
            ("127.0.0.1:9901", Some("ca.pem"), "ca.pem is of no use"),
            ("https://gateway", Some("/nowhere/ca.pem"), "/nowhere/ca.pem"),
        ] {
            let error = door(address, ca.map(PathBuf::from)).err().unwrap();
            assert!(error.contains(why), "{address}: {error}");
        }
    }
}
