//! Output of a process, read as it comes.

use std::{
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

/// What a stream has said so far. It is read to its end, so that the writer never waits or meets a closed pipe.
#[derive(Debug)]
pub(crate) struct Lines {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Lines {
    pub(crate) fn of(mut stream: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut chunk) {
                let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
                sink.extend_from_slice(&chunk[..length]);
            }
        });
        Self {
            bytes,
            reader: Some(reader),
        }
    }

    /// Of a stream that is not ours to read.
    pub(crate) fn none() -> Self {
        Self::of(io::empty())
    }

    /// What has come.
    pub(crate) fn so_far(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Everything; the writer has ended.
    pub(crate) fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.so_far()
    }

    /// How many whole lines begin like that.
    pub(crate) fn count(&self, start: &str) -> usize {
        count(&self.so_far(), start)
    }
}

/// How many whole lines begin like that.
pub(crate) fn count(text: &str, start: &str) -> usize {
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n') && line.starts_with(start))
        .count()
}
