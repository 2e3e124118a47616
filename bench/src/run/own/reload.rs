//! A large document in the real program: how long it takes to start, and how long until one changed route is live.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    ops::Range,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    Failure,
    routes::mixed,
    run::{
        Args,
        measure::{Cores, free_addresses},
        process::Gateway,
    },
};

const ROUTES: usize = 50_000;
const UPSTREAMS: usize = 100;

/// How often a route is changed.
const CHANGES: usize = 10;

/// In the middle of the document: the route that is changed; it answers by itself.
const CHANGED: usize = ROUTES / 2;

/// How long a change may take to be live.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a request looks whether it is.
const LOOK: Duration = Duration::from_millis(1);

/// A document, over how many files its routes are divided.
struct Variant {
    name: &'static str,
    /// 1: they stand in the document itself.
    files: usize,
}

/// What one variant came to.
struct Row {
    bytes: usize,
    start: Duration,
    changes: Vec<Duration>,
    memory: u64,
    memory_after: u64,
}

const VARIANTS: [Variant; 2] = [Variant { name: "one file", files: 1 }, Variant { name: "50 files", files: 50 }];

pub(super) fn measure(args: &Args) -> Result<String, Failure> {
    let mut text = String::from(
        "| document | MiB | start to ready ms | change to live ms: least, median, most | RSS MiB | RSS after 10 changes |\n\
         |---|---|---|---|---|---|\n",
    );
    for variant in &VARIANTS {
        let Row { bytes, start, changes, memory, memory_after } = variant.measure(args)?;
        let mib = |bytes: f64| bytes / f64::from(1 << 20);
        let millis = |duration: &Duration| duration.as_secs_f64() * 1e3;
        let mut changes: Vec<_> = changes.iter().map(millis).collect();
        changes.sort_by(f64::total_cmp);
        writeln!(
            text,
            "| {} | {:.1} | {:.0} | {:.0}, {:.0}, {:.0} | {:.0} | {:.0} |",
            variant.name,
            mib(bytes as f64),
            millis(&start),
            changes[0],
            changes[changes.len() / 2],
            changes[changes.len() - 1],
            mib(memory as f64),
            mib(memory_after as f64),
        )?;
    }
    text += "\nThe 20 ms for which the gateway lets writes settle are in the time to live.\n";
    Ok(text)
}

/// All but the routes.
fn head(listen: SocketAddr, admin: SocketAddr) -> String {
    let mut text = format!(
        "version: 1
gateway: {{ workers: 1, admin: {{ address: {admin} }} }}
listeners:
  - {{ name: web, address: {listen} }}
upstreams:
"
    );
    for upstream in 0..UPSTREAMS {
        // Nobody asks for them, so nobody need be there.
        text += &format!("  - {{ name: upstream-{upstream}, endpoints: [\"unix:/nobody\"] }}\n");
    }
    text
}

/// Routes as people write them; `version` is what the changed one answers.
fn routes(range: Range<usize>, version: usize) -> Result<String, Failure> {
    let mut text = String::from("routes:\n");
    for index in range {
        writeln!(text, "  - name: route-{index}\n    match: {}", mixed(index).matching)?;
        if index == CHANGED {
            writeln!(text, "    respond: {{ body: version-{version} }}")?;
            continue;
        }
        match index % 10 {
            2 => writeln!(text, "    rewrite: {{ path: /internal }}")?,
            5 => writeln!(text, "    policies:\n      - headers: {{ response: {{ set: {{ x-route: r{index} }} }} }}")?,
            _ => {}
        }
        writeln!(text, "    upstream: upstream-{}", index % UPSTREAMS)?;
    }
    Ok(text)
}

/// Asks for the changed route until it answers with this version.
fn until_live(listen: SocketAddr, version: usize) -> Result<(), Failure> {
    let patience = Instant::now() + PATIENCE;
    let asked = mixed(CHANGED).asked;
    let wanted = format!("version-{version}");
    while Instant::now() < patience {
        let mut stream = TcpStream::connect(listen)?;
        write!(stream, "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", asked.path, asked.host)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.ends_with(&wanted) {
            return Ok(());
        }
        sleep(LOOK);
    }
    Err(format!("the change to {wanted} is not live after {PATIENCE:?}").into())
}

// === impl Variant ===

impl Variant {
    fn measure(&self, args: &Args) -> Result<Row, Failure> {
        let folder = tempfile::Builder::new().prefix("sluice-bench-").tempdir()?;
        let [listen, admin] = free_addresses()?;
        let head = head(listen, admin);
        let mut bytes = 0;
        for (name, text) in self.texts(&head, 0)? {
            bytes += text.len();
            fs::write(folder.path().join(name), text)?;
        }
        let command: [OsString; 4] =
            [args.sluice.clone().into(), "run".into(), "-c".into(), folder.path().join("sluice.yaml").into()];
        let start = Instant::now();
        let gateway = Gateway::start(Cores::of_this_machine().gateway, &command, folder.path(), listen, Some(admin))?;
        let start = start.elapsed();
        until_live(listen, 0)?;
        let memory = gateway.memory();
        let mut changes = Vec::new();
        for version in 1..=CHANGES {
            let (name, text) = self.texts(&head, version)?.swap_remove(CHANGED * self.files / ROUTES);
            // As editors do it, so that nobody reads half a file.
            let saved = folder.path().join("saved");
            fs::write(&saved, text)?;
            let start = Instant::now();
            fs::rename(saved, folder.path().join(name))?;
            until_live(listen, version)?;
            changes.push(start.elapsed());
        }
        Ok(Row { bytes, start, changes, memory, memory_after: gateway.memory() })
    }

    /// Names and texts of all files; those with routes come first, in order.
    fn texts(&self, head: &str, version: usize) -> Result<Vec<(String, String)>, Failure> {
        if self.files == 1 {
            return Ok(vec![("sluice.yaml".to_owned(), format!("{head}{}", routes(0..ROUTES, version)?))]);
        }
        let each = ROUTES / self.files;
        let part = |file: usize| {
            let text = routes(file * each..(file + 1) * each, version)?;
            Ok::<_, Failure>((format!("routes-{file:02}.yaml"), text))
        };
        let mut texts = (0..self.files).map(part).collect::<Result<Vec<_>, _>>()?;
        texts.push(("sluice.yaml".to_owned(), format!("{head}include: [routes-*.yaml]\n")));
        Ok(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_understands_the_routes() {
        let address = ([127, 0, 0, 1], 0).into();
        let text = head(address, address) + &routes(0..200, 0).unwrap();
        let mut report = model::Report::default();
        let tree = model::parse("sluice.yaml", &text, &|_| None, &mut report).unwrap();
        let model = model::check(&tree, &mut report);
        assert_eq!(report.problems, []);
        assert_eq!(model.unwrap().routes.len(), 200);
    }
}
