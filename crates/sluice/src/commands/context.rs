//! `sluice context`

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use model::{FromText, values::Name};
use serde_json::{Value, json};

use crate::{
    client::{
        Form, Running, Table,
        contexts::{Context as Named, Contexts},
    },
    failure::Failure,
    output,
};

/// Names gateways, so that commands need not be told where each is
///
/// They stand in sluice/contexts.yaml in XDG_CONFIG_HOME (~/.config), or where SLUICE_CONTEXTS says. Tokens stay in files of
/// their own, and are never printed.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  sluice context add prod --server https://gateway.example.com --token-file ~/.sluice-prod\n  \
                              sluice context use prod\n  sluice get routes"
)]
pub(crate) struct Context {
    #[command(subcommand)]
    order: Order,
}

#[derive(Debug, Subcommand)]
enum Order {
    List(List),
    Use(Use),
    Show(Show),
    Add(Add),
}

/// Shows all that there are
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice context list")]
struct List {
    #[command(flatten)]
    form: Form,
}

/// From now on, asks this one if nobody says otherwise
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice context use prod")]
struct Use {
    name: String,
}

/// Shows which gateway commands would ask, who says so, and whose token they would show
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice context show\n  sluice context show --context prod")]
struct Show {
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    running: Running,
}

/// Names one more
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  sluice context add prod --server https://gateway.example.com --token-file ~/.sluice-prod"
)]
struct Add {
    /// What it is called
    #[arg(value_parser = name)]
    name: String,
    /// Its admin address, such as 127.0.0.1:9901, unix:/run/sluice/admin.sock or https://gateway.example.com
    #[arg(long, value_name = "ADDRESS")]
    server: String,
    /// The file with the token, which nobody else may read
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Whose certificate to trust at an address with https, in PEM [default: whom the system trusts]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

// === impl Context ===

impl Context {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.order {
            Order::List(order) => order.run(),
            Order::Use(order) => order.run(),
            Order::Show(order) => order.run(),
            Order::Add(order) => order.run(),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    fn run(self) -> Result<(), Failure> {
        let contexts = Contexts::read()?;
        let mut table = Table::new(&["CURRENT", "NAME", "SERVER", "TOKEN FILE"]);
        let is_current = |name: &str| contexts.current() == Some(name);
        for Named { name, server, token_file, .. } in contexts.iter() {
            let current = if is_current(&name) { "*".to_owned() } else { String::new() };
            let file = token_file.map(|file| file.display().to_string()).unwrap_or_default();
            table.row([current, name, server, file]);
        }
        if table.is_empty() && self.form.is_for_people() {
            eprintln!("there are no contexts in {}; `sluice context add` makes one", contexts.path().display());
        }
        let told = |context: Named| json!({ "is_current": is_current(&context.name), "context": context });
        let told = json!({ "contexts": contexts.iter().map(told).collect::<Vec<_>>() });
        self.form.tell(&told, || table.to_string())
    }
}

impl Use {
    fn run(self) -> Result<(), Failure> {
        let mut contexts = Contexts::read()?;
        contexts.choose(&self.name)?;
        contexts.save()?;
        let server = contexts.get(&self.name)?.server;
        output::print(format!("commands ask {server} from now on\n").as_bytes())
    }
}

impl Show {
    fn run(self) -> Result<(), Failure> {
        let place = self.running.place()?;
        let (because, token) = (place.because.to_string(), place.shown.to_string());
        let told: Value = json!({ "server": place.server, "because": because, "token": token });
        self.form.tell(&told, || format!("server  {}\nsays    {because}\ntoken   {token}\n", place.server))
    }
}

impl Add {
    fn run(self) -> Result<(), Failure> {
        let Self { name, server, token_file, ca } = self;
        let mut contexts = Contexts::read()?;
        // Whoever reads the file is somewhere else.
        let absolute = |path: Option<PathBuf>| path.map(|path| std::path::absolute(&path).unwrap_or(path));
        let (token_file, ca) = (absolute(token_file), absolute(ca));
        contexts.add(Named { name: name.clone(), server, token_file, ca })?;
        contexts.save()?;
        let current = if contexts.current() == Some(&*name) { ", and is the one that commands ask" } else { "" };
        output::print(format!("the context `{name}` stands in {}{current}\n", contexts.path().display()).as_bytes())
    }
}

fn name(text: &str) -> Result<String, String> {
    Name::from_text(text).map(|Name(name)| name.to_string())
}
