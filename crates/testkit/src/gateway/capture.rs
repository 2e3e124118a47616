//! What a process says, while it runs.

use std::{
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

/// One output stream, read to its end beside the test, so that the process never waits for a full pipe.
#[derive(Debug)]
pub(super) struct Captured {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

// === impl Captured ===

impl Captured {
    pub(super) fn read(mut stream: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let shared = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            loop {
                match stream.read(&mut piece) {
                    Ok(0) => return,
                    Ok(count) => {
                        let piece = String::from_utf8_lossy(&piece[..count]);
                        shared.lock().unwrap_or_else(PoisonError::into_inner).push_str(&piece);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => return,
                }
            }
        });
        Self { text, reader: Some(reader) }
    }

    /// What it has said until now.
    pub(super) fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything, once the process has ended.
    pub(super) fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            // The reader has nothing in it that panics.
            let _ = reader.join();
        }
        self.text()
    }
}
