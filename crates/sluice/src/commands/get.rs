//! `sluice get`

use std::process::ExitCode;

use clap::Args;

use crate::{
    client::{
        Form, Running, block_on,
        kind::{Kind, Which},
    },
    failure::Failure,
};

/// Shows what a running gateway has, a line each
///
/// With `-o yaml` or `-o json`, objects of the document are printed as documents have them: what is changed in there is
/// what `sluice apply` takes. Secrets are not told; `<redacted>` stands for them, and means them when it is applied.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice get routes\n  sluice get routes --search example.org --owner api\n  \
                              sluice get upstream users -o yaml > users.yaml\n  sluice get endpoints users")]
pub(crate) struct Get {
    /// What is asked for
    #[arg(value_enum)]
    kind: Kind,
    /// Which; of endpoints, whose, an upstream's; of keys, a consumer's
    name: Option<String>,
    /// Only objects of the document that say this in some key or value, in whichever case
    #[arg(long, value_name = "TEXT", conflicts_with = "name")]
    search: Option<String>,
    /// Only objects of the document that this one changes
    #[arg(long, value_parser = ["api", "file", "catalog"], conflicts_with = "name")]
    owner: Option<String>,
    /// At most so many [default: all; of requests and of the audit log the newest hundred]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    running: Running,
}

// === impl Get ===

impl Get {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Self { kind, name, search, owner, limit, form, running } = self;
        if kind.list().is_none() && (search.is_some() || owner.is_some()) {
            let what = format!("--search and --owner are for objects of the document; {} are none", kind.name());
            return Err(Failure::Usage(what));
        }
        if name.is_some() && matches!(kind, Kind::Requests | Kind::Revisions | Kind::Audit) {
            let instead = match kind {
                Kind::Requests => "; `sluice trace` tells of one",
                Kind::Revisions => "; `sluice history` tells of one",
                _ => "",
            };
            return Err(Failure::Usage(format!("{} have no names{instead}", kind.name())));
        }
        let which = Which { name: name.as_deref(), text: search.as_deref(), owner: owner.as_deref(), most: limit };
        let remote = running.find()?;
        let found = block_on(kind.find(&remote, &which))?;
        if found.is_empty() && form.is_for_people() {
            match kind {
                Kind::Audit => eprintln!("the audit log is empty"),
                kind => eprintln!("there are no {}", kind.name()),
            }
        }
        let table = kind.table(&found);
        form.tell(&kind.document(found), || table.to_string())?;
        Ok(ExitCode::SUCCESS)
    }
}
