//! `sluice tap`

use std::{
    io::{self, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Args;
use model::{FromText, values};
use serde_json::Value;
use telemetry::flight::Flight;

use crate::{
    client::{Path, Remote, Running, block_on},
    failure::Failure,
};

/// Shows requests as they end, a line each, until Ctrl-C
///
/// The running gateway is asked. It hands over at most `--rate` a second, and says how many more there were.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice tap --route orders --status 5xx")]
pub(crate) struct Tap {
    #[command(flatten)]
    running: Running,
    /// Only of this route
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Only those that asked this upstream
    #[arg(long, value_name = "NAME")]
    upstream: Option<String>,
    /// Only of this consumer
    #[arg(long, value_name = "NAME")]
    consumer: Option<String>,
    /// Only with this status, or of this class: `503`, `5xx`
    #[arg(long)]
    status: Option<String>,
    /// Only with this cause; `any` for all that have one
    #[arg(long)]
    cause: Option<String>,
    /// Only with this method
    #[arg(long)]
    method: Option<String>,
    /// Only where the path begins so
    #[arg(long, value_name = "PREFIX")]
    path: Option<String>,
    /// Only those that took at least so long: `250ms`
    #[arg(long, value_name = "DURATION")]
    min_duration: Option<String>,
    /// Only those of which this holds, such as `record.status >= 500 && request.path.startsWith('/v2/')`
    #[arg(long = "where", value_name = "EXPRESSION")]
    condition: Option<String>,
    /// At most so many a second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// End after so long
    #[arg(long = "for", value_name = "DURATION")]
    lasts: Option<String>,
    /// End after so many
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

/// An answer of the admin address lasts no longer; then it is asked again.
const ROUND: Duration = Duration::from_secs(45);

/// What was shown so far.
struct Shown {
    as_json: bool,
    left: Option<u64>,
    failure: Option<Failure>,
}

// === impl Tap ===

impl Tap {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let lasts = self.lasts.as_deref().map(values::Duration::from_text).transpose().map_err(Failure::Other)?;
        let until = lasts.map(|lasts| Instant::now() + Duration::from(lasts));
        let remote = self.running.find()?;
        let mut shown = Shown { as_json: self.json, left: self.count, failure: None };
        block_on(self.rounds(&remote, until, &mut shown))?;
        shown.failure.map_or(Ok(ExitCode::SUCCESS), Err)
    }

    async fn rounds(&self, remote: &Remote, until: Option<Instant>, shown: &mut Shown) -> Result<(), Failure> {
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) || shown.is_over() {
                return Ok(());
            }
            let round = left.map_or(ROUND, |left| left.clamp(Duration::from_millis(1), ROUND));
            remote.lines(&self.path(round), |line| shown.line(line)).await?;
        }
    }

    fn path(&self, round: Duration) -> Path {
        let path = Path::new(&["tap"]).with("rate", self.rate).with("for", format_args!("{}ms", round.as_millis()));
        let wanted = [
            ("route", &self.route),
            ("upstream", &self.upstream),
            ("consumer", &self.consumer),
            ("status", &self.status),
            ("cause", &self.cause),
            ("method", &self.method),
            ("path", &self.path),
            ("min_duration", &self.min_duration),
            ("where", &self.condition),
        ];
        wanted.into_iter().fold(path, |path, (name, value)| path.with_some(name, value.as_deref()))
    }
}

// === impl Shown ===

impl Shown {
    fn is_over(&self) -> bool {
        self.left == Some(0) || self.failure.is_some()
    }

    /// Shows a line of the answer; whether more is wanted.
    fn line(&mut self, line: &str) -> bool {
        if line.is_empty() {
            return true;
        }
        let told = serde_json::from_str::<Flight>(line).ok();
        let text = match &told {
            _ if self.as_json => line.to_owned(),
            Some(flight) => short(flight),
            None => {
                let told: Value = serde_json::from_str(line).unwrap_or_default();
                format!("… {} more, beyond the rate", told["dropped"])
            }
        };
        let mut out = io::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.left = Some(0),
            Err(error) => self.failure = Some(Failure::Other(format!("cannot write to standard output: {error}"))),
            Ok(()) if told.is_some() => self.left = self.left.map(|left| left.saturating_sub(1)),
            Ok(()) => {}
        }
        !self.is_over()
    }
}

/// A request in a line.
fn short(flight: &Flight) -> String {
    let status = flight.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
    let route = flight.route.as_deref().unwrap_or("-");
    let endpoint = flight.attempts.last().map_or("-", |attempt| &attempt.endpoint);
    let id = flight.request_id.as_deref().unwrap_or(&flight.id);
    let cause = flight.cause.as_deref().map(|cause| format!("  {cause}")).unwrap_or_default();
    let time = flight.time.get(11..23).unwrap_or_default();
    format!(
        "{time}  {status}  {:>9.3} ms  {} {}  {route} → {endpoint}  {id}{cause}",
        flight.duration_ms,
        flight.method,
        flight.url()
    )
}
