//! The rules for Prometheus: promtool reads them and runs their tests; the object for the Prometheus Operator is made of them.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::tools::Tools;
use crate::workspace;

const FOLDER: &str = "deploy/prometheus";
const RULES: &str = "deploy/prometheus/rules.yaml";
/// What whoever is alerted reads.
const EXPLAINED: &str = "docs/kubernetes.md";
const OBJECT: &str = "deploy/kubernetes/components/prometheus-rule/prometheus-rule.yaml";
/// What the rules follow in the object.
const HEAD: &str = "\
# Written by `cargo xtask manifests --write` from deploy/prometheus/rules.yaml; change that.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: rinit-trace
  namespace: rinit-trace
  labels:
    app.kubernetes.io/name: rinit-trace
spec:
";

pub(super) fn check(tools: &Tools) -> Result<()> {
    let folder = workspace::root().join(FOLDER);
    let mut promtool = Command::new(&tools.promtool);
    quietly(
        promtool
            .current_dir(&folder)
            .args(["check", "rules", "rules.yaml"]),
    )?;
    let mut promtool = Command::new(&tools.promtool);
    quietly(
        promtool
            .current_dir(&folder)
            .args(["test", "rules", "rules_test.yaml"]),
    )?;
    if read(OBJECT)? != object(&read(RULES)?)? {
        bail!("{OBJECT} is not what {RULES} says; run `cargo xtask manifests --write`");
    }
    let rules = read(RULES)?;
    every_alert_is_tested(&rules, &read("deploy/prometheus/rules_test.yaml")?)?;
    let explained = read(EXPLAINED)?;
    if let Some(alert) = alerts(&rules).find(|alert| !explained.contains(&format!("`{alert}`"))) {
        bail!("{EXPLAINED} does not say what {alert} means");
    }
    Ok(())
}

/// The names of the alerts.
fn alerts(rules: &str) -> impl Iterator<Item = &str> {
    rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
}

/// Writes the object.
pub(super) fn write_object() -> Result<()> {
    let path = workspace::root().join(OBJECT);
    fs::write(&path, object(&read(RULES)?)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Runs a tool, and shows what it says only when it fails.
pub(super) fn quietly(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !output.status.success() {
        let told = [output.stdout, output.stderr].concat();
        bail!("{}", String::from_utf8_lossy(&told).trim());
    }
    Ok(())
}

pub(super) fn read(path: &str) -> Result<String> {
    let path: PathBuf = workspace::root().join(path);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// The groups of rules as the `spec` of an object. Text, not YAML: comments and the form of expressions stay.
fn object(rules: &str) -> Result<String> {
    let groups = rules.find("groups:\n").context("no groups in the rules")?;
    let mut object = HEAD.to_owned();
    for line in rules[groups..].lines() {
        if !line.is_empty() {
            object.push_str("  ");
            object.push_str(line);
        }
        object.push('\n');
    }
    Ok(object)
}

/// An alert must be seen to fire: one that never does looks like one that has no reason to.
fn every_alert_is_tested(rules: &str, tests: &str) -> Result<()> {
    for alert in alerts(rules) {
        let named = format!("alertname: {alert}\n");
        let mut cases = tests
            .match_indices(&named)
            .map(|(at, _)| &tests[at + named.len()..]);
        let fires = cases.any(|case| {
            let expected = case.trim_start().strip_prefix("exp_alerts:");
            expected.is_some_and(|expected| !expected.trim_start().starts_with("[]"))
        });
        if !fires {
            bail!("no test sees {alert} fire");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_has_the_rules_and_no_comment_before_them() {
        let object = object("# why\ngroups:\n  - name: a\n\n    # here\n    rules: []\n").unwrap();
        let spec = object.strip_prefix(HEAD).unwrap();
        assert_eq!(
            spec,
            "  groups:\n    - name: a\n\n      # here\n      rules: []\n"
        );
    }

    #[test]
    fn an_alert_that_no_test_sees_fire_is_found() {
        let rules = "  - alert: A\n    expr: x\n";
        let silent = "alertname: A\n  exp_alerts: []\n";
        let loud = "alertname: A\n  exp_alerts:\n    - exp_labels: {}\n";
        assert!(every_alert_is_tested(rules, silent).is_err());
        assert!(every_alert_is_tested(rules, "").is_err());
        assert!(every_alert_is_tested(rules, &[silent, loud].concat()).is_ok());
    }
}
