//! `sluice explain`

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use model::{FromText, values};
use snapshot::{Comparison, Explanation, Outcome, Question};

use crate::{
    builtins::Known,
    client::{Path as Asked, Running, block_on},
    failure::Failure,
    output,
};

/// Explains what becomes of a request: which route takes it, why, why not the others, and what is done with it
///
/// A document is asked, or, with --server or --context, a running gateway. Nothing is sent, listened on or counted. The exit
/// code is 0 if a route takes the request, 3 if none does or it is refused before, and 1 if the document is bad or the gateway
/// cannot be asked; with `--against` it is 0 if the same becomes of the request in both documents, and otherwise 3.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  sluice explain -c sluice.yaml GET http://api.example.com/users/7 -H 'x-canary: 1'"
)]
pub(crate) struct Explain {
    /// The document
    #[arg(short, long, value_name = "FILE", default_value = "sluice.yaml", conflicts_with_all = ["server", "context"])]
    config: PathBuf,
    /// The method of the request
    method: String,
    /// The URL of the request; a path alone asks for `localhost`
    url: String,
    /// A header field of the request
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Where the connection comes from; `X-Forwarded-For` counts if that is a trusted proxy [default: nobody known]
    #[arg(long, value_name = "IP")]
    client_ip: Option<IpAddr>,
    /// The listener that it arrives on [default: the first that speaks what the URL says]
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// The name that the client asks for in the TLS handshake [default: the host of the URL, if the listener has TLS]
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// When it arrives, as in 2026-01-31T09:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Show what changes for the request with this document
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Tell every candidate, not only the nearest ten
    #[arg(long)]
    all: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// That is asked instead, if it is named
    #[command(flatten)]
    running: Running,
}

/// No route takes the request.
const NO_ROUTE: u8 = 3;
// === impl Explain ===

impl Explain {
    pub(super) fn run(self, kinds: &Known) -> Result<ExitCode, Failure> {
        let question = self.question()?;
        let (of, explanation) = match self.running.is_named() {
            true => {
                let remote = self.running.find()?;
                let body = serde_json::to_vec(&question).map_err(|error| Failure::Other(error.to_string()))?;
                let told = block_on(remote.send(Method::POST, &Asked::new(&["explain"]), body))?;
                (remote.address().to_owned(), told)
            }
            false => (self.config.display().to_string(), explain(&self.config, kinds, &question)?),
        };
        let Some(other) = &self.against else {
            output::tell(&explanation, self.json)?;
            return Ok(match explanation.outcome {
                Outcome::Matched => ExitCode::SUCCESS,
                Outcome::NoRoute | Outcome::Refused => ExitCode::from(NO_ROUTE),
            });
        };
        let right = (other.display().to_string(), explain(other, kinds, &question)?);
        let comparison = Comparison::new((of, explanation), right);
        output::tell(&comparison, self.json)?;
        Ok(if comparison.same { ExitCode::SUCCESS } else { ExitCode::from(super::DIFFERENT) })
    }

    fn question(&self) -> Result<Question, Failure> {
        let mut headers = HeaderMap::new();
        for line in &self.headers {
            let (name, value) = field(line)?;
            headers.append(name, value);
        }
        let values::MethodName(method) = values::MethodName::from_text(&self.method).map_err(Failure::Other)?;
        let at = self.at.as_deref().map(values::Moment::from_text).transpose().map_err(Failure::Other)?;
        Ok(Question {
            at: at.map(|values::Moment(moment)| moment),
            sni: self.sni.clone(),
            headers,
            client_ip: self.client_ip,
            listener: self.listener.as_deref().map(Into::into),
            all: self.all,
            ..Question::new(method, &*self.url)
        })
    }
}

fn explain(document: &Path, kinds: &Known, question: &Question) -> Result<Explanation, Failure> {
    let compiled = control::compile_document(document, kinds)?;
    snapshot::explain(&compiled.snapshot, question)
        .map_err(|error| Failure::Other(format!("{}: {error}", document.display())))
}

/// A field as curl takes it.
fn field(line: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let bad = |why: String| Failure::Other(format!("`{line}` is no header field: {why}"));
    let (name, value) = line.split_once(':').ok_or_else(|| bad("write `name: value`".to_owned()))?;
    let values::FieldName(name) = values::FieldName::from_text(name.trim()).map_err(bad)?;
    let values::FieldValue(value) = values::FieldValue::from_text(value.trim()).map_err(bad)?;
    Ok((name, value))
}
