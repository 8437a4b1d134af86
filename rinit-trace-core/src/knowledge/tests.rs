//! Every word has an article, every article is whole, and all advice comes from here.

use std::collections::BTreeSet;

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
        // No kernel of its own is to be had everywhere.
        let seldom = [FindingId::OpaqueSandbox, FindingId::UnverifiedIdentity];
        let has_close = matches!(topic, Topic::Finding(id) if !seldom.contains(&id));
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
