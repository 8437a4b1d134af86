//! Scenarios with several reports.

use serde_json::{Value, json};

use super::{TEXT, check_all, dropped, upgrade};
use crate::{parse, words_of_all};

#[test]
fn several_reports_are_counted_and_each_is_compared() {
    let text = TEXT.replace("[upgrade]\n", "[upgrade]\nreports = 2\n");
    let expectations = parse(&text).unwrap();
    let twice = expectations.get("upgrade").unwrap();
    assert_eq!(twice.words(), ["2 x graceful, 0 lost"]);
    let right = [upgrade(), upgrade()];
    assert_eq!(twice.check(&right), Vec::<String>::new());
    assert_eq!(words_of_all(&right), twice.words()[0]);
    let wrong_count = |seen: usize| format!("reports: expected 2, seen {seen}");
    assert_eq!(twice.check(&right[..1]), [wrong_count(1)]);
    let three = [upgrade(), upgrade(), upgrade()];
    assert_eq!(twice.check(&three), [wrong_count(3)]);
    assert_eq!(twice.check(&[]), [wrong_count(0)]);
    let mut one_wrong = right.clone();
    one_wrong[1]["verdict"] = json!("forced");
    let difference = "report 2 of 2: verdict: expected graceful, seen forced";
    assert_eq!(twice.check(&one_wrong), [difference]);
    assert_eq!(
        words_of_all(&one_wrong),
        "graceful, 0 lost + forced, 0 lost"
    );
    // One report is what is expected where nothing is said.
    let found = check_all(TEXT, "upgrade", &right);
    assert_eq!(found, ["reports: expected 1, seen 2"]);
}

#[test]
fn each_report_may_be_expected_to_be_another_one() {
    let text = TEXT
        .replace("[dropped]", "[[both.each]]")
        .replace("[upgrade]", "[[both.each]]");
    let check = |reports: &[Value]| check_all(&text, "both", reports);
    assert_eq!(check(&[dropped(), upgrade()]), Vec::<String>::new());
    assert_eq!(check(&[upgrade(), dropped()]), Vec::<String>::new());
    assert_eq!(check(&[upgrade()]), ["reports: expected 2, seen 1"]);
    // One entry is not there for two.
    let twice = check(&[upgrade(), upgrade()]);
    assert!(
        twice.iter().all(|line| line.starts_with("report 2 of 2: ")),
        "{twice:?}"
    );
    assert!(!twice.is_empty());
    let more = check(&[upgrade(), dropped(), dropped()]);
    let left = "report 3 of 3: no entry of `each` is left for it";
    assert_eq!(more, ["reports: expected 2, seen 3", left]);
}
