//! All of it as one store.

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use etcd::{LeasedKey, Members, Prefix};
use fetch::Backoff;
use revisions::{CommitError, Draft, Meta, Revision, Store};
use telemetry::{Expose, Exposition, names};
use tokio::{
    runtime::Handle,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use crate::{
    Node,
    heard::{Ear, Heard},
    last_good,
    layout::Layout,
    loader::{self, Have, Shared},
    node,
};

/// Revisions in etcd, shared by all gateways with the same prefix.
pub struct Cluster {
    shared: Arc<Shared>,
    /// More revisions are forgotten, the oldest first.
    most: u64,
    runtime: Handle,
    in_force: watch::Sender<Option<Arc<Revision>>>,
    /// What was written to the file in the state directory.
    written: watch::Sender<Option<Arc<Revision>>>,
    /// As the file in the state directory had it at the start.
    last_good: Option<Arc<Revision>>,
    /// What tells it from other nodes.
    instance: String,
    /// `None`: it has left.
    told: Mutex<Option<watch::Sender<Option<Node>>>>,
    registered: Mutex<Option<JoinHandle<()>>>,
    /// End with the store.
    _tasks: JoinSet<()>,
}

/// Why nothing can be begun with.
#[derive(Debug)]
pub enum OpenError {
    /// The state directory cannot be used.
    File(revisions::OpenError),
    /// etcd does not answer, and never did for this state directory: there is no last good revision.
    Away(String),
}

/// How long etcd may take to answer if there is a last good revision: it should serve within a second.
const PATIENCE: Duration = Duration::from_millis(600);
/// The same without one: there is nothing to be served.
const LONG_PATIENCE: Duration = Duration::from_secs(10);
/// How long the disk may take for what is in force when it is time to leave.
const WRITING: Duration = Duration::from_secs(5);

// === impl Cluster ===

impl Cluster {
    /// Asks etcd for the newest revision; if it does not answer, begins with the one in the state directory. `most` revisions
    /// are kept in etcd, at least one. Needs a runtime, and keeps tasks on it.
    ///
    /// # Errors
    /// There is nothing to begin with.
    pub async fn open(home: &model::EtcdHome, state: &Path, most: u64) -> Result<Self, OpenError> {
        let (file, last_good) = last_good::open(state, &home.prefix).map_err(OpenError::File)?;
        let layout = Layout::new(home.prefix.clone());
        let members = Members::new(home.etcd.clone());
        let patience = if last_good.is_some() { PATIENCE } else { LONG_PATIENCE };
        let number = last_good.as_ref().map_or(0, |revision| revision.meta.number);
        let shared = Arc::new(Shared {
            members: members.clone(),
            layout: layout.clone(),
            heard: watch::Sender::new(Heard::default()),
            have: watch::Sender::new(Have { revision: last_good.clone(), ..Have::default() }),
            changed: watch::Sender::new(number),
            written: Mutex::default(),
        });
        let instance = uuid::Uuid::new_v4().simple().to_string();
        let (in_force, written) = (watch::Sender::new(None), watch::Sender::new(last_good.clone()));
        let told = watch::Sender::new(None);
        let mut tasks = JoinSet::new();
        tasks.spawn(last_good::keep(file, in_force.subscribe(), written.clone()));
        tasks.spawn(loader::load(shared.clone()));
        let prefix = Prefix::between(members.clone(), layout.watched(), Backoff::by_chance());
        let mut ear = Ear { layout: layout.clone(), heard: shared.heard.clone() };
        tasks.spawn(async move { match prefix.follow(&mut ear).await {} });
        let key = LeasedKey::new(members, layout.node(&instance), node::TTL);
        let registered = Mutex::new(Some(tokio::spawn(node::keep(key, told.subscribe()))));
        let told = Mutex::new(Some(told));
        let runtime = Handle::current();
        let most = most.max(1);
        let cluster =
            Self { shared, most, runtime, in_force, written, last_good, instance, told, registered, _tasks: tasks };
        cluster.is_settled(patience).await?;
        Ok(cluster)
    }

    async fn is_settled(&self, patience: Duration) -> Result<(), OpenError> {
        let (mut have, mut heard) = (self.shared.have.subscribe(), self.shared.heard.subscribe());
        let has_last_good = have.borrow().revision.is_some();
        let is_settled = tokio::select! {
            settled = timeout(patience, have.wait_for(|have| have.is_settled)) => settled.is_ok(),
            // No member takes a question: nothing is won by waiting, unless there is nothing else.
            _ = heard.wait_for(|heard| heard.failure.is_some()), if has_last_good => false,
        };
        if is_settled || has_last_good {
            return Ok(());
        }
        let failure = self.shared.heard.borrow().failure.clone();
        Err(OpenError::Away(
            failure.map_or_else(|| format!("no answer within {patience:?}"), |failure| failure.to_string()),
        ))
    }

    /// What is told to others of this node; the first time registers it.
    pub fn tell(&self, node: Node) {
        if let Some(told) = &*self.told.lock().unwrap_or_else(PoisonError::into_inner) {
            told.send_if_modified(|before| {
                let is_new = before.as_ref() != Some(&node);
                *before = Some(node);
                is_new
            });
        }
    }

    /// Takes this node out of the list, and sees to it that the next start finds what is in force: a few seconds at most,
    /// whatever etcd says.
    pub async fn leave(&self) {
        let mut written = self.written.subscribe();
        let is_written = written.wait_for(|written| *written == *self.in_force.borrow());
        // If it is late, the next start begins with the one of before.
        if self.in_force.borrow().is_some() {
            _ = timeout(WRITING, is_written).await;
        }
        drop(self.told.lock().unwrap_or_else(PoisonError::into_inner).take());
        let registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(registered) = registered {
            // It does not panic, and nobody else ends it.
            _ = registered.await;
        }
    }

    /// The nodes that there are, by instance, as far as etcd was heard of.
    pub fn nodes(&self) -> Vec<(String, Node)> {
        self.shared.heard.borrow().nodes()
    }

    /// What tells this node from others.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The number of the newest revision in etcd, here or not; 0 without one.
    pub fn newest(&self) -> u64 {
        self.shared.heard.borrow().latest()
    }

    async fn keep(&self, seen: u64, draft: Draft) -> Result<Arc<Revision>, CommitError> {
        let number = seen + 1;
        let revision = Arc::new(draft.numbered(number));
        self.shared.commit(seen, &revision).await?;
        let (shared, most) = (self.shared.clone(), self.most);
        tokio::spawn(async move {
            if let Err(error) = shared.tidy(number, most).await {
                tracing::debug!(failure = %error.failure, "old revisions stay in etcd until the next one is kept");
            }
        });
        Ok(revision)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A node that is not told to leave is left to its lease.
        if let Some(registered) = self.registered.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            registered.abort();
        }
    }
}

impl Store for Cluster {
    fn latest(&self) -> Result<Option<Arc<Revision>>, String> {
        Ok(self.shared.have.borrow().revision.clone())
    }

    fn get(&self, number: u64) -> Result<Option<Arc<Revision>>, String> {
        if let Some(revision) = &self.shared.have.borrow().revision
            && revision.meta.number == number
        {
            return Ok(Some(revision.clone()));
        }
        let stored = self.shared.read()?.meta(number).cloned();
        match stored {
            None => Ok(None),
            Some(stored) => {
                let fetched = self.runtime.block_on(self.shared.fetch(&stored?));
                fetched.map_err(|error| error.failure.to_string())?.map(Some)
            }
        }
    }

    fn list(&self, before: Option<u64>, most: usize) -> Result<Vec<Meta>, String> {
        Ok(self.shared.read()?.metas(before, most))
    }

    fn commit(&self, seen: u64, draft: Draft) -> Result<Arc<Revision>, CommitError> {
        self.runtime.block_on(self.keep(seen, draft))
    }

    fn changed(&self) -> Option<watch::Receiver<u64>> {
        Some(self.shared.changed.subscribe())
    }

    fn in_force(&self, revision: &Arc<Revision>) {
        self.in_force.send_if_modified(|before| {
            let is_new = before.as_ref() != Some(revision);
            *before = Some(revision.clone());
            is_new
        });
    }

    fn last_in_force(&self) -> Option<Arc<Revision>> {
        self.last_good.clone()
    }

    fn trouble(&self) -> Option<String> {
        let (heard, have) = (self.shared.heard.borrow(), self.shared.have.borrow());
        let failure = heard.failure.as_ref().map(|failure| format!("etcd is away: {failure}"));
        let is_late = || (!have.is_settled).then(|| "etcd has not answered yet".to_owned());
        failure.or_else(|| have.refused.clone()).or_else(is_late)
    }
}

impl Expose for Cluster {
    fn expose(&self, out: &mut Exposition) {
        let live = self.in_force.borrow().as_ref().map_or(0, |revision| revision.meta.number);
        out.family(&names::REVISIONS_UP).count(&[], u64::from(self.trouble().is_none()));
        out.family(&names::REVISIONS_LATEST).count(&[], self.newest());
        out.family(&names::REVISIONS_LIVE).count(&[], live);
        out.family(&names::REVISIONS_NODES).count(&[], self.nodes().len() as u64);
    }
}

// === impl Shared ===

impl Shared {
    /// What was heard, once something was.
    fn read(&self) -> Result<watch::Ref<'_, Heard>, String> {
        let heard = self.heard.borrow();
        match (heard.is_read, &heard.failure) {
            (true, _) => Ok(heard),
            (false, None) => Err("etcd has not answered yet".to_owned()),
            (false, Some(failure)) => Err(format!("etcd is away: {failure}")),
        }
    }
}

// === impl OpenError ===

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Away(why) => write!(
                f,
                "etcd does not answer, and this state directory has no revision of before to begin with: {why}"
            ),
        }
    }
}

impl std::error::Error for OpenError {}
