//! `docs/metrics.md` lists exactly what there is.

use std::{collections::BTreeMap, fs, path::Path};

use prometheus::proto::MetricType;

use super::*;

/// Type and labels by name.
type Families = BTreeMap<String, (String, Vec<String>)>;

/// A registry in which every family has a series.
fn registered() -> Families {
    let metrics = metrics(MetricsOptions {
        labels: MetricLabel::DEFAULT.into(),
        ..MetricsOptions::default()
    });
    metrics.stop(&forced(Some(WEB), Some("web")));
    metrics.kills_outside(&KillsOutsideStop {
        at: BootTime::default(),
        init_pid: 1,
        pid_namespace: 1,
        names: None,
        victims: Vec::new(),
        more: 1,
    });
    metrics.set_health(Health {
        probes: vec![("h", None)],
        evictions: vec![("t", 0)],
        lookups: vec![("s", "r", 0)],
        reads_left_out: vec![("r", 0)],
        programs: vec![("p", 0, Duration::ZERO)],
        outputs: vec![("s", 0, 0)],
        kube_events: vec![("r", 0)],
        ..Health::default()
    });
    let families = metrics.registry.gather();
    let described = families.iter().map(|family| {
        let kind = match family.get_field_type() {
            MetricType::COUNTER => "counter",
            MetricType::GAUGE => "gauge",
            MetricType::HISTOGRAM => "histogram",
            other => panic!("{other:?}"),
        };
        let series = family.get_metric().first().unwrap();
        let labels = series.get_label().iter().map(|pair| pair.name().to_owned());
        let about = (kind.to_owned(), labels.collect());
        (family.name().to_owned(), about)
    });
    described.collect()
}

/// Rows of the form ``| `name` | type | `label` `label` | …``; a path is no name.
fn documented() -> Families {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| `")?.split(" | ").collect();
        if cells[0].starts_with('/') {
            return None;
        }
        let name = cells[0].trim_end_matches('`').to_owned();
        let labels = cells[2].split_whitespace().filter(|word| *word != "-");
        let labels = labels.map(|label| label.trim_matches('`').to_owned());
        Some((name, (cells[1].to_owned(), labels.collect())))
    });
    let rows: Vec<_> = rows.collect();
    let count = rows.len();
    let families: Families = rows.into_iter().collect();
    assert_eq!(families.len(), count, "a metric is listed twice");
    families
}

#[test]
fn the_page_lists_every_metric_with_its_type_and_labels_and_no_other() {
    let (registered, documented) = (registered(), documented());
    assert!(registered.len() > 25, "{registered:?}");
    for (name, about) in &registered {
        assert_eq!(documented.get(name), Some(about), "{name}");
    }
    for name in documented.keys() {
        assert!(registered.contains_key(name), "{name} is not registered");
    }
}
