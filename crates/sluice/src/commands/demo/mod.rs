//! `sluice demo`

use std::{
    fmt::Write as _,
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use control::Main;
use demo::Services;
use tempfile::TempDir;

use super::schema;
use crate::{
    admin_token::State,
    builtins::Known,
    failure::Failure,
    log::Levels,
    output,
    serve::{self, Server},
};

/// Serves a demo document, with services to try it on inside the program
///
/// The document lies in a new folder under the temporary one, which is gone when the demo ends. Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice demo")]
pub(crate) struct Demo {
    /// Listen on this port of 127.0.0.1; 0 takes a free one [default: 8080 if it is free, otherwise a free one]
    #[arg(long)]
    port: Option<u16>,
    /// Listen for operators on this port of 127.0.0.1 [default: 9901 if it is free, otherwise a free one]
    #[arg(long, value_name = "PORT")]
    admin_port: Option<u16>,
    /// Write the bound addresses to this file, as JSON, once traffic is served
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

/// Services stand in it as `@name@`.
const DOCUMENT: &str = include_str!("demo.yaml");

const PORT: u16 = 8080;
const ADMIN_PORT: u16 = 9901;

// === impl Demo ===

impl Demo {
    pub(super) fn run(self, kinds: Known, levels: Levels) -> Result<ExitCode, Failure> {
        serve::block_on(async {
            let services = demo::start_all();
            let services =
                services.await.map_err(|error| Failure::Other(format!("cannot start the services: {error}")))?;
            let folder = self.write_folder(&services, &kinds).map_err(|error| {
                Failure::Other(format!("cannot write into {}: {error}", std::env::temp_dir().display()))
            })?;
            let document = folder.path().join("demo.yaml");
            let state = State::new(folder.path().join("state"));
            let server = Server::start(Main::File(document.clone()), self.ready_file, state, kinds, levels)?;
            output::print(welcome(&server, &document).as_bytes())?;
            Ok(server.run().await)
        })
    }

    /// A fresh folder with the document, and the schema for the editor that opens it.
    fn write_folder(&self, services: &Services, kinds: &Known) -> io::Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("sluice-demo-").tempdir()?;
        let web = address(self.port, PORT);
        let admin = address(self.admin_port, ADMIN_PORT);
        fs::write(folder.path().join("demo.yaml"), fill(web, admin, services))?;
        fs::write(folder.path().join("schema.json"), schema::text(kinds))?;
        Ok(folder)
    }
}

/// The port that was asked for, or the usual one, or a free one.
fn address(asked: Option<u16>, usual: u16) -> SocketAddr {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match asked {
        Some(port) => at(port),
        None if TcpListener::bind(at(usual)).is_ok() => at(usual),
        None => at(0),
    }
}

fn fill(web: SocketAddr, admin: SocketAddr, services: &Services) -> String {
    let document = DOCUMENT.replace("@web@", &web.to_string()).replace("@admin@", &admin.to_string());
    let fill = |document: String, service: &demo::Service| {
        document.replace(&format!("@{}@", service.name), &service.address.to_string())
    };
    services.iter().fold(document, fill)
}

/// What is where, and what to try. Each line to try can be pasted into a shell as it is.
fn welcome(server: &Server, document: &Path) -> String {
    let web = server.listeners().into_iter().map(|(_, address)| address).next().unwrap_or_default();
    let admin = server.admin().unwrap_or_default();
    let document = document.display();
    let lines = [
        (
            "three instances of a service take turns",
            format!("for i in 1 2 3 4 5 6; do curl -s http://{web}/users/1; done"),
        ),
        ("a stream arrives as it is sent", format!("curl -sN 'http://{web}/events?count=5'")),
        (
            "a new weight is live when the file is saved: version 2 gets its share, and no request fails",
            format!(
                "sed -i 's/weight: 0/weight: 1/' {document}; sleep 1; for i in 1 2 3 4; do curl -s http://{web}/orders; done"
            ),
        ),
    ];
    let mut text = format!(
        "\nThe gateway   http://{web}\nIts health    http://{admin}/readyz, and http://{admin}/metrics\nIts document  {document}\n\nTry, in another terminal:\n"
    );
    for (what, line) in lines {
        // Writing to a text cannot fail.
        _ = write!(text, "\n# {what}\n{line}\n");
    }
    text.push_str("\nCtrl-C ends it.\n\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_service_has_its_place() {
        let services = demo::start_all().await.unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let document = fill(any, any, &services);
        for service in services.iter() {
            assert!(document.contains(&service.address.to_string()), "{}", service.name);
        }
        assert!(!document.contains('@'), "{document}");
    }

    #[test]
    fn a_port_that_is_taken_is_not_insisted_on_unless_asked_for() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken = listener.local_addr().unwrap();
        assert_eq!(address(None, taken.port()).port(), 0);
        assert_eq!(address(Some(taken.port()), 0), taken);
    }
}
