//! Whether requests go where the document expects them to go.

use message::Cause;
use model::{Expectation, Expected, Report, Test};

use crate::{
    Snapshot,
    explain::{Answer, Decision, Question, QuestionError, Why},
};

/// Failures that get a reason. Each costs a look at all routes, and nobody reads more at once.
const EXPLAINED: usize = 20;

/// Runs the tests of a document. Each costs what a request costs, and nothing is sent.
pub(crate) fn check(tests: &[Test], snapshot: &Snapshot, report: &mut Report) {
    let mut explained = 0;
    for test in tests {
        let answer = match Answer::new(snapshot, &question(test)) {
            Ok(answer) => answer,
            Err(error) => {
                let place = if let QuestionError::Url { .. } = error { &test.request.place } else { &test.place };
                report.error(place, format!("test `{}`: {error}", test.name));
                continue;
            }
        };
        let case = Case { snapshot, answer: &answer };
        for Expectation { place, expected } in &test.expected {
            let Some(Unmet { message, hint }) = case.unmet(expected) else { continue };
            let message = format!("test `{}` {message}", test.name);
            explained += 1;
            match hint.or_else(|| if explained <= EXPLAINED { case.why(expected) } else { None }) {
                Some(hint) => report.error_with_hint(place, message, hint),
                None => report.error(place, message),
            }
        }
    }
}

fn question(test: &Test) -> Question {
    let request = &test.request;
    Question {
        headers: request.headers.clone(),
        client_ip: request.client_ip,
        listener: request.listener.clone(),
        sni: request.sni.clone(),
        at: request.at,
        ..Question::new(request.method.clone(), &*request.url)
    }
}

/// What has become of a request.
struct Case<'c> {
    snapshot: &'c Snapshot,
    answer: &'c Answer,
}

/// An expectation that is not met.
struct Unmet {
    /// Goes on behind the name of the test.
    message: String,
    hint: Option<String>,
}

// === impl Unmet ===

impl Unmet {
    /// `expected` and `found` with what they are.
    fn new(expected: &str, found: &str) -> Self {
        Self { message: format!("expects {expected}, and found {found}"), hint: None }
    }
}

// === impl Case ===

impl Case<'_> {
    fn unmet(&self, expected: &Expected) -> Option<Unmet> {
        match expected {
            Expected::Route(expected) => self.route(expected.as_deref()),
            Expected::Upstream(expected) => self.upstream(expected),
            Expected::Path(expected) => self.path(expected),
            Expected::Status(expected) => self.status(expected.as_u16()),
            Expected::Header { name, values } => self.header(name.as_str(), values),
            Expected::Cause(expected) => self.cause(expected),
        }
    }

    fn route(&self, expected: Option<&str>) -> Option<Unmet> {
        let found = self.answer.route.map(|route| &*self.snapshot.routes[route].name);
        let say = |route: Option<&str>| route.map_or("no route".to_owned(), |route| format!("the route `{route}`"));
        (expected != found).then(|| match found {
            Some(_) => Unmet::new(&say(expected), &say(found)),
            None => Unmet::new(&say(expected), &self.found()),
        })
    }

    fn upstream(&self, expected: &str) -> Option<Unmet> {
        let found = self.answer.decision.upstream().map(|upstream| &**upstream);
        (found != Some(expected)).then(|| Unmet::new(&format!("the upstream `{expected}`"), &self.found()))
    }

    fn path(&self, expected: &str) -> Option<Unmet> {
        let expects = format!("the path `{expected}`");
        let Some(sent) = self.answer.decision.sent() else { return Some(Unmet::new(&expects, &self.found())) };
        let found = match &sent.query {
            Some(query) if expected.contains('?') => format!("{}?{query}", sent.path),
            _ => sent.path.clone(),
        };
        (*found != *expected).then(|| Unmet::new(&expects, &format!("`{found}`")))
    }

    fn status(&self, expected: u16) -> Option<Unmet> {
        let expects = format!("the status {expected}");
        match self.answer.decision.status() {
            None => Some(self.unknowable(&expects)),
            Some(found) => (found != expected).then(|| Unmet::new(&expects, &self.found())),
        }
    }

    fn header(&self, name: &str, expected: &[String]) -> Option<Unmet> {
        let expects = format!("the header `{name}: {}`", expected.join(", "));
        let found = match &self.answer.decision {
            Decision::Upstream(_) | Decision::Split { .. } => return Some(self.unknowable(&expects)),
            Decision::Refuse { .. } => {
                let hint = Some("expect its `cause` or its `status`".to_owned());
                return Some(Unmet { hint, ..Unmet::new(&expects, &self.found()) });
            }
            Decision::Redirect { location, .. } if name == "location" => vec![location.clone()],
            Decision::Redirect { .. } => Vec::new(),
            Decision::Respond { headers, .. } => headers.get(name).cloned().unwrap_or_default(),
        };
        (found != expected).then(|| {
            let found = if found.is_empty() { "no such header".to_owned() } else { format!("`{}`", found.join(", ")) };
            Unmet::new(&expects, &found)
        })
    }

    fn cause(&self, expected: &str) -> Option<Unmet> {
        let names = || Cause::ALL.iter().map(|cause| cause.name());
        if !names().any(|name| name == expected) {
            let nearest = model::nearest(expected, names()).map(|nearest| format!("did you mean `{nearest}`?"));
            let hint = nearest.or_else(|| Some("docs/errors.md lists all of them".to_owned()));
            return Some(Unmet { message: format!("expects the cause `{expected}`, which there is not"), hint });
        }
        let is_met = matches!(&self.answer.decision, Decision::Refuse { cause, .. } if cause == expected);
        (!is_met).then(|| Unmet::new(&format!("the cause `{expected}`"), &self.found()))
    }

    /// What only an endpoint can say.
    fn unknowable(&self, expects: &str) -> Unmet {
        Unmet {
            message: format!("expects {expects}, which only an endpoint of {} can say", self.found()),
            hint: Some("expect `route`, `upstream` or `path`".to_owned()),
        }
    }

    /// What has become of the request, in a few words.
    fn found(&self) -> String {
        match &self.answer.decision {
            Decision::Upstream(forwarding) => format!("the upstream `{}`", forwarding.upstream),
            Decision::Split { shares, .. } => {
                let sides: Vec<_> = shares.iter().map(|share| format!("`{}`", share.upstream)).collect();
                format!("one of the upstreams {}, by chance", sides.join(", "))
            }
            Decision::Redirect { status, location } => format!("a redirect to `{location}` with the status {status}"),
            Decision::Respond { status, .. } => format!("a response with the status {status}"),
            Decision::Refuse { cause, .. } if *cause == *Cause::NoRoute.name() => "no route".to_owned(),
            Decision::Refuse { cause, status, .. } => format!("that it is refused with {status} `{cause}`"),
        }
    }

    /// Why the request went elsewhere.
    fn why(&self, expected: &Expected) -> Option<String> {
        let meant = match expected {
            Expected::Route(Some(name)) => self.snapshot.routes.iter().position(|route| route.name == *name),
            _ => None,
        };
        let is_about_routes = matches!(expected, Expected::Route(_) | Expected::Upstream(_) | Expected::Cause(_));
        let why = if is_about_routes { Why::new(self.snapshot, self.answer, meant) } else { None };
        why.map(|why| why.to_string())
    }
}
