//! The families about stops of containers, made of the table at each scrape.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use prometheus::{
    core::{Collector, Desc},
    proto::{LabelPair, Metric, MetricFamily},
};

use super::{
    counters::{Counters, VERDICTS},
    family::{Family, pair},
    labels::MetricLabel,
    table::Table,
};
use crate::serve::lock;

const STOPS: Family = Family::counter(
    "rinit_trace_stops_total",
    "Stops that somebody or something caused, by what was observed.",
    &["verdict"],
);
const SELF_EXITS: Family = Family::counter(
    "rinit_trace_self_exits_total",
    "Containers that ended by themselves, with nobody killed. They are no stops.",
    &[],
);
const CAUSES: Family = Family::counter(
    "rinit_trace_stop_causes_total",
    "Causes of stops in which somebody was killed.",
    &["cause"],
);
const KILLED: Family = Family::counter(
    "rinit_trace_killed_processes_total",
    "Processes of containers that SIGKILL ended in a stop, by who or what sent it.",
    &["killed_by"],
);
const LOST_CLEANUP: Family = Family::counter(
    "rinit_trace_lost_cleanup_total",
    "Processes that would have cleaned up at the stop signal and were killed before they had.",
    &[],
);
const KILLED_OUTSIDE: Family = Family::counter(
    "rinit_trace_kills_outside_stop_total",
    "Processes that SIGKILL ended in containers that live on, by who or what sent it.",
    &["killed_by"],
);
const IGNORED: Family = Family::counter(
    "rinit_trace_stop_signal_ignored_total",
    "Stop signals from outside that PID 1 dropped, counted at once.",
    &[],
);
const OVERFLOW: Family = Family::counter(
    "rinit_trace_metric_overflow_total",
    "How often a container had to be counted under `_overflow` because there were too many label sets.",
    &[],
);

/// Those that have the chosen labels.
const FAMILIES: [Family; 7] = [
    STOPS,
    SELF_EXITS,
    CAUSES,
    KILLED,
    LOST_CLEANUP,
    KILLED_OUTSIDE,
    IGNORED,
];

/// Collects the table.
pub(super) struct Stops {
    table: Arc<Mutex<Table>>,
    descs: Vec<Desc>,
}

impl Stops {
    pub(super) fn new(table: Arc<Mutex<Table>>) -> prometheus::Result<Self> {
        let whose: Vec<&str> = lock(&table)
            .labels()
            .iter()
            .map(|label| label.name())
            .collect();
        let mut descs = vec![OVERFLOW.describe(&[])?];
        for family in FAMILIES {
            descs.push(family.describe(&whose)?);
        }
        Ok(Self { table, descs })
    }
}

impl Collector for Stops {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut series: [Vec<Metric>; FAMILIES.len()] = Default::default();
        let table = lock(&self.table);
        for (values, counters) in table.sets() {
            let whose = whose(table.labels(), values);
            for (family, series) in FAMILIES.iter().zip(&mut series) {
                collect(family, &whose, counters, series);
            }
        }
        let overflows = table.overflows();
        // The loop of the daemon must not wait for what follows.
        drop(table);
        let mut families: Vec<MetricFamily> = FAMILIES
            .iter()
            .zip(series)
            .map(|(family, series)| family.with(series))
            .collect();
        families.push(OVERFLOW.with(vec![OVERFLOW.series(&[], &[], overflows as f64)]));
        families
    }
}

fn whose(labels: &[MetricLabel], values: &[String]) -> Vec<LabelPair> {
    labels
        .iter()
        .zip(values)
        .map(|(label, value)| pair(label.name(), value))
        .collect()
}

fn collect(family: &Family, whose: &[LabelPair], counters: &Counters, series: &mut Vec<Metric>) {
    let mut each = |values: &[&str], count: u64| {
        series.push(family.series(whose, values, count as f64));
    };
    let mut by_word = |counts: &BTreeMap<&'static str, u64>| {
        for (word, count) in counts {
            each(&[word], *count);
        }
    };
    match family.name {
        name if name == KILLED.name => by_word(&counters.killed),
        name if name == KILLED_OUTSIDE.name => by_word(&counters.killed_outside),
        name if name == CAUSES.name => {
            for (cause, count) in &counters.causes {
                each(&[cause.as_str()], *count);
            }
        }
        name if name == STOPS.name => {
            for (verdict, count) in VERDICTS.iter().zip(counters.stops) {
                each(&[verdict], count);
            }
        }
        name if name == SELF_EXITS.name => each(&[], counters.self_exits),
        name if name == LOST_CLEANUP.name => each(&[], counters.lost_cleanup),
        _ => each(&[], counters.signals_ignored),
    }
}
