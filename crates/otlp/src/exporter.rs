use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    time::{Duration, Instant},
};

use message::Random;
use tokio::{
    runtime,
    sync::{Notify, mpsc},
    time::{sleep, timeout_at},
};

use crate::{Client, Counts, Kind, Outcome, Reason};

/// What is told: batches of items that workers hand over, and what they look like on the wire.
pub trait Signal: Send + 'static {
    type Item: Send + 'static;

    const KIND: Kind;

    /// For how many the collector counts an item: an exchange has several spans.
    fn count(item: &Self::Item) -> u64;

    /// The whole request of the collector's service.
    fn encode(&self, items: &[Self::Item]) -> Vec<u8>;
}

/// Tells one collector, on a thread of its own. Its end waits until everything is told, but not forever.
#[derive(Debug)]
pub struct Exporter<T> {
    // Goes first: the thread ends when nobody is left who could hand over more.
    queue: Queue<T>,
    thread: Thread,
}

/// The way to an exporter.
#[derive(Debug)]
pub struct Queue<T> {
    sender: mpsc::Sender<Vec<T>>,
    counts: Arc<Counts>,
    count: fn(&T) -> u64,
}

/// The thread, whose end is waited for.
#[derive(Debug)]
struct Thread {
    /// Tells the thread not to take too long.
    end: Arc<Notify>,
    /// Disconnected when the thread has ended.
    ended: Mutex<Receiver<()>>,
}

/// What the thread works with.
struct Courier<S: Signal> {
    signal: S,
    client: Client,
    queue: mpsc::Receiver<Vec<S::Item>>,
    counts: Arc<Counts>,
    random: Random,
    /// Is being gathered.
    batch: Vec<S::Item>,
    /// So much of what was gathered is not told yet.
    untold: u64,
    /// The last batch was not taken; said once, not once for each.
    is_failing: bool,
}

/// Told at a time: of items, and of bytes; servers of gRPC take 4 MiB if nobody says otherwise.
const MOST_ITEMS: usize = 512;
const MOST_BYTES: usize = 2 << 20;

/// How long a batch waits for more.
const LINGER: Duration = Duration::from_millis(200);

/// Between two tries: the first wait, and the longest one. Each is cut by chance, by up to a half.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// For so long a batch is tried; then there is a newer one that says more.
const GIVE_UP: Duration = Duration::from_secs(60);

/// How long the end waits for a collector.
const PATIENCE: Duration = Duration::from_secs(3);

// === impl Exporter ===

impl<T: Send + 'static> Exporter<T> {
    /// Starts the thread. `room` batches may wait.
    ///
    /// # Errors
    /// No thread or no event queue can be had.
    pub fn start<S>(name: &str, client: Client, signal: S, room: usize, counts: Arc<Counts>) -> io::Result<Self>
    where
        S: Signal<Item = T>,
    {
        let (sender, receiver) = mpsc::channel(room);
        let end = Arc::new(Notify::new());
        let told_to_end = end.clone();
        let (alive, ended) = sync_channel::<()>(0);
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let courier = Courier {
            signal,
            client,
            queue: receiver,
            counts: counts.clone(),
            random: Random::seeded(u64::from(std::process::id())),
            batch: Vec::new(),
            untold: 0,
            is_failing: false,
        };
        scheduling::background(name, move || {
            runtime.block_on(courier.work_until(&told_to_end));
            drop(alive);
        })?;
        let queue = Queue { sender, counts, count: S::count };
        Ok(Self { queue, thread: Thread { end, ended: Mutex::new(ended) } })
    }

    /// The way to it.
    pub fn queue(&self) -> Queue<T> {
        self.queue.clone()
    }

    /// Has the thread come to an end, without waiting for it. What is handed over in the next moments is still told.
    pub fn close(&self) {
        self.thread.end.notify_one();
    }
}

// === impl Thread ===

impl Drop for Thread {
    fn drop(&mut self) {
        self.end.notify_one();
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(PATIENCE + Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the exporter does not end, and is left behind");
        }
    }
}

// === impl Queue ===

impl<T> Queue<T> {
    /// Takes a batch, or drops and counts it. Never waits.
    pub fn hand_over(&self, batch: Vec<T>) {
        let (batch, reason) = match self.sender.try_send(batch) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(batch)) => (batch, Reason::QueueFull),
            Err(mpsc::error::TrySendError::Closed(batch)) => (batch, Reason::Ended),
        };
        self.counts.note_dropped(reason, batch.iter().map(self.count).sum());
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), counts: self.counts.clone(), count: self.count }
    }
}

// === impl Courier ===

impl<S: Signal> Courier<S> {
    /// Tells whatever comes, until nobody is left who could hand over more; or, once told to end, for a while at most.
    async fn work_until(mut self, told_to_end: &Notify) {
        let late = async {
            told_to_end.notified().await;
            sleep(PATIENCE).await;
        };
        tokio::select! {
            () = self.work() => {}
            () = late => {
                let mut lost = self.untold + count::<S>(&self.batch);
                self.queue.close();
                while let Ok(batch) = self.queue.try_recv() {
                    lost += count::<S>(&batch);
                }
                self.counts.note_dropped(Reason::Ended, lost);
                tracing::warn!(lost, collector = self.client.endpoint(), "the collector took not all before the end");
            }
        }
    }

    async fn work(&mut self) {
        while self.gather().await {
            let batch = std::mem::take(&mut self.batch);
            self.untold = count::<S>(&batch);
            let mut rest = &batch[..];
            while !rest.is_empty() {
                let (bytes, taken) = self.encoded(rest);
                let count = count::<S>(&rest[..taken]);
                self.deliver(&bytes, count).await;
                self.untold -= count;
                rest = &rest[taken..];
            }
        }
    }

    /// Whether there is something. Waits for it, and a little longer for more.
    async fn gather(&mut self) -> bool {
        let Some(first) = self.queue.recv().await else { return false };
        self.batch = first;
        let until = Instant::now() + LINGER;
        while self.batch.len() < MOST_ITEMS
            && let Ok(Some(more)) = timeout_at(until.into(), self.queue.recv()).await
        {
            self.batch.extend(more);
        }
        true
    }

    /// The first so many, as many as fit.
    fn encoded(&self, items: &[S::Item]) -> (Vec<u8>, usize) {
        let mut taken = items.len();
        loop {
            let bytes = self.signal.encode(&items[..taken]);
            if bytes.len() <= MOST_BYTES || taken == 1 {
                return (bytes, taken);
            }
            taken = taken.div_ceil(2);
        }
    }

    /// Tells it, and tries again for a while if that may help.
    async fn deliver(&mut self, bytes: &[u8], count: u64) {
        let give_up = Instant::now() + GIVE_UP;
        let mut wait = FIRST_WAIT;
        loop {
            let after = match self.client.send(S::KIND, bytes).await {
                Outcome::Taken { rejected, why } => return self.note_taken(count, rejected.min(count), &why),
                Outcome::Refused { why } => return self.note_lost(Reason::Refused, count, &why),
                Outcome::Later { after, why } => {
                    let after = after.unwrap_or_else(|| wait.mul_f64(1.0 - self.random.fraction() / 2.0));
                    if Instant::now() + after > give_up {
                        return self.note_lost(Reason::Unreachable, count, &why);
                    }
                    self.note_failing(&why);
                    after
                }
            };
            wait = (wait * 2).min(LONGEST_WAIT);
            sleep(after).await;
        }
    }

    fn note_taken(&mut self, count: u64, rejected: u64, why: &str) {
        self.counts.note_exported(count - rejected);
        self.counts.note_dropped(Reason::Rejected, rejected);
        if std::mem::take(&mut self.is_failing) {
            tracing::info!(collector = self.client.endpoint(), "the collector takes again what it is told");
        }
        if rejected > 0 {
            tracing::debug!(collector = self.client.endpoint(), rejected, why, "the collector rejects a part");
        }
    }

    fn note_lost(&mut self, reason: Reason, count: u64, why: &str) {
        self.counts.note_dropped(reason, count);
        self.note_failing(why);
    }

    fn note_failing(&mut self, why: &str) {
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(
                collector = self.client.endpoint(),
                why,
                "the collector does not take what it is told; what there is no room for is dropped"
            );
        }
    }
}

fn count<S: Signal>(items: &[S::Item]) -> u64 {
    items.iter().map(S::count).sum()
}
