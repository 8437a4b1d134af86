//! The member offsets that the kernel side needs, from BTF.

use rinit_trace_common::Offsets;

use super::btf::Btf;

/// A structure member that this kernel does not have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this kernel's BTF has no {0}")]
pub struct MissingMember(pub &'static str);

/// Reads all offsets, or names the first member that is missing.
pub fn read(btf: &Btf) -> Result<Offsets, MissingMember> {
    let member = |path| btf.offset(path).ok_or(MissingMember(path));
    // Where there is none, a bit of `Config::features` is off.
    let optional = |path| btf.offset(path).unwrap_or(0);
    let size = |name, what| btf.size(name).ok_or(MissingMember(what));
    let pids = member("signal_struct.pids")?;
    let pid = |value| indexed(btf, pids, "pid_type", value);
    Ok(Offsets {
        task_pid: member("task_struct.pid")?,
        task_tgid: member("task_struct.tgid")?,
        task_flags: member("task_struct.flags")?,
        task_ptrace: member("task_struct.ptrace")?,
        task_real_cred: optional("task_struct.real_cred"),
        cred_euid: optional("cred.euid"),
        task_signal: member("task_struct.signal")?,
        task_sighand: member("task_struct.sighand")?,
        task_blocked: member("task_struct.blocked")?,
        task_real_blocked: member("task_struct.real_blocked")?,
        task_pending: member("task_struct.pending.signal")?,
        task_real_parent: member("task_struct.real_parent")?,
        task_parent: member("task_struct.parent")?,
        task_group_leader: member("task_struct.group_leader")?,
        task_start: member("task_struct.start_boottime")?,
        task_exit_code: member("task_struct.exit_code")?,
        task_comm: member("task_struct.comm")?,
        task_cgroups: member("task_struct.cgroups")?,
        task_nsproxy: member("task_struct.nsproxy")?,
        nsproxy_mnt_ns: member("nsproxy.mnt_ns")?,
        task_pdeath_signal: member("task_struct.pdeath_signal")?,
        task_self_exec_id: member("task_struct.self_exec_id")?,
        signal_flags: member("signal_struct.flags")?,
        signal_live: member("signal_struct.live")?,
        signal_group_exit_code: member("signal_struct.group_exit_code")?,
        signal_shared_pending: member("signal_struct.shared_pending.signal")?,
        signal_oom_mm: member("signal_struct.oom_mm")?,
        signal_pid_tgid: pid("PIDTYPE_TGID")?,
        signal_pid_pgid: pid("PIDTYPE_PGID")?,
        signal_pid_sid: pid("PIDTYPE_SID")?,
        pid_level: member("pid.level")?,
        pid_numbers: member("pid.numbers")?,
        upid_size: size("upid", "struct upid")?,
        upid_ns: member("upid.ns")?,
        ns_inum: member("pid_namespace.ns.inum")?,
        // 6.18 on.
        ns_id: optional("pid_namespace.ns.ns_id"),
        ns_child_reaper: member("pid_namespace.child_reaper")?,
        ns_pid_allocated: member("pid_namespace.pid_allocated")?,
        sighand_action: member("sighand_struct.action")?,
        sigaction_size: size("k_sigaction", "struct k_sigaction")?,
        sigaction_handler: member("k_sigaction.sa.sa_handler")?,
        siginfo_code: member("kernel_siginfo.si_code")?,
        ..cgroups(btf)?
    })
}

/// Those of cgroups alone.
fn cgroups(btf: &Btf) -> Result<Offsets, MissingMember> {
    let member = |path| btf.offset(path).ok_or(MissingMember(path));
    let subsys = member("css_set.subsys")?;
    let iattr_uid = btf.offset("kernfs_iattrs.ia_uid");
    let iattr = btf
        .offset("kernfs_node.iattr")
        .filter(|_| iattr_uid.is_some());
    Ok(Offsets {
        css_set_dfl_cgrp: member("css_set.dfl_cgrp")?,
        // A kernel without the pids controller: `feature::CGROUP_V1` is off then.
        css_set_pids: indexed(btf, subsys, "cgroup_subsys_id", "pids_cgrp_id").unwrap_or(0),
        css_cgroup: member("cgroup_subsys_state.cgroup")?,
        cgroup_parent: member("cgroup.self.parent")?,
        cgroup_kn: member("cgroup.kn")?,
        cgroup_root: member("cgroup.root")?,
        kernfs_id: member("kernfs_node.id")?,
        kernfs_name: member("kernfs_node.name")?,
        // Where one of them is missing, a bit of `Config::features` is off.
        kernfs_iattr: iattr.unwrap_or(0),
        iattr_uid: iattr_uid.unwrap_or(0),
        ..Offsets::ZERO
    })
}

/// Where a pointer is in an array that is indexed by enumerators: they depend on the configuration.
fn indexed(btf: &Btf, array: u32, name: &str, value: &'static str) -> Result<u32, MissingMember> {
    btf.enumerator(name, value)
        .and_then(|index| index.checked_mul(8)?.checked_add(array))
        .ok_or(MissingMember(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_has_every_member() {
        let btf = Btf::parse(std::fs::read("/sys/kernel/btf/vmlinux").unwrap()).unwrap();
        let offsets = read(&btf).unwrap();
        assert_eq!(offsets.task_tgid, offsets.task_pid + 4);
        assert_ne!(offsets.signal_pid_pgid, offsets.signal_pid_sid);
    }
}
