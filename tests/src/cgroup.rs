//! cgroups that a test makes, in the v2 hierarchy or with a limit of memory.

use std::{
    fs::{self, File},
    io,
    os::{
        fd::AsRawFd as _,
        unix::{fs::chown, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::{needs::skip, wait};

/// An empty cgroup. Dropping it removes it, once what is in it has ended.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    /// Removed after it, if it was made with it.
    above: Option<Box<Self>>,
}

impl Cgroup {
    /// One of the v2 hierarchy, which may have no controllers. `None`, with the reason printed, where there is none.
    pub fn v2() -> Option<Self> {
        let Some(root) = mounted("cgroup2", "") else {
            skip(
                "needs a cgroup v2 hierarchy; mount one: mount -t cgroup2 none /sys/fs/cgroup/unified",
            );
            return None;
        };
        Some(Self::make(&root))
    }

    /// One whose processes may use that many bytes, in whichever hierarchy has the memory controller. `None`, with the
    /// reason printed, where none has.
    pub fn with_memory(bytes: u64) -> Option<Self> {
        let Some((root, limit)) = memory_hierarchy() else {
            skip("needs the memory controller; add +memory to cgroup.subtree_control");
            return None;
        };
        let cgroup = Self::make(&root);
        cgroup.write(limit, &bytes.to_string());
        Some(cgroup)
    }

    /// Whether there can be one with a limit of memory.
    pub fn can_limit_memory() -> bool {
        memory_hierarchy().is_some()
    }

    /// How many of its processes the OOM killer has killed.
    pub fn oom_kills(&self) -> u64 {
        oom_kills(&self.path)
    }

    /// Whether the v2 cgroup of a process has a file of that name.
    pub fn has_file(pid: u32, name: &str) -> bool {
        v2_folder(pid).is_some_and(|folder| folder.join(name).exists())
    }

    /// Has the OOM killer take all that are in the cgroup of a process when it takes one. Returns the cgroup above, which
    /// outlasts it and counts for it; `None` where the kernel does not do that (cgroup v1).
    pub fn kill_as_a_whole(pid: u32) -> Option<OomKills> {
        let folder = v2_folder(pid).filter(|folder| folder.join("memory.oom.group").exists())?;
        fs::write(folder.join("memory.oom.group"), "1").unwrap();
        folder.parent().map(|above| OomKills(above.to_owned()))
    }

    /// One that looks like a container's: its name is 64 hex digits, in the hierarchy that has those of containers.
    pub fn of_container() -> Self {
        Self::make_named(&of_containers(), &new_id())
    }

    /// One that looks like that of Docker's container of that id.
    pub(crate) fn of_docker(id: &str) -> Self {
        let parent = of_containers().join("docker");
        fs::create_dir_all(&parent).unwrap_or_else(|error| panic!("{}: {error}", parent.display()));
        Self::make_named(&parent, id)
    }

    /// One that is called like that in one of a user's own, and made by that user; by root where none is given.
    pub(crate) fn named_by(user: Option<u32>, name: &str) -> Self {
        let above = Self::make(&of_containers());
        chown(&above.path, user, None).unwrap();
        let path = above.path.join(name);
        let mut mkdir = Command::new("mkdir");
        mkdir.arg(&path).uid(user.unwrap_or_default());
        assert!(mkdir.status().unwrap().success(), "{}", path.display());
        Self {
            path,
            above: Some(Box::new(above)),
        }
    }

    pub(crate) fn make(root: &Path) -> Self {
        let name = format!("rinit-trace-test-{}-{}", process::id(), next());
        Self::make_named(root, &name)
    }

    pub(crate) fn make_named(root: &Path, name: &str) -> Self {
        let path = root.join(name);
        fs::create_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, above: None }
    }

    /// Cgroups `inner`, so many below one another and below this one: the last.
    #[must_use]
    pub fn deeper(self, levels: usize) -> Self {
        (0..levels).fold(self, |above, _| {
            let mut below = Self::make_named(&above.path, "inner");
            below.above = Some(Box::new(above));
            below
        })
    }

    /// One so many levels below that of a process, in the hierarchy that has those of containers.
    pub fn below(pid: u32, depth: usize) -> Self {
        let told = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        let path = told.lines().find_map(|line| {
            let (_, of_hierarchy) = line.split_once(':')?;
            let (controllers, path) = of_hierarchy.split_once(':')?;
            let is_it = controllers.split(',').any(|name| name == "pids");
            (is_it || mounted("cgroup", "pids").is_none()).then(|| path.trim_start_matches('/'))
        });
        Self::make_named(&of_containers().join(path.unwrap()), "inner").deeper(depth - 1)
    }

    /// Its folder.
    pub fn path(&self) -> &str {
        self.path.to_str().expect("mount points are UTF-8 here")
    }

    /// Moves a process into it.
    pub fn add(&self, pid: u32) {
        self.write("cgroup.procs", &pid.to_string());
    }

    /// Has a command start in it, with mounts of its own, as a container's main process has them.
    pub(crate) fn hold(&self, command: &mut Command) {
        let path = self.path.join("cgroup.procs");
        let members = File::options().write(true).open(&path);
        let members = members.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // SAFETY: between fork and exec nothing but system calls, one of them on a file that is open.
        unsafe {
            command.pre_exec(move || {
                if libc::unshare(libc::CLONE_NEWNS) != 0 {
                    return Err(io::Error::last_os_error());
                }
                // Zero is who writes.
                if libc::write(members.as_raw_fd(), c"0".as_ptr().cast(), 1) == 1 {
                    return Ok(());
                }
                Err(io::Error::last_os_error())
            });
        }
    }

    /// `cgroup.kill`
    pub fn kill(&self) {
        self.write("cgroup.kill", "1");
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path.join(file);
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// Counts the kills of the OOM killer below a cgroup.
#[derive(Debug)]
pub struct OomKills(PathBuf);

impl OomKills {
    /// So many so far.
    pub fn count(&self) -> u64 {
        oom_kills(&self.0)
    }
}

fn oom_kills(folder: &Path) -> u64 {
    let files = ["memory.oom_control", "memory.events"].map(|name| folder.join(name));
    let told = files
        .iter()
        .find_map(|file| fs::read_to_string(file).ok())
        .unwrap();
    let count = told.lines().find_map(|line| line.strip_prefix("oom_kill "));
    count.unwrap().parse().unwrap()
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The last of its processes may be about to end.
        let removed = wait::within(wait::DEADLINE, || match fs::remove_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => None,
            // With that of its container, by the runtime.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Ok(())),
            done => Some(done),
        });
        if !matches!(removed, Some(Ok(()))) {
            eprintln!("cannot remove {}: {removed:?}", self.path.display());
        }
    }
}

/// In the hierarchy by which containers are told.
pub(crate) fn of_containers() -> PathBuf {
    let root = mounted("cgroup", "pids").or_else(|| mounted("cgroup2", ""));
    root.expect("a cgroup hierarchy is mounted")
}

/// Where the cgroup of a process is in the v2 hierarchy, if there is one.
fn v2_folder(pid: u32) -> Option<PathBuf> {
    let told = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let path = told.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(mounted("cgroup2", "")?.join(path))
}

/// As all runtimes have it: 64 hex digits.
pub(crate) fn new_id() -> String {
    format!("{:032x}{:032x}", process::id(), next())
}

/// Another number than any before.
fn next() -> usize {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// Which hierarchy has the memory controller for our cgroups, and the file of the limit in it.
fn memory_hierarchy() -> Option<(PathBuf, &'static str)> {
    if let Some(root) = mounted("cgroup", "memory") {
        return Some((root, "memory.limit_in_bytes"));
    }
    let root = mounted("cgroup2", "").filter(|root| {
        let given = fs::read_to_string(root.join("cgroup.subtree_control"));
        given.is_ok_and(|given| given.split_whitespace().any(|name| name == "memory"))
    })?;
    Some((root, "memory.max"))
}

/// Where a hierarchy is mounted, with a controller when one is named.
fn mounted(kind: &str, controller: &str) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    mounts.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (path, fs, options) = (fields.next()?, fields.next()?, fields.next()?);
        let has_it = controller.is_empty() || options.split(',').any(|name| name == controller);
        (fs == kind && has_it).then(|| PathBuf::from(path))
    })
}
