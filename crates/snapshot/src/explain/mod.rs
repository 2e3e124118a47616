//! Why a request goes where it goes, and why not elsewhere.
//!
//! A [`Question`] is a request that nobody has sent. It goes the way of every request, by the same functions, up to
//! where it would leave the gateway: nothing is sent, and nothing counted. What the way came to is the answer; the
//! [`Explanation`] adds the routes that lost, each with the first thing that it misses.

/// The short answer.
mod answer;
/// Two explanations side by side.
mod compare;
/// What is done with a request.
mod decision;
/// For people.
mod display;
/// What is asked.
mod question;
/// An explanation in one line.
mod why;

use std::{borrow::Cow, cmp::Reverse, collections::BTreeMap, net::IpAddr, sync::Arc};

use policy::Chain;
use route::{Candidate, Miss, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use answer::Answer;
use answer::Seen;
pub use compare::{Compared, Comparison, Row};
pub use decision::{Decision, EndpointTold, Forwarding, Sent, Share, SideTold, TimeoutsTold};
pub use question::{Question, QuestionError};
pub(crate) use why::Why;

use crate::{Fallback, FallbackTo, Mirror, Route, Snapshot};

/// What becomes of a request, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    pub outcome: Outcome,
    /// As it was asked.
    pub method: String,
    pub url: String,
    /// On which listener.
    pub listener: Arc<str>,
    /// As routes see it; `None` if it is refused before they do.
    pub request: Option<RequestTold>,
    pub route: Option<Taken>,
    pub decision: Decision,
    /// Who else gets copies of some requests.
    pub mirrors: Vec<MirrorTold>,
    /// Who answers instead if that fails, in the order in which they are tried.
    pub fallbacks: Vec<FallbackTold>,
    /// In the order in which they run on the way in.
    pub policies: Vec<PolicyTold>,
    /// The winner, then the others that match, by precedence; then those that do not, the nearest first.
    pub candidates: Vec<CandidateTold>,
    /// Further candidates, that are not told.
    pub omitted: usize,
    /// Other listeners that it may arrive on, where something else becomes of it.
    pub elsewhere: Vec<Elsewhere>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Matched,
    NoRoute,
    /// Before routes are looked at.
    Refused,
}

/// A request in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestTold {
    pub method: String,
    /// The method that a CORS preflight asks for, by which its route is found.
    pub requested_method: Option<String>,
    /// Without port.
    pub host: String,
    pub path: String,
    pub query: Option<String>,
    /// Through trusted proxies.
    pub client_ip: IpAddr,
}

/// The route that takes a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Taken {
    pub name: Arc<str>,
    pub place: String,
    pub precedence: String,
    /// What it goes before the next route that matches by; `None` if no other does.
    pub decided: Option<Decided>,
    pub captures: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decided {
    pub by: String,
    /// The route that it goes before.
    pub over: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyTold {
    pub kind: Cow<'static, str>,
    pub stage: Cow<'static, str>,
    /// What it is attached to.
    pub origin: Cow<'static, str>,
    pub place: String,
}

/// Who answers instead of a route's upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FallbackTold {
    /// As the response calls it.
    pub name: String,
    /// `None`: the gateway itself answers.
    pub upstream: Option<Arc<str>>,
    pub subset: Option<String>,
    /// Of the gateway's own answer.
    pub status: Option<u16>,
}

/// Who gets copies of a route's requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MirrorTold {
    pub upstream: Arc<str>,
    /// The labels that its endpoints must have; `None`: every endpoint will do.
    pub subset: Option<String>,
    /// The part that is copied, from 0 to 1.
    pub share: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CandidateTold {
    pub route: Arc<str>,
    pub place: String,
    pub precedence: String,
    /// The first thing that it wants and the request is not; `None`: it matches.
    pub miss: Option<String>,
    /// Host and path are right, and if the rest were too, it would take the request away from the winner.
    pub would_win: bool,
}

/// What becomes of the request on another listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Elsewhere {
    pub listener: Arc<str>,
    /// `None`: no route takes it there.
    pub route: Option<Arc<str>>,
    /// The route is the same, its policies are others.
    pub policies_differ: bool,
}

/// So many candidates are told, unless all are asked for.
const TOLD: usize = 10;

/// Explains what would become of a request.
///
/// Asks every route, and so costs what the number of routes costs.
///
/// # Errors
/// The question makes no sense for this gateway.
pub fn explain(snapshot: &Snapshot, question: &Question) -> Result<Explanation, QuestionError> {
    let listeners = question.listeners(snapshot)?;
    let (first, others) = listeners.split_first().ok_or(QuestionError::NoListener)?;
    let answer = Answer::on(*first, snapshot, question)?;
    let mut elsewhere = Vec::new();
    for other in others {
        elsewhere.extend(Elsewhere::new(&Answer::on(*other, snapshot, question)?, &answer, snapshot));
    }
    Ok(Explanation::new(answer, snapshot, question, elsewhere))
}

// === impl Explanation ===

impl Explanation {
    fn new(answer: Answer, snapshot: &Snapshot, question: &Question, elsewhere: Vec<Elsewhere>) -> Self {
        let candidates = answer.seen.as_ref().map(|seen| candidates(snapshot, seen, &answer)).unwrap_or_default();
        let policies = answer.chain(snapshot).map(policies).unwrap_or_default();
        let told = if question.all { candidates.len() } else { candidates.len().min(TOLD) };
        Self {
            outcome: match (&answer.seen, answer.route) {
                (None, _) => Outcome::Refused,
                (Some(_), None) => Outcome::NoRoute,
                (Some(_), Some(_)) => Outcome::Matched,
            },
            method: question.method.to_string(),
            url: question.url.clone(),
            listener: snapshot.listener(answer.listener).name.clone(),
            request: answer.seen.as_ref().map(RequestTold::new),
            route: answer.seen.as_ref().and_then(|seen| Taken::new(&answer, seen, &candidates, snapshot)),
            candidates: candidates[..told].iter().map(|one| CandidateTold::new(one, &candidates, snapshot)).collect(),
            omitted: candidates.len() - told,
            mirrors: answer.route.map(|route| mirrors(&snapshot.routes[route], snapshot)).unwrap_or_default(),
            fallbacks: answer.route.map(|route| fallbacks(&snapshot.routes[route], snapshot)).unwrap_or_default(),
            decision: answer.decision,
            policies,
            elsewhere,
        }
    }
}

/// All routes: the winner, the others that match, and then the others by how near they come.
fn candidates(snapshot: &Snapshot, seen: &Seen, answer: &Answer) -> Vec<Candidate> {
    let mut candidates = seen.ask(answer.listener, |ask| snapshot.table.candidates(ask));
    candidates.sort_by_key(|candidate| Reverse((candidate.nearness, candidate.precedence)));
    candidates
}

// === impl Answer ===

impl Answer {
    /// The policies that it meets. One that is refused at once meets none.
    fn chain<'s>(&self, snapshot: &'s Snapshot) -> Option<&'s Chain> {
        self.seen.as_ref()?;
        Some(match self.route {
            Some(route) => snapshot.routes[route].chains.of(self.listener, self.side),
            None => &snapshot.listener(self.listener).chain,
        })
    }
}

fn mirrors(route: &Route, snapshot: &Snapshot) -> Vec<MirrorTold> {
    let told = |mirror: &Arc<Mirror>| {
        let upstream = &snapshot.upstreams[mirror.to.upstream];
        let subset = decision::subset(upstream, mirror.to);
        MirrorTold { upstream: upstream.name.clone(), subset, share: mirror.share }
    };
    route.mirrors.as_deref().unwrap_or_default().iter().map(told).collect()
}

fn fallbacks(route: &Route, snapshot: &Snapshot) -> Vec<FallbackTold> {
    let told = |fallback: &Fallback| {
        let name = String::from_utf8_lossy(fallback.name.as_bytes()).into_owned();
        match &fallback.to {
            FallbackTo::Upstream(to) => {
                let upstream = &snapshot.upstreams[to.upstream];
                let subset = decision::subset(upstream, *to);
                FallbackTold { name, upstream: Some(upstream.name.clone()), subset, status: None }
            }
            FallbackTo::Respond(respond) => {
                FallbackTold { name, upstream: None, subset: None, status: Some(respond.status.as_u16()) }
            }
        }
    };
    route.fallbacks.as_deref().unwrap_or_default().iter().map(told).collect()
}

fn policies(chain: &Chain) -> Vec<PolicyTold> {
    let told = |(link, place): (&policy::Link, &model::Place)| PolicyTold {
        kind: link.kind.into(),
        stage: link.stage.name().into(),
        origin: link.origin.name().into(),
        place: place.to_string(),
    };
    chain.links().iter().zip(chain.places()).map(told).collect()
}

// === impl RequestTold ===

impl RequestTold {
    fn new(seen: &Seen) -> Self {
        let exchange = &seen.exchange;
        Self {
            method: exchange.head.method.to_string(),
            requested_method: seen.requested_method.as_ref().map(ToString::to_string),
            host: exchange.host().to_owned(),
            path: exchange.head.uri.path().to_owned(),
            query: exchange.head.uri.query().map(ToOwned::to_owned),
            client_ip: exchange.client_ip,
        }
    }
}

// === impl Taken ===

impl Taken {
    fn new(answer: &Answer, seen: &Seen, candidates: &[Candidate], snapshot: &Snapshot) -> Option<Self> {
        let route = answer.route?;
        let name = |route: usize| snapshot.routes[route].name.clone();
        let (winner, others) = candidates.split_first()?;
        let decided = others.first().filter(|next| next.miss.is_none()).map(|next| Decided {
            by: Verdict { winner: winner.precedence, loser: next.precedence }.to_string(),
            over: name(next.route),
        });
        Some(Self {
            name: name(route),
            place: snapshot.places.routes[route].to_string(),
            precedence: winner.precedence.to_string(),
            decided,
            captures: captures(snapshot.table.capture_names(route), seen),
        })
    }
}

fn captures(names: Vec<&str>, seen: &Seen) -> BTreeMap<String, String> {
    let captured = |(index, name): (usize, &str)| (name.to_owned(), seen.exchange.capture(index).to_owned());
    names.into_iter().enumerate().map(captured).collect()
}

// === impl CandidateTold ===

impl CandidateTold {
    fn new(candidate: &Candidate, all: &[Candidate], snapshot: &Snapshot) -> Self {
        // What matches comes first, and the winner is the first of it.
        let winner = all.first().filter(|first| first.miss.is_none());
        let is_close =
            candidate.miss.as_ref().is_some_and(|miss| !matches!(miss, Miss::Host { .. } | Miss::Path { .. }));
        Self {
            route: snapshot.routes[candidate.route].name.clone(),
            place: snapshot.places.routes[candidate.route].to_string(),
            precedence: candidate.precedence.to_string(),
            miss: candidate.miss.as_ref().map(ToString::to_string),
            would_win: is_close && winner.is_some_and(|winner| candidate.precedence > winner.precedence),
        }
    }
}

// === impl Elsewhere ===

impl Elsewhere {
    /// `None` if the same becomes of the request.
    fn new(there: &Answer, here: &Answer, snapshot: &Snapshot) -> Option<Self> {
        let places = |answer: &Answer| answer.chain(snapshot).map(Chain::places);
        let policies_differ = there.route == here.route && places(there) != places(here);
        let is_same = there.route == here.route && there.decision == here.decision && !policies_differ;
        (!is_same).then(|| Self {
            listener: snapshot.listener(there.listener).name.clone(),
            route: there.route.map(|route| snapshot.routes[route].name.clone()),
            policies_differ,
        })
    }
}
