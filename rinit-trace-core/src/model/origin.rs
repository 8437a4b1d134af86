//! Who made a signal, by the fingerprint it leaves in `signal_generate`.

use serde::{Deserialize, Serialize};

use super::{Signal, SignalEvent, SignalInfo};

/// Command names of programs that stop containers. A sender from outside with one of these names,
/// or a child or the parent of the init itself, is the container's runtime.
pub const RUNTIME_COMMS: [&str; 16] = [
    "runc",
    "crun",
    // Copies of themselves in memory, which they may run in place of their file.
    "memfd:runc_clon",
    "memfd:crun_clon",
    "youki",
    "runsc",
    "conmon",
    "conmonrs",
    "containerd",
    "containerd-shim",
    "crio",
    "dockerd",
    "docker-containe",
    "podman",
    "lxc-start",
    "systemd-nspawn",
];

/// Command names of those who run the OCI runtime as their own child while the init is a child of
/// conmon. The child's own name may tell nothing: crun starts itself anew by a file descriptor, and
/// older kernels call a program that is started so by that number (`bprm->filename`, fs/exec.c: seen
/// on 5.10; 6.14 and its stable siblings take the file's name).
pub const ENGINE_COMMS: [&str; 2] = ["podman", "crio"];

/// Who or what in the kernel made a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// `kill`, `pidfd_send_signal`, `sigqueue` to a process.
    User,
    /// `tgkill`, `tkill`, `pthread_kill` to a thread.
    Thread,
    /// A POSIX timer; the sender is whatever the interrupt hit.
    Timer,
    /// The kernel itself: resource limits, faults, BPF, hardware.
    Kernel,
    /// A terminal: ^C, ^Z, a change of its window's size, a hang-up; the sender is whichever task
    /// ran.
    Terminal,
    /// A write to `cgroup.kill`.
    CgroupKill,
    /// A dying init takes its namespace with it.
    PidnsTeardown,
    /// The OOM killer.
    Oom,
    /// `PR_SET_PDEATHSIG`: the parent died.
    ParentDeath,
    /// A tracer, by `PTRACE_KILL` or by its own end (`PTRACE_O_EXITKILL`).
    Ptrace,
}

const SI_TKILL: i32 = -6;
const SI_MESGQ: i32 = -3;
const SI_TIMER: i32 = -2;
/// `PTRACE_O_EXITKILL`, shifted by `PT_OPT_FLAG_SHIFT` (include/linux/ptrace.h).
const PT_EXITKILL: u32 = 0x0010_0000 << 3;

impl Origin {
    /// Whether a process sent it, by a signal or through `cgroup.kill`, and not the kernel.
    pub fn is_sent(self) -> bool {
        matches!(self, Self::User | Self::Thread | Self::CgroupKill)
    }

    /// Classifies in an order that holds from 5.4 to 7.x: what is unambiguous comes first. Some
    /// SIGKILLs leave a fingerprint with two meanings, first of all those of the OOM killer: the
    /// facts around them settle it later.
    pub fn classify(event: &SignalEvent) -> Self {
        match event.info {
            SignalInfo::Kernel => Self::of_kernel(event),
            // It calls no kill(2): an interrupt came while it ran, of a timer most likely.
            SignalInfo::Code(None) if event.sender.is_kernel() => Self::Kernel,
            SignalInfo::Code(None) if !event.group => Self::Thread,
            SignalInfo::Code(None) => Self::User,
            SignalInfo::Code(Some(code)) => Self::of_code(code, event.group),
            SignalInfo::NoInfo => Self::of_no_info(event),
        }
    }

    /// `SEND_SIG_PRIV`.
    fn of_kernel(event: &SignalEvent) -> Self {
        let sender = &event.sender;
        if event.group {
            if is_of_terminal(event) {
                return Self::Terminal;
            }
            let tears_down = sender.is_exiting()
                && sender.is_init()
                && sender.inner_level <= event.target.inner_level
                && sender.key != event.target.key;
            if tears_down {
                Self::PidnsTeardown
            } else if event.state.oom {
                Self::Oom
            } else {
                Self::Kernel
            }
        } else if event.target.ptrace & PT_EXITKILL != 0 && sender.is_exiting() && is_tracer(event)
        {
            Self::Ptrace
        } else {
            Self::Kernel
        }
    }

    /// `SEND_SIG_NOINFO`: `cgroup.kill`, parent death, `PTRACE_KILL`, and from about 7.0 `kill(2)`.
    fn of_no_info(event: &SignalEvent) -> Self {
        let signal = event.signal.map_or(0, |signal| u32::from(signal.0));
        let (sender, target) = (&event.sender, &event.target);
        if sender.is_exiting() && event.state.pdeath_signal == signal {
            Self::ParentDeath
        } else if event.group {
            Self::User
        } else if is_tracer(event) {
            Self::Ptrace
        } else if sender.key == target.key {
            Self::Kernel
        } else {
            Self::CgroupKill
        }
    }

    fn of_code(code: i32, group: bool) -> Self {
        match code {
            SI_TKILL => Self::Thread,
            SI_TIMER => Self::Timer,
            // The sender is whoever wrote to the file or the queue that the target watches.
            SI_MESGQ | 1.. => Self::Kernel,
            // rt_tgsigqueueinfo(2)
            _ if !group => Self::Thread,
            _ => Self::User,
        }
    }
}

/// Whether it is one of those that the kernel sends for a terminal alone, to its foreground process
/// group or its session's leader (`isig()`, `tty_do_resize()`,
/// `tty_signal_session_leader()` and `__tty_check_change()` below `drivers/tty`). A BPF program may send any
/// to the process that runs.
fn is_of_terminal(event: &SignalEvent) -> bool {
    let is_itself = event.sender.key == event.target.key;
    match event.signal {
        Some(Signal::INT | Signal::QUIT | Signal::HUP) => !is_itself,
        Some(Signal::TSTP | Signal::TTIN | Signal::TTOU | Signal::WINCH) => true,
        _ => false,
    }
}

/// Whether the sender traces the target. Others may kill who is traced, too.
fn is_tracer(event: &SignalEvent) -> bool {
    event.tracer == Some(event.sender.key.tgid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PidNs, ProcessKey, Task, TaskState};

    fn kill(info: SignalInfo, group: bool) -> SignalEvent {
        let task = |tgid, ns_tgid, level| Task {
            key: ProcessKey { tgid, start: 1 },
            ns: PidNs {
                id: 5,
                ..PidNs::default()
            },
            inner_level: level,
            inner_tgid: ns_tgid,
            ..Task::default()
        };
        SignalEvent {
            signal: Some(Signal::KILL),
            info,
            group,
            sender: task(10, 1, 1),
            target: task(20, 7, 1),
            ..SignalEvent::default()
        }
    }

    #[test]
    fn a_dying_init_that_kills_by_the_kernel_tears_down() {
        let mut event = kill(SignalInfo::Kernel, true);
        assert_eq!(event.origin(), Origin::Kernel, "it is not dying");
        event.sender.flags = 4;
        assert_eq!(event.origin(), Origin::PidnsTeardown);
        event.target.inner_level = 2;
        assert_eq!(event.origin(), Origin::PidnsTeardown, "an outer init");
        event.sender.inner_tgid = 2;
        assert_eq!(event.origin(), Origin::Kernel, "not an init");
    }

    #[test]
    fn the_mark_of_the_oom_killer_wins_over_an_unnamed_kernel_kill() {
        let mut event = kill(SignalInfo::Kernel, true);
        event.state = TaskState {
            oom: true,
            ..TaskState::default()
        };
        assert_eq!(event.origin(), Origin::Oom);
    }

    #[test]
    fn the_kernel_sends_some_signals_for_a_terminal_alone() {
        for (signal, origin) in [
            (Signal::INT, Origin::Terminal),
            (Signal::WINCH, Origin::Terminal),
            (Signal::HUP, Origin::Terminal),
            (Signal::TERM, Origin::Kernel),
        ] {
            let mut event = kill(SignalInfo::Kernel, true);
            event.signal = Some(signal);
            assert_eq!(event.origin(), origin, "{signal}");
            event.info = SignalInfo::Code(Some(0));
            assert_eq!(event.origin(), Origin::User, "{signal}");
        }
        let mut event = kill(SignalInfo::Kernel, true);
        event.signal = Some(Signal::INT);
        event.sender.key = event.target.key;
        assert_eq!(event.origin(), Origin::Kernel, "a BPF program");
    }

    #[test]
    fn no_info_to_one_thread_is_the_cgroup_unless_somebody_traces() {
        let mut event = kill(SignalInfo::NoInfo, false);
        assert_eq!(event.origin(), Origin::CgroupKill);
        event.target.ptrace = 1;
        event.tracer = Some(event.sender.key.tgid);
        assert_eq!(event.origin(), Origin::Ptrace);
        event.tracer = Some(30);
        assert_eq!(event.origin(), Origin::CgroupKill, "another one traces");
        event.sender.key = event.target.key;
        assert_eq!(event.origin(), Origin::Kernel, "audit or a security module");
    }

    #[test]
    fn a_tracer_that_ends_takes_with_it_who_it_traces() {
        let mut event = kill(SignalInfo::Kernel, false);
        event.target.ptrace = PT_EXITKILL | 1;
        event.tracer = Some(event.sender.key.tgid);
        assert_eq!(event.origin(), Origin::Kernel, "it is not ending");
        event.sender.flags = 4;
        assert_eq!(event.origin(), Origin::Ptrace);
        event.tracer = Some(30);
        assert_eq!(event.origin(), Origin::Kernel, "another one traces");
    }

    #[test]
    fn no_info_to_the_group_is_a_kill_on_new_kernels_or_a_dead_parent() {
        let mut event = kill(SignalInfo::NoInfo, true);
        assert_eq!(event.origin(), Origin::User);
        event.sender.flags = 4;
        event.state.pdeath_signal = 9;
        assert_eq!(event.origin(), Origin::ParentDeath);
    }

    #[test]
    fn without_a_code_an_idle_cpu_is_no_sender() {
        let mut event = kill(SignalInfo::Code(None), true);
        assert_eq!(event.origin(), Origin::User);
        event.sender.flags = 0x20_0000;
        assert_eq!(event.origin(), Origin::Kernel, "a kernel thread");
        event.sender.flags = 0;
        event.sender.key.tgid = 0;
        assert_eq!(event.origin(), Origin::Kernel);
    }

    #[test]
    fn codes_tell_threads_and_timers() {
        for (code, group, origin) in [
            (0, true, Origin::User),
            (-1, true, Origin::User),
            (-1, false, Origin::Thread),
            (-6, false, Origin::Thread),
            (-2, true, Origin::Timer),
            (-2, false, Origin::Timer),
            (-3, true, Origin::Kernel),
            (0x80, true, Origin::Kernel),
            (1, true, Origin::Kernel),
        ] {
            let event = kill(SignalInfo::Code(Some(code)), group);
            assert_eq!(event.origin(), origin, "{code}");
        }
    }
}
