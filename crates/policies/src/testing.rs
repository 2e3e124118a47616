//! What the tests of all kinds need: exchanges, responses, policies made of a piece of a document.

use std::{
    collections::VecDeque,
    pin::{Pin, pin},
    rc::Rc,
    sync::{Arc, LazyLock},
    task::{Context, Poll, Waker},
    time::Instant,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body::{Body as HttpBody, Frame};
use message::{Body, Error, Exchange, Peer, Random, Record, Response};
use model::{Node, Report};
use policy::{BuildError, Consumers, Kind, Policy, PolicyKind, Site, Step, erase};

pub(crate) fn parse(text: &str) -> Node {
    let mut report = Report::default();
    let node = model::parse("test", text, &|_| None, &mut report);
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    node.expect("a document")
}

/// What a kind has to say about settings, as `line:column: message; hint`.
pub(crate) fn problems(kind: &dyn Kind, settings: &Node) -> Vec<String> {
    let mut report = Report::default();
    kind.check(settings, &site(settings), &mut report);
    report.problems.iter().map(|problem| problem.to_string().trim_start_matches("test:").to_owned()).collect()
}

/// On a route that captures `id` and `rest`, in a document without consumers.
pub(crate) fn site(settings: &Node) -> Site<'_> {
    static NOBODY: LazyLock<Arc<Consumers>> = LazyLock::new(Arc::default);
    Site { place: &settings.place, captures: Some(&["id", "rest"]), consumers: &NOBODY }
}

/// The consumers of a document, given as a list of it.
pub(crate) fn consumers(list: &str) -> Arc<Consumers> {
    let mut report = Report::default();
    let root = parse(&format!("version: 1\nconsumers: {list}"));
    let model = model::check(&root, &mut report).unwrap_or_else(|| panic!("{:?}", report.problems));
    Consumers::new(&model.consumers, None)
}

pub(crate) fn check<K: PolicyKind>(settings: &str) -> Vec<String> {
    problems(&*erase::<K>(), &parse(settings))
}

#[track_caller]
pub(crate) fn build<K: PolicyKind>(settings: &str) -> Arc<dyn Policy> {
    build_for::<K>(settings, &Arc::default()).expect("settings that can be built")
}

/// In a document with these consumers.
#[track_caller]
pub(crate) fn build_for<K: PolicyKind>(
    settings: &str,
    consumers: &Arc<Consumers>,
) -> Result<Arc<dyn Policy>, BuildError> {
    let node = parse(settings);
    assert_eq!(check::<K>(settings), [""; 0]);
    erase::<K>().build(&node, &Site { consumers, ..site(&node) })
}

pub(crate) fn exchange(method: &str, headers: &[(&str, &str)]) -> Exchange {
    exchange_from(method, headers, false)
}

pub(crate) fn exchange_from(method: &str, headers: &[(&str, &str)], trusted: bool) -> Exchange {
    let (mut head, ()) = Request::builder().method(method).uri("/").body(()).unwrap().into_parts();
    head.headers = fields(headers);
    let peer = Peer::new("192.0.2.1:1000".parse().unwrap(), "192.0.2.2:80".parse().unwrap(), trusted, None);
    let client_ip = peer.address.ip();
    let authority = HeaderValue::from_static("api.example");
    Exchange::new(
        head,
        Body::empty(),
        Rc::new(peer),
        client_ip,
        authority,
        Record::new(Instant::now()),
        Random::seeded(0),
    )
}

pub(crate) fn response(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    *response.headers_mut() = fields(headers);
    response
}

/// The way in; what the policy answers, if it does.
#[track_caller]
pub(crate) fn request(policy: &dyn Policy, exchange: &mut Exchange) -> Option<Response> {
    match policy.on_request(exchange) {
        Step::Continue => None,
        Step::Reply(response) => Some(*response),
        Step::Fail(error) => panic!("{error}"),
        Step::Wait(_) => panic!("none of these policies waits"),
    }
}

/// The way there and back.
#[track_caller]
pub(crate) fn run(policy: &dyn Policy, exchange: &mut Exchange, response: &mut Response) {
    if let Some(reply) = request(policy, exchange) {
        *response = reply;
    }
    match policy.on_response(exchange, response) {
        Step::Continue => {}
        Step::Reply(_) => panic!("none of these policies replaces a response"),
        Step::Fail(error) => panic!("{error}"),
        Step::Wait(_) => panic!("none of these policies waits"),
    }
}

/// All lines of a field, joined.
pub(crate) fn line(headers: &HeaderMap, name: &str) -> String {
    let lines: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
    lines.join(", ")
}

/// Every field, sorted, as `name: value`.
pub(crate) fn lines(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort_unstable();
    lines
}

fn fields(headers: &[(&str, &str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in headers {
        fields.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    fields
}

/// What a scripted body does when it is asked.
pub(crate) enum Play {
    Data(Bytes),
    /// Has nothing yet.
    Pause,
    Trailers(HeaderMap),
    Fail(Error),
}

/// A body that plays a script.
pub(crate) struct Script(pub(crate) VecDeque<Play>);

impl HttpBody for Script {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(match self.0.pop_front() {
            Some(Play::Data(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Play::Pause) => return Poll::Pending,
            Some(Play::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Some(Play::Fail(error)) => Some(Err(error)),
            None => None,
        })
    }
}

/// What polling a body once gives.
pub(crate) fn poll(body: &mut Body) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
    pin!(body).poll_frame(&mut Context::from_waker(Waker::noop()))
}

/// All of a body: its data, however often it must be asked, and its trailers.
pub(crate) fn drain(body: &mut Body) -> (Vec<u8>, Option<HeaderMap>) {
    let (mut data, mut trailers) = (Vec::new(), None);
    loop {
        match poll(body) {
            Poll::Pending => {}
            Poll::Ready(None) => return (data, trailers),
            Poll::Ready(Some(frame)) => match frame.expect("a whole body").into_data() {
                Ok(bytes) => data.extend_from_slice(&bytes),
                Err(frame) => trailers = frame.into_trailers().ok(),
            },
        }
    }
}
