//! `sluice top`

/// The metrics of a gateway, read.
mod scrape;
/// What is shown of them.
mod view;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use model::{FromText, values};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    client::{Path, Remote, Running, block_on},
    failure::Failure,
    output,
};
use scrape::Scrape;
use view::View;

/// Shows what a running gateway does now: routes, upstreams, endpoints and breakers, the busiest first
///
/// The table is drawn anew until Ctrl-C. Rates and times are those of the interval before.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice top\n  sluice top --once | head -20")]
pub(crate) struct Top {
    #[command(flatten)]
    running: Running,
    /// How long to look before the next table
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    interval: String,
    /// So many rows of each kind
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    rows: usize,
    /// Print one table and end
    #[arg(long)]
    once: bool,
    /// Print one JSON object; with `--once`
    #[arg(long, requires = "once")]
    json: bool,
}

/// The other screen of the terminal, without a cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// From the top left corner; each line clears its rest, and the last all below it.
const HOME: &str = "\x1b[H";
const CLEAR_REST_OF_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// Leaves the other screen, also if something goes wrong.
struct Screen;

// === impl Top ===

impl Top {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let values = values::Duration::from_text(&self.interval).map_err(Failure::Other)?;
        let interval = Duration::from(values).max(Duration::from_millis(100));
        let remote = self.running.find()?;
        block_on(async {
            if self.once || !io::stdout().is_terminal() {
                let earlier = scrape(&remote).await?;
                sleep(interval).await;
                return output::tell(&self.look(&remote, &earlier).await?.0, self.json);
            }
            tokio::select! {
                shown = self.draw(&remote, interval) => shown,
                // Nothing is lost by it.
                _ = tokio::signal::ctrl_c() => Ok(()),
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }

    async fn draw(&self, remote: &Remote, interval: Duration) -> Result<(), Failure> {
        let mut earlier = scrape(remote).await?;
        let _screen = Screen::enter();
        loop {
            sleep(interval).await;
            let (view, now) = self.look(remote, &earlier).await?;
            let lines = view.to_string().replace('\n', &format!("{CLEAR_REST_OF_LINE}\n"));
            output::print(format!("{HOME}{lines}{CLEAR_BELOW}").as_bytes())?;
            earlier = now;
        }
    }

    async fn look(&self, remote: &Remote, earlier: &Scrape) -> Result<(View, Scrape), Failure> {
        let now = scrape(remote).await?;
        let breakers: Value = remote.get_json(&Path::new(&["breakers"])).await?;
        let health: Value = remote.get_json(&Path::new(&["health"])).await?;
        Ok((View::between(earlier, &now, &health, &breakers, self.rows), now))
    }
}

async fn scrape(remote: &Remote) -> Result<Scrape, Failure> {
    let text = remote.get("/metrics").await?;
    Ok(Scrape::read(&String::from_utf8_lossy(&text), std::time::Instant::now()))
}

// === impl Screen ===

impl Screen {
    fn enter() -> Self {
        show(ENTER);
        Self
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        show(LEAVE);
    }
}

/// A terminal that is gone needs to be told nothing.
fn show(sequence: &str) {
    let mut out = io::stdout().lock();
    _ = out.write_all(sequence.as_bytes()).and_then(|()| out.flush());
}
