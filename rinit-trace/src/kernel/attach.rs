//! The attach table: which program on which hook, how, and what is lost without it.

use aya::{
    Btf, Ebpf,
    programs::{BtfTracePoint, FEntry, KProbe, Program, ProgramError, ProgramInfo, RawTracePoint},
};
use clap::ValueEnum;
use serde::Serialize;

/// The kernel function behind the teardown probes.
pub const TEARDOWN_FUNCTION: &str = "zap_pid_ns_processes";

/// How a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// BTF tracepoint: typed arguments, read by direct loads; no tracefs.
    BtfTracepoint,
    /// Raw tracepoint: bare arguments, followed by probe reads; no tracefs.
    RawTracepoint,
    /// Function entry by trampoline.
    Fentry,
    /// Breakpoint or ftrace.
    Kprobe,
}

impl Mechanism {
    /// Its name, as a metric label and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::BtfTracepoint => "btf-tracepoint",
            Self::RawTracepoint => "raw-tracepoint",
            Self::Fentry => "fentry",
            Self::Kprobe => "kprobe",
        }
    }
}

/// A way to attach to tracepoints that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tracepoints {
    /// As BTF tracepoints, which read by direct loads: 6.1 on
    BtfTracepoint,
    /// As raw tracepoints, with probe reads: 5.8 on
    RawTracepoint,
}

impl Tracepoints {
    /// How that is attached.
    pub fn mechanism(self) -> Mechanism {
        match self {
            Self::BtfTracepoint => Mechanism::BtfTracepoint,
            Self::RawTracepoint => Mechanism::RawTracepoint,
        }
    }
}

/// A way to watch the teardown of a pid namespace that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Teardown {
    /// By function entry
    Fentry,
    /// By kprobe
    Kprobe,
    /// By the SIGKILLs of the teardown alone
    Inferred,
}

impl Teardown {
    /// How that is attached; `None` when nothing is.
    pub fn mechanism(self) -> Option<Mechanism> {
        match self {
            Self::Fentry => Some(Mechanism::Fentry),
            Self::Kprobe => Some(Mechanism::Kprobe),
            Self::Inferred => None,
        }
    }
}

/// One row of the attach table.
#[derive(Debug)]
pub struct Hook {
    /// What it watches, in the kernel's words.
    pub name: &'static str,
    /// Programs for it with their mechanisms, tried in this order.
    pub programs: &'static [(&'static str, Mechanism)],
    /// Programs that follow the first one on the same tracepoint, for what the kernel leaves those before
    /// out of.
    pub later: &'static [&'static str],
    /// Without it nothing can be said.
    pub required: bool,
    /// What is lost without it.
    pub lost_without: &'static str,
}

/// A program for a tracepoint, one in each object.
const fn tracepoint(program: &'static str) -> [(&'static str, Mechanism); 2] {
    [
        (program, Mechanism::BtfTracepoint),
        (program, Mechanism::RawTracepoint),
    ]
}

/// All hooks.
pub const HOOKS: &[Hook] = &[
    Hook {
        name: "signal:signal_generate",
        programs: &tracepoint("signal_generate"),
        later: &[],
        required: true,
        lost_without: "everything: who signalled whom",
    },
    Hook {
        name: "sched:sched_process_exit",
        programs: &tracepoint("sched_process_exit"),
        later: &["sched_process_exit_second", "sched_process_exit_third"],
        required: true,
        lost_without: "everything: how each process ended",
    },
    Hook {
        name: "signal:signal_deliver",
        programs: &tracepoint("signal_deliver"),
        later: &[],
        required: false,
        lost_without: "the proof that PID 1's handler ran; it is concluded from pending signals",
    },
    Hook {
        name: "sched:sched_process_exec",
        programs: &tracepoint("sched_process_exec"),
        later: &["sched_process_exec_second", "sched_process_exec_third"],
        required: false,
        lost_without: "names of containers that live for less than a stop; exec sessions that ended before the stop; containers that share a pid namespace and start while tracing",
    },
    Hook {
        name: "sched:sched_process_fork",
        programs: &tracepoint("sched_process_fork"),
        later: &["sched_process_fork_second", "sched_process_fork_third"],
        required: false,
        lost_without: "children of exec sessions that have lost their parent: they count as members",
    },
    Hook {
        name: "oom:mark_victim",
        programs: &tracepoint("mark_victim"),
        later: &[],
        required: false,
        lost_without: "OOM kills are recognised at the victim's exit",
    },
    Hook {
        name: "cgroup:cgroup_rmdir",
        programs: &tracepoint("cgroup_rmdir"),
        later: &[],
        required: false,
        lost_without: "the end of containers that share a pid namespace: their reports take 30 s and are not sure that nobody was left",
    },
    Hook {
        name: "cgroup:cgroup_attach_task",
        programs: &tracepoint("cgroup_attach_task"),
        later: &[],
        required: false,
        lost_without: "exec sessions in containers that share the host's pid namespace: they count as members",
    },
    Hook {
        name: TEARDOWN_FUNCTION,
        programs: &[
            ("teardown_fentry", Mechanism::Fentry),
            ("teardown_kprobe", Mechanism::Kprobe),
        ],
        later: &[],
        required: false,
        lost_without: "nothing: teardowns are recognised by the fingerprint of their SIGKILLs",
    },
];

/// A program that does nothing, for benchmarks.
pub(super) const EMPTY: Hook = Hook {
    name: "signal:signal_generate",
    programs: &tracepoint("empty"),
    later: &[],
    required: false,
    lost_without: "nothing",
};

/// How attaching a hook went.
#[derive(Clone, Debug, Serialize)]
pub struct Attached {
    /// What it watches.
    pub hook: &'static str,
    /// By which mechanism; `None` when it is not attached.
    pub mechanism: Option<Mechanism>,
    /// Without it nothing can be said.
    pub required: bool,
    /// What is lost while it is not attached.
    pub lost_without: &'static str,
    /// Why the mechanisms that were tried before failed.
    pub refused: Vec<Refused>,
    /// Instructions that the verifier walked (5.16 on).
    pub verified_instructions: Option<u32>,
    /// Instructions of the program as it runs, without what the verifier found dead.
    pub instructions: Option<u32>,
}

/// A mechanism that the kernel refused.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// Which.
    pub mechanism: Mechanism,
    /// The kernel's reason, one line.
    pub reason: String,
}

/// Loads and attaches one hook by the first of the allowed mechanisms that works. `btf` is the
/// kernel's own, when it has one.
pub fn attach(ebpf: &mut Ebpf, btf: Option<&Btf>, hook: &Hook, allowed: &[Mechanism]) -> Attached {
    let mut attached = Attached {
        hook: hook.name,
        mechanism: None,
        required: hook.required,
        lost_without: hook.lost_without,
        refused: Vec::new(),
        verified_instructions: None,
        instructions: None,
    };
    let programs = hook.programs.iter();
    for (name, mechanism) in programs.filter(|(_, mechanism)| allowed.contains(mechanism)) {
        match attach_row(ebpf, btf, hook, name, *mechanism) {
            Ok(info) => {
                const INSTRUCTION: u32 = 8;
                let info = info.as_ref();
                attached.mechanism = Some(*mechanism);
                attached.verified_instructions =
                    info.and_then(ProgramInfo::verified_instruction_count);
                attached.instructions = info
                    .and_then(ProgramInfo::size_translated)
                    .map(|size| size / INSTRUCTION);
                break;
            }
            Err(reason) => attached.refused.push(Refused {
                mechanism: *mechanism,
                reason,
            }),
        }
    }
    attached
}

/// Attaches a program, and those that follow it: programs on a tracepoint run in the order of their
/// attachment. The kernel's account of the first one, where it gives any.
fn attach_row(
    ebpf: &mut Ebpf,
    btf: Option<&Btf>,
    hook: &Hook,
    name: &str,
    mechanism: Mechanism,
) -> Result<Option<ProgramInfo>, String> {
    let info = attach_one(ebpf, btf, hook.name, name, mechanism)?
        .info()
        .ok();
    for later in hook.later {
        attach_one(ebpf, btf, hook.name, later, mechanism)?;
    }
    Ok(info)
}

fn attach_one<'a>(
    ebpf: &'a mut Ebpf,
    btf: Option<&Btf>,
    hook: &str,
    name: &str,
    mechanism: Mechanism,
) -> Result<&'a Program, String> {
    const NO_BTF: &str = "this kernel has no BTF";
    let program = ebpf
        .program_mut(name)
        .ok_or_else(|| format!("the eBPF object has no program {name}"))?;
    let tracepoint = hook.rsplit(':').next().unwrap_or(hook);
    let done = match mechanism {
        Mechanism::BtfTracepoint => btf_tracepoint(program, tracepoint, btf.ok_or(NO_BTF)?),
        Mechanism::RawTracepoint => raw_tracepoint(program, tracepoint),
        Mechanism::Fentry => fentry(program, btf.ok_or(NO_BTF)?),
        Mechanism::Kprobe => kprobe(program),
    };
    match done {
        Ok(()) => Ok(program),
        Err(error) => {
            // All of the verifier's log: of use to who mends the program.
            tracing::debug!("{hook}: {error:?}");
            Err(one_line(&error))
        }
    }
}

fn btf_tracepoint(program: &mut Program, name: &str, btf: &Btf) -> Result<(), ProgramError> {
    let program: &mut BtfTracePoint = program.try_into()?;
    program.load(name, btf)?;
    program.attach().map(drop)
}

fn raw_tracepoint(program: &mut Program, name: &str) -> Result<(), ProgramError> {
    let program: &mut RawTracePoint = program.try_into()?;
    program.load()?;
    program.attach(name).map(drop)
}

fn fentry(program: &mut Program, btf: &Btf) -> Result<(), ProgramError> {
    let program: &mut FEntry = program.try_into()?;
    program.load(TEARDOWN_FUNCTION, btf)?;
    program.attach().map(drop)
}

fn kprobe(program: &mut Program) -> Result<(), ProgramError> {
    let program: &mut KProbe = program.try_into()?;
    program.load()?;
    program.attach(TEARDOWN_FUNCTION, 0).map(drop)
}

/// An error with its causes in one line; of a verifier log only the end, which has the reason.
pub(super) fn one_line(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(part) = next {
        let part_text = part.to_string();
        // aya repeats the source in some texts.
        if !text.contains(&part_text) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&last_words(&part_text));
        }
        next = part.source();
    }
    text
}

fn last_words(text: &str) -> String {
    const LINES: usize = 3;
    const CHARS: usize = 400;
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("processed "))
        .collect();
    let mut kept: Vec<&str> = lines.iter().rev().take(LINES).copied().collect();
    if lines.len() > LINES {
        kept.push(lines[0]);
    }
    kept.reverse();
    let text: String = kept.join(" | ").chars().take(CHARS).collect();
    // Without a log the error's own text ends in the middle.
    let text = text.trim_end().trim_end_matches("Verifier output:");
    text.trim_end().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hook_says_what_is_lost_without_it() {
        for hook in HOOKS {
            assert!(!hook.programs.is_empty(), "{}", hook.name);
            assert!(!hook.lost_without.is_empty(), "{}", hook.name);
        }
        assert_eq!(HOOKS.iter().filter(|hook| hook.required).count(), 2);
    }

    #[test]
    fn every_object_has_a_program_for_every_tracepoint() {
        for hook in HOOKS.iter().filter(|hook| hook.name != TEARDOWN_FUNCTION) {
            let mechanisms = hook.programs.iter().map(|(_, mechanism)| *mechanism);
            assert_eq!(
                mechanisms.collect::<Vec<_>>(),
                [Mechanism::BtfTracepoint, Mechanism::RawTracepoint],
                "{}",
                hook.name
            );
        }
    }

    #[test]
    fn of_a_verifier_log_the_end_is_kept() {
        let log = "the BPF_PROG_LOAD syscall failed\n0: R1=ctx()\n1: r2 = 0\n2: r3 = 1\n3: (79) r1\ninvalid mem access 'scalar'\nprocessed 5 insns";
        let text = last_words(log);
        assert!(text.starts_with("the BPF_PROG_LOAD"), "{text}");
        assert!(text.ends_with("invalid mem access 'scalar'"), "{text}");
        assert!(!text.contains('\n'));
    }
}
