//! Metric families as the crate `prometheus` wants them, made of plain numbers at each scrape.

use prometheus::{
    core::Desc,
    proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType},
};

/// A family: what its page in `docs/metrics.md` is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
    /// Labels after those that say whose the series is.
    pub(super) labels: &'static [&'static str],
}

/// Type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only goes up.
    Counter,
    /// Goes up and down.
    Gauge,
}

impl Family {
    pub(super) const fn counter(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        let kind = Kind::Counter;
        Self {
            name,
            help,
            kind,
            labels,
        }
    }

    pub(super) const fn gauge(
        name: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        let kind = Kind::Gauge;
        Self {
            name,
            help,
            kind,
            labels,
        }
    }

    /// What a registry checks at registration.
    pub(super) fn describe(&self, first: &[&str]) -> prometheus::Result<Desc> {
        let labels = first.iter().chain(self.labels);
        Desc::new(
            self.name.to_owned(),
            self.help.to_owned(),
            labels.map(|label| (*label).to_owned()).collect(),
            std::collections::HashMap::new(),
        )
    }

    /// With its series.
    pub(super) fn with(&self, metrics: Vec<Metric>) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(match self.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
        });
        family.set_metric(metrics);
        family
    }

    /// One series: values of [`labels`](Self::labels) behind those that say whose it is.
    pub(super) fn series(&self, whose: &[LabelPair], values: &[&str], value: f64) -> Metric {
        let mut labels = Vec::with_capacity(whose.len() + values.len());
        labels.extend_from_slice(whose);
        labels.extend(
            self.labels
                .iter()
                .zip(values)
                .map(|(name, value)| pair(name, value)),
        );
        let mut metric = Metric::from_label(labels);
        match self.kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            Kind::Gauge => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        metric
    }
}

/// A label with its value.
pub(super) fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}
