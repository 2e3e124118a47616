//! The thread with the watches, one for each service.

use std::{
    collections::HashMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::Path,
    sync::Arc,
    time::Duration,
};

use model::{Service, UpstreamTls, values::SecretSource};
use tokio::{
    runtime,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::{sleep, sleep_until},
};
use upstream::discovery::Registries;

use super::{Ear, Moment, Shared};

/// What is to be watched, and who does it.
pub(super) struct Wanted {
    pub(super) registries: Arc<dyn Registries>,
    pub(super) services: Vec<Arc<Service>>,
}

/// Ends with this.
struct Task(JoinHandle<()>);

/// Before a watch that broke is begun again.
const AFTER_BREAK: Duration = Duration::from_secs(1);

/// # Errors
/// The operating system gives no thread or no event queue.
pub(super) fn start(shared: Arc<Shared>) -> io::Result<UnboundedSender<Wanted>> {
    let (wanted, news) = unbounded_channel();
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    scheduling::background("discovery", move || {
        runtime.block_on(run(news, shared));
        // What is still there need not be waited for.
        runtime.shutdown_background();
    })?;
    Ok(wanted)
}

/// Until nobody says any more what is wanted.
async fn run(mut news: UnboundedReceiver<Wanted>, shared: Arc<Shared>) {
    let mut tasks: HashMap<Arc<Service>, Task> = HashMap::new();
    let mut watched_by: Option<Arc<dyn Registries>> = None;
    loop {
        let next = shared.tick(Moment::now());
        let tick = async {
            match next {
                Some(next) => sleep_until(next.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tick => {}
            () = shared.wake.notified() => {}
            wanted = news.recv() => {
                let Some(Wanted { registries, services }) = wanted else { return };
                if !watched_by.as_ref().is_some_and(|before| Arc::ptr_eq(before, &registries)) {
                    tasks.clear();
                }
                tasks.retain(|service, _| services.contains(service));
                for service in services {
                    let begin = || Task(tokio::spawn(watch(registries.clone(), service.clone(), shared.clone())));
                    tasks.entry(service.clone()).or_insert_with(begin);
                }
                watched_by = Some(registries);
            }
        }
    }
}

/// For as long as it is wanted: a watch that breaks is begun again.
async fn watch(registries: Arc<dyn Registries>, service: Arc<Service>, shared: Arc<Shared>) {
    loop {
        let ear = Arc::new(Ear { service: service.clone(), shared: shared.clone() });
        let mut task = Task(tokio::spawn(registries.watch(&service, ear)));
        let (ended, registry) = ((&mut task.0).await, service.registry());
        match ended {
            Ok(()) => tracing::error!(registry, %service, "a watch ended, which it should not; it begins again"),
            Err(error) => tracing::error!(registry, %service, %error, "a watch broke; it begins again"),
        }
        sleep(AFTER_BREAK).await;
    }
}

/// Of the content of all files that the settings name: who is known by a file is made anew when that changes.
pub(super) fn fingerprint(settings: &model::Registries) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut add = |file: &Path| fs::read(file).ok().hash(&mut hasher);
    let model::Registries { consul, etcd, eureka, .. } = settings;
    let users = [&etcd.user, &eureka.user].into_iter().flatten().map(|(_, password)| password);
    for secret in consul.token.iter().chain(users) {
        if let SecretSource::File(file) = secret {
            add(file);
        }
    }
    for UpstreamTls { ca, client_certificate, .. } in [&consul.tls, &etcd.tls, &eureka.tls] {
        ca.iter().for_each(|file| add(file));
        client_certificate.iter().for_each(|files| [&files.cert, &files.key].into_iter().for_each(|file| add(file)));
    }
    hasher.finish()
}

// === impl Task ===

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
