//! `sluice operator`

use std::{
    fmt::{self, Write},
    process::ExitCode,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::{Args, Subcommand, ValueEnum};
use model::{
    FromText,
    values::{DateOrTime, Name, SecretHash},
};
use serde::Serialize;
use snapshot::Role;

use crate::{admin_token, failure::Failure, output};

/// Makes tokens for people and programs that may ask a gateway
///
/// A document holds the hash of a token only, so that whoever reads it cannot show one; the token itself is printed once.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice operator new ci --role operator --not-after 2027-01-01")]
pub(crate) struct Operator {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(New),
}

/// Makes a token, and prints it with what stands for it in a document
///
/// Asks no gateway: the operator is one once the document below `operators` says so. What is for the document goes to standard output,
/// the token to standard error.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice operator new ci --role operator\n  \
                        sluice operator new grafana --role viewer --not-after 2027-01-01 >> operators.yaml")]
struct New {
    /// What the audit log calls them
    #[arg(value_parser = name)]
    name: String,
    /// What they may do: read; change everything but operators; change those too
    #[arg(long, value_enum)]
    role: WrittenRole,
    /// From when on the token is worth nothing: a day or a moment in UTC, such as 2027-01-01 or 2027-01-01T08:00:00Z
    #[arg(long, value_name = "DATE", value_parser = date)]
    not_after: Option<String>,
    /// Print the token too to standard output, all as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum WrittenRole {
    Viewer,
    Operator,
    Admin,
}

/// A token that was made.
#[derive(Serialize)]
struct Made {
    token: String,
    /// As documents have it.
    operator: Written,
}

#[derive(Serialize)]
struct Written {
    name: String,
    role: Role,
    token: WrittenToken,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
}

#[derive(Serialize)]
struct WrittenToken {
    hash: String,
}

/// By which people, and scanners of repositories, know what leaked.
const PREFIX: &str = "slo_";

// === impl Operator ===

impl Operator {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::New(new) => new.run(),
        }
    }
}

// === impl New ===

impl New {
    fn run(self) -> Result<ExitCode, Failure> {
        let Self { name, role, not_after, json } = self;
        let secret = admin_token::secret().map_err(|error| Failure::Other(format!("cannot make a token: {error}")))?;
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
        let hash = SecretHash(*blake3::hash(token.as_bytes()).as_bytes()).to_string();
        let operator = Written { name, role: role.into(), token: WrittenToken { hash }, not_after };
        let made = Made { token, operator };
        if !json {
            eprintln!(
                "The token of {}, which is shown this once and kept nowhere:\n{}",
                made.operator.name, made.token
            );
        }
        output::tell(&made, json)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl fmt::Display for Made {
    /// An item of the list `operators`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Written { name, role, token, not_after } = &self.operator;
        let not_after = not_after.iter().fold(String::new(), |mut text, not_after| {
            _ = write!(text, ", not_after: \"{not_after}\"");
            text
        });
        // A name has neither quotes nor backslashes.
        let (role, hash) = (role.name(), &token.hash);
        writeln!(f, "  - {{ name: \"{name}\", role: {role}, token: {{ hash: \"{hash}\" }}{not_after} }}")
    }
}

impl From<WrittenRole> for Role {
    fn from(written: WrittenRole) -> Self {
        match written {
            WrittenRole::Viewer => Self::Viewer,
            WrittenRole::Operator => Self::Operator,
            WrittenRole::Admin => Self::Admin,
        }
    }
}

fn name(text: &str) -> Result<String, String> {
    match text {
        "admin" => Err("`admin` is whoever has the admin token; call them by the name of who they are".to_owned()),
        text => Name::from_text(text).map(|Name(name)| name.to_string()),
    }
}

fn date(text: &str) -> Result<String, String> {
    DateOrTime::from_text(text).map(|_| text.to_owned())
}
