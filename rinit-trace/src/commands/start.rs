//! Starts tracing: what `rinit-trace` and `rinit-trace daemon` have in common.

use std::{fs, sync::Arc};

use anyhow::{Result, bail};
use tokio::runtime::Handle;

use crate::{
    cli::{HostArgs, SocketArgs},
    kernel::{self, Kernel, KernelOptions, StartError, SystemInfo},
    privileges::{self, Loader},
    runtime::{self, LookupConfig, Lookups, SocketState, Target},
    tracer::Tracer,
};

/// Names, from where the options say.
pub(super) fn lookups(host: &HostArgs) -> Lookups {
    Lookups::new(lookup_config(&host.sockets))
}

/// How names are looked up, by the options.
pub(super) fn lookup_config(args: &SocketArgs) -> LookupConfig {
    let mut config = LookupConfig::default();
    if let Some(socket) = &args.docker_socket {
        config.docker_socket.clone_from(socket);
    }
    if let Some(socket) = &args.podman_socket {
        config.podman_socket.clone_from(socket);
    }
    if !args.cri_socket.is_empty() {
        config.cri_sockets.clone_from(&args.cri_socket);
    }
    config
}

/// Tells of the sockets of runtimes that we may not use: the containers there have no names, or fewer.
pub(super) async fn tell_denied(config: &LookupConfig) {
    for socket in runtime::sockets(config).await {
        if socket.state == SocketState::PermissionDenied {
            let path = crate::escape::visible(socket.path.to_string_lossy().chars());
            tracing::warn!(
                "the socket of a runtime at {path} is not asked for names: {}",
                socket.state.text()
            );
        }
    }
}

/// Attaches the probes, and learns who is there already. `target`: trace nobody else.
pub(super) fn tracer(
    host: &HostArgs,
    target: Option<&Target>,
    lookups: Arc<Lookups>,
    loader: Loader,
) -> Result<Tracer> {
    let options = KernelOptions {
        target: target.map(|target| kernel::Target {
            inum: target.inum,
            init: target.init.pid,
            container: target.cgroup.unwrap_or(0),
        }),
        ring_bytes: host.ring_kib.next_power_of_two().saturating_mul(1024),
        drop_one_in: host.drop_one_in,
        budget: host.budget,
        ..host.kernel.options()
    };
    let kernel = kernel(options, loader).0?;
    if target.is_some_and(|target| target.cgroup.is_some()) && !kernel.info.features.probe_read {
        bail!(
            "containers that share a pid namespace cannot be told apart: this kernel does not let eBPF read the names of cgroups (lockdown=confidentiality)"
        );
    }
    for probe in &kernel.info.probes {
        match probe.mechanism {
            Some(mechanism) => tracing::info!("{}: attached by {mechanism:?}", probe.hook),
            None => tracing::info!("{}: not attached; lost: {}", probe.hook, probe.lost_without),
        }
    }
    let skipped = kernel.info.self_test.iter().flat_map(|test| &test.skipped);
    for what in skipped {
        tracing::warn!("not compared in the self-test: {what}; names of processes may be missing");
    }
    if !privileges::sees_processes() {
        tracing::warn!(
            "CAP_SYS_PTRACE is missing: names come from the sockets of runtimes or not at all, and of what runs already neither arguments nor containers in a shared pid namespace are known"
        );
    }
    let mut tracer = Tracer::new(kernel, lookups, node(host), host.arguments.into());
    tracer.learn(match target {
        Some(target) if target.cgroup.is_none() => vec![target.init.clone()],
        _ => runtime::all_namespaces(),
    });
    let shared = runtime::shared_containers();
    let mains: Vec<u32> = shared.iter().map(|container| container.main.pid).collect();
    tracer.learn_shared(shared);
    tracer.learn_entered(|| runtime::entered(&mains));
    Ok(tracer)
}

/// Loads and attaches, in the thread that may.
pub(super) fn kernel(
    options: KernelOptions,
    loader: Loader,
) -> (Result<Kernel, StartError>, SystemInfo) {
    let mut info = SystemInfo::of_this_machine();
    info.privileges = loader.privileges().clone();
    // The ring is waited for by this thread's runtime.
    let runtime = Handle::current();
    let load = move || {
        let _entered = runtime.enter();
        let mut info = info;
        let kernel = Kernel::start(&options, &mut info);
        (kernel, info)
    };
    loader.run(load).unwrap_or_else(|| {
        let error = StartError::Load("the thread that loads them has panicked".to_owned());
        (Err(error), SystemInfo::of_this_machine())
    })
}

/// What this host is called in reports.
pub(super) fn node(host: &HostArgs) -> Option<String> {
    let given = host.node.clone().filter(|name| !name.is_empty());
    given.or_else(|| {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
        Some(name.trim().to_owned()).filter(|name| !name.is_empty())
    })
}
