//! Routes that are in each other's way, in words: each at the place of the route that loses, with the place of the one
//! that wins, a request that shows it, and a way out.

use std::{cmp::Reverse, fmt, sync::Arc};

use model::{Action, Model, PathPattern, Placed, Policy, Report, Route, Severity};
use route::{Conflicts, Criterion, Finding, Kind, Table};

/// The conflicts of a set of routes, kept for as long as the routes match the same.
#[derive(Debug, Clone)]
pub(crate) struct Known(Arc<Conflicts>);

/// So many of each kind are told; the others are counted.
const TOLD: usize = 20;

/// So many of those that take a route's requests together are named.
const NAMED: usize = 3;

/// A finding about the routes of a model.
struct Told<'m> {
    model: &'m Model,
    finding: &'m Finding,
    /// The route that loses, and the first that wins.
    loser: &'m Placed<Route>,
    winner: &'m Placed<Route>,
}

// === impl Known ===

impl Known {
    pub(crate) fn of(routes: &[Placed<Route>], table: &Table) -> Self {
        Self(Arc::new(route::analyse(routes, table)))
    }

    /// Tells all that was found.
    pub(crate) fn report(&self, model: &Model, report: &mut Report) {
        let mut told: Vec<_> = self.0.findings.iter().map(|finding| Told::new(model, finding)).collect();
        // Errors first, lest they are only counted.
        told.sort_by_key(|told| (told.finding.kind, Reverse(told.severity())));
        for of_kind in told.chunk_by(|one, other| one.finding.kind == other.finding.kind) {
            of_kind.iter().take(TOLD).for_each(|told| told.report(report));
            if let Some(next) = of_kind.get(TOLD) {
                next.push(report, format!("further {}: {}", what(next.finding.kind), of_kind.len() - TOLD), MORE);
            }
        }
        if let (true, Some(route)) = (self.0.cut_off, model.routes.first()) {
            let message = "so many routes may match the same requests that not every two of them were compared";
            report.warning_with_hint(&route.place, message, "name hosts, or begin paths with literal segments");
        }
    }
}

const MORE: &str = "see to those that are told, then check again";

/// What there is more of.
fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::Unreachable => "routes that are never taken",
        Kind::Tie => "routes that tie with another one",
        Kind::Priority => "routes that lose to a higher priority",
        Kind::Host => "routes that lose to a closer host",
        Kind::Pattern => "routes that lose for the kind of their path",
        Kind::Fields => "routes that lose to one that asks for less",
    }
}

// === impl Told ===

impl<'m> Told<'m> {
    fn new(model: &'m Model, finding: &'m Finding) -> Self {
        let (loser, winner) = (&model.routes[finding.route], &model.routes[finding.winners[0]]);
        Self { model, finding, loser, winner }
    }

    /// What never gets a request is an error, since its requests silently go elsewhere, unless they fare the same there.
    fn severity(&self) -> Severity {
        let mut winners = self.finding.winners.iter().map(|winner| &self.model.routes[*winner]);
        match self.finding.kind {
            Kind::Unreachable if !winners.all(|winner| do_the_same(winner, self.loser)) => Severity::Error,
            _ => Severity::Warning,
        }
    }

    fn report(&self, report: &mut Report) {
        let (loser, winner) = (&self.loser.name, Named(self.winner));
        let others = Others(self.finding.others);
        let shown = Shown(self);
        let (message, hint) = match self.finding.kind {
            Kind::Unreachable => return self.report_unreachable(report),
            Kind::Tie => (
                format!("route `{loser}` ties with {winner}{others}: only their order decides who gets {shown}"),
                "give the one that is meant a higher `priority`, or tell them apart by another matcher".to_owned(),
            ),
            Kind::Priority => (
                format!("route `{loser}` loses {shown} to the `priority` of {winner}{others}, though it is closer"),
                format!("give `{loser}` that priority too, or only the hosts and methods that remain"),
            ),
            Kind::Host => (
                format!("route `{loser}` loses {shown} to {winner}{others}: the host decides before the path"),
                format!("write a route like `{loser}` for that host too, or give it a `priority`"),
            ),
            Kind::Pattern => (
                format!("route `{loser}` loses {shown} to {winner}{others}, though it is narrower: {}", self.reason()),
                format!("give `{loser}` a `priority`"),
            ),
            Kind::Fields => (
                format!(
                    "route `{loser}` loses {shown} to {winner}{others}, though it asks for more: {}",
                    self.reason()
                ),
                format!("give `{loser}` a `priority`, or `{}` if that is meant to win", self.winner.name),
            ),
        };
        self.push(report, message, &hint);
    }

    fn report_unreachable(&self, report: &mut Report) {
        let loser = &self.loser.name;
        let such_as = self.finding.example.as_ref().map(|_| format!(", such as {}", Shown(self))).unwrap_or_default();
        let winners = Winners { model: self.model, winners: &self.finding.winners };
        let several = self.finding.winners.len() > 1;
        let message = match several {
            false => format!(
                "route `{loser}` is never taken: {winners} takes all that it matches{such_as}; {}",
                self.reason()
            ),
            true => format!("route `{loser}` is never taken: {winners} together take all that it matches{such_as}"),
        };
        let hint = match self.finding.decided_by {
            Criterion::Priority => format!("leave it out, or give it a `priority` above {}", self.winner.priority),
            Criterion::Position => "leave it out, or tell them apart by another matcher or a `priority`".to_owned(),
            _ => "leave it out, or give it a `priority`".to_owned(),
        };
        self.push(report, message, &hint);
    }

    /// Why one goes before the other.
    fn reason(&self) -> String {
        let before_fields = |what: &str| format!("{what} before headers, query, cookies and `client_ip`");
        match (self.finding.decided_by, self.finding.kind) {
            (Criterion::Path, Kind::Fields) => before_fields("the path decides"),
            (Criterion::Method, _) => before_fields("methods decide"),
            (Criterion::Path, _) => {
                let [wins, loses] = [self.winner, self.loser].map(|route| kind_of_path(route.matching.path.as_ref()));
                match wins == loses {
                    true => "its path has more literal segments".to_owned(),
                    false => format!("{wins} goes before {loses}"),
                }
            }
            (Criterion::Priority, _) => "its `priority` is higher".to_owned(),
            (Criterion::Host, _) => "its host is closer".to_owned(),
            (Criterion::Headers, _) => "it asks for more headers".to_owned(),
            (Criterion::Query, _) => "it asks for more of the query".to_owned(),
            (Criterion::Cookies, _) => "it asks for more cookies".to_owned(),
            (Criterion::Further, _) => "it asks for `client_ip`, `sni`, `time` or `when`".to_owned(),
            (Criterion::Position, _) => "it stands first".to_owned(),
        }
    }

    fn push(&self, report: &mut Report, message: String, hint: &str) {
        match self.severity() {
            Severity::Error => report.error_with_hint(&self.loser.place, message, hint),
            Severity::Warning => report.warning_with_hint(&self.loser.place, message, hint),
        }
    }
}

fn kind_of_path(path: Option<&PathPattern>) -> &'static str {
    match path {
        None => "no path",
        Some(PathPattern::Exact(_)) => "an exact path",
        Some(PathPattern::Prefix(_)) => "a prefix",
        Some(PathPattern::Template(_)) => "a template",
        Some(PathPattern::Wildcard { .. }) => "a wildcard",
        Some(PathPattern::Regex(_)) => "a regex",
    }
}

/// Whether it makes no difference for a request which of two routes it takes. What is not sure to make none, makes one.
fn do_the_same(one: &Route, other: &Route) -> bool {
    let Route {
        name: _,
        listeners: _,
        matching: _,
        priority: _,
        policies,
        action,
        rewrite,
        breaker,
        fallbacks,
        mirrors,
    } = one;
    let is_action_same = match (action, &other.action) {
        (Action::Upstream(one), Action::Upstream(other)) => one == other,
        // Holes are filled with what each route's own path captures.
        (Action::Respond(one), Action::Respond(other)) => {
            one.is_fixed() && (one.status, &one.headers, &one.body) == (other.status, &other.headers, &other.body)
        }
        _ => false,
    };
    let same = |(one, other): (&Policy, &Policy)| one.kind == other.kind && one.settings.says_the_same(&other.settings);
    is_action_same
        && *mirrors == other.mirrors
        && breaker.is_none()
        && other.breaker.is_none()
        && fallbacks.is_empty()
        && other.fallbacks.is_empty()
        && rewrite.is_none()
        && other.rewrite.is_none()
        && policies.len() == other.policies.len()
        && policies.iter().zip(&other.policies).all(same)
}

// === words ===

/// A route with its place.
struct Named<'m>(&'m Placed<Route>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.0.name, self.0.place)
    }
}

/// Routes that win together.
struct Winners<'m> {
    model: &'m Model,
    winners: &'m [usize],
}

impl fmt::Display for Winners<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<_> =
            self.winners.iter().take(NAMED).map(|winner| Named(&self.model.routes[*winner]).to_string()).collect();
        match (self.winners.len().saturating_sub(NAMED), named.split_last()) {
            (0, Some((last, [first @ .., second]))) => {
                first.iter().try_for_each(|name| write!(f, "{name}, "))?;
                write!(f, "{second} and {last}")
            }
            (0, _) => f.write_str(&named.join(", ")),
            (more, _) => write!(f, "{} and {more} more", named.join(", ")),
        }
    }
}

/// ` and 3 others`, if there are any.
struct Others(usize);

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            1 => f.write_str(" and another one"),
            number => write!(f, " and {number} others"),
        }
    }
}

/// The example of a finding, and where it has to arrive if that matters.
struct Shown<'a, 'm>(&'a Told<'m>);

impl fmt::Display for Shown<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { model, finding, .. } = self.0;
        let Some(example) = &finding.example else { return f.write_str("some requests") };
        write!(f, "`{example}`")?;
        match example.listener.and_then(|listener| model.listeners.get(listener.0 as usize)) {
            Some(listener) => write!(f, " on the listener `{}`", listener.name),
            None => Ok(()),
        }
    }
}
