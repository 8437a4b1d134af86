//! A runtime and a daemon that several tests share: to start them takes seconds, and much longer in an emulated machine.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rinit_trace_tests::{Containerd, Daemon};

/// What runs pods, and what watches them without any socket. It lives as long as a test holds it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) daemon: Daemon,
    asking: OnceLock<Daemon>,
    pub(crate) containerd: Containerd,
}

impl Node {
    /// The one that is there, or a new one. `None`, with the reason printed, where that cannot be.
    pub(crate) fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Node>> = Mutex::new(Weak::new());
        // Held while it starts: the others wait for it.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = shared.upgrade() {
            return Some(node);
        }
        let node = Arc::new(Self {
            containerd: Containerd::start()?,
            daemon: Daemon::start(&[]),
            asking: OnceLock::new(),
        });
        *shared = Arc::downgrade(&node);
        Some(node)
    }
    /// Another daemon, which asks the runtime by its socket: it knows nothing of what was before its first use.
    pub(crate) fn asking(&self) -> &Daemon {
        self.asking.get_or_init(|| {
            let socket = self.containerd.socket();
            Daemon::start(&["--cri-socket", socket.to_str().unwrap()])
        })
    }
}
