//! `sluice key`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value};

use crate::{
    client::{
        Form, Path, Remote, Running, block_on, confirm,
        kind::{Kind, Which},
        plain,
    },
    failure::Failure,
};

/// Makes, lists and takes away the keys of consumers, on a running gateway
///
/// A key is printed once, when it is made: on standard output, and nothing else there. The gateway keeps its hash only.
#[derive(Debug, Args)]
#[command(
    before_long_help = "Example:\n  sluice key create alice --id ci --not-after 2027-01-01\n  sluice key list alice\n  \
                              sluice key rotate alice --overlap 24h\n  sluice key revoke alice ci"
)]
pub(crate) struct Key {
    #[command(subcommand)]
    order: Order,
}

#[derive(Debug, Subcommand)]
enum Order {
    Create(Create),
    List(List),
    Rotate(Rotate),
    Revoke(Revoke),
}

/// Makes one more key, and prints it
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  KEY=$(sluice key create alice --id ci)")]
struct Create {
    /// Whose
    consumer: String,
    /// What it is called by [default: the first digits of its hash]
    #[arg(long)]
    id: Option<String>,
    /// From when on it is worth nothing: a day or a moment in UTC
    #[arg(long, value_name = "DATE")]
    not_after: Option<String>,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    running: Running,
}

/// Shows the keys of a consumer, without the keys themselves
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice key list alice")]
struct List {
    /// Whose
    consumer: String,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    running: Running,
}

/// Makes a new key in place of all others, which hold a while longer, and prints it
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice key rotate alice --overlap 24h")]
struct Rotate {
    /// Whose
    consumer: String,
    /// How long the others hold still [default: 1d]
    #[arg(long, value_name = "DURATION")]
    overlap: Option<String>,
    /// From when on the new one is worth nothing: a day or a moment in UTC
    #[arg(long, value_name = "DATE")]
    not_after: Option<String>,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    running: Running,
}

/// Takes a key away: from the next request on, it is worth nothing
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice key revoke alice ci")]
struct Revoke {
    /// Whose
    consumer: String,
    /// What `sluice key list` calls it
    id: String,
    /// Ask nobody before. Nobody is asked either if there is no terminal
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    running: Running,
}

// === impl Key ===

impl Key {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.order {
            Order::Create(order) => order.run(),
            Order::List(order) => order.run(),
            Order::Rotate(order) => order.run(),
            Order::Revoke(order) => order.run(),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Create {
    fn run(self) -> Result<(), Failure> {
        let Self { consumer, id, not_after, form, running } = self;
        let path = Path::new(&["consumers", &consumer, "keys"]);
        let order = [("id", id), ("not_after", not_after)];
        tell(&block_on(make(&running.find()?, &path, order))?, &consumer, &form)
    }
}

impl List {
    fn run(self) -> Result<(), Failure> {
        let Self { consumer, form, running } = self;
        let remote = running.find()?;
        let keys = block_on(Kind::Keys.find(&remote, &Which { name: Some(&consumer), ..Which::default() }))?;
        if keys.is_empty() && form.is_for_people() {
            eprintln!("{consumer} has no keys");
        }
        let table = Kind::Keys.table(&keys);
        form.tell(&Kind::Keys.document(keys), || table.to_string())
    }
}

impl Rotate {
    fn run(self) -> Result<(), Failure> {
        let Self { consumer, overlap, not_after, form, running } = self;
        let path = Path::new(&["consumers", &consumer, "rotate"]);
        let order = [("overlap", overlap), ("not_after", not_after)];
        tell(&block_on(make(&running.find()?, &path, order))?, &consumer, &form)
    }
}

impl Revoke {
    fn run(self) -> Result<(), Failure> {
        let Self { consumer, id, yes, form, running } = self;
        let remote = running.find()?;
        if !yes {
            confirm(&format!("Revoke the key `{id}` of {consumer}?"))?;
        }
        let path = Path::new(&["consumers", &consumer, "keys", &id]);
        let told: Value = block_on(remote.send(Method::DELETE, &path, ""))?;
        let number = &told["revision"]["number"];
        form.tell(&told, || format!("the key `{id}` of {consumer} is worth nothing any more (revision {number})\n"))
    }
}

/// Has a key made, as an order says.
async fn make(remote: &Remote, path: &Path, order: [(&str, Option<String>); 2]) -> Result<Value, Failure> {
    let said = order.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
    let order = Value::Object(said.collect::<Map<_, _>>());
    remote.send(Method::POST, path, order.to_string()).await
}

/// Prints a key, this once.
fn tell(made: &Value, consumer: &str, form: &Form) -> Result<(), Failure> {
    if form.is_for_people() {
        let id = plain(made["id"].as_str().unwrap_or_default());
        eprintln!("The key `{id}` of {consumer}, which is shown this once and kept nowhere:");
    }
    form.tell(made, || format!("{}\n", made["key"].as_str().unwrap_or_default()))
}
