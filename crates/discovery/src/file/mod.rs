//! Files that others write.

/// What such a file says.
mod read;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{
    sync::Notify,
    task::spawn_blocking,
    time::{sleep, timeout},
};
use upstream::discovery::{Answer, Failure, FailureKind, Hear, Watch};

/// After a change, another may follow at once: a file that is written in pieces.
const SETTLE: Duration = Duration::from_millis(20);

/// How often the file is read though nobody told that it changed: over a network, nobody does.
const AT_LEAST_EVERY: Duration = Duration::from_secs(5);

pub(crate) fn watch(path: &Path, hear: Arc<dyn Hear>) -> Watch {
    Box::pin(follow(path.to_owned(), hear))
}

async fn follow(path: PathBuf, hear: Arc<dyn Hear>) {
    // Before the file is read, so that no change is missed.
    let changed = Arc::new(Notify::new());
    let mut watcher = None;
    let mut last = None;
    loop {
        // The folder may not have been there yet.
        watcher = watcher.or_else(|| watch_folder(&path, changed.clone()));
        let file = path.clone();
        let read =
            spawn_blocking(move || fs::read_to_string(file)).await.unwrap_or_else(|panic| Err(io::Error::other(panic)));
        match read {
            Ok(text) if last.as_ref() == Some(&text) => {}
            Ok(text) => match parse(&path, &text) {
                Ok(answer) => {
                    hear.answered(answer);
                    last = Some(text);
                }
                Err(failure) => {
                    hear.failed(failure);
                    last = None;
                }
            },
            Err(error) => {
                hear.failed(Failure::new(kind(&error), format!("{}: {error}", path.display())));
                last = None;
            }
        }
        if timeout(AT_LEAST_EVERY, changed.notified()).await.is_ok() {
            sleep(SETTLE).await;
        }
    }
}

fn parse(path: &Path, text: &str) -> Result<Answer, Failure> {
    read::read(&path.display().to_string(), text).map_err(|why| Failure::new(FailureKind::Malformed, why))
}

fn kind(error: &io::Error) -> FailureKind {
    match error.kind() {
        io::ErrorKind::PermissionDenied => FailureKind::Denied,
        io::ErrorKind::InvalidData => FailureKind::Malformed,
        _ => FailureKind::Unreachable,
    }
}

/// Watches the folder rather than the file, because files are replaced. `None`: it is read every now and then anyway.
fn watch_folder(path: &Path, changed: Arc<Notify>) -> Option<RecommendedWatcher> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let watcher = notify::recommended_watcher(move |_event| changed.notify_one());
    let watched = watcher.and_then(|mut watcher| {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    watched.map_err(|error| tracing::debug!(folder = %folder.display(), %error, "cannot watch the folder")).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Keeps what it hears.
    #[derive(Default)]
    struct Heard {
        news: Mutex<Vec<Result<Answer, Failure>>>,
        more: Notify,
    }

    impl Hear for Heard {
        fn answered(&self, answer: Answer) {
            self.news.lock().unwrap().push(Ok(answer));
            self.more.notify_one();
        }

        fn failed(&self, failure: Failure) {
            self.news.lock().unwrap().push(Err(failure));
            self.more.notify_one();
        }
    }

    impl Heard {
        async fn until(&self, is_it: impl Fn(&Result<Answer, Failure>) -> bool) {
            const PATIENCE: Duration = Duration::from_secs(30);
            let waited = timeout(PATIENCE, async {
                while !self.news.lock().unwrap().last().is_some_and(&is_it) {
                    self.more.notified().await;
                }
            });
            assert!(waited.await.is_ok(), "{:?}", self.news.lock().unwrap());
        }
    }

    fn has(number: usize) -> impl Fn(&Result<Answer, Failure>) -> bool {
        move |news| news.as_ref().is_ok_and(|answer| answer.instances.len() == number)
    }

    #[tokio::test]
    async fn a_file_is_followed_whatever_happens_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orders.json");
        let heard = Arc::new(Heard::default());
        let watch = tokio::spawn(watch(&path, heard.clone()));
        heard.until(|news| matches!(news, Err(Failure { kind: FailureKind::Unreachable, .. }))).await;
        fs::write(&path, r#"[{"address": "10.0.0.1:80"}]"#).unwrap();
        heard.until(has(1)).await;
        // As Kubernetes and careful people do it.
        let beside = folder.path().join("beside");
        fs::write(&beside, r#"["10.0.0.1:80", "10.0.0.2:80"]"#).unwrap();
        fs::rename(&beside, &path).unwrap();
        heard.until(has(2)).await;
        fs::write(&path, "[").unwrap();
        heard.until(|news| matches!(news, Err(Failure { kind: FailureKind::Malformed, .. }))).await;
        fs::write(&path, "[]").unwrap();
        heard.until(has(0)).await;
        fs::remove_file(&path).unwrap();
        heard.until(Result::is_err).await;
        watch.abort();
    }
}
