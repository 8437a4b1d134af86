//! Rights: loading the probes takes more of them than tracing does.
//!
//! [`Loader::separate`] comes before every other thread: it makes one that keeps all rights until the
//! probes are loaded, and gives up in this one, and so in all that it starts, what tracing does not
//! need. So nothing that reads what containers and runtimes say could ever have loaded eBPF.

use std::{
    io,
    sync::mpsc::{Sender, channel},
    thread::{self, JoinHandle},
};

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};
use serde::Serialize;

/// What is kept of what was there, with what it is for.
const KEPT: [(CapabilitySet, &str, &str); 3] = [
    (
        CapabilitySet::SYS_PTRACE,
        "CAP_SYS_PTRACE",
        "namespaces, files and environments of processes (/proc/PID/{ns,cwd,root,exe,environ})",
    ),
    (
        CapabilitySet::DAC_READ_SEARCH,
        "CAP_DAC_READ_SEARCH",
        "folders of runtimes that belong to other users",
    ),
    (
        CapabilitySet::DAC_OVERRIDE,
        "CAP_DAC_OVERRIDE",
        "sockets, and a folder for the history, that belong to other users",
    ),
];

/// Either does for bpf(2); the smaller one is kept.
const FOR_MAPS: [(CapabilitySet, &str); 2] = [
    (CapabilitySet::BPF, "CAP_BPF"),
    (CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN"),
];

/// The first kernel that lets everybody use a map whose descriptor he has. Those before ask for
/// `CAP_BPF` at each access, when `kernel.unprivileged_bpf_disabled` is set.
const FREE_MAPS: (u32, u32) = (5, 19);

const BPF_MAP_LOOKUP_ELEM: libc::c_long = 1;

/// What the threads may do that trace.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Privileges {
    /// Capabilities that were kept, and what for.
    pub kept: Vec<Kept>,
    /// `no_new_privs` is set: a program that this one would start could not gain rights.
    pub no_new_privs: bool,
    /// What could not be given up, and why.
    pub failures: Vec<String>,
}

/// A capability that is there after loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name.
    pub name: &'static str,
    /// What needs it.
    pub reason: &'static str,
}

/// Whether this thread may look into processes of other users.
pub fn sees_processes() -> bool {
    capabilities(None).is_ok_and(|own| own.effective.contains(CapabilitySet::SYS_PTRACE))
}

type Job = Box<dyn FnOnce() + Send>;

/// The thread that may still load eBPF.
pub struct Loader {
    /// Without one nothing was given up.
    thread: Option<(Sender<Job>, JoinHandle<()>)>,
    privileges: Privileges,
}

impl Loader {
    /// Leaves all rights to a new thread and keeps what tracing needs. Call it before any other thread
    /// is started. `low_port`: a port below 1024 will be listened on.
    ///
    /// What cannot be given up is logged, and kept.
    pub fn separate(low_port: bool) -> Self {
        let (jobs, received) = channel::<Job>();
        let started = thread::Builder::new().name("loader".into()).spawn(move || {
            if let Ok(job) = received.recv() {
                job();
            }
        });
        let mut privileges = Privileges::default();
        let thread = match started {
            Ok(thread) => {
                give_up(low_port, &mut privileges);
                Some((jobs, thread))
            }
            Err(error) => {
                let failure = format!("cannot start the thread that loads: {error}");
                privileges.failures.push(failure);
                None
            }
        };
        for failure in &privileges.failures {
            tracing::warn!("rights that are not needed are kept: {failure}");
        }
        Self { thread, privileges }
    }

    /// Gives nothing up, and loads in the thread that asks: for who starts containers of its own.
    pub fn with_all_rights() -> Self {
        Self {
            thread: None,
            privileges: Privileges::default(),
        }
    }

    /// What is left to all other threads.
    pub fn privileges(&self) -> &Privileges {
        &self.privileges
    }

    /// Runs it with all rights, and ends the thread that has them. `None`: it panicked.
    pub fn run<T: Send + 'static>(self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let Some((jobs, thread)) = self.thread else {
            return Some(job());
        };
        let (done, result) = channel();
        let job: Job = Box::new(move || {
            // Who asked waits below.
            let _ = done.send(job());
        });
        jobs.send(job).ok()?;
        let result = result.recv().ok();
        // Not only told, but gone: nobody has more rights than tracing needs from here on.
        let _ = thread.join();
        result
    }
}

fn give_up(low_port: bool, privileges: &mut Privileges) {
    let before = match capabilities(None) {
        Ok(before) => before,
        Err(error) => {
            privileges.failures.push(format!("capget: {error}"));
            return;
        }
    };
    // Takes CAP_SETPCAP, so it comes first.
    if before.effective.contains(CapabilitySet::SETPCAP) {
        note("the bounding set", clear_bounding_set(), privileges);
    }
    let ambient = clear_ambient_capability_set().map_err(io::Error::from);
    note("ambient capabilities", ambient, privileges);
    let mut keep = kept(before.permitted, low_port);
    let narrow = |keep: &[(CapabilitySet, Kept)], permitted: Option<CapabilitySet>| {
        let mask: CapabilitySet = keep.iter().map(|(bit, _)| *bit).collect();
        let sets = CapabilitySets {
            effective: mask,
            permitted: permitted.unwrap_or(mask),
            inheritable: CapabilitySet::empty(),
        };
        set_capabilities(None, sets).map_err(io::Error::from)
    };
    // In force for a moment, to see whether a map would be refused like this.
    let tried = narrow(&keep, Some(before.permitted));
    if tried.is_err() || maps_take_rights() {
        keep.extend(for_maps(before.permitted));
    }
    note("capabilities", narrow(&keep, None), privileges);
    privileges.no_new_privs = set_no_new_privs(true).is_ok();
    if !privileges.no_new_privs {
        privileges.failures.push("no_new_privs is refused".into());
    }
    privileges.kept = keep.into_iter().map(|(_, kept)| kept).collect();
}

fn note(what: &str, result: io::Result<()>, privileges: &mut Privileges) {
    if let Err(error) = result {
        privileges.failures.push(format!("{what}: {error}"));
    }
}

/// Of what is permitted, what tracing needs.
fn kept(permitted: CapabilitySet, low_port: bool) -> Vec<(CapabilitySet, Kept)> {
    let port = (
        CapabilitySet::NET_BIND_SERVICE,
        "CAP_NET_BIND_SERVICE",
        "to listen on a port below 1024",
    );
    let wanted = KEPT.into_iter().chain(low_port.then_some(port));
    wanted
        .filter(|(bit, _, _)| permitted.contains(*bit))
        .map(|(bit, name, reason)| (bit, Kept { name, reason }))
        .collect()
}

/// For kernels that want it.
fn for_maps(permitted: CapabilitySet) -> Option<(CapabilitySet, Kept)> {
    let reason = "each access to an eBPF map, on kernels before 5.19";
    FOR_MAPS
        .into_iter()
        .find(|(bit, _)| permitted.contains(*bit))
        .map(|(bit, name)| (bit, Kept { name, reason }))
}

fn clear_bounding_set() -> io::Result<()> {
    for number in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << number);
        match remove_capability_from_bounding_set(one) {
            Ok(()) => {}
            // Beyond the last one that this kernel knows.
            Err(rustix::io::Errno::INVAL) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether maps that are there already can be used only with a capability which is not in force.
fn maps_take_rights() -> bool {
    // Zero: not asked for now. But an administrator may set it at any time.
    let asks_for_rights = std::fs::read_to_string("/proc/sys/kernel/unprivileged_bpf_disabled")
        .is_ok_and(|text| text.trim() != "0");
    if !asks_for_rights {
        let release = rustix::system::uname();
        return !has_free_maps(&release.release().to_string_lossy());
    }
    let mut attributes = [0_u64; 16];
    // The descriptor of the map: none.
    attributes[0] = u64::from(u32::MAX);
    // SAFETY: the kernel reads the attributes, which live until it returns, and writes nothing: there
    // is no such map.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_MAP_LOOKUP_ELEM,
            attributes.as_ptr(),
            size_of::<[u64; 4]>(),
        )
    };
    result == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

/// By its version, the only thing that tells. A kernel that cannot be told counts as old.
fn has_free_maps(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next()?.parse::<u32>().ok();
    number()
        .zip(number())
        .is_some_and(|version| version >= FREE_MAPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(permitted: CapabilitySet, low_port: bool) -> Vec<&'static str> {
        let kept = kept(permitted, low_port);
        kept.iter().map(|(_, kept)| kept.name).collect()
    }

    #[test]
    fn only_what_was_there_and_is_needed_is_kept() {
        let all = CapabilitySet::all();
        let always = ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE"];
        assert_eq!(names(all, false), always);
        assert_eq!(names(all, true).last(), Some(&"CAP_NET_BIND_SERVICE"));
        let pod = CapabilitySet::BPF | CapabilitySet::PERFMON | CapabilitySet::SYS_PTRACE;
        assert_eq!(names(pod, true), ["CAP_SYS_PTRACE"]);
        assert!(names(CapabilitySet::BPF, true).is_empty());
    }

    #[test]
    fn an_old_kernel_keeps_the_smaller_right_to_its_maps() {
        let name = |permitted| for_maps(permitted).map(|(_, kept)| kept.name);
        assert_eq!(name(CapabilitySet::all()), Some("CAP_BPF"));
        assert_eq!(name(CapabilitySet::SYS_ADMIN), Some("CAP_SYS_ADMIN"));
        assert_eq!(name(CapabilitySet::SYS_PTRACE), None);
    }

    #[test]
    fn kernels_before_5_19_and_unknown_ones_are_old() {
        for old in ["5.10.0-46-cloud-amd64", "5.18.99", "4.19", "", "x.y", "6"] {
            assert!(!has_free_maps(old), "{old}");
        }
        for new in ["5.19.0", "6.1.0-56-cloud-amd64", "6.18.44-fc", "10.0-rc1"] {
            assert!(has_free_maps(new), "{new}");
        }
    }

    #[test]
    fn the_loader_has_what_the_others_gave_up() {
        let before = capabilities(None).unwrap();
        let told = thread::spawn(|| {
            let all = capabilities(None).unwrap().permitted;
            let loader = Loader::separate(false);
            let kept = loader.privileges().kept.len();
            let loading = loader.run(|| capabilities(None).unwrap().permitted);
            let after = capabilities(None).unwrap();
            (all, kept, loading, after)
        });
        let (all, kept, loading, after) = told.join().unwrap();
        assert_eq!(loading, Some(all));
        assert_eq!(after.permitted.bits().count_ones() as usize, kept);
        assert_eq!(after.effective, after.permitted);
        // Threads that were there before keep theirs.
        assert_eq!(capabilities(None).unwrap(), before);
    }

    #[test]
    fn a_job_that_panics_is_no_panic_of_who_waits() {
        let told = thread::spawn(|| {
            let loader = Loader::separate(false);
            loader.run(|| std::panic::panic_any("as it does"))
        });
        assert_eq!(told.join().unwrap(), None::<()>);
    }
}
