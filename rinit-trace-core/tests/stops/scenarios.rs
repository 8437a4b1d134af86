//! The scenarios of `rinit-trace demo` as texts: what the kernel side shows of them, and the report that the correlator
//! and the diagnosis make of it, held against the same expectations as the real ones.
//!
//! `tests/scenarios/NAME.txt` tells a scenario, `NAME.VARIANT.txt` another way it may run.

use std::{collections::BTreeSet, fs, path::PathBuf};

use rinit_trace_expectations::{Expectations, parse};
use serde_json::Value;

use crate::world::play;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

pub(crate) fn expectations() -> Expectations {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/expectations.toml");
    parse(&fs::read_to_string(file).unwrap()).unwrap()
}

/// Names of scenarios, with their texts.
fn texts() -> Vec<(String, String)> {
    let files = fs::read_dir(folder()).unwrap();
    let texts = files.map(|file| {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let name = name.split('.').next().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    texts.collect()
}

fn differences(expectations: &Expectations, name: &str, text: &str) -> Vec<String> {
    let world = play(text);
    let reports = world.reports.iter().map(serde_json::to_value);
    let reports: Vec<Value> = reports.collect::<Result<_, _>>().unwrap();
    let expectation = expectations.get(name);
    let expectation = expectation.unwrap_or_else(|| panic!("nothing is expected of {name}"));
    expectation.check(&reports)
}

#[test]
fn every_scenario_gives_the_expected_report() {
    let expectations = expectations();
    let mut wrong = String::new();
    for (name, text) in texts() {
        for difference in differences(&expectations, &name, &text) {
            wrong += &format!("{name}: {difference}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_expectation_has_a_text() {
    let told: BTreeSet<String> = texts().into_iter().map(|(name, _)| name).collect();
    let expected: BTreeSet<String> = expectations().names().map(str::to_owned).collect();
    assert_eq!(told, expected);
}

/// A comparison that agreed with anything would agree with this.
#[test]
fn no_scenario_gives_the_report_of_another_kind() {
    let expectations = expectations();
    let texts = texts();
    let (_, other) = texts.iter().find(|(name, _)| name == "init-exits").unwrap();
    for name in expectations.names().filter(|name| *name != "init-exits") {
        assert!(
            !differences(&expectations, name, other).is_empty(),
            "{name}"
        );
    }
}
