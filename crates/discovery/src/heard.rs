//! Who hears, in tests.

use std::sync::Arc;

use testkit::{PATIENCE, within};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::JoinHandle,
};
use upstream::discovery::{Answer, Failure, Hear, Instance, Watch};

/// What a watch tells, for as long as this lives.
pub(crate) struct Heard {
    news: UnboundedReceiver<Result<Answer, Failure>>,
    watch: JoinHandle<()>,
}

struct Told(UnboundedSender<Result<Answer, Failure>>);

// === impl Heard ===

impl Heard {
    pub(crate) fn from(watch: impl FnOnce(Arc<dyn Hear>) -> Watch) -> Self {
        let (told, news) = mpsc::unbounded_channel();
        Self { news, watch: tokio::spawn(watch(Arc::new(Told(told)))) }
    }

    /// The next answer or failure.
    #[track_caller]
    pub(crate) fn next(&mut self) -> impl Future<Output = Result<Answer, Failure>> {
        within(PATIENCE, async { self.news.recv().await.expect("a watch never ends") })
    }

    /// The next failure that is told, whatever is told before.
    pub(crate) async fn failure(&mut self) -> Failure {
        loop {
            if let Err(failure) = self.next().await {
                return failure;
            }
        }
    }

    /// The next answer that `is_it`, whatever is told before.
    ///
    /// # Panics
    /// When it does not come in time, with what came last.
    #[track_caller]
    pub(crate) fn answer(&mut self, is_it: impl Fn(&Answer) -> bool) -> impl Future<Output = Answer> {
        let place = std::panic::Location::caller();
        async move {
            let mut last = None;
            let waiting = async {
                loop {
                    match self.news.recv().await.expect("a watch never ends") {
                        Ok(answer) if is_it(&answer) => return answer,
                        other => last = Some(other),
                    }
                }
            };
            match tokio::time::timeout(PATIENCE, waiting).await {
                Ok(answer) => answer,
                Err(_) => panic!("no such answer at {place}; the last news: {last:?}"),
            }
        }
    }

    /// The next answer with exactly these instances, as [`brief`] has them.
    #[track_caller]
    pub(crate) fn instances(&mut self, wanted: &[&str]) -> impl Future<Output = Answer> {
        self.answer(move |answer| answer.instances.iter().map(brief).eq(wanted.iter().copied()))
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Hear for Told {
    fn answered(&self, answer: Answer) {
        // Nobody listens any more when a test is over.
        let _ = self.0.send(Ok(answer));
    }

    fn failed(&self, failure: Failure) {
        let _ = self.0.send(Err(failure));
    }
}

/// An instance in a line: address, weight, tier, status, labels; what goes without saying left out.
pub(crate) fn brief(instance: &Instance) -> String {
    let mut text = match &instance.address {
        model::EndpointAddress::Socket(address) => address.to_string(),
        model::EndpointAddress::Name { host, port } => format!("{host}:{port}"),
        model::EndpointAddress::Unix(path) => path.display().to_string(),
    };
    if instance.weight != 1 {
        text.push_str(&format!(" weight {}", instance.weight));
    }
    if instance.tier != 0 {
        text.push_str(&format!(" tier {}", instance.tier));
    }
    if instance.status != upstream::discovery::Status::Up {
        text.push_str(&format!(" {:?}", instance.status));
    }
    for (key, value) in &instance.labels {
        text.push_str(&format!(" {key}={value}"));
    }
    text
}
