//! Rules of the kernel that several articles follow from.
//!
//! Read in the sources, and seen in traces of 6.1, 6.12 and 6.18. Versions are given where the
//! sources of 5.4, 5.10, 5.15, 6.1, 6.12 and 7.3 were compared, or where a manual page has them.

use super::KernelRule;

/// Compared in the sources of these.
const SAME: Option<&str> = Some("the same from 5.4 to 7.3");

pub(super) const UNKILLABLE: KernelRule = KernelRule {
    function: "sig_task_ignored()",
    file: "kernel/signal.c",
    says: "PID 1 of a pid namespace has the flag SIGNAL_UNKILLABLE: a signal whose disposition is the default is dropped when it is sent, from outside as well. Only SIGKILL and SIGSTOP from outside get through.",
    since: SAME,
};

pub(super) const AT_DELIVERY: KernelRule = KernelRule {
    function: "get_signal()",
    file: "kernel/signal.c",
    says: "a signal that PID 1 had blocked when it came is queued; if there is no handler when PID 1 unblocks it, it is dropped then.",
    since: None,
};

pub(super) const IGNORED: KernelRule = KernelRule {
    function: "sig_handler_ignored()",
    file: "kernel/signal.c",
    says: "a signal that is set to SIG_IGN is dropped when it is sent.",
    since: SAME,
};

pub(super) const BLOCKED: KernelRule = KernelRule {
    function: "sig_ignored()",
    file: "kernel/signal.c",
    says: "a blocked signal is never dropped when it is sent: it stays pending until somebody unblocks it or waits for it, whatever its disposition.",
    since: None,
};

pub(super) const TRACED: KernelRule = KernelRule {
    function: "sig_ignored()",
    file: "kernel/signal.c",
    says: "a signal other than SIGKILL to a traced process is never dropped when it is sent: it is queued, the process stops for its tracer, and the tracer passes it on, later or not at all.",
    since: None,
};

pub(super) const EXEC: KernelRule = KernelRule {
    function: "flush_signal_handlers()",
    file: "kernel/signal.c",
    says: "exec sets handlers back to the default. SIG_IGN and blocked signals are inherited.",
    since: None,
};

pub(super) const TEARDOWN: KernelRule = KernelRule {
    function: "zap_pid_ns_processes()",
    file: "kernel/pid_namespace.c",
    says: "when PID 1 of a pid namespace ends, the kernel sends SIGKILL to every process that is left in the namespace, and PID 1 is gone only when all of them are.",
    since: Some("pid namespaces: since 2.6.24; the same from 5.4 to 7.3"),
};

pub(super) const SIGKILL: KernelRule = KernelRule {
    function: "complete_signal()",
    file: "kernel/signal.c",
    says: "SIGKILL ends all threads of a process at once: no handler runs, nothing can be cleaned up.",
    since: None,
};

pub(super) const FORCED: KernelRule = KernelRule {
    function: "sig_task_ignored()",
    file: "kernel/signal.c",
    says: "SIGKILL to PID 1 is forced only when it comes from outside its pid namespace: `kill -9 1` inside a container does nothing.",
    since: SAME,
};

pub(super) const GROUP: KernelRule = KernelRule {
    function: "__kill_pgrp_info()",
    file: "kernel/signal.c",
    says: "a signal to a process group is one signal to each process that is in the group at that moment. Who has called setsid() or setpgid() is in another one.",
    since: None,
};

pub(super) const ORPHANS: KernelRule = KernelRule {
    function: "forget_original_parent()",
    file: "kernel/exit.c",
    says: "children of a process that ends become children of PID 1 of their pid namespace (or of a subreaper).",
    since: None,
};

pub(super) const PARENT_DEATH: KernelRule = KernelRule {
    function: "forget_original_parent()",
    file: "kernel/exit.c",
    says: "a child that asked for it (PR_SET_PDEATHSIG) is sent that signal when the thread that started it ends.",
    since: Some("since 2.1.57"),
};

pub(super) const OOM: KernelRule = KernelRule {
    function: "__oom_kill_process()",
    file: "mm/oom_kill.c",
    says: "when a memory cgroup or the machine has no memory left, the kernel chooses a victim and sends SIGKILL to it and to every process that shares its memory. PID 1 of a container is not spared.",
    since: None,
};

pub(super) const CGROUP_KILL: KernelRule = KernelRule {
    function: "__cgroup_kill()",
    file: "kernel/cgroup/cgroup.c",
    says: "a write to cgroup.kill of a cgroup v2 sends SIGKILL to all processes in it and below.",
    since: Some("since 5.14"),
};

pub(super) const EXIT_KILL: KernelRule = KernelRule {
    function: "exit_ptrace()",
    file: "kernel/ptrace.c",
    says: "a tracer that set PTRACE_O_EXITKILL takes whom it traces with it when it ends.",
    since: Some("since 3.8"),
};

pub(super) const PENDING_ONCE: KernelRule = KernelRule {
    function: "prepare_signal(), __send_signal_locked()",
    file: "kernel/signal.c",
    says: "a signal below SIGRTMIN that is still pending is not queued again; once the process has taken it, the next one is delivered anew.",
    since: SAME,
};
