//! The ring buffer as batches of bytes.

use std::io;

use aya::maps::{MapData, RingBuf};
use bytes::{Bytes, BytesMut};
use tokio::io::{Interest, unix::AsyncFd};

/// Records taken out in one go: the caller gets to do something else in between.
const BATCH: usize = 8192;

/// The consumer side of the ring buffer.
pub struct Ring {
    fd: AsyncFd<RingBuf<MapData>>,
}

impl Ring {
    pub(super) fn new(ring: RingBuf<MapData>) -> io::Result<Self> {
        // SAFETY: `RingBuf` owns the map's descriptor, and `as_raw_fd` answers that same one until
        // it is dropped together with the `AsyncFd`.
        let fd = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) };
        Ok(Self { fd: fd? })
    }

    /// Waits until the kernel side forces a wake-up. It does so only for what ends a stop or begins
    /// a container; everything else waits for a timer of the caller's.
    pub async fn woken(&mut self) -> io::Result<()> {
        self.fd.readable_mut().await?.clear_ready();
        Ok(())
    }

    /// Takes out what is there, at most a batch. `true`: there may be more.
    pub fn drain(&mut self, into: &mut Vec<Bytes>) -> bool {
        let ring = self.fd.get_mut();
        let mut arena = BytesMut::new();
        for _ in 0..BATCH {
            let Some(item) = ring.next() else {
                return false;
            };
            arena.extend_from_slice(&item);
            into.push(arena.split().freeze());
        }
        true
    }
}
