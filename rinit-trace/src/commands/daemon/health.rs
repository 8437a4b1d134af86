//! How the daemon itself is doing, from all over the program.

use rinit_trace_common::kind;

use super::{known::Known, outputs::Outputs};
use crate::{
    kernel::attach::Mechanism,
    runtime::{self, Lookups},
    serve::{Health, RecordCounts},
    tracer::Tracer,
};

/// A snapshot.
pub(super) fn of(tracer: &Tracer, lookups: &Lookups, known: &Known, outputs: &Outputs) -> Health {
    let stats = tracer.stats();
    let mut records = [RecordCounts::default(); kind::COUNT];
    let losses = &stats.losses;
    let counts = stats.received.iter().zip(&stats.undecodable);
    for ((record, lost), (received, undecodable)) in
        records.iter_mut().zip(&losses.by_kind).zip(counts)
    {
        *record = RecordCounts {
            received: *received,
            lost: *lost,
            undecodable: *undecodable,
        };
    }
    let kernel = tracer.kernel();
    let probes = kernel.info.probes.iter();
    let programs = kernel.program_times().into_iter();
    let names = lookups.stats();
    let reads = runtime::read_stats();
    Health {
        records,
        gates_refused: losses.gates_refused,
        folded: losses.folded,
        probes: probes
            .map(|probe| {
                let mechanism = probe.mechanism.map(Mechanism::name);
                (probe.hook, mechanism)
            })
            .collect(),
        open_stops: count(stats.correlator.open_stops),
        workloads: count(stats.correlator.workloads),
        known_containers: count(known.len()),
        evictions: vec![
            ("workloads", stats.correlator.evicted),
            ("known-containers", known.refused()),
            ("shared-containers", losses.containers_refused),
            ("lookups", names.evicted),
            ("history", outputs.evicted()),
        ],
        lookups: names.iter().collect(),
        reads_hanging: reads.hanging,
        reads_left_out: vec![
            ("hung", reads.hung),
            ("avoided", reads.avoided),
            ("refused", reads.refused),
        ],
        programs: programs
            .filter(|program| program.runs > 0)
            .map(|program| (program.program, program.runs, program.time))
            .collect(),
        outputs: outputs.failures(),
        kube_events: outputs.kube_events(),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
