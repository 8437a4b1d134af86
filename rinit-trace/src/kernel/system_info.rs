//! What this kernel offers and how the probes got attached: a value, asked for in bug reports.

use std::fs;

use serde::Serialize;

use super::{attach::Attached, self_test::SelfTest};
use crate::privileges::Privileges;

/// What `rinit-trace system-info` prints.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SystemInfo {
    /// Version of this program.
    pub version: &'static str,
    /// `uname -r`
    pub kernel: String,
    /// `uname -m`
    pub machine: String,
    /// `none`, `integrity`, `confidentiality`; `None` when the kernel does not show it.
    pub lockdown: Option<String>,
    /// Where BTF came from.
    pub btf: String,
    /// The toolchain that built the eBPF object.
    pub ebpf_toolchain: &'static str,
    /// What this kernel has.
    pub features: Features,
    /// Ways to attach that were tried before, and why they were not taken.
    pub not_taken: Vec<String>,
    /// The attach table.
    pub probes: Vec<Attached>,
    /// The self-test; `None` when it did not come to that.
    pub self_test: Option<SelfTest>,
    /// What is left of the rights of this program once it has attached.
    pub privileges: Privileges,
    /// Why nothing can be traced; empty when all is well.
    pub problems: Vec<String>,
}

/// What a kernel has.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Features {
    /// `bpf_probe_read_kernel` is allowed: signal codes and cgroup names come from the kernel.
    pub probe_read: bool,
    /// Namespaces have ids that are never reused (6.18 on).
    pub namespace_ids: bool,
    /// `sched_process_exit` tells the last thread (6.16 on).
    pub group_dead_argument: bool,
    /// `mark_victim` has the task (6.8 on, and stable kernels).
    pub victim_is_task: bool,
}

impl SystemInfo {
    /// What can be said before anything is loaded.
    pub fn of_this_machine() -> Self {
        let uname = rustix::system::uname();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            kernel: uname.release().to_string_lossy().into_owned(),
            machine: uname.machine().to_string_lossy().into_owned(),
            lockdown: fs::read_to_string("/sys/kernel/security/lockdown")
                .ok()
                .and_then(|text| selected(&text)),
            ebpf_toolchain: env!("RINIT_TRACE_EBPF_TOOLCHAIN_USED"),
            ..Self::default()
        }
    }

    /// Whether the kernel side tells containers apart: by the names of their cgroups.
    pub fn knows_containers(&self) -> bool {
        self.features.probe_read
    }
}

/// The choice in brackets: `none [integrity] confidentiality`.
fn selected(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    rest.split_once(']').map(|(choice, _)| choice.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lockdown_in_force_is_the_one_in_brackets() {
        assert_eq!(
            selected("none [integrity] confidentiality\n").as_deref(),
            Some("integrity")
        );
        assert_eq!(selected(""), None);
    }
}
