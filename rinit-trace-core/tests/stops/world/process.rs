//! A process and what the kernel does with its signals.

use rinit_trace_core::model::{
    BootTime, CgroupIds, Disposition, ExitStatus, InitSettings, ProcessKey, SendResult, Signal,
    Task, TaskState,
};

use super::Id;

#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) id: Id,
    pub(crate) comm: String,
    pub(crate) cmdline: Vec<String>,
    pub(crate) start: BootTime,
    /// Number of its parent inside; `None` when that lives outside.
    pub(crate) parent: Option<u32>,
    pub(crate) sid: Option<u32>,
    /// Its process group; the session's where not told.
    pub(crate) pgid: Option<u32>,
    pub(crate) threads: u32,
    /// `task_struct.ptrace`
    pub(crate) ptrace: u32,
    /// What `/proc` says of an init.
    pub(crate) settings: Option<InitSettings>,
    pub(crate) handled: u64,
    pub(crate) ignored: u64,
    pub(crate) blocked: u64,
    /// What it waits for in `sigtimedwait`.
    pub(crate) waits: u64,
    pub(crate) pending: u64,
    pub(crate) exec_id: u64,
    pub(crate) cgroup: u64,
    pub(crate) oom: bool,
    /// It came from outside.
    pub(crate) came: bool,
    /// A descendant of one that entered, as the kernel side knows it.
    pub(crate) entered: bool,
    pub(crate) uid: Option<u32>,
    /// Its container's cgroup is in one that is not root's.
    pub(crate) is_delegated: bool,
    /// Its number in a namespace within the container's.
    pub(crate) nested: Option<u32>,
    /// Whose shim is its parent when it has none inside.
    pub(crate) shim: char,
    /// What it asked for at the death of its parent (`PR_SET_PDEATHSIG`).
    pub(crate) pdeath: Option<Signal>,
    /// Host pid of who traces it.
    pub(crate) tracer: Option<u32>,
    life: Life,
    /// On kernels before 5.16 the end of a process of one thread leaves no mark, and a signal to what
    /// is left of it is delivered.
    pub(crate) is_unmarked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Alive,
    /// By this exit code.
    Dying(u32),
    Zombie,
    Reaped,
}

impl Process {
    pub(crate) fn new(id: Id, comm: &str, start: BootTime) -> Self {
        Self {
            id,
            comm: comm.to_owned(),
            cmdline: vec![comm.to_owned()],
            start,
            parent: Some(1),
            sid: Some(1),
            pgid: None,
            threads: 1,
            is_unmarked: false,
            ptrace: 0,
            settings: None,
            handled: 0,
            ignored: 0,
            blocked: 0,
            waits: 0,
            pending: 0,
            exec_id: 1,
            cgroup: 77 + u64::from(id.0),
            oom: false,
            came: false,
            entered: false,
            uid: None,
            is_delegated: false,
            nested: None,
            shim: id.0,
            pdeath: None,
            tracer: None,
            life: Life::Alive,
        }
    }

    pub(crate) fn init(id: Id, comm: &str, start: BootTime) -> Self {
        Self {
            parent: None,
            ..Self::new(id, comm, start)
        }
    }

    /// Host pids of namespace A are 8000 and some, of B 9000 and some.
    pub(crate) fn host_pid(&self) -> u32 {
        host_pid((self.id.0, self.id.1))
    }

    pub(crate) fn ppid(&self) -> u32 {
        self.parent
            .map_or(shim_pid(self.shim), |parent| host_pid((self.id.0, parent)))
    }

    pub(crate) fn task(&self) -> Task {
        Task {
            key: ProcessKey {
                tgid: self.host_pid(),
                start: self.start.0,
            },
            tid: self.host_pid(),
            level: 1,
            ns_tgid: self.id.1,
            inner_level: 1 + u32::from(self.nested.is_some()),
            inner_tgid: self.nested.unwrap_or(self.id.1),
            ppid: self.ppid(),
            parent_level: u32::from(self.parent.is_some()),
            pgid: self.pgid.or(self.sid),
            ptrace: self.ptrace,
            sid: self.sid,
            has_entered: self.entered,
            euid: self.uid,
            is_delegated: self.is_delegated,
            is_of_root: !self.is_delegated,
            comm: self.comm.clone(),
            cgroups: CgroupIds {
                v2: self.cgroup,
                v1: 0,
            },
            ..Task::default()
        }
    }

    /// Of its innermost pid namespace.
    fn is_init(&self) -> bool {
        self.nested.unwrap_or(self.id.1) == 1
    }

    /// Traced by another of its namespace, or by the host.
    pub(crate) fn traced_by(&mut self, tracer: &str) {
        self.ptrace = 1;
        self.tracer = match tracer {
            "" => Some(700),
            pid => Some(host_pid((self.id.0, pid.parse().unwrap()))),
        };
    }

    pub(crate) fn state(&self, ns_tasks: u32) -> TaskState {
        let (signal_flags, group_exit_code) = match self.life {
            Life::Dying(code) => (4, code),
            Life::Zombie | Life::Reaped if self.is_unmarked => (0, 0),
            Life::Zombie | Life::Reaped => (4, 0),
            Life::Alive if self.is_init() => (0x40, 0),
            Life::Alive => (0, 0),
        };
        TaskState {
            handled: self.handled,
            ignored: self.ignored,
            blocked: self.blocked & !self.waits,
            real_blocked: if self.waits == 0 { 0 } else { self.blocked },
            pending: self.pending,
            exec_id: self.exec_id,
            signal_flags,
            group_exit_code,
            ns_tasks,
            oom: self.oom,
            pdeath_signal: self.pdeath.map_or(0, |signal| u32::from(signal.0)),
            threads: self.threads,
        }
    }

    pub(crate) fn disposition(&self, signal: Signal) -> Disposition {
        self.state(0).disposition(signal)
    }

    /// What the kernel does with a signal (`prepare_signal()`, `__send_signal_locked()`), or what a
    /// script says it did.
    pub(crate) fn receive(
        &mut self,
        signal: Signal,
        inside: bool,
        told: Option<SendResult>,
    ) -> SendResult {
        let result = told.unwrap_or_else(|| self.result(signal, inside));
        if result == SendResult::Delivered {
            // Of a traced process it waits for the tracer.
            let blocked = self.blocked & signal.bit() != 0 || self.ptrace != 0;
            let is_fatal = signal == Signal::KILL
                || (!blocked && self.disposition(signal) == Disposition::Default);
            if self.life == Life::Alive && is_fatal && !(self.is_init() && signal != Signal::KILL) {
                self.life = Life::Dying(u32::from(signal.0));
            }
            if signal != Signal::KILL {
                self.pending |= signal.bit();
            }
        }
        result
    }

    fn result(&self, signal: Signal, inside: bool) -> SendResult {
        let unkillable = self.is_init();
        if self.life != Life::Alive {
            return if self.is_unmarked && self.life == Life::Zombie {
                SendResult::Delivered
            } else {
                SendResult::Ignored
            };
        }
        if signal == Signal::KILL {
            // From around its namespace it works.
            return if unkillable && inside && self.nested.is_none() {
                SendResult::Ignored
            } else {
                SendResult::Delivered
            };
        }
        let dropped = match self.disposition(signal) {
            Disposition::Ignored => true,
            Disposition::Default => unkillable || !signal.is_fatal_by_default(),
            Disposition::Handled => false,
        };
        // A tracer is told of it first (kernel/signal.c `sig_ignored()`).
        if self.blocked & signal.bit() == 0 && self.ptrace == 0 && dropped {
            SendResult::Ignored
        } else if self.pending & signal.bit() != 0 {
            SendResult::AlreadyPending
        } else {
            SendResult::Delivered
        }
    }

    /// Takes a signal that it handles or waits for; whether it did.
    pub(crate) fn takes(&mut self, signal: Signal) -> bool {
        let bit = signal.bit();
        let open = self.handled & bit != 0 && self.blocked & bit == 0;
        let takes =
            self.life == Life::Alive && self.pending & bit != 0 && (open || self.waits & bit != 0);
        if takes {
            self.pending &= !bit;
        }
        takes
    }

    /// Ends, as told, or by what it is dying of, or with code 0.
    pub(crate) fn exit(&mut self, told: Option<ExitStatus>, becomes_zombie: bool) -> ExitStatus {
        let own = match self.life {
            Life::Dying(code) => ExitStatus::from_wait(code),
            _ => ExitStatus::Code(0),
        };
        if becomes_zombie {
            self.threads = 0;
        }
        // The number of an init is given back with its namespace.
        self.life = if becomes_zombie || self.id.1 == 1 {
            Life::Zombie
        } else {
            Life::Reaped
        };
        told.unwrap_or(own)
    }

    pub(crate) fn reap(&mut self) {
        self.life = Life::Reaped;
    }

    pub(crate) fn become_zombie(&mut self) {
        self.life = Life::Zombie;
        self.threads = 0;
    }

    pub(crate) fn is_counted(&self) -> bool {
        self.life != Life::Reaped
    }

    pub(crate) fn is_listed(&self) -> bool {
        matches!(self.life, Life::Alive | Life::Dying(_))
    }
}

/// The shim that is the parent of a namespace's init.
pub(crate) fn shim_pid(letter: char) -> u32 {
    900 + u32::from(letter) - u32::from('A')
}

fn host_pid((letter, pid): Id) -> u32 {
    8000 + 1000 * (u32::from(letter) - u32::from('A')) + pid
}
