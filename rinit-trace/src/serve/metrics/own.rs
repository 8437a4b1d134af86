//! The families about the daemon itself, made of its [`Health`] at each scrape.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use prometheus::{
    core::{Collector, Desc},
    proto::MetricFamily,
};
use rinit_trace_common::kind;

use super::family::Family;
use crate::serve::{Health, lock};

const RECEIVED: Family = Family::counter(
    "rinit_trace_records_received_total",
    "Records read from the ring buffer.",
    &["kind"],
);
const LOST: Family = Family::counter(
    "rinit_trace_records_lost_total",
    "Records that the ring buffer had no room for. Stops in doubt have the verdict unknown.",
    &["kind"],
);
const UNDECODABLE: Family = Family::counter(
    "rinit_trace_records_undecodable_total",
    "Records that were read and not understood; kind none where not even that was.",
    &["kind"],
);
const GATES_REFUSED: Family = Family::counter(
    "rinit_trace_gates_refused_total",
    "Stops whose exits were not recorded because the kernel side's table was full.",
    &[],
);
const FOLDED: Family = Family::counter(
    "rinit_trace_signals_folded_total",
    "Repeated signals that were folded into one record.",
    &[],
);
const PROBE_ATTACHED: Family = Family::gauge(
    "rinit_trace_probe_attached",
    "Whether a hook of the kernel is watched, and by which mechanism; none when it is not.",
    &["hook", "mechanism"],
);
const OPEN_STOPS: Family = Family::gauge("rinit_trace_open_stops", "Stops under way.", &[]);
const WORKLOADS: Family = Family::gauge(
    "rinit_trace_tracked_workloads",
    "Workloads that are followed.",
    &[],
);
const CONTAINERS: Family = Family::gauge(
    "rinit_trace_known_containers",
    "Containers that are known to run.",
    &[],
);
const EVICTIONS: Family = Family::counter(
    "rinit_trace_table_evictions_total",
    "Entries that a full table had to give up.",
    &["table"],
);
const LOOKUPS: Family = Family::counter(
    "rinit_trace_lookups_total",
    "Lookups of names, by who was asked and how it went.",
    &["source", "result"],
);
const READS_HANGING: Family = Family::gauge(
    "rinit_trace_reads_hanging",
    "Reads of processes that hang. Each holds a thread, and costs names.",
    &[],
);
const READS_LEFT_OUT: Family = Family::counter(
    "rinit_trace_reads_left_out_total",
    "Reads of processes that gave nothing: they hung, the process's last one had, or there were too many.",
    &["reason"],
);
const PROGRAM_SECONDS: Family = Family::counter(
    "rinit_trace_program_seconds_total",
    "Time that a program took in the kernel, while kernel.bpf_stats_enabled is on.",
    &["program"],
);
const PROGRAM_RUNS: Family = Family::counter(
    "rinit_trace_program_runs_total",
    "How often a program ran in the kernel, while kernel.bpf_stats_enabled is on.",
    &["program"],
);
const OUTPUT_ERRORS: Family = Family::counter(
    "rinit_trace_output_errors_total",
    "Writes of an output that failed.",
    &["sink"],
);
const OUTPUT_DROPPED: Family = Family::counter(
    "rinit_trace_output_dropped_total",
    "Reports that an output did not take.",
    &["sink"],
);
const KUBE_EVENTS: Family = Family::counter(
    "rinit_trace_kube_events_total",
    "Kubernetes Events by what became of them.",
    &["result"],
);
const BUILD_INFO: Family = Family::gauge(
    "rinit_trace_build_info",
    "The version of rinit-trace; always 1.",
    &["version"],
);

const FAMILIES: [Family; 19] = [
    RECEIVED,
    LOST,
    UNDECODABLE,
    GATES_REFUSED,
    FOLDED,
    PROBE_ATTACHED,
    OPEN_STOPS,
    WORKLOADS,
    CONTAINERS,
    EVICTIONS,
    LOOKUPS,
    READS_HANGING,
    READS_LEFT_OUT,
    PROGRAM_SECONDS,
    PROGRAM_RUNS,
    OUTPUT_ERRORS,
    OUTPUT_DROPPED,
    KUBE_EVENTS,
    BUILD_INFO,
];

/// Collects the last snapshot.
pub(super) struct Own {
    health: Arc<Mutex<Health>>,
    descs: Vec<Desc>,
}

impl Own {
    pub(super) fn new(health: Arc<Mutex<Health>>) -> prometheus::Result<Self> {
        let descs = FAMILIES.iter().map(|family| family.describe(&[]));
        Ok(Self {
            health,
            descs: descs.collect::<Result<_, _>>()?,
        })
    }
}

impl Collector for Own {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let health = lock(&self.health).clone();
        let mut families = records(&health);
        families.extend(numbers(&health));
        families.extend(lists(&health));
        families
    }
}

fn records(health: &Health) -> Vec<MetricFamily> {
    let by_kind = || kind::NAMES.iter().zip(&health.records);
    // The first is no kind: only what could not be decoded may be of it.
    let known = || by_kind().skip(1);
    vec![
        of(&RECEIVED, known().map(|(kind, n)| ([*kind], n.received))),
        of(&LOST, known().map(|(kind, n)| ([*kind], n.lost))),
        of(
            &UNDECODABLE,
            by_kind().map(|(kind, n)| ([*kind], n.undecodable)),
        ),
    ]
}

fn numbers(health: &Health) -> Vec<MetricFamily> {
    [
        (&GATES_REFUSED, health.gates_refused),
        (&FOLDED, health.folded),
        (&OPEN_STOPS, health.open_stops),
        (&WORKLOADS, health.workloads),
        (&CONTAINERS, health.known_containers),
        (&READS_HANGING, health.reads_hanging),
    ]
    .map(|(family, number)| of(family, [([], number)].into_iter()))
    .into()
}

fn lists(health: &Health) -> Vec<MetricFamily> {
    let probes = health.probes.iter().map(|(hook, mechanism)| {
        let is_attached = u64::from(mechanism.is_some());
        ([*hook, mechanism.unwrap_or("none")], is_attached)
    });
    let evictions = health.evictions.iter().map(|(table, n)| ([*table], *n));
    let lookups = health
        .lookups
        .iter()
        .map(|(source, result, n)| ([*source, *result], *n));
    let left_out = health.reads_left_out.iter();
    let left_out = left_out.map(|(reason, n)| ([*reason], *n));
    let runs = health.programs.iter().map(|(name, n, _)| ([*name], *n));
    let seconds = health.programs.iter().map(|(name, _, time)| {
        let value = time.as_secs_f64();
        PROGRAM_SECONDS.series(&[], &[name], value)
    });
    let errors = health.outputs.iter().map(|(sink, n, _)| ([*sink], *n));
    let dropped = health.outputs.iter().map(|(sink, _, n)| ([*sink], *n));
    let events = health.kube_events.iter().map(|(result, n)| ([*result], *n));
    let version = env!("CARGO_PKG_VERSION");
    vec![
        of(&PROBE_ATTACHED, probes),
        of(&EVICTIONS, evictions),
        of(&LOOKUPS, lookups),
        of(&READS_LEFT_OUT, left_out),
        of(&PROGRAM_RUNS, runs),
        PROGRAM_SECONDS.with(seconds.collect()),
        of(&OUTPUT_ERRORS, errors),
        of(&OUTPUT_DROPPED, dropped),
        of(&KUBE_EVENTS, events),
        of(&BUILD_INFO, [([version], 1)].into_iter()),
    ]
}

/// A family with one series for each list of values: what has the same is added up, for a scrape
/// that has a series twice is refused as a whole.
fn of<const N: usize>(
    family: &Family,
    series: impl Iterator<Item = ([&'static str; N], u64)>,
) -> MetricFamily {
    let mut sums: BTreeMap<[&'static str; N], u64> = BTreeMap::new();
    for (values, count) in series {
        let sum = sums.entry(values).or_default();
        *sum = sum.saturating_add(count);
    }
    let metrics = sums
        .iter()
        .map(|(values, count)| family.series(&[], values, *count as f64));
    family.with(metrics.collect())
}
