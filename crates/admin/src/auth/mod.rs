//! Who asks, and whether they may.
//!
//! ```text
//! request ─▶ token ─▶ whose? ─▶ path exact? ─▶ role enough? ─▶ answered; noted in the audit log if it changes something
//!              │        │            │              │
//!             401   401, or 429     404            403          counted, and noted unless there are very many
//! ```

/// How often somebody was refused lately.
mod failures;
/// What each may do.
mod role;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use listen::{Peer, Problem};
use revisions::{Document, edit::Edit};
use snapshot::{Role, Shown};

pub(crate) use self::failures::{Failures, Verdict};
pub use self::role::least_role_of;
use crate::{
    Denied, Gateway,
    api::Sought,
    audit::{self, AuditEntry, Denials},
};

/// Who asks: an extension of every request below `/api/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub name: Arc<str>,
    pub role: Role,
    pub from: Peer,
}

/// What the admin token makes of somebody.
const ADMIN: &str = "admin";

/// So many wrong tokens a minute are told that they are wrong, by source.
const WRONG_TOKENS: u32 = 10;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is needed to tell who asks.
struct Auth {
    gateway: Arc<dyn Gateway>,
    denials: Arc<Denials>,
    wrong_tokens: Failures,
}

/// Why somebody is not answered.
#[derive(Debug)]
enum Refusal {
    NoToken,
    WrongToken,
    /// They showed wrong ones again and again; the next is listened to after so long.
    Limited(Duration),
    Expired(Identity, SystemTime),
    /// They would have to be that.
    Role(Identity, Role),
}

/// Answers those only who show a token (RFC 6750, 2.1), and only what their role allows.
///
/// In no other place than `Authorization`: no page that a browser was lured to can send that without asking first, and
/// addresses with a token in them end up in logs.
pub(crate) fn required(router: Router, gateway: Arc<dyn Gateway>, denials: Arc<Denials>) -> Router {
    let auth = Auth { gateway, denials, wrong_tokens: Failures::new(WRONG_TOKENS) };
    router.layer(middleware::from_fn_with_state(Arc::new(auth), authenticate))
}

/// Whether somebody may make these edits on `current`, the document that the API keeps. What needs more than the path says
/// is found out here: operators that come with a whole document, or in a transaction.
///
/// # Errors
/// They may not.
pub fn may_change(
    gateway: &dyn Gateway,
    identity: &Identity,
    edits: &[Edit],
    current: &Document,
) -> Result<(), Problem> {
    let least = least_role_of(edits, current);
    if identity.role >= least {
        return Ok(());
    }
    gateway.denied(Denied::Role);
    Err(not_enough(identity, least, "this changes `operators`, which"))
}

async fn authenticate(State(auth): State<Arc<Auth>>, mut request: Request, next: Next) -> Response {
    let entry = AuditEntry::of(&request, SystemTime::now());
    let id = HeaderValue::try_from(&entry.request_id).ok();
    let mut response = match auth.admit(&request, SystemTime::now(), Instant::now()) {
        Err(refusal) => auth.refuse(&refusal, audit::peer(&request), entry),
        Ok((identity, least)) => {
            request.extensions_mut().insert(identity.clone());
            match least {
                Role::Viewer => next.run(request).await,
                _ => audit::noted(auth.gateway.clone(), entry.by(&identity), request, next).await,
            }
        }
    };
    response.headers_mut().extend(id.map(|id| (REQUEST_ID, id)));
    response
}

// === impl Auth ===

impl Auth {
    /// Who asks, and what they must be for that.
    fn admit(&self, request: &Request, now: SystemTime, instant: Instant) -> Result<(Identity, Role), Refusal> {
        let shown = shown(request.headers()).ok_or(Refusal::NoToken)?;
        let identity = self.identify(shown, audit::peer(request), now, instant)?;
        // What is nowhere changes nothing, and that is answered.
        let least = match request.extensions().get::<Sought>() {
            Some(Sought(Ok(found))) => found.operation.least,
            Some(Sought(Err(_))) => Role::Viewer,
            None => Role::Admin,
        };
        if identity.role < least { Err(Refusal::Role(identity, least)) } else { Ok((identity, least)) }
    }

    /// Whose token is shown. A right one always counts, so that nobody locks operators out who shares an address with them.
    fn identify(&self, shown: &[u8], from: Peer, now: SystemTime, instant: Instant) -> Result<Identity, Refusal> {
        let operators = self.gateway.operators();
        // Both are asked in any case, so that the time tells nothing.
        let (is_admin, whose) = (self.gateway.token().is(shown), operators.whose(shown, now));
        let identity = |name: Arc<str>, role| Identity { name, role, from };
        match whose {
            _ if is_admin => Ok(identity(ADMIN.into(), Role::Admin)),
            Shown::Valid(operator) => Ok(identity(operator.name.clone(), operator.role)),
            Shown::Expired(operator, since) => {
                Err(Refusal::Expired(identity(operator.name.clone(), operator.role), since))
            }
            Shown::Unknown => match self.wrong_tokens.note(from, instant) {
                Verdict::Fine => Err(Refusal::WrongToken),
                Verdict::Last(left) | Verdict::TooMany(left) => Err(Refusal::Limited(left)),
            },
        }
    }

    fn refuse(&self, refusal: &Refusal, from: Peer, entry: AuditEntry) -> Response {
        let (why, entry) = match refusal {
            Refusal::NoToken => (Denied::NoToken, entry),
            Refusal::WrongToken => (Denied::WrongToken, entry),
            Refusal::Limited(_) => (Denied::Limited, entry),
            Refusal::Expired(identity, _) => (Denied::Expired, entry.by(identity)),
            Refusal::Role(identity, _) => (Denied::Role, entry.by(identity)),
        };
        let (problem, field) = refusal.told();
        self.denials.note(why, problem.status(), from, entry);
        let mut response = problem.into_response();
        response.headers_mut().extend(field);
        response
    }
}

// === impl Refusal ===

impl Refusal {
    /// What they are told, and a field that goes with it.
    fn told(&self) -> (Problem, Option<(HeaderName, HeaderValue)>) {
        let challenge = |text| Some((header::WWW_AUTHENTICATE, HeaderValue::from_static(text)));
        let wrong = || challenge("Bearer realm=\"sluice\", error=\"invalid_token\"");
        match self {
            Self::NoToken => (
                Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "this needs the token of an operator; send it as `Authorization: Bearer TOKEN`. The admin token was \
                     printed at the first start, and is kept in the state directory",
                ),
                challenge("Bearer realm=\"sluice\""),
            ),
            Self::WrongToken => (
                Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "this is nobody's token; those that count are the hashes below `operators`, and the admin token: what \
                     SLUICE_ADMIN_TOKEN said at the start, or what is kept in the state directory",
                ),
                wrong(),
            ),
            Self::Limited(left) => {
                // Rounded up: whoever waits so long has waited enough.
                let seconds = left.as_secs() + 1;
                let detail = format!("there were too many wrong tokens from here; wait {seconds} seconds");
                let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail);
                (problem, Some((header::RETRY_AFTER, seconds.into())))
            }
            Self::Expired(identity, since) => {
                let since = telemetry::rfc3339(*since);
                let detail =
                    format!("the token of `{}` is expired since {since}; an admin can make another", identity.name);
                (Problem::new(StatusCode::UNAUTHORIZED, detail).with("expired", since), wrong())
            }
            Self::Role(identity, least) => (not_enough(identity, *least, "this"), None),
        }
    }
}

fn not_enough(identity: &Identity, least: Role, what: &str) -> Problem {
    let Identity { name, role, .. } = identity;
    let detail = format!("{what} needs the role `{}`, and `{name}` is `{}`", least.name(), role.name());
    Problem::new(StatusCode::FORBIDDEN, detail).with("role", role).with("needed", least)
}

/// The token that a request shows. Whoever shows two shows none.
fn shown(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.as_bytes().split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bearer_token() {
        let check = |values: &[&'static str], expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            assert_eq!(shown(&headers), expected.map(str::as_bytes), "{values:?}");
        };
        check(&["Bearer abc"], Some("abc"));
        check(&["bEARER  abc "], Some("abc"));
        check(&["Bearer "], Some(""));
        check(&[], None);
        check(&["Bearer"], None);
        check(&["Bearerabc"], None);
        check(&["Basic YWJj"], None);
        check(&["Bearer abc", "Bearer abc"], None);
    }
}
