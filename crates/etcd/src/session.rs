//! What one member is asked.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::HeaderValue;
use model::{Secret, values::HttpUrl};
use tokio::time::timeout;
use upstream::discovery::{Failure, FailureKind};

use super::{
    call_error::CallError,
    channel::{Channel, Conversation},
    wire::{Ask, Authenticate, Converse},
};

/// A connection to a member that knows who asks. Cheap to clone.
#[derive(Clone)]
pub struct Session(Arc<Open>);

struct Open {
    member: HttpUrl,
    channel: Channel,
    user: Option<(Arc<str>, Secret)>,
    /// `None`: there is no user, or the member knows of none.
    token: Mutex<Option<HeaderValue>>,
}

/// What a connection may take, with its handshakes.
const CONNECTING: Duration = Duration::from_secs(2);
/// What one call may take. An election takes a second or two.
const CALLING: Duration = Duration::from_secs(5);

// === impl Session ===

impl Session {
    /// Connects to `member` and logs in. Reads the files that `settings` name: they may be others than the last time.
    pub(crate) async fn open(settings: &model::Etcd, member: &HttpUrl) -> Result<Self, Failure> {
        let failed = |error: &CallError| error.failure(member);
        let user = match &settings.user {
            None => None,
            Some((name, password)) => {
                let secret = fetch::secret::read(password, 1);
                let secret = secret.map_err(|error| Failure::new(FailureKind::Denied, format!("{member}: {error}")))?;
                Some((Arc::clone(name), secret))
            }
        };
        let tls = || match fetch::tls::client_config(&settings.tls, &[b"h2"]) {
            Ok(config) => Ok(Arc::new(config)),
            Err(error) => Err(error.to_string()),
        };
        let connecting = Channel::connect(member, tls, settings.tls.server_name.as_deref());
        let channel = bounded(CONNECTING, connecting).await.map_err(|error| failed(&error))?;
        let open = Open { member: member.clone(), channel, user, token: Mutex::default() };
        bounded(CALLING, open.log_in()).await.map_err(|error| failed(&error))?;
        Ok(Self(Arc::new(open)))
    }

    /// Asks once. A token that has run out is replaced on the way.
    ///
    /// # Errors
    /// There is no answer in time, or the member says no. Whether it did what it was asked for is only known of the latter.
    pub async fn ask<Q: Ask>(&self, question: &Q) -> Result<Q::Answer, CallError> {
        let open = &self.0;
        bounded(CALLING, async {
            match open.channel.ask(question, open.token().as_ref()).await {
                Err(error) if error.is_stale_token() && open.user.is_some() => {
                    open.log_in().await?;
                    open.channel.ask(question, open.token().as_ref()).await
                }
                answer => answer,
            }
        })
        .await
    }

    /// Begins to talk. Only the member can tell what of it fails later.
    pub(crate) async fn converse<Q: Converse>(&self, first: &Q) -> Result<Conversation<Q>, CallError> {
        bounded(CALLING, self.0.channel.converse(first, self.0.token().as_ref())).await
    }

    /// What an error of it means to others.
    pub fn failure(&self, error: &CallError) -> Failure {
        error.failure(&self.0.member)
    }

    /// Who is asked.
    pub fn member(&self) -> &HttpUrl {
        &self.0.member
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

// === impl Open ===

impl Open {
    async fn log_in(&self) -> Result<(), CallError> {
        let Some((name, password)) = &self.user else { return Ok(()) };
        let question = Authenticate { name: name.to_string(), password: password.expose().to_owned() };
        let token = match self.channel.ask(&question, None).await {
            Ok(answer) => HeaderValue::from_str(&answer.token).ok(),
            // It is asked without, as by etcd's own clients: so users can be turned on without an outage.
            Err(error) if error.is_auth_off() => None,
            Err(error) => return Err(error),
        };
        let token = token.map(|mut token| {
            token.set_sensitive(true);
            token
        });
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        Ok(())
    }

    fn token(&self) -> Option<HeaderValue> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn bounded<T>(bound: Duration, work: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    timeout(bound, work).await.unwrap_or(Err(CallError::Late(bound)))
}
