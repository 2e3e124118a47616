//! The agent that others wrote.

use std::{
    env,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tokio::net::TcpStream;

use crate::{client, eventually};

/// A `consul agent -dev` of this test alone; it is killed when the handle is dropped.
#[derive(Debug)]
pub struct Real {
    /// Of its HTTP API.
    pub address: SocketAddr,
    child: Child,
}

// === impl Real ===

impl Real {
    /// The program that `CONSUL_BIN` names, or `consul` in the path; none, and said aloud, where there is neither.
    ///
    /// # Panics
    /// When it does not get ready.
    pub async fn start() -> Option<Self> {
        let Some(program) = program() else {
            eprintln!("there is no `consul` in PATH and CONSUL_BIN names none: asked is the fake only");
            return None;
        };
        let ports = free_ports::<4>();
        let [http, server, lan, wan] = ports.map(|port| port.to_string());
        let child = Command::new(&program)
            .args(["agent", "-dev", "-bind=127.0.0.1", "-log-level=err", "-dns-port=-1", "-grpc-port=-1"])
            .args(["-grpc-tls-port=-1", "-http-port", &http, "-server-port", &server])
            .args(["-serf-lan-port", &lan, "-serf-wan-port", &wan])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started: {error}", program.display()));
        let real = Self { address: SocketAddr::from(([127, 0, 0, 1], ports[0])), child };
        eventually("consul has a leader", async || {
            TcpStream::connect(real.address).await.ok()?;
            let answer = client::get(real.address, "/v1/status/leader").await;
            (answer.status == 200 && answer.text().len() > 2).then_some(())
        })
        .await;
        Some(real)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Option<PathBuf> {
    if let Some(path) = env::var_os("CONSUL_BIN") {
        return Some(path.into());
    }
    let paths = env::var_os("PATH")?;
    env::split_paths(&paths).map(|folder| folder.join("consul")).find(|path| path.is_file())
}

/// Ports that nobody has: all bound before any is let go.
fn free_ports<const N: usize>() -> [u16; N] {
    let sockets = [(); N].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
    sockets.map(|socket| socket.local_addr().expect("a bound socket has an address").port())
}
