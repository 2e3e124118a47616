//! The admin token: from the environment, or kept in the state directory.

use std::{
    cell::{Cell, OnceCell},
    env, fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use clap::Args;
use message::Token;
pub(crate) use message::secret;

/// Where what must outlive a restart is kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct State {
    /// The folder for what must outlive a restart; made when there is something to keep [default: .sluice]
    #[arg(long = "state", value_name = "DIR", env = "SLUICE_STATE", hide_env_values = true)]
    folder: Option<PathBuf>,
}

/// A token that this start made. Unless it is shown, the file goes again, so that the next start makes one and shows it.
pub(crate) struct Made {
    file: PathBuf,
    token: Token,
    shown: Cell<bool>,
}

/// Unless somebody names another one.
const FOLDER: &str = ".sluice";

/// Says the token instead of the file.
pub(crate) const VARIABLE: &str = "SLUICE_ADMIN_TOKEN";

/// Of the file in the state directory.
const FILE: &str = "admin-token";

// === impl State ===

impl State {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder: Some(folder) }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_deref().unwrap_or(Path::new(FOLDER))
    }

    /// Whether somebody named it.
    pub(crate) fn is_named(&self) -> bool {
        self.folder.is_some()
    }

    /// The token of a gateway that starts. The first start makes one and keeps it, and then somebody must show what was
    /// `made`.
    pub(crate) fn token(&self, made: &OnceCell<Made>) -> io::Result<Token> {
        if let Some(given) = given()? {
            return Ok(given);
        }
        let file = self.folder().join(FILE);
        if let Some(kept) = read(&file)? {
            return Ok(kept);
        }
        let token = make()?;
        if !self.keep(&token, &file).map_err(|error| unkept(self.folder(), &error))? {
            // Another gateway with this folder was faster.
            return read(&file)?.ok_or_else(|| refused(&file, "was there, and is gone"));
        }
        _ = made.set(Made { file, token: token.clone(), shown: Cell::new(false) });
        Ok(token)
    }

    /// The token that a gateway that runs has kept.
    pub(crate) fn kept_token(&self) -> io::Result<Token> {
        let file = self.folder().join(FILE);
        let hint = format!("name the gateway's state directory with --state, or set {VARIABLE}");
        read(&file)?.ok_or_else(|| refused(&file, &format!("is not there; {hint}")))
    }

    /// Whether it is kept; not if there is a file already, which stays. The file is there whole or not at all.
    fn keep(&self, token: &Token, file: &Path) -> io::Result<bool> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(self.folder())?;
        let beside = self.folder().join(format!("{FILE}.{}.new", std::process::id()));
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut new| writeln!(new, "{}", token.reveal()))
            .and_then(|()| fs::hard_link(&beside, file));
        _ = fs::remove_file(&beside);
        match written {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }
}

// === impl Made ===

impl Made {
    /// Says it on the terminal, where the operator is who starts the gateway for the first time.
    pub(crate) fn show(&self) {
        self.shown.set(true);
        let Self { file, token, .. } = self;
        eprintln!("The admin token, which is shown this once and kept in {}:\n{}", file.display(), token.reveal());
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if !self.shown.get() {
            // If it stays, it can still be read there.
            _ = fs::remove_file(&self.file);
        }
    }
}

/// What the environment says.
pub(crate) fn given() -> io::Result<Option<Token>> {
    let Some(given) = env::var_os(VARIABLE) else { return Ok(None) };
    let token = given.to_str().and_then(Token::new);
    let bad =
        || io::Error::other(format!("{VARIABLE} is no token: it must be visible ASCII without spaces, and not empty"));
    token.ok_or_else(bad).map(Some)
}

/// The token that somebody keeps in a file.
pub(crate) fn in_file(file: &Path) -> io::Result<Token> {
    read(file)?.ok_or_else(|| refused(file, "is not there"))
}

/// What a file holds; `None` if it is not there. One that others may read is no secret.
fn read(file: &Path) -> io::Result<Option<Token>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(file, &format!("cannot be read: {error}"))),
    };
    let mode = fs::metadata(file).map_err(|error| refused(file, &error.to_string()))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(refused(file, &format!("can be read by others (mode {mode:o}); `chmod 600 {}`", file.display())));
    }
    let why = "holds no token; take it away, and the next start makes a new one";
    Token::new(text.trim()).map(Some).ok_or_else(|| refused(file, why))
}

/// A secret as hexadecimal digits.
fn make() -> io::Result<Token> {
    let secret = secret()?;
    let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    Token::new(&text).ok_or_else(|| io::Error::other("the operating system gives no randomness"))
}

fn refused(file: &Path, why: &str) -> io::Error {
    io::Error::other(format!("the admin token {} {why}", file.display()))
}

fn unkept(folder: &Path, error: &io::Error) -> io::Error {
    let hint = format!("name another folder with --state, or set {VARIABLE}");
    io::Error::new(error.kind(), format!("cannot keep the admin token in {}: {error}; {hint}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_token_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().join("a/state"));
        assert!(state.kept_token().unwrap_err().to_string().contains("is not there"));
        let cell = OnceCell::new();
        let made = state.token(&cell).unwrap();
        assert_eq!(made.reveal().len(), 64);
        cell.get().unwrap().show();
        let again = OnceCell::new();
        assert_eq!((state.token(&again).unwrap(), state.kept_token().unwrap()), (made.clone(), made));
        assert!(again.get().is_none());
        assert_eq!((mode(state.folder()), mode(&state.folder().join(FILE))), (0o700, 0o600));
        assert_eq!(fs::read_dir(state.folder()).unwrap().count(), 1);
        let other = State::new(folder.path().join("b"));
        assert_ne!(other.token(&OnceCell::new()).unwrap(), state.kept_token().unwrap());
        assert!(other.kept_token().is_err(), "one that nobody saw");
    }

    #[test]
    fn the_one_that_was_faster_wins() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().to_owned());
        let file = folder.path().join(FILE);
        assert!(state.keep(&Token::new("first").unwrap(), &file).unwrap());
        assert!(!state.keep(&Token::new("second").unwrap(), &file).unwrap());
        assert_eq!(state.token(&OnceCell::new()).unwrap().reveal(), "first");
    }

    #[test]
    fn a_file_that_is_no_secret_or_no_token_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (state, file) = (State::new(folder.path().to_owned()), folder.path().join(FILE));
        let refused = |text: &str, mode, expected: &str| {
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let error = state.token(&OnceCell::new()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("the admin token {} ", file.display())), "{error}");
            assert!(error.contains(expected), "{error}");
        };
        refused("abc", 0o640, "can be read by others (mode 640); `chmod 600");
        refused("\n", 0o600, "holds no token");
        refused("a b", 0o600, "holds no token");
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(state.token(&OnceCell::new()).unwrap_err().to_string().contains("cannot be read"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().join("file/state"));
        fs::write(folder.path().join("file"), "").unwrap();
        let error = state.token(&OnceCell::new()).unwrap_err().to_string();
        assert!(error.contains("cannot be read") || error.contains("name another folder with --state"), "{error}");
    }
}
