//! The tools that people drive a gateway with. A missing one fails the test aloud: a test that skips proves nothing.

use std::{io, process::Stdio, time::Duration};

use tokio::process::Command;

/// How long a tool may take; longer than [`crate::PATIENCE`], because a load generator does more than one thing.
const LIMIT: Duration = Duration::from_secs(60);

/// What a tool did.
#[derive(Debug, Clone)]
pub struct Run {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// `curl`, silent but for errors.
///
/// # Panics
/// As [`run`].
pub async fn curl(arguments: &[&str]) -> Run {
    run("curl", &[&["--silent", "--show-error"], arguments].concat()).await
}

/// `nghttp`, the HTTP/2 client of nghttp2.
///
/// # Panics
/// As [`run`].
pub async fn nghttp(arguments: &[&str]) -> Run {
    run("nghttp", arguments).await
}

/// `h2load`, the load generator of nghttp2.
///
/// # Panics
/// As [`run`].
pub async fn h2load(arguments: &[&str]) -> Run {
    run("h2load", arguments).await
}

/// `openssl s_client`, which ends after the handshake because its input is empty.
///
/// # Panics
/// As [`run`].
pub async fn openssl_s_client(arguments: &[&str]) -> Run {
    run("openssl", &[&["s_client"], arguments].concat()).await
}

/// Runs a tool to its end, with empty input.
///
/// # Panics
/// When it is not installed, or does not end in time.
pub async fn run(program: &str, arguments: &[&str]) -> Run {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => panic!("{}", missing(program)),
        Err(error) => panic!("cannot run {program}: {error}"),
    };
    let output = crate::within(LIMIT, child.wait_with_output()).await.expect("the output of a tool");
    let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What to do about a program that is not installed.
pub(crate) fn missing(program: &str) -> String {
    let package = match program {
        "etcd" => "etcd-server",
        "etcdctl" => "etcd-client",
        "nghttp" | "h2load" => "nghttp2-client",
        other => other,
    };
    format!(
        "{program} is not installed, and this test needs it: `cargo xtask test` installs it, or `apt-get install {package}`"
    )
}

// === impl Run ===

impl Run {
    /// The standard output of a run that ended with 0.
    ///
    /// # Panics
    /// When it did not, with everything that it said.
    #[track_caller]
    pub fn success(&self) -> &str {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        &self.stdout
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    #[should_panic(expected = "sluice-no-such-tool is not installed")]
    async fn a_missing_tool_fails_aloud() {
        super::run("sluice-no-such-tool", &[]).await;
    }
}
