//! Asks a gateway that runs, for commands.

use std::{fmt::Write, future::Future, path::Path, time::Duration};

use bytes::Bytes;
use clap::Args;
use fetch::{Bounds, FetchError, Operator};
use http::{Method, StatusCode};
use model::{FromText, values::EndpointTarget};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime;

use crate::{admin_token::State, failure::Failure};

/// Which gateway is asked.
#[derive(Debug, Args)]
pub(crate) struct Running {
    /// The admin address of the gateway; the token is in SLUICE_ADMIN_TOKEN or its state directory
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9901")]
    admin: String,
    #[command(flatten)]
    state: State,
}

/// A gateway that runs, with what shows that one may ask it.
pub(crate) struct Remote {
    address: String,
    operator: Operator,
}

/// A gateway with very many routes takes a while; and so much it may say.
const BOUNDS: Bounds = Bounds { time: Duration::from_secs(30), bytes: 256 << 20 };

/// Waits for an answer. A command does nothing else meanwhile.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Other(format!("cannot ask anybody: {error}")))?;
    runtime.block_on(future)
}

// === impl Running ===

impl Running {
    /// Its state directory.
    pub(crate) fn folder(&self) -> &Path {
        self.state.folder()
    }

    pub(crate) fn find(&self) -> Result<Remote, Failure> {
        Remote::at(&self.admin, &self.state)
    }
}

// === impl Remote ===

impl Remote {
    /// The gateway whose admin address this is.
    pub(crate) fn at(address: &str, state: &State) -> Result<Self, Failure> {
        let token = state.known_token().map_err(|error| Failure::Other(error.to_string()))?;
        let written = address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/');
        let EndpointTarget(target) = EndpointTarget::from_text(written).map_err(Failure::Other)?;
        let operator = Operator::new(target, token.reveal());
        let operator = operator.ok_or_else(|| Failure::Other("the admin token is none".to_owned()))?;
        Ok(Self { address: address.to_owned(), operator })
    }

    /// What the gateway says at `path`.
    pub(crate) async fn get(&self, path: &str) -> Result<Bytes, Failure> {
        self.ask(Method::GET, path, Vec::new()).await
    }

    /// The same, read from JSON.
    pub(crate) async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.read(&self.get(path).await?)
    }

    /// The answer to a question.
    pub(crate) async fn post_json<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> Result<T, Failure> {
        self.read(&self.ask(Method::POST, path, body).await?)
    }

    /// What comes of putting something there.
    pub(crate) async fn put_json<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> Result<T, Failure> {
        self.read(&self.ask(Method::PUT, path, body).await?)
    }

    /// Has `each` told every line of the answer, until it has heard enough.
    pub(crate) async fn lines(&self, path: &str, mut each: impl FnMut(&str) -> bool) -> Result<(), Failure> {
        let (head, mut lines) = self.operator.lines(path).await.map_err(|error| self.unreachable(&error))?.into_parts();
        if head.status != StatusCode::OK {
            let body = lines.whole().await.map_err(|error| self.unreachable(&error))?;
            return Err(self.failed(&problem(head.status, &body)));
        }
        while let Some(line) = lines.next().await.map_err(|error| self.unreachable(&error))? {
            if !each(&line) {
                break;
            }
        }
        Ok(())
    }

    async fn ask(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Bytes, Failure> {
        let answer = self.operator.ask(method, path, body, BOUNDS).await.map_err(|error| self.unreachable(&error))?;
        match answer.status() {
            StatusCode::OK => Ok(answer.into_body()),
            status => Err(self.failed(&problem(status, answer.body()))),
        }
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(body).map_err(|error| self.failed(&format!("its answer cannot be read: {error}")))
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

/// What the gateway says is wrong (RFC 9457).
fn problem(status: StatusCode, body: &[u8]) -> String {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut text = match problem["detail"].as_str() {
        Some(detail) => format!("{}: {detail}", status.as_u16()),
        None => format!("it answers {status}"),
    };
    for found in problem["problems"].as_array().into_iter().flatten() {
        let part = |name: &str| found[name].as_str().filter(|part| !part.is_empty());
        let place = part("path").or_else(|| part("place")).map_or_else(String::new, |place| format!("{place}: "));
        let hint = part("hint").map_or_else(String::new, |hint| format!("; {hint}"));
        let (severity, message) = (part("severity").unwrap_or("error"), part("message").unwrap_or_default());
        // Writing to a string does not fail.
        _ = write!(text, "\n{severity}: {place}{message}{hint}");
    }
    text
}
