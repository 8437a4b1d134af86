//! The kernel's process connector: how each process of the host ended, told by netlink, without any tracepoint.
//!
//! Layouts are those of `linux/netlink.h`, `linux/connector.h` and `linux/cn_proc.h`.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

const NLMSG_DONE: u32 = 3;
const CN_IDX_PROC: u32 = 1;
const CN_VAL_PROC: u32 = 1;
const PROC_CN_MCAST_LISTEN: u32 = 1;
const PROC_EVENT_EXIT: u32 = 0x8000_0000;
/// Offsets in a message: after the headers of netlink and of the connector.
const EVENT: usize = 16 + 20;
const DATA: usize = EVENT + 16;
/// Room for the ends of some 100,000 threads.
const BUFFER: libc::c_int = 64 << 20;

/// The end of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadExit {
    pub(crate) tid: u32,
    /// As wait(2) tells it.
    pub(crate) status: u32,
    /// `CLOCK_MONOTONIC`, in nanoseconds. Told late in the exit: it has begun before.
    pub(crate) at: u64,
    /// The process that was its parent then; for a first thread.
    pub(crate) parent: u32,
}

/// Ends of threads, by process.
type Exits = Arc<Mutex<HashMap<u32, Vec<ThreadExit>>>>;

/// Listens until it is dropped.
#[derive(Debug)]
pub(crate) struct Connector {
    exits: Exits,
    is_over: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Connector {
    /// `None` where the kernel has none, or tells nobody in this network namespace.
    pub(crate) fn listen() -> Option<Self> {
        let socket = subscribe().ok()?;
        let exits = Exits::default();
        let is_over = Arc::new(AtomicBool::new(false));
        let reader = thread::spawn({
            let (exits, is_over) = (Arc::clone(&exits), Arc::clone(&is_over));
            move || read(&socket, &exits, &is_over)
        });
        Some(Self {
            exits,
            is_over,
            reader: Some(reader),
        })
    }

    /// What has been told since then of the threads of a process, the first first.
    pub(crate) fn exits_of(&self, pid: u32, since: u64) -> Vec<ThreadExit> {
        assert!(
            self.reader
                .as_ref()
                .is_some_and(|reader| !reader.is_finished()),
            "the process connector has lost events: there is no truth to compare with"
        );
        let exits = self.exits.lock().unwrap_or_else(PoisonError::into_inner);
        let exits = exits.get(&pid).into_iter().flatten();
        exits.filter(|exit| exit.at >= since).copied().collect()
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            // It has panicked when events were lost, and the test with it.
            let _ = reader.join();
        }
    }
}

fn subscribe() -> io::Result<OwnedFd> {
    // SAFETY: passes no memory.
    let fd = check(unsafe {
        libc::socket(
            libc::AF_NETLINK,
            libc::SOCK_DGRAM | libc::SOCK_CLOEXEC,
            libc::NETLINK_CONNECTOR,
        )
    })?;
    // SAFETY: nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    set_option(fd, libc::SO_RCVBUFFORCE, &BUFFER)?;
    // So that the reader looks whether it is over.
    let patience = libc::timeval {
        tv_sec: 0,
        tv_usec: 50_000,
    };
    set_option(fd, libc::SO_RCVTIMEO, &patience)?;
    // SAFETY: an address of zeros is one.
    let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
    address.nl_family = u16::try_from(libc::AF_NETLINK).unwrap();
    address.nl_groups = CN_IDX_PROC;
    let length = u32::try_from(size_of_val(&address)).unwrap();
    // SAFETY: reads one address of that length.
    check(unsafe { libc::bind(fd, (&raw const address).cast(), length) })?;
    let message = subscription();
    // SAFETY: reads the message.
    let sent = unsafe { libc::send(fd, message.as_ptr().cast(), message.len(), 0) };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(socket)
}

fn set_option<T>(fd: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    let length = u32::try_from(size_of::<T>()).unwrap();
    let value: *const T = value;
    // SAFETY: reads one value of that length.
    check(unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, name, value.cast(), length) }).map(drop)
}

fn subscription() -> Vec<u8> {
    let mut message = Vec::new();
    let body = 20 + 4_u32;
    for word in [16 + body, NLMSG_DONE, 0, 0] {
        message.extend(word.to_ne_bytes());
    }
    for word in [CN_IDX_PROC, CN_VAL_PROC, 0, 0] {
        message.extend(word.to_ne_bytes());
    }
    message.extend(4_u16.to_ne_bytes());
    message.extend(0_u16.to_ne_bytes());
    message.extend(PROC_CN_MCAST_LISTEN.to_ne_bytes());
    message
}

fn read(socket: &OwnedFd, exits: &Exits, is_over: &AtomicBool) {
    let mut message = [0_u8; 512];
    while !is_over.load(Ordering::Relaxed) {
        // SAFETY: writes no more than is there.
        let length = unsafe {
            libc::recv(
                socket.as_raw_fd(),
                message.as_mut_ptr().cast(),
                message.len(),
                0,
            )
        };
        let Ok(length) = usize::try_from(length) else {
            let error = io::Error::last_os_error();
            let is_patience = error.kind() == io::ErrorKind::WouldBlock;
            assert!(
                is_patience || error.kind() == io::ErrorKind::Interrupted,
                "the process connector: {error}"
            );
            continue;
        };
        if let Some((pid, exit)) = parse(&message[..length]) {
            let mut exits = exits.lock().unwrap_or_else(PoisonError::into_inner);
            exits.entry(pid).or_default().push(exit);
        }
    }
}

/// The process, and the end of one of its threads.
fn parse(message: &[u8]) -> Option<(u32, ThreadExit)> {
    let word = |at: usize| {
        let bytes = message.get(at..at + 4)?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?))
    };
    if word(EVENT)? != PROC_EVENT_EXIT {
        return None;
    }
    let at = message.get(EVENT + 8..EVENT + 16)?;
    let exit = ThreadExit {
        tid: word(DATA)?,
        status: word(DATA + 8)?,
        at: u64::from_ne_bytes(at.try_into().ok()?),
        parent: word(DATA + 20)?,
    };
    Some((word(DATA + 4)?, exit))
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}
