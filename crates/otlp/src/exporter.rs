use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use message::Random;
use tokio::{
    runtime,
    sync::{Notify, mpsc},
    time::{sleep, timeout_at},
};

use crate::{Client, Counts, Envelope, Outcome, Reason};

/// What a worker hands over at a time.
pub trait Batch: Send + 'static {
    /// Spans or log records, each a field of its scope ([`ITEM`](crate::ITEM)).
    fn bytes(&self) -> &[u8];

    /// How many there are.
    fn count(&self) -> u64;
}

/// Tells one collector, on a thread of its own. Its end waits until everything is told, but not forever.
#[derive(Debug)]
pub struct Exporter<B> {
    // Goes first: the thread ends when nobody is left who could hand over more.
    queue: Queue<B>,
    thread: Thread,
}

/// The way to an exporter.
#[derive(Debug)]
pub struct Queue<B> {
    sender: mpsc::Sender<B>,
    counts: Arc<Counts>,
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
struct Courier<B> {
    envelope: Envelope,
    client: Client,
    queue: mpsc::Receiver<B>,
    counts: Arc<Counts>,
    random: Random,
    /// Is being gathered, or of use for the next one: fresh memory is what telling costs most.
    message: Vec<u8>,
    /// So many were gathered, or are on their way.
    untold: u64,
    /// What was told last was not taken; said once, not once for each.
    is_failing: bool,
}

/// A message that is so large waits for no more; servers of gRPC take 4 MiB if nobody says otherwise.
const ENOUGH: usize = 2 << 20;
/// Of the room of a message, for the next one.
const KEPT: usize = 256 << 10;

/// How long a batch waits for more: a request to a collector costs a hundred times what one more span does.
const LINGER: Duration = Duration::from_secs(1);

/// Between two tries: the first wait, and the longest one. Each is cut by chance, by up to a half.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// For so long a batch is tried; then there is a newer one that says more.
const GIVE_UP: Duration = Duration::from_secs(60);

/// How long the end waits for a collector.
const PATIENCE: Duration = Duration::from_secs(5);

// === impl Exporter ===

impl<B: Batch> Exporter<B> {
    /// Starts the thread. `room` batches may wait.
    ///
    /// # Errors
    /// No thread or no event queue can be had.
    pub fn start(name: &str, client: Client, envelope: Envelope, room: usize, counts: Arc<Counts>) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(room);
        let end = Arc::new(Notify::new());
        let told_to_end = end.clone();
        let (alive, ended) = sync_channel::<()>(0);
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let courier = Courier {
            envelope,
            client,
            queue: receiver,
            counts: counts.clone(),
            random: Random::seeded(u64::from(std::process::id())),
            message: Vec::new(),
            untold: 0,
            is_failing: false,
        };
        scheduling::background(name, move || {
            runtime.block_on(courier.work_until(&told_to_end));
            drop(alive);
        })?;
        Ok(Self { queue: Queue { sender, counts }, thread: Thread { end, ended: Mutex::new(ended) } })
    }

    /// The way to it.
    pub fn queue(&self) -> Queue<B> {
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

impl<B: Batch> Queue<B> {
    /// Whether the next batch is taken.
    pub fn has_room(&self) -> bool {
        self.sender.capacity() > 0
    }

    /// Takes a batch, or drops and counts it. Never waits.
    pub fn hand_over(&self, batch: B) {
        let (batch, reason) = match self.sender.try_send(batch) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(batch)) => (batch, Reason::QueueFull),
            Err(mpsc::error::TrySendError::Closed(batch)) => (batch, Reason::Ended),
        };
        self.counts.note_dropped(reason, batch.count());
    }
}

impl<B> Clone for Queue<B> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), counts: self.counts.clone() }
    }
}

// === impl Courier ===

impl<B: Batch> Courier<B> {
    /// Tells whatever comes, until nobody is left who could hand over more; or, once told to end, for a while at most.
    async fn work_until(mut self, told_to_end: &Notify) {
        let late = async {
            told_to_end.notified().await;
            sleep(PATIENCE).await;
        };
        tokio::select! {
            () = self.work() => {}
            () = late => {
                self.queue.close();
                let queued = std::iter::from_fn(|| self.queue.try_recv().ok()).map(|batch| batch.count()).sum::<u64>();
                let lost = self.untold + queued;
                self.counts.note_dropped(Reason::Ended, lost);
                tracing::warn!(lost, collector = self.client.endpoint(), "the collector took not all before the end");
            }
        }
    }

    async fn work(&mut self) {
        while self.gather().await {
            let start = self.envelope.end(&mut self.message);
            let body = self.client.body(&mut self.message, start);
            self.deliver(&body).await;
            self.untold = 0;
            if self.message.capacity() == 0 {
                self.message = room_of(body);
            }
        }
    }

    /// Whether there is something. Waits for it, and a little longer for more.
    async fn gather(&mut self) -> bool {
        let Some(first) = self.queue.recv().await else { return false };
        self.envelope.begin(&mut self.message);
        self.take(first);
        let until = Instant::now() + LINGER;
        while self.message.len() < ENOUGH
            && let Ok(Some(more)) = timeout_at(until.into(), self.queue.recv()).await
        {
            self.take(more);
        }
        true
    }

    fn take(&mut self, batch: B) {
        self.message.extend_from_slice(batch.bytes());
        self.untold += batch.count();
        // Whoever waits for its buffer gets it back now.
        drop(batch);
    }

    /// Tells it, and tries again for a while if that may help.
    async fn deliver(&mut self, body: &Bytes) {
        let count = self.untold;
        let give_up = Instant::now() + GIVE_UP;
        let mut wait = FIRST_WAIT;
        loop {
            let after = match self.client.send(self.envelope.kind, body.clone()).await {
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

/// If nobody holds it any more. What was unusually large is not kept.
fn room_of(body: Bytes) -> Vec<u8> {
    let Ok(mut body) = body.try_into_mut() else { return Vec::new() };
    body.clear();
    let mut room = Vec::from(body);
    room.shrink_to(KEPT);
    room
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Read as _, Write as _},
        net::{SocketAddr, TcpListener},
        sync::mpsc::Receiver,
        thread,
    };

    use model::{FromText as _, Otlp, OtlpProtocol, values::HttpUrl};

    use super::*;
    use crate::{Kind, Scope};

    struct Large(Vec<u8>);

    impl Batch for Large {
        fn bytes(&self) -> &[u8] {
            &self.0
        }

        fn count(&self) -> u64 {
            1
        }
    }

    /// Takes whatever it is sent over one connection, and says how much each time.
    fn collector() -> (SocketAddr, Receiver<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap() == 0 {
                    return;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    reader.read_exact(&mut vec![0; length]).unwrap();
                    tell.send(length).unwrap();
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                }
            }
        });
        (address, told)
    }

    #[test]
    fn much_is_told_in_several_messages() {
        const SIZE: usize = 3 << 19;
        let (address, told) = collector();
        let endpoint = HttpUrl::from_text(&format!("http://{address}")).unwrap();
        let otlp = Otlp { protocol: OtlpProtocol::Http, ..Otlp::to(endpoint) };
        let counts = Arc::new(Counts::default());
        let scope = Scope { name: "sluice", version: "", schema_url: "" };
        let envelope = Envelope::new(Kind::Traces, &[], scope);
        let client = Client::new(&otlp).unwrap();
        let exporter = Exporter::start("test", client, envelope, 10, counts.clone()).unwrap();
        let queue = exporter.queue();
        for _ in 0..3 {
            queue.hand_over(Large(vec![0; SIZE]));
        }
        drop((queue, exporter));
        let lengths: Vec<usize> = told.iter().collect();
        assert!(matches!(lengths[..], [two, one] if two > 2 * SIZE && two < 4 << 20 && one > SIZE), "{lengths:?}");
        assert_eq!(counts.exported(), 3);
    }
}
