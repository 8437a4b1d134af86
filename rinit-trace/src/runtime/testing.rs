//! For tests: a folder that looks like `/proc`, and a socket that answers like Docker.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    task::JoinSet,
};

use super::{
    lookups::{LookupConfig, Lookups},
    proc::Proc,
};

/// The host's pid namespace in fake trees.
pub(super) const HOST: u32 = 4_026_531_836;
/// A container id.
pub(super) const WEB: &str = "3d206acf928a4f1d0e1f9bb2a6d1c8f0a5b4c3d2e1f00112233445566778899a";
/// Another, with the same first digit.
pub(super) const DB: &str = "3f00c2d3a4958677665544332211ffeeddccbbaa99887766554433221100abcd";

/// One process of a fake tree.
pub(super) struct FakeProcess<'a> {
    pub(super) pid: u32,
    pub(super) ppid: u32,
    pub(super) inum: u32,
    /// `NSpid` and `NSsid`, outermost first.
    pub(super) ns_pids: &'a [u32],
    pub(super) ns_sids: &'a [u32],
    pub(super) comm: &'a [u8],
    pub(super) cmdline: &'a [u8],
    pub(super) cgroup: &'a str,
    pub(super) state: char,
    pub(super) threads: u32,
    pub(super) uid: u32,
}

impl Default for FakeProcess<'_> {
    fn default() -> Self {
        Self {
            pid: 1,
            ppid: 0,
            inum: HOST,
            ns_pids: &[1],
            ns_sids: &[1],
            comm: b"init",
            cmdline: b"/sbin/init\0",
            cgroup: "0::/\n",
            state: 'S',
            threads: 1,
            uid: 0,
        }
    }
}

/// A file that nobody writes to, so that whoever opens it waits.
pub(super) struct Hanging(PathBuf);

impl Drop for Hanging {
    fn drop(&mut self) {
        // Fails when nobody waits.
        let flags = OFlags::WRONLY | OFlags::NONBLOCK;
        let _ = rustix::fs::open(&self.0, flags, Mode::empty());
    }
}

/// A folder that looks like `/proc` of a host.
pub(super) struct FakeProc {
    dir: TempDir,
}

impl FakeProc {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("self/ns")).unwrap();
        symlink(format!("pid:[{HOST}]"), dir.path().join("self/ns/pid")).unwrap();
        fs::write(dir.path().join("uptime"), "1 1\n").unwrap();
        let fake = Self { dir };
        fake.add(&FakeProcess::default());
        fake
    }

    /// The parts of a process's folder; start ticks are 100 times the pid.
    pub(super) fn add(&self, process: &FakeProcess<'_>) {
        let dir = self.dir.path().join(process.pid.to_string());
        fs::create_dir_all(dir.join("ns")).unwrap();
        symlink(format!("pid:[{}]", process.inum), dir.join("ns/pid")).unwrap();
        let mut stat = format!("{} (", process.pid).into_bytes();
        stat.extend(process.comm);
        let (state, ppid, threads) = (process.state, process.ppid, process.threads);
        let ticks = process.pid * 100;
        stat.extend(
            format!(
                ") {state} {ppid} 5 6 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 {threads} 0 {ticks} 9\n"
            )
            .bytes(),
        );
        fs::write(dir.join("stat"), stat).unwrap();
        let ids = |ids: &[u32]| {
            ids.iter()
                .map(u32::to_string)
                .collect::<Vec<_>>()
                .join("\t")
        };
        let uid = process.uid;
        let status = format!(
            "Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGroups:\t0 1\nNSpid:\t{}\nNSsid:\t{}\n",
            ids(process.ns_pids),
            ids(process.ns_sids)
        );
        fs::write(dir.join("status"), status).unwrap();
        fs::write(dir.join("cmdline"), process.cmdline).unwrap();
        fs::write(dir.join("cgroup"), process.cgroup).unwrap();
    }

    /// A process whose file does not answer, until the guard is dropped.
    pub(super) fn hang(&self, pid: u32, file: &str) -> Hanging {
        let path = self.path(&format!("{pid}/{file}"));
        fs::remove_file(&path).unwrap();
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        Hanging(path)
    }

    /// The init of a container that Docker started, in a namespace of its own.
    pub(super) fn add_container(&self, pid: u32, inum: u32, id: &str) {
        self.add(&FakeProcess {
            pid,
            ppid: 1,
            inum,
            ns_pids: &[pid, 1],
            ns_sids: &[pid, 1],
            comm: b"sh",
            cmdline: b"sh\0-c\0sleep 1000\0",
            cgroup: &format!("0::/system.slice/docker-{id}.scope\n"),
            ..FakeProcess::default()
        });
    }

    /// A cgroup of the v2 hierarchy, which is mounted then; its kernfs id.
    pub(super) fn add_cgroup(&self, path: &str) -> u64 {
        let root = self.path("cgroups");
        fs::create_dir_all(root.join(path)).unwrap();
        let mount = format!("31 24 0:27 / {} rw - cgroup2 cgroup2 rw\n", root.display());
        fs::write(self.path("self/mountinfo"), mount).unwrap();
        fs::metadata(root.join(path)).unwrap().ino()
    }

    pub(super) fn proc(&self) -> Proc {
        Proc::new(self.dir.path())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A link in a process's folder: `cwd`, `root`.
    pub(super) fn link(&self, pid: u32, name: &str, target: &Path) {
        symlink(target, self.path(&format!("{pid}/{name}"))).unwrap();
    }

    /// Lookups in this tree, and at this socket of Docker's.
    pub(super) fn lookups(&self, socket: impl Into<PathBuf>) -> Lookups {
        Lookups::new(LookupConfig {
            docker_socket: socket.into(),
            ..self.config()
        })
    }

    /// Lookups in this tree, and at no socket.
    pub(super) fn config(&self) -> LookupConfig {
        LookupConfig {
            docker_socket: "/none/docker.sock".into(),
            podman_socket: "/none/podman.sock".into(),
            cri_sockets: Vec::new(),
            proc: self.proc(),
            ..LookupConfig::default()
        }
    }
}

/// An answer with its length, as Docker gives to small questions.
pub(super) fn ok(body: &str) -> Vec<u8> {
    answer("200 OK", body)
}

pub(super) fn answer(status: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

/// A socket that answers each path with fixed bytes and hangs up; where it knows no answer, it
/// hangs on for ever.
pub(super) struct FakeDocker {
    dir: TempDir,
    asked: Arc<AtomicUsize>,
    /// Most connections that were open at once.
    peak: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

impl FakeDocker {
    pub(super) fn new<const N: usize>(answers: [(&str, Vec<u8>); N]) -> Self {
        let answers = answers.map(|(path, answer)| (path.to_owned(), answer));
        Self::slow(answers.into(), Duration::ZERO)
    }

    pub(super) fn slow(answers: HashMap<String, Vec<u8>>, pause: Duration) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("docker.sock")).unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let peak = Arc::new(AtomicUsize::new(0));
        let counters = (Arc::clone(&asked), Arc::clone(&peak));
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::new(answers), pause, counters));
        Self {
            dir,
            asked,
            peak,
            _server: server,
        }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.dir.path().join("docker.sock")
    }

    /// How many questions were put.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    pub(super) fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }
}

async fn serve(
    listener: UnixListener,
    answers: Arc<HashMap<String, Vec<u8>>>,
    pause: Duration,
    (asked, peak): (Arc<AtomicUsize>, Arc<AtomicUsize>),
) {
    let open = Arc::new(AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        asked.fetch_add(1, Ordering::Relaxed);
        peak.fetch_max(open.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        let (answers, open) = (Arc::clone(&answers), Arc::clone(&open));
        connections.spawn(async move {
            converse(stream, &answers, pause).await;
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn converse(mut stream: UnixStream, answers: &HashMap<String, Vec<u8>>, pause: Duration) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let request = String::from_utf8(request).unwrap();
    let path = request.split(' ').nth(1).unwrap();
    match answers.get(path) {
        Some(answer) => {
            tokio::time::sleep(pause).await;
            // The client may have hung up on a body that is too large.
            let _ = stream.write_all(answer).await;
        }
        None => std::future::pending().await,
    }
}
