//! What is attached, as far as the correlator wants to know.

use rinit_trace_core::model::PidnsTeardown;

use crate::kernel::{
    Kernel,
    attach::{Mechanism, TEARDOWN_FUNCTION},
};

/// Whether something watches a hook.
pub(super) fn is_attached(kernel: &Kernel, hook: &str) -> bool {
    let probes = &kernel.info.probes;
    probes
        .iter()
        .any(|probe| probe.hook == hook && probe.mechanism.is_some())
}

/// How the end of a pid namespace is seen.
pub(super) fn teardown(kernel: &Kernel) -> PidnsTeardown {
    let mechanism = kernel
        .info
        .probes
        .iter()
        .find(|probe| probe.hook == TEARDOWN_FUNCTION)
        .and_then(|probe| probe.mechanism);
    match mechanism {
        Some(Mechanism::Fentry) => PidnsTeardown::Fentry,
        Some(Mechanism::Kprobe) => PidnsTeardown::Kprobe,
        _ => PidnsTeardown::Inferred,
    }
}
