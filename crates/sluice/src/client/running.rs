use std::{
    env, fmt, io,
    path::{Path, PathBuf},
};

use clap::Args;
use message::Token;

use super::{
    Remote,
    contexts::{Context, Contexts},
};
use crate::{
    admin_token::{self, State},
    failure::Failure,
};

/// Which gateway is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which gateway")]
pub(crate) struct Running {
    /// Its admin address, such as 127.0.0.1:9901, unix:/run/sluice/admin.sock or https://gateway.example.com [env:
    /// SLUICE_SERVER] [default: that of the current context, or 127.0.0.1:9901]
    #[arg(long, visible_alias = "admin", value_name = "ADDRESS")]
    server: Option<String>,
    /// One that `sluice context list` shows [env: SLUICE_CONTEXT] [default: the current one]
    #[arg(long, value_name = "NAME", conflicts_with = "server")]
    context: Option<String>,
    /// The file with the token [default: that of the context, or SLUICE_ADMIN_TOKEN, or the one in the state directory]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Whose certificate to trust at an address with https, in PEM [default: that of the context, or whom the system trusts]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    #[command(flatten)]
    state: State,
}

/// Where a gateway is, and what shows that one may ask it.
#[derive(Debug)]
pub(crate) struct Where {
    pub(crate) server: String,
    pub(crate) because: Because,
    pub(super) ca: Option<PathBuf>,
    pub(super) token: Token,
    pub(crate) shown: Shown,
}

/// Who says which gateway it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Because {
    Option,
    Variable,
    Context(String),
    Default,
}

/// Where a token is from. It is never printed itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    File(PathBuf),
    Variable,
    State(PathBuf),
}

/// Where commands look if nobody says.
const DEFAULT: &str = "127.0.0.1:9901";

const SERVER: &str = "SLUICE_SERVER";
const CONTEXT: &str = "SLUICE_CONTEXT";

// === impl Running ===

impl Running {
    /// Its state directory.
    pub(crate) fn folder(&self) -> &Path {
        self.state.folder()
    }

    /// Whether the command line says which.
    pub(crate) fn is_named(&self) -> bool {
        self.server.is_some() || self.context.is_some()
    }

    pub(crate) fn find(&self) -> Result<Remote, Failure> {
        Remote::new(self.place()?)
    }

    pub(crate) fn place(&self) -> Result<Where, Failure> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let (context, because) = self.chosen(&variable, Contexts::read)?;
        let Context { server, token_file, ca, .. } = context;
        let (token, shown) = self.token(token_file).map_err(|error| Failure::Other(error.to_string()))?;
        Ok(Where { server, because, ca: self.ca.clone().or(ca), token, shown })
    }

    /// What is said nearest to the command counts: its options, then the environment, then the contexts.
    fn chosen(
        &self,
        variable: &dyn Fn(&str) -> Option<String>,
        contexts: impl Fn() -> Result<Contexts, Failure>,
    ) -> Result<(Context, Because), Failure> {
        let named = |name: &str| Ok((contexts()?.get(name)?, Because::Context(name.to_owned())));
        match (&self.server, &self.context) {
            (Some(server), _) => return Ok((Context::at(server), Because::Option)),
            (None, Some(name)) => return named(name),
            (None, None) => {}
        }
        if let Some(server) = variable(SERVER) {
            return Ok((Context::at(&server), Because::Variable));
        }
        if let Some(name) = variable(CONTEXT) {
            return named(&name);
        }
        match contexts()?.current() {
            Some(name) => named(name),
            None => Ok((Context::at(DEFAULT), Because::Default)),
        }
    }

    /// The token of a context is for its gateway, so it goes before those that are just around.
    fn token(&self, of_context: Option<PathBuf>) -> io::Result<(Token, Shown)> {
        if let Some(file) = self.token_file.clone().or(of_context) {
            return Ok((admin_token::in_file(&file)?, Shown::File(file)));
        }
        match admin_token::given()? {
            Some(token) => Ok((token, Shown::Variable)),
            None => Ok((self.state.kept_token()?, Shown::State(self.state.folder().to_owned()))),
        }
    }
}

// === impl Because ===

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option => f.write_str("the command line"),
            Self::Variable => f.write_str(SERVER),
            Self::Context(name) => write!(f, "the context `{name}`"),
            Self::Default => f.write_str("nobody says otherwise"),
        }
    }
}

// === impl Shown ===

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "the one in {}", file.display()),
            Self::Variable => write!(f, "that of {}", admin_token::VARIABLE),
            Self::State(folder) => write!(f, "the one in the state directory {}", folder.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(server: Option<&str>, context: Option<&str>) -> Running {
        Running {
            server: server.map(str::to_owned),
            context: context.map(str::to_owned),
            token_file: None,
            ca: None,
            state: State::new("/nowhere".into()),
        }
    }

    /// Without a current one there are none at all: the first is the current one.
    fn contexts(current: Option<&str>) -> Contexts {
        let mut contexts = Contexts::at("contexts.yaml".into());
        let Some(current) = current else { return contexts };
        for name in ["prod", "test"] {
            contexts.add(Context { name: name.to_owned(), ..Context::at(&format!("{name}:80")) }).unwrap();
        }
        contexts.choose(current).unwrap();
        contexts
    }

    #[test]
    fn what_is_said_nearest_counts() {
        let of = |name: &str| Because::Context(name.to_owned());
        for (options, variables, current, server, because) in [
            ((Some("a:80"), None), (Some("b:80"), Some("test")), Some("prod"), "a:80", Because::Option),
            ((None, Some("test")), (Some("b:80"), None), Some("prod"), "test:80", of("test")),
            ((None, None), (Some("b:80"), Some("test")), Some("prod"), "b:80", Because::Variable),
            ((None, None), (None, Some("test")), Some("prod"), "test:80", of("test")),
            ((None, None), (None, None), Some("prod"), "prod:80", of("prod")),
            ((None, None), (None, None), None, DEFAULT, Because::Default),
        ] {
            let variable = |name: &str| match name {
                SERVER => variables.0.map(str::to_owned),
                _ => variables.1.map(str::to_owned),
            };
            let chosen = running(options.0, options.1).chosen(&variable, || Ok(contexts(current))).unwrap();
            assert_eq!((&*chosen.0.server, chosen.1), (server, because));
        }
    }

    #[test]
    fn a_context_that_is_not_there_is_no_reason_to_ask_another_gateway() {
        let error =
            running(None, Some("pord")).chosen(&|_| None, || Ok(contexts(Some("test")))).unwrap_err().to_string();
        assert!(error.contains("there is no context `pord`; there are prod, test; did you mean `prod`?"), "{error}");
    }
}
