//! The dashboard for Grafana: well formed, of one data source that its reader chooses, and of expressions that Prometheus
//! understands.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::rules::{quietly, read};
use super::tools::Tools;
use crate::workspace;

pub(super) const DASHBOARD: &str = "deploy/grafana/rinit-trace.json";
/// What Grafana puts into an expression before it asks, with something of its kind.
const VARIABLES: [(&str, &str); 3] = [
    ("$__rate_interval", "5m"),
    ("$__range", "1h"),
    ("$namespace", ".*"),
];

pub(super) fn check(tools: &Tools) -> Result<()> {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)?)
        .with_context(|| format!("{DASHBOARD} is not JSON"))?;
    let expressions = well_formed(&dashboard).context(DASHBOARD)?;
    let rules = workspace::scratch_dir().join("dashboard-rules.yaml");
    fs::write(&rules, as_rules(&expressions)?)
        .with_context(|| format!("cannot write {}", rules.display()))?;
    let mut promtool = Command::new(&tools.promtool);
    quietly(promtool.args(["check", "rules"]).arg(&rules))
        .with_context(|| format!("the expressions of {DASHBOARD}"))
}

/// All expressions of a dashboard, when everything else is in order.
fn well_formed(dashboard: &Value) -> Result<Vec<String>> {
    let mut ids = BTreeSet::new();
    let mut expressions = Vec::new();
    for panel in panels(dashboard) {
        let title = panel["title"].as_str().unwrap_or_default();
        ensure!(
            !title.is_empty(),
            "a panel without a title: {}",
            panel["id"]
        );
        ensure!(
            ids.insert(panel["id"].as_u64()),
            "panel `{title}`: its id is another's"
        );
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().map_or(&[][..], Vec::as_slice);
        ensure!(!targets.is_empty(), "panel `{title}` asks for nothing");
        ensure!(
            panel["description"].is_string(),
            "panel `{title}` does not say what it shows"
        );
        for target in targets {
            for asked in [&panel["datasource"], &target["datasource"]] {
                let chosen = asked["uid"] == "${datasource}";
                ensure!(chosen, "panel `{title}` asks {asked}, not ${{datasource}}");
            }
            let expression = target["expr"].as_str().unwrap_or_default();
            ensure!(
                !expression.is_empty(),
                "panel `{title}` has an empty expression"
            );
            expressions.push(expression.to_owned());
        }
    }
    let variables = &dashboard["templating"]["list"];
    let named = |name: &str| {
        let mut variables = variables.as_array().into_iter().flatten();
        variables.any(|variable| variable["name"] == name)
    };
    ensure!(
        named("datasource") && named("namespace"),
        "a variable is missing"
    );
    Ok(expressions)
}

/// The panels, and those that are folded away in rows.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let mut all = Vec::new();
    for panel in dashboard["panels"].as_array().into_iter().flatten() {
        all.push(panel);
        all.extend(panel["panels"].as_array().into_iter().flatten());
    }
    all
}

/// Rules with these expressions: the one thing that promtool parses.
fn as_rules(expressions: &[String]) -> Result<String> {
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (at, expression) in expressions.iter().enumerate() {
        let mut expression = expression.clone();
        for (variable, value) in VARIABLES {
            expression = expression.replace(variable, value);
        }
        if expression.contains('$') {
            bail!("an expression has a variable that Grafana does not know here: {expression}");
        }
        // A string in JSON is one in YAML.
        let expression = Value::from(expression);
        rules.extend([
            format!("  - record: panel:{at}\n"),
            format!("    expr: {expression}\n"),
        ]);
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn dashboard() -> Value {
        let source = json!({"uid": "${datasource}"});
        json!({
            "templating": {"list": [{"name": "datasource"}, {"name": "namespace"}]},
            "panels": [{
                "id": 1, "title": "Stops", "type": "stat", "description": "d", "datasource": source,
                "targets": [{"datasource": source, "expr": "sum(a{b=~\"$namespace\"})"}],
            }],
        })
    }

    #[test]
    fn expressions_become_rules() {
        let expressions = well_formed(&dashboard()).unwrap();
        let rules = as_rules(&expressions).unwrap();
        assert!(
            rules.ends_with("  - record: panel:0\n    expr: \"sum(a{b=~\\\".*\\\"})\"\n"),
            "{rules}"
        );
        assert!(as_rules(&["rate(a[$interval])".to_owned()]).is_err());
    }

    #[test]
    fn two_panels_with_one_id_are_found() {
        let mut twice = dashboard();
        let panel = twice["panels"][0].clone();
        twice["panels"][0]["panels"] = json!([panel]);
        let said = well_formed(&twice).unwrap_err().to_string();
        assert_eq!(said, "panel `Stops`: its id is another's");
    }

    #[test]
    fn a_data_source_of_somebody_is_found() {
        let mut fixed = dashboard();
        fixed["panels"][0]["targets"][0]["datasource"]["uid"] = json!("prometheus");
        assert!(well_formed(&fixed).is_err());
    }
}
