//! One endpoint asked once.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, Version, header, uri::PathAndQuery};
use http_body_util::BodyExt;
use message::{Body, Cause, Error, Result};
use model::{ActiveHealth, Check, EndpointAddress, GrpcCheck, HttpCheck};
use snapshot::Host;
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};
use upstream::{
    Endpoint, Head, Lease, Pool, Rules,
    health::{Probe, ProbeOutcome},
};

use super::grpc;

/// Whom to ask, and how.
pub(super) struct Target {
    rules: Arc<Rules>,
    endpoint: Arc<Endpoint>,
    check: Check,
    timeout: Duration,
}

/// What a probe asks for.
struct Question<'a> {
    method: &'a Method,
    target: &'a Uri,
    host: &'a HeaderValue,
    headers: HeaderMap,
    body: Body,
}

/// An answer, as far as a probe reads it.
struct Answer {
    head: Response<()>,
    body: Vec<u8>,
    trailers: HeaderMap,
}

/// Why an endpoint is not well.
struct Complaint {
    outcome: ProbeOutcome,
    detail: Cow<'static, str>,
}

/// What is read of a body, in bytes.
const READ: usize = 64 << 10;

// === impl Target ===

impl Target {
    pub(super) fn new(rules: Arc<Rules>, endpoint: &Endpoint, active: &ActiveHealth) -> Self {
        Self {
            rules,
            endpoint: Arc::new(endpoint.to_be_probed(active.port)),
            check: active.check.clone(),
            timeout: active.timeout,
        }
    }

    /// Always on a connection of its own: that an endpoint takes none is the first thing to find out.
    pub(super) async fn probe(&self) -> Probe {
        let at = Instant::now();
        let checked = match &self.check {
            Check::Http(check) => timeout(self.timeout, self.http(check)).await,
            Check::Tcp => timeout(self.timeout, self.tcp()).await,
            Check::Grpc(check) => timeout(self.timeout, self.grpc(check)).await,
        };
        let late = |_| Err(Complaint { outcome: ProbeOutcome::TimedOut, detail: "there was no answer in time".into() });
        let (outcome, detail) = match checked.unwrap_or_else(late) {
            Ok(detail) => (ProbeOutcome::Passed, detail),
            Err(Complaint { outcome, detail }) => (outcome, detail),
        };
        Probe { outcome, detail, at, took: at.elapsed() }
    }

    async fn tcp(&self) -> Result<Cow<'static, str>, Complaint> {
        let connected = match &self.endpoint.address {
            EndpointAddress::Socket(address) => TcpStream::connect(address).await.map(drop),
            EndpointAddress::Name { host, port } => TcpStream::connect((&**host, *port)).await.map(drop),
            EndpointAddress::Unix(path) => UnixStream::connect(path).await.map(drop),
        };
        connected.map(|()| "connected".into()).map_err(|error| Complaint::failed(error.to_string()))
    }

    async fn http(&self, check: &HttpCheck) -> Result<Cow<'static, str>, Complaint> {
        let question = Question {
            method: &check.method,
            target: &check.target,
            host: self.host(check.host.as_ref()),
            headers: headers(check.headers.clone()),
            body: Body::empty(),
        };
        let answer = self.ask(question, check.body_contains.is_some()).await?;
        let status = answer.head.status().as_u16();
        if !check.expect.iter().any(|range| range.contains(&status)) {
            return Err(Complaint::failed(format!("status {status}")));
        }
        match &check.body_contains {
            Some(text) if !contains(&answer.body, text.as_bytes()) => {
                Err(Complaint::failed(format!("status {status}, but the body does not contain `{text}`")))
            }
            _ => Ok(format!("status {status}").into()),
        }
    }

    async fn grpc(&self, check: &GrpcCheck) -> Result<Cow<'static, str>, Complaint> {
        let mut headers = headers(HeaderMap::new());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        let question = Question {
            method: &Method::POST,
            target: &Uri::from_static("/grpc.health.v1.Health/Check"),
            host: self.host(check.host.as_ref()),
            headers,
            body: Body::from(Bytes::from(grpc::request(&check.service))),
        };
        let answer = self.ask(question, true).await?;
        let status =
            answer.trailers.get(message::grpc::STATUS).or_else(|| answer.head.headers().get(message::grpc::STATUS));
        match status.map(HeaderValue::as_bytes) {
            Some(b"0") => match grpc::serving(&answer.body) {
                Some(grpc::SERVING) => Ok("SERVING".into()),
                Some(other) => Err(Complaint::failed(grpc::status_name(other))),
                None => Err(Complaint::failed("the answer is no HealthCheckResponse")),
            },
            Some(b"5") => Err(Complaint::failed(format!("it does not know the service `{}`", check.service))),
            Some(b"12") => Err(Complaint::failed("it does not offer grpc.health.v1.Health")),
            Some(other) => Err(Complaint::failed(format!("grpc-status {}", other.escape_ascii()))),
            None => Err(Complaint::failed(format!("status {}, and no gRPC", answer.head.status().as_u16()))),
        }
    }

    /// Sends a request the way that requests of clients are sent.
    async fn ask(&self, question: Question<'_>, reads_body: bool) -> Result<Answer, Complaint> {
        let Question { method, target, host, headers, mut body } = question;
        let pool = Pool::new(self.rules.clone(), self.endpoint.clone());
        let head = Head { method, uri: target, headers: &headers, host, context: None, interim: None };
        let lease = pool.lease(Instant::now(), true).await?;
        // Held until the answer is read: a place on the connection.
        let (answer, _stream) = match lease {
            Lease::Http1(exclusive) => {
                let answer = exclusive.send(&head, &mut body)?.await.map_err(|failed| failed.error)?;
                (answer, None)
            }
            Lease::Http2(stream) => {
                let request = self.http2_request(&head, body.take())?;
                let answer = stream.send(request, &mut body).await.map_err(|failed| failed.error)?;
                (answer, Some(stream))
            }
        };
        let (head, mut body) = answer.response.into_parts();
        let mut answer = Answer { head: Response::from_parts(head, ()), body: Vec::new(), trailers: HeaderMap::new() };
        while reads_body
            && answer.body.len() < READ
            && let Some(frame) = body.frame().await
        {
            match frame?.into_data() {
                Ok(data) => answer.body.extend_from_slice(&data),
                Err(frame) => answer.trailers = frame.into_trailers().unwrap_or_default(),
            }
        }
        Ok(answer)
    }

    /// HTTP/2 has the host in the target (RFC 9113, 8.3.1).
    fn http2_request(&self, head: &Head<'_>, body: Body) -> Result<Request<Body>> {
        let target = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let uri = Uri::builder()
            .scheme(if self.rules.connector.is_secure() { "https" } else { "http" })
            .authority(head.host.as_bytes())
            .path_and_query(target)
            .build()
            .map_err(|error| Error::new(Cause::Internal, "the host is no authority").with_source(error))?;
        let mut request = Request::new(body);
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_2;
        *request.headers_mut() = head.headers.clone();
        Ok(request)
    }

    /// Whom the endpoint is asked for.
    fn host<'a>(&'a self, own: Option<&'a HeaderValue>) -> &'a HeaderValue {
        match (own, &self.rules.host) {
            (Some(host), _) | (None, Host::Set(host)) => host,
            (None, Host::Preserve | Host::Endpoint) => &self.endpoint.authority,
        }
    }
}

/// Endpoints may tell probes from requests, and leave them out of their logs.
fn headers(mut headers: HeaderMap) -> HeaderMap {
    headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static("sluice-health"));
    headers
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

// === impl Complaint ===

impl Complaint {
    fn failed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self { outcome: ProbeOutcome::Failed, detail: detail.into() }
    }
}

impl From<Error> for Complaint {
    fn from(error: Error) -> Self {
        let outcome = match error.cause() {
            Cause::ConnectTimeout => ProbeOutcome::TimedOut,
            _ => ProbeOutcome::Failed,
        };
        Self { outcome, detail: error.detail().to_owned().into() }
    }
}
