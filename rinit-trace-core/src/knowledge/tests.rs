//! Every word has an article, every article is whole, and all advice comes from here.

use std::{collections::BTreeSet, fs, path::Path};

use super::{Article, Fix, Group, Topic};
use crate::model::FindingId;

/// What the JSON has for a word, which is where its name comes from.
fn word_of(topic: Topic) -> String {
    let value = match topic {
        Topic::Verdict(word) => serde_json::to_value(word),
        Topic::Outcome(word) => serde_json::to_value(word),
        Topic::KilledBy(word) => serde_json::to_value(word),
        Topic::Finding(word) => serde_json::to_value(word),
    };
    value.unwrap().as_str().unwrap().to_owned()
}

fn articles() -> impl Iterator<Item = (&'static str, &'static Article)> {
    Topic::all().map(|topic| (topic.id(), topic.article()))
}

fn fixes() -> impl Iterator<Item = &'static Fix> {
    articles().flat_map(|(_, article)| article.fixes.iter().copied())
}

#[test]
fn words_are_those_of_the_report() {
    for topic in Topic::all() {
        assert_eq!(topic.id(), word_of(topic));
    }
    let findings = Topic::all().filter(|topic| matches!(topic, Topic::Finding(_)));
    let findings: Vec<&str> = findings.map(Topic::id).collect();
    let all: Vec<&str> = FindingId::ALL.iter().map(|id| id.as_str()).collect();
    assert_eq!(findings, all, "in the order of precedence");
}

#[test]
fn every_word_is_in_one_group() {
    let mut in_groups: Vec<Topic> = Group::ALL.iter().flat_map(|group| group.topics()).collect();
    assert_eq!(in_groups.len(), Topic::all().count());
    for topic in Topic::all() {
        in_groups.retain(|other| *other != topic);
    }
    assert_eq!(in_groups, Vec::new());
}

#[test]
fn articles_are_whole() {
    for topic in Topic::all() {
        let (id, article) = (topic.id(), topic.article());
        assert!(!article.line.is_empty() && !article.what.is_empty(), "{id}");
        assert!(article.line.len() <= 73, "{id}: the line is too long");
        assert!(!article.line.ends_with('.'), "{id}");
        assert!(article.what.ends_with('.'), "{id}");
        assert!(!article.shown_by.is_empty(), "{id}: what shows it?");
        let is_cause = topic.group() == Group::Causes;
        if is_cause {
            assert!(!article.kernel.is_empty(), "{id}: what did the kernel do?");
            assert!(!article.see.is_empty(), "{id}: how is it seen?");
            assert!(!article.limits.is_empty(), "{id}: when is it wrong?");
        }
        let has_close = matches!(topic, Topic::Finding(_));
        assert_eq!(article.close.is_some(), has_close, "{id}");
    }
}

#[test]
fn every_cause_that_can_be_cured_says_how() {
    for topic in Group::Causes.topics() {
        let is_known = topic != Topic::Finding(FindingId::Unexplained);
        assert_eq!(!topic.article().fixes.is_empty(), is_known, "{topic:?}");
    }
}

/// Of each cause at least one cure can be copied into a file.
#[test]
fn causes_with_a_cure_in_a_file_have_a_diff() {
    // Nothing of the container is at fault.
    let without = [FindingId::Unexplained, FindingId::KilledOutside].map(Topic::Finding);
    for topic in Group::Causes.topics() {
        let mut fixes = topic.article().fixes.iter();
        let has_diff = fixes.any(|fix| !fix.diffs.is_empty());
        assert_eq!(has_diff, !without.contains(&topic), "{topic:?}");
    }
}

#[test]
fn diffs_change_something() {
    for diff in fixes().flat_map(|fix| fix.diffs) {
        let marks: BTreeSet<char> = diff
            .lines
            .iter()
            .map(|line| line.chars().next().unwrap())
            .collect();
        assert!(
            marks.iter().all(|mark| ['-', '+', ' '].contains(mark)),
            "{diff:?}"
        );
        assert!(marks.contains(&'-') || marks.contains(&'+'), "{diff:?}");
    }
}

/// A name that nothing is filled in for would be shown as it is.
#[test]
fn every_fix_can_be_filled_in() {
    for fix in fixes() {
        let example = fix.example();
        assert!(!example.contains(['{', '}']), "{example}");
        assert!(fix.fits(&example), "{example}");
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
fn somebody_who_mistypes_is_helped() {
    for (typed, meant) in [
        ("no-handler", "init-no-handler"),
        ("nohandler", "init-no-handler"),
        ("InitNoHandler", "init-no-handler"),
        ("init-no-handlr", "init-no-handler"),
        ("grace-exeeded", "grace-exceeded"),
        ("forword", "forwarded"),
        ("oomkilled", "oom"),
    ] {
        assert!(Topic::near(typed).contains(&meant), "{typed}");
    }
    assert_eq!(Topic::near("qqqqqqqq"), Vec::<&str>::new());
    assert!(Topic::near(&"x".repeat(10_000)).is_empty());
}

#[test]
fn a_word_with_two_meanings_has_both_articles() {
    let groups = |id: &str| -> Vec<Group> {
        let topics = Topic::named(id).into_iter();
        topics.map(Topic::group).collect()
    };
    assert_eq!(groups("oom"), [Group::Causes, Group::Killers]);
    assert_eq!(groups("unknown"), [Group::Verdicts, Group::Killers]);
    assert_eq!(groups("near-miss"), [Group::Remarks]);
    assert_eq!(groups("nonsense"), Vec::<Group>::new());
}
