//! A real Prometheus that scrapes a gateway.

use std::{net::SocketAddr, process::Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::{PATIENCE, client, eventually, within};

/// Scrapes every second, from its start to its drop.
#[derive(Debug)]
pub struct Prometheus {
    address: SocketAddr,
    _process: Child,
    _folder: TempDir,
}

// === impl Prometheus ===

impl Prometheus {
    /// Scrapes `/metrics` of `target`.
    ///
    /// # Panics
    /// When it is not installed, or does not begin to listen.
    pub async fn scraping(target: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("prometheus.yml");
        let config = format!(
            "global: {{ scrape_interval: 1s }}\nscrape_configs: [{{ job_name: sluice, static_configs: [{{ targets: [\"{target}\"] }}] }}]\n"
        );
        std::fs::write(&file, config).expect("a file");
        let mut process = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("prometheus: `cargo xtask test` installs it, or `apt-get install prometheus`");
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let address = within(PATIENCE, async {
            while let Some(line) = lines.next_line().await.expect("a line") {
                if let Some((_, address)) = line.split_once("msg=\"Listening on\" address=") {
                    return address.trim().parse().expect("an address");
                }
            }
            panic!("prometheus ended without listening");
        })
        .await;
        // It goes on talking, and must not wait for a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { address, _process: process, _folder: folder }
    }

    /// The value of a query with one result; `None` while there is none.
    ///
    /// # Panics
    /// When Prometheus refuses the query.
    pub async fn value(&self, query: &str) -> Option<f64> {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.ask(&format!("/api/v1/query?query={encoded}")).await;
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }

    /// Waits until a query has this value.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn until(&self, query: &str, value: f64) {
        eventually(query, async || (self.value(query).await == Some(value)).then_some(())).await;
    }

    /// Why the last scrape failed; empty if it did not.
    pub async fn last_error(&self) -> String {
        let targets = self.ask("/api/v1/targets").await;
        targets["data"]["activeTargets"][0]["lastError"].as_str().unwrap_or_default().to_owned()
    }

    async fn ask(&self, path: &str) -> Value {
        // It listens before it is ready.
        let answered = async || {
            let answer = client::get(self.address, path).await;
            answer.status.is_success().then_some(answer)
        };
        let answer = eventually("an answer of prometheus", answered).await;
        serde_json::from_slice(&answer.body).expect("json")
    }
}
