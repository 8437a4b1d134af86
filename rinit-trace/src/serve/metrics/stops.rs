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

const UNNAMED: Family = Family::counter(
    "rinit_trace_unnamed_stops_total",
    "Stops and self exits of containers whose name no source knew, counted under `_unnamed`.",
    &[],
);

/// What one family counts: values by the value of its label, if it has one.
type Read = fn(&Counters) -> Vec<(Option<&'static str>, u64)>;

/// Those that have the chosen labels, each with its own counters.
const FAMILIES: [(Family, Read); 7] = [
    (STOPS, |counters| {
        let verdicts = VERDICTS.iter().zip(counters.stops);
        verdicts
            .map(|(verdict, count)| (Some(*verdict), count))
            .collect()
    }),
    (SELF_EXITS, |counters| vec![(None, counters.self_exits)]),
    (CAUSES, |counters| {
        let causes = counters.causes.iter();
        causes
            .map(|(cause, count)| (Some(cause.as_str()), *count))
            .collect()
    }),
    (KILLED, |counters| by_word(&counters.killed)),
    (LOST_CLEANUP, |counters| vec![(None, counters.lost_cleanup)]),
    (KILLED_OUTSIDE, |counters| by_word(&counters.killed_outside)),
    (IGNORED, |counters| vec![(None, counters.signals_ignored)]),
];

fn by_word(counts: &BTreeMap<&'static str, u64>) -> Vec<(Option<&'static str>, u64)> {
    let counts = counts.iter();
    counts.map(|(word, count)| (Some(*word), *count)).collect()
}

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
        let mut descs = vec![OVERFLOW.describe(&[])?, UNNAMED.describe(&[])?];
        for (family, _) in &FAMILIES {
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
            for ((family, read), series) in FAMILIES.iter().zip(&mut series) {
                let counts = read(counters).into_iter();
                series.extend(
                    counts.map(|(value, count)| {
                        family.series(&whose, value.as_slice(), count as f64)
                    }),
                );
            }
        }
        let overflows = table.overflows() as f64;
        let unnamed = table.unnamed_stops() as f64;
        // The loop of the daemon must not wait for what follows.
        drop(table);
        let mut families: Vec<MetricFamily> = FAMILIES
            .iter()
            .zip(series)
            .map(|((family, _), series)| family.with(series))
            .collect();
        families.push(OVERFLOW.with(vec![OVERFLOW.series(&[], &[], overflows)]));
        families.push(UNNAMED.with(vec![UNNAMED.series(&[], &[], unnamed)]));
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

#[cfg(test)]
mod tests {
    use rinit_trace_core::model::FindingId;

    use super::*;

    #[test]
    fn each_family_counts_what_its_name_says() {
        let counters = Counters {
            stops: [1, 2, 3],
            self_exits: 4,
            lost_cleanup: 5,
            signals_ignored: 6,
            causes: BTreeMap::from([(FindingId::Oom, 7)]),
            killed: BTreeMap::from([("oom", 8)]),
            killed_outside: BTreeMap::from([("peer", 9)]),
        };
        let all = FAMILIES.map(|(family, read)| (family.name, read(&counters)));
        let expected = [
            (
                "rinit_trace_stops_total",
                vec![
                    (Some("graceful"), 1),
                    (Some("forced"), 2),
                    (Some("unknown"), 3),
                ],
            ),
            ("rinit_trace_self_exits_total", vec![(None, 4)]),
            ("rinit_trace_stop_causes_total", vec![(Some("oom"), 7)]),
            ("rinit_trace_killed_processes_total", vec![(Some("oom"), 8)]),
            ("rinit_trace_lost_cleanup_total", vec![(None, 5)]),
            (
                "rinit_trace_kills_outside_stop_total",
                vec![(Some("peer"), 9)],
            ),
            ("rinit_trace_stop_signal_ignored_total", vec![(None, 6)]),
        ];
        assert_eq!(all, expected);
    }
}
