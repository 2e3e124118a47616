//! `sluice trace`

use std::{
    fmt::{self, Display},
    process::ExitCode,
};

use clap::Args;
use serde::{Deserialize, Serialize};
use snapshot::Explanation;
use telemetry::flight::Flight;

use crate::{
    client::{Path, Running, block_on},
    failure::Failure,
    output,
};

/// Tells what happened to one request: where its time went, what was tried, and why
///
/// The running gateway is asked, which records the last requests. The id is that of the response, `x-request-id`, or of a
/// line that `sluice tap` shows. That of a trace does as well: of several requests in it, the newest is told.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice trace 01920ae7-54d3-7c2a-8f00-2f3b9c1d7e55")]
pub(crate) struct Trace {
    /// The request id, the number of the record, or the id of the trace
    id: String,
    #[command(flatten)]
    running: Running,
    /// Print one JSON object
    #[arg(long, conflicts_with_all = ["curl", "har"])]
    json: bool,
    /// Print a command that asks the same again
    #[arg(long, conflicts_with = "har")]
    curl: bool,
    /// Print an HTTP archive, for other tools
    #[arg(long)]
    har: bool,
}

/// As the gateway tells it.
#[derive(Serialize, Deserialize)]
struct Told {
    #[serde(flatten)]
    flight: Flight,
    explanation: Option<Explanation>,
    unexplained: Option<String>,
}

// === impl Trace ===

impl Trace {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let remote = self.running.find()?;
        let path = Path::new(&["requests", &self.id]);
        let raw = match (self.curl, self.har) {
            (true, _) => Some("curl"),
            (_, true) => Some("har"),
            _ => None,
        };
        match raw {
            Some(form) => output::print(&block_on(remote.get(path.with("as", form).as_str()))?)?,
            None => output::tell(&block_on(remote.get_json::<Told>(&path))?, self.json)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

// === impl Told ===

impl Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.flight.fmt(f)?;
        if let Some(why) = &self.unexplained {
            writeln!(f, "\nwhy this route: {why}")?;
        }
        match &self.explanation {
            Some(explanation) => write!(f, "\nwhy this route:\n\n{explanation}"),
            None => Ok(()),
        }
    }
}
