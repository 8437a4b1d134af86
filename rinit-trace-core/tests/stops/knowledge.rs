//! Articles, scenarios and the documentation agree.
//!
//! `cargo xtask docs` writes the documentation anew: it runs the last test with [`WRITE`] set.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use rinit_trace_core::{
    knowledge::{Group, Topic},
    model::FindingId,
    render,
};

use crate::scenarios::expectations;

/// Set to write `docs/verdicts.md` in place of comparing it.
const WRITE: &str = "RINIT_TRACE_WRITE_DOCS";

/// Causes without a scenario of the demo, and why. One that has come to have one is told.
const WITHOUT_SCENARIO: &[(FindingId, &str)] = &[];

fn causes() -> impl Iterator<Item = Topic> {
    Group::Causes.topics().into_iter()
}

#[test]
fn every_cause_has_a_scenario_whose_cause_it_is() {
    let expectations = expectations();
    let has_scenario = |id: &str| {
        let mut names = expectations.names();
        names.any(|name| expectations.get(name).unwrap().causes().contains(id))
    };
    let is_excused = |id: &str| {
        let mut without = WITHOUT_SCENARIO.iter();
        without.any(|(excused, _)| excused.as_str() == id)
    };
    let without = |id: &&str| !has_scenario(id);
    let lacking: Vec<&str> = causes().map(Topic::id).filter(without).collect();
    let excused: Vec<&str> = causes()
        .map(Topic::id)
        .filter(|id| is_excused(id))
        .collect();
    // An excuse that is no longer needed is to be taken away.
    assert_eq!(lacking, excused, "without a scenario, and WITHOUT_SCENARIO");
}

#[test]
fn every_cause_has_a_scenario_that_is_close_and_has_another_cause() {
    let expectations = expectations();
    for topic in Topic::all() {
        let (id, Some(close)) = (topic.id(), &topic.article().close) else {
            continue;
        };
        let Some(expectation) = expectations.get(close.scenario) else {
            panic!("{id}: there is no scenario {}", close.scenario);
        };
        let causes = expectation.causes();
        assert!(!causes.contains(id), "{id} is {}", close.scenario);
        // The difference names what it is in place of this.
        let told = causes.iter().any(|cause| close.why.contains(cause));
        let is_graceful = causes.is_empty() && close.why.contains("graceful");
        let is_remark = topic.group() == Group::Remarks;
        assert!(told || is_graceful || is_remark, "{id}: {}", close.why);
    }
}

/// Sources below a folder of this package.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
}

fn sources_of(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    sources(&folder, &mut found);
    found
}

/// `pub const NAME: Fix = Fix::new(`, with whether no rule gives it.
fn declared() -> Vec<(String, bool)> {
    let sources = sources_of("src/knowledge");
    let lines = sources.iter().flat_map(|text| text.lines());
    let mut declared = Vec::new();
    // The constructor may be on the next line.
    let lines: Vec<&str> = lines.collect();
    for pair in lines.windows(2) {
        let head = pair[0].strip_prefix("pub const ");
        if let Some((name, rest)) = head.and_then(|line| line.split_once(": Fix =")) {
            let is_general = format!("{rest}{}", pair[1]).contains("Fix::general(");
            declared.push((name.to_owned(), is_general));
        }
    }
    declared
}

#[test]
fn a_fix_is_used_by_a_rule_or_is_general_and_is_in_an_article() {
    let (rules, articles) = (sources_of("src/diagnose"), sources_of("src/knowledge"));
    let uses = |texts: &[String], name: &str| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut words = texts.iter().flat_map(|text| text.split(|c| !is_name(c)));
        words.any(|word| word == name)
    };
    let shown = |name: &str| {
        let reference = format!("&{name}");
        let mut texts = articles.iter();
        texts.any(|text| text.contains(&reference))
    };
    let declared = declared();
    assert!(declared.len() > 40, "{declared:?}");
    for (name, is_general) in declared {
        assert_eq!(uses(&rules, &name), !is_general, "{name}");
        assert!(shown(&name), "{name} is in no article");
    }
}

#[test]
fn the_documentation_is_what_the_articles_say() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/verdicts.md");
    let page = render::articles_markdown();
    if env::var_os(WRITE).is_some() {
        fs::write(&file, page).unwrap();
        return;
    }
    let written = fs::read_to_string(&file).unwrap();
    assert!(
        written == page,
        "docs/verdicts.md is not what the articles say; run `cargo xtask docs`"
    );
}
