//! What a containerd of the tests may leave behind, found by names that only it has: its folder, its pods' uids.

use std::{
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
};

use crate::wait;

/// Ends containerd: containers and shims are left by then.
pub(super) fn end(child: &mut Child) {
    // SAFETY: no memory is passed, and the child is not reaped.
    unsafe { libc::kill(child.id().cast_signed(), libc::SIGTERM) };
    let ended = wait::within(wait::DEADLINE, || child.try_wait().ok().flatten());
    if ended.is_none() {
        // Then it is hung.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Kills whoever is left in the cgroups of pods.
pub(super) fn kill_pods(uids: &[String]) {
    let folders = cgroups_of(uids);
    let left = || {
        let pids = folders.iter().flat_map(|folder| members(folder));
        let left: Vec<i32> = pids.collect();
        for pid in &left {
            // SAFETY: no memory is passed. It is in a cgroup of ours.
            unsafe { libc::kill(*pid, libc::SIGKILL) };
        }
        left
    };
    if wait::within(wait::DEADLINE, || left().is_empty().then_some(())).is_none() {
        eprintln!("processes of pods do not end: {:?}", left());
    }
}

/// Kills the shims that were started for a socket.
pub(super) fn shims(socket: &Path) {
    let left = || {
        let shims = pids().filter(|pid| {
            let told = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = told.split(|byte| *byte == 0);
            words.any(|word| word == b"-address")
                && words.next() == Some(socket.as_os_str().as_bytes())
        });
        let shims: Vec<i32> = shims.collect();
        for pid in &shims {
            // SAFETY: no memory is passed. It is a shim of ours.
            unsafe { libc::kill(*pid, libc::SIGKILL) };
        }
        shims
    };
    if wait::within(wait::DEADLINE, || left().is_empty().then_some(())).is_none() {
        eprintln!("shims do not end: {:?}", left());
    }
}

/// Deletes the bridge, which is there when a pod was.
pub(super) fn bridge(name: &str) {
    if !Path::new("/sys/class/net").join(name).exists() {
        return;
    }
    let deleted = Command::new("ip").args(["link", "delete", name]).status();
    if !deleted.as_ref().is_ok_and(ExitStatus::success) {
        eprintln!("cannot delete the bridge {name}: {deleted:?}");
    }
}

/// Removes the cgroups of pods, which are the kubelet's; those above them when no other pod has them.
pub(super) fn cgroups(uids: &[String]) {
    for folder in cgroups_of(uids) {
        remove_tree(&folder);
        for above in folder.ancestors().skip(1).take(2) {
            // Of another containerd, too.
            let _ = fs::remove_dir(above);
        }
    }
}

/// In which folder of the cgroups a pod is, as the kubelet has it for one that is burstable.
pub(super) fn cgroup(uid: &str) -> String {
    format!("/kubepods/burstable/pod{uid}")
}

/// The same by a kubelet that has systemd make cgroups.
pub(super) fn slice(uid: &str) -> String {
    let uid = uid.replace('-', "_");
    format!("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{uid}.slice")
}

/// In all hierarchies.
fn cgroups_of(uids: &[String]) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let roots = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (point, kind) = (fields.next()?, fields.next()?);
        kind.starts_with("cgroup").then_some(point)
    });
    let folders = roots.flat_map(|root| {
        let of = move |uid: &String| {
            [cgroup(uid), slice(uid)].map(|path| PathBuf::from(format!("{root}{path}")))
        };
        uids.iter().flat_map(of)
    });
    folders.filter(|folder| folder.is_dir()).collect()
}

fn members(folder: &Path) -> Vec<i32> {
    let mut pids: Vec<i32> = fs::read_to_string(folder.join("cgroup.procs"))
        .unwrap_or_default()
        .lines()
        .filter_map(|pid| pid.parse().ok())
        .collect();
    for inner in inner(folder) {
        pids.extend(members(&inner));
    }
    pids
}

fn remove_tree(folder: &Path) {
    for inner in inner(folder) {
        remove_tree(&inner);
    }
    let removed = wait::within(wait::DEADLINE, || match fs::remove_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => None,
        done => Some(done),
    });
    match removed {
        Some(Ok(())) => {}
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => {}
        other => eprintln!("cannot remove {}: {other:?}", folder.display()),
    }
}

fn inner(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.is_dir()).collect()
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}
