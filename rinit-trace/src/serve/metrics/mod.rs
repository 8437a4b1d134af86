//! Metrics for Prometheus. `docs/metrics.md` says what each means.
//!
//! Stops are counted in a table of plain numbers by label set, and the series are made of it at each
//! scrape: so a container's series are all there at 0 as soon as it is known, and all go together.

mod counters;
mod family;
mod labels;
mod own;
mod stops;
mod table;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use prometheus::{
    HistogramOpts, HistogramVec, Registry, TextEncoder, process_collector::ProcessCollector,
};
use rinit_trace_core::model::{
    DroppedSignal, KillsOutsideStop, StopReport, Verdict, WorkloadNames,
};

use super::{Health, lock};
use counters::VERDICTS;
use labels::Identity;
use table::Table;

pub use labels::MetricLabel;

/// Default of [`MetricsOptions::max_containers`].
pub const MAX_CONTAINERS: usize = 4096;
/// Default of [`MetricsOptions::keep`].
pub const KEEP: Duration = Duration::from_secs(30 * 60);

/// Edges at 10 s and 30 s, the default grace periods: a stop that used one up falls in the next bucket.
const DURATION_BUCKETS: [f64; 15] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0,
];
const GRACE_BUCKETS: [f64; 12] = [
    0.05, 0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 1.0, 1.05, 1.25, 2.0,
];

/// How to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsOptions {
    /// Labels that say whose a series is. Their order and repetitions do not matter.
    pub labels: Vec<MetricLabel>,
    /// Most label sets; further containers are counted together, under `_overflow`.
    pub max_containers: usize,
    /// How long the series of a label set outlive its last container.
    pub keep: Duration,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self {
            labels: MetricLabel::DEFAULT.into(),
            max_containers: MAX_CONTAINERS,
            keep: KEEP,
        }
    }
}

/// The metrics of the daemon. Every call is short; none waits for a scrape to be encoded.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    table: Arc<Mutex<Table>>,
    health: Arc<Mutex<Health>>,
    stop_duration: HistogramVec,
    grace_used: HistogramVec,
}

impl Metrics {
    /// With nothing counted yet.
    pub fn new(options: MetricsOptions) -> prometheus::Result<Self> {
        let mut labels = options.labels;
        labels.sort_unstable();
        labels.dedup();
        let grace_labels: Vec<&str> = labels
            .iter()
            .filter(|label| **label == MetricLabel::Namespace)
            .map(|label| label.name())
            .collect();
        let grace_used = HistogramVec::new(
            HistogramOpts::new(
                "rinit_trace_grace_used_ratio",
                "Share of the configured grace period that a stop used, where both are known.",
            )
            .buckets(GRACE_BUCKETS.into()),
            &grace_labels,
        )?;
        let stop_duration = HistogramVec::new(
            HistogramOpts::new(
                "rinit_trace_stop_duration_seconds",
                "Time from the begin of a stop to the end of its last process.",
            )
            .buckets(DURATION_BUCKETS.into()),
            &["verdict"],
        )?;
        for verdict in VERDICTS {
            stop_duration.get_metric_with_label_values(&[verdict])?;
        }
        let table = Table::new(labels, options.max_containers, options.keep);
        let table = Arc::new(Mutex::new(table));
        let health = Arc::new(Mutex::new(Health::default()));
        let registry = Registry::new();
        registry.register(Box::new(stops::Stops::new(Arc::clone(&table))?))?;
        registry.register(Box::new(own::Own::new(Arc::clone(&health))?))?;
        registry.register(Box::new(stop_duration.clone()))?;
        registry.register(Box::new(grace_used.clone()))?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(Self {
            registry,
            table,
            health,
            stop_duration,
            grace_used,
        })
    }

    /// A container runs: its series exist from now on. May be called again, with the names that a
    /// later lookup brought. A sandbox has no series.
    pub fn container_seen(&self, id: &str, names: &WorkloadNames) {
        let mut table = lock(&self.table);
        if names.is_sandbox {
            table.forget(id);
        } else {
            table.seen(id, names.into());
        }
    }

    /// A container runs no longer. Its series stay for a while, and it may come back.
    pub fn container_gone(&self, id: &str, now: Instant) {
        lock(&self.table).gone(id, now);
    }

    /// Drops series of containers that have gone long ago; to be called every few seconds.
    pub fn expire(&self, now: Instant) {
        let mut table = lock(&self.table);
        if !table.expire(now) {
            return;
        }
        // Few namespaces, and rarely: a look at each is cheap.
        for family in prometheus::core::Collector::collect(&self.grace_used) {
            for metric in family.get_metric() {
                for label in metric.get_label() {
                    if !table.has_value(MetricLabel::Namespace, label.value()) {
                        // It was listed a moment ago, so that it is there.
                        let _ = self.grace_used.remove_label_values(&[label.value()]);
                    }
                }
            }
        }
    }

    /// A stop has closed.
    pub fn stop(&self, report: &StopReport) {
        let identity = Identity::from(&report.workload);
        let mut table = lock(&self.table);
        let id = report.workload.container_id.as_deref();
        table.count_unnamed(id, &identity);
        let (set, counters) = table.counters(id, identity);
        counters.stop(report);
        if !counters::is_self_exit(report) {
            // Under the lock of the table, so that no namespace comes back that has just expired.
            self.observe(report, table.value_of(&set, MetricLabel::Namespace));
        }
    }

    /// PID 1 has dropped a stop signal.
    pub fn signal_ignored(&self, dropped: &DroppedSignal) {
        let names = dropped.names.as_ref();
        if names.is_some_and(|names| names.is_sandbox) {
            return;
        }
        let mut table = lock(&self.table);
        let (id, identity) = whose(names);
        table.counters(id, identity).1.signals_ignored += 1;
    }

    /// Processes of a container that lives on were killed.
    pub fn kills_outside(&self, kills: &KillsOutsideStop) {
        let names = kills.names.as_ref();
        if names.is_some_and(|names| names.is_sandbox) {
            return;
        }
        let mut table = lock(&self.table);
        let (id, identity) = whose(names);
        table.counters(id, identity).1.killed_outside(kills);
    }

    /// How the daemon is doing, for the next scrapes.
    pub fn set_health(&self, health: Health) {
        *lock(&self.health) = health;
    }

    /// All metrics in the text format, version 0.0.4.
    pub fn encode(&self) -> String {
        let families = self.registry.gather();
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&families, &mut text) {
            tracing::warn!("cannot encode the metrics: {error}; report this as a bug");
        }
        text
    }

    fn observe(&self, report: &StopReport, namespace: Option<&str>) {
        let verdict = VERDICTS.get(report.verdict as usize).copied();
        let seconds = report.duration_ms / 1000.0;
        let histogram = verdict.and_then(|verdict| {
            self.stop_duration
                .get_metric_with_label_values(&[verdict])
                .ok()
        });
        if let Some(histogram) = histogram.filter(|_| is_amount(seconds)) {
            histogram.observe(seconds);
        }
        // With records lost, the SIGKILL that ended the grace period may be among them.
        let (Some(used), Some(grace)) = (report.stop.grace_used_ms, report.stop.grace_ms) else {
            return;
        };
        let ratio = used / grace;
        if report.verdict == Verdict::Unknown || !is_amount(ratio) {
            return;
        }
        let values: Vec<&str> = namespace.into_iter().collect();
        if let Ok(histogram) = self.grace_used.get_metric_with_label_values(&values) {
            histogram.observe(ratio);
        }
    }
}

/// Not infinite, for a grace period of 0, nor anything else that would spoil a sum for ever.
fn is_amount(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

fn whose(names: Option<&WorkloadNames>) -> (Option<&str>, Identity) {
    let id = names.and_then(|names| names.container_id.as_deref());
    (id, names.map(Identity::from).unwrap_or_default())
}
