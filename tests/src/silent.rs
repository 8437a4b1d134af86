//! A file system that does not answer, and processes that hold the lock of their memory because of it: whoever reads their
//! arguments waits.

use std::{
    ffi::CString,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use tempfile::TempDir;

use crate::{contained::Contained, mounts::unmount_below, wait};

// Of `include/uapi/linux/fuse.h`.
const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const WRITE: u32 = 16;
const INIT: u32 = 26;
const BATCH_FORGET: u32 = 42;
const FOPEN_DIRECT_IO: u32 = 1;
const FOPEN_KEEP_CACHE: u32 = 2;
const IN_HEADER: usize = 40;
/// What one request may have at most, by `max_write` and the header's page.
const LARGEST: usize = 256 << 10;

const ROOT: u64 = 1;
const PAGE: u64 = 4096;
/// How long what was answered holds, in seconds.
const VALID: u64 = 3600;

/// Containers whose processes, the init included, let nobody read their arguments, until this is dropped.
#[derive(Debug)]
pub struct Stuck {
    // Dropped in this order: a process that waits for the file system cannot end.
    _silent: Silent,
    _contained: Contained,
}

impl Stuck {
    /// Starts one container with so many processes, and waits until each of them holds its lock.
    pub fn start(processes: usize) -> Self {
        let silent = Silent::mount(processes);
        let programs: Vec<String> = (0..processes).map(|file| silent.program(file)).collect();
        let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
        let contained = Contained::start(&programs);
        silent.wait_until_asked(processes);
        Self {
            _silent: silent,
            _contained: contained,
        }
    }
}

/// The file system: some files of a page each, with names from 0 on. What is written to them is never answered.
#[derive(Debug)]
struct Silent {
    dir: TempDir,
    asked: Arc<AtomicUsize>,
    server: Option<JoinHandle<()>>,
}

impl Silent {
    fn mount(files: usize) -> Self {
        let dir = TempDir::new().unwrap();
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse");
        let device = device.expect("a kernel with FUSE");
        mount(&device, dir.path());
        let asked = Arc::new(AtomicUsize::new(0));
        let server = Server {
            device,
            files: u64::try_from(files).unwrap(),
            opened: vec![0; files],
            asked: Arc::clone(&asked),
            begun: Instant::now(),
        };
        Self {
            dir,
            asked,
            server: Some(thread::spawn(move || server.run())),
        }
    }

    /// The program of `tests/workloads` that gets stuck on a file.
    fn program(&self, file: usize) -> String {
        let path: PathBuf = self.dir.path().join(file.to_string());
        format!("stuck={}", path.display())
    }

    fn wait_until_asked(&self, count: usize) {
        let is_asked = || self.asked.load(Ordering::SeqCst) >= count;
        wait::until("all are stuck", || is_asked().then_some(()));
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // Whoever waits for an answer gets an error, and the server ends.
        abort(self.dir.path());
        unmount_below(self.dir.path());
        if let Some(server) = self.server.take() {
            // It has panicked: the test fails by what it misses.
            let _ = server.join();
        }
    }
}

fn mount(device: &File, point: &Path) {
    let point = CString::new(point.as_os_str().as_encoded_bytes()).unwrap();
    let options = format!(
        "fd={},rootmode=40000,user_id=0,group_id=0",
        device.as_raw_fd()
    );
    let options = CString::new(options).unwrap();
    // SAFETY: reads four texts, which all end with a zero.
    let mounted = unsafe {
        libc::mount(
            c"silent".as_ptr(),
            point.as_ptr(),
            c"fuse".as_ptr(),
            libc::MS_NOSUID | libc::MS_NODEV,
            options.as_ptr().cast(),
        )
    };
    assert_eq!(mounted, 0, "mount: {}", io::Error::last_os_error());
}

/// Ends the connection to the server. That it cannot be unmounted yet is no error.
fn abort(point: &Path) {
    let point = CString::new(point.as_os_str().as_encoded_bytes()).unwrap();
    // SAFETY: reads the path.
    unsafe { libc::umount2(point.as_ptr(), libc::MNT_FORCE) };
}

struct Server {
    device: File,
    files: u64,
    /// How often each was opened.
    opened: Vec<u32>,
    asked: Arc<AtomicUsize>,
    begun: Instant,
}

/// Numbers one after the other, in the machine's order.
#[derive(Default)]
struct Answer(Vec<u8>);

impl Answer {
    fn u32(mut self, number: u32) -> Self {
        self.0.extend(number.to_ne_bytes());
        self
    }

    fn u64(mut self, number: u64) -> Self {
        self.0.extend(number.to_ne_bytes());
        self
    }

    /// `struct fuse_attr`
    fn attributes(self, node: u64) -> Self {
        let (size, mode) = match node {
            ROOT => (0, libc::S_IFDIR | 0o755),
            _ => (PAGE, libc::S_IFREG | 0o644),
        };
        let mut answer = self.u64(node).u64(size);
        // Blocks and times.
        for _ in 0..4 {
            answer = answer.u64(0);
        }
        for _ in 0..3 {
            answer = answer.u32(0);
        }
        // Links, user, group, device, size of blocks, flags.
        answer
            .u32(mode)
            .u32(1)
            .u32(0)
            .u32(0)
            .u32(0)
            .u32(4096)
            .u32(0)
    }
}

impl Server {
    /// Until the connection ends.
    fn run(mut self) {
        let mut request = vec![0; LARGEST];
        while self.is_asked()
            && let Ok(length) = self.device.read(&mut request)
        {
            let number = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().unwrap());
            let long = |at: usize| u64::from_ne_bytes(request[at..at + 8].try_into().unwrap());
            let (kind, unique, node) = (number(4), long(8), long(16));
            let body = &request[IN_HEADER..length];
            let answer = match kind {
                FORGET | BATCH_FORGET => continue,
                WRITE => {
                    self.asked.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                kind => self.answer(kind, node, body),
            };
            let (error, body) = match answer {
                Ok(answer) => (0, answer.0),
                Err(error) => (-error, Vec::new()),
            };
            let length = u32::try_from(16 + body.len()).unwrap();
            let head = Answer::default().u32(length).u32(error.cast_unsigned());
            let mut whole = head.u64(unique).0;
            whole.extend(body);
            // Whoever asked has been killed.
            let _ = self.device.write(&whole);
        }
    }

    /// Waits for a request. False when it has taken too long to get all stuck: a test that fails must not wait for
    /// processes that cannot end.
    fn is_asked(&self) -> bool {
        let mut device = libc::pollfd {
            fd: self.device.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        loop {
            // SAFETY: reads and writes one struct.
            let found = unsafe { libc::poll(&raw mut device, 1, 1000) };
            if found > 0 {
                return true;
            }
            let is_done = self.asked.load(Ordering::SeqCst) >= self.opened.len();
            if !is_done && self.begun.elapsed() > wait::DEADLINE / 2 {
                return false;
            }
        }
    }

    fn answer(&mut self, kind: u32, node: u64, body: &[u8]) -> Result<Answer, i32> {
        let answer = Answer::default();
        match kind {
            // `struct fuse_init_out` of 7.31
            INIT => {
                let answer = answer.u32(7).u32(31).u32(0).u32(0);
                let answer = answer.u32(0).u32(64 << 10).u32(1).u32(0);
                Ok((0..8).fold(answer, |answer, _| answer.u32(0)))
            }
            LOOKUP => {
                let name = body.strip_suffix(b"\0").unwrap_or(body);
                let file = std::str::from_utf8(name)
                    .ok()
                    .and_then(|name| name.parse().ok());
                let file: u64 = file.filter(|file| *file < self.files).ok_or(libc::ENOENT)?;
                let node = file + ROOT + 1;
                let answer = answer.u64(node).u64(0).u64(VALID).u64(VALID);
                Ok(answer.u32(0).u32(0).attributes(node))
            }
            GETATTR => Ok(answer.u64(VALID).u32(0).u32(0).attributes(node)),
            OPEN => {
                let file = usize::try_from(node - ROOT - 1).unwrap();
                let before = self.opened[file];
                self.opened[file] += 1;
                // The cache is written back by `mmap` then, and not by `open`.
                let flags = match before {
                    0 => 0,
                    _ => FOPEN_DIRECT_IO | FOPEN_KEEP_CACHE,
                };
                Ok(answer.u64(node).u32(flags).u32(0))
            }
            READ => Ok(Answer(vec![0; usize::try_from(PAGE).unwrap()])),
            _ => Err(libc::ENOSYS),
        }
    }
}
