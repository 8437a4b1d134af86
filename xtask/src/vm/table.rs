//! The results as a table, for a terminal and for `docs/kernels.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::info::Info;
use super::results::{Outcome, Row};
use super::scenarios::Came;

/// Between these lines of the document are results, and no prose.
const BEGIN: &str = "<!-- results: written by `cargo xtask vm --write` -->";
const END: &str = "<!-- end of results -->";
const NONE: &str = "—";

/// Instructions that the verifier walked, and those that a program has.
type Counts = (Option<u64>, Option<u64>);

/// The results of a run, as Markdown.
pub(super) fn markdown(rows: &[Row], date: &str) -> String {
    let mut text = format!(
        "Run on {date}, rinit-trace {}.\n\n",
        env!("CARGO_PKG_VERSION")
    );
    text.push_str(&kernels(rows));
    text.push_str(
        "\n| kernel | guest | attached by | teardown | scenarios as expected | random stops | tests with containers | wrong | unknown | no report |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        text.push_str(&line(row));
    }
    let refused = refused(rows);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "\nRefused by a kernel's verifier, or otherwise: {refused}.\n"
    );
    let elsewhere = elsewhere(rows);
    if !elsewhere.is_empty() {
        let _ = write!(text, "\nNot run in these guests: {elsewhere}.\n");
    }
    text.push_str(
        "\nInstructions that the verifier walked (told from 5.16 on) / that a program has:\n\n",
    );
    text.push_str(&instructions(rows));
    text
}

/// The exact kernels.
fn kernels(rows: &[Row]) -> String {
    let kernels = rows.iter().map(|row| {
        let kernel = &row.kernel;
        format!(
            "- {}: `{}`, Debian's {}\n",
            kernel.series, kernel.release, kernel.version
        )
    });
    in_order(kernels).concat()
}

/// Each once, as they come.
fn in_order(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    all.filter(|one| seen.insert(one.clone())).collect()
}

fn line(row: &Row) -> String {
    let how = |told: fn(&Info) -> &str| row.info.as_ref().map_or(NONE, told);
    let teardown = how(Info::teardown);
    let count = |came: &Came| row.scenarios.iter().filter(|one| one.came == *came).count();
    let scenarios = match count(&Came::AsExpected) {
        0 if row.scenarios.is_empty() => NONE.to_owned(),
        right => format!("{right} of {}", row.scenarios.len() - count(&Came::NotHere)),
    };
    // Those of which it says nothing are none of those that are wrong.
    let silent = row
        .scenarios
        .iter()
        .filter(|one| one.came == Came::NoReport && row.plan.is_silent(&one.name));
    let random = row.tests.iter().find_map(|test| {
        let count = test.name.strip_prefix(&format!("{}/random-", row.name()))?;
        (test.outcome == Outcome::Passed).then(|| count.to_owned())
    });
    let prefix = format!("{}/", row.name());
    let wrong = row
        .failed()
        .map(|(name, _)| name.trim_start_matches(&prefix));
    let unknown = row.scenarios.iter().filter(|one| one.is_unknown());
    let attached = if row.plan.attached.refused.is_empty() {
        how(Info::tracepoints)
    } else {
        "refused"
    };
    format!(
        "| {} | {} | {attached} | {teardown} | {scenarios} | {} | {} | {} | {} | {} |\n",
        row.kernel.series,
        row.plan.name,
        random.as_deref().unwrap_or(NONE),
        containers(row),
        list(wrong),
        list(unknown.map(|one| &*one.name)),
        list(silent.map(|one| &*one.name)),
    )
}

/// How many tests with containers passed, by what runs these.
fn containers(row: &Row) -> String {
    let steps = row.plan.steps.iter();
    let counts = steps.filter(|step| step.has_containers()).map(|step| {
        let prefix = format!("{}/{}/", row.name(), step.name());
        let tests = row
            .tests
            .iter()
            .filter(|test| test.name.starts_with(&prefix));
        let passed = tests.clone().filter(|test| test.outcome == Outcome::Passed);
        format!("{}: {} of {}", step.name(), passed.count(), tests.count())
    });
    let counts: Vec<String> = counts.collect();
    if counts.is_empty() {
        NONE.to_owned()
    } else {
        counts.join(", ")
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn refused(rows: &[Row]) -> String {
    let all = rows.iter().flat_map(|row| {
        let info = row.info.iter();
        let refusals = info.flat_map(|info| info.refusals(row.plan.attached));
        refusals.map(|refusal| format!("{}: {refusal}", row.name()))
    });
    let all: Vec<String> = all.collect();
    if all.is_empty() {
        "0 programs".to_owned()
    } else {
        format!("{} programs ({})", all.len(), all.join("; "))
    }
}

/// Scenarios that no guest ran, and those that some kernels cannot have, with these.
fn elsewhere(rows: &[Row]) -> String {
    let mut not_here: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut ran: BTreeSet<&str> = BTreeSet::new();
    for row in rows {
        for scenario in &row.scenarios {
            if scenario.came != Came::NotHere {
                ran.insert(&scenario.name);
                continue;
            }
            let series = not_here.entry(&scenario.name).or_default();
            if !series.contains(&row.kernel.series) {
                series.push(row.kernel.series);
            }
        }
    }
    let words = not_here.into_iter().map(|(name, series)| {
        if ran.contains(name) {
            format!("{name} ({})", series.join(", "))
        } else {
            name.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

/// A program in a line, a kernel in a column; of several numbers of one kernel the largest.
fn instructions(rows: &[Row]) -> String {
    let series = in_order(rows.iter().map(|row| row.kernel.series.to_owned()));
    let mut counts: BTreeMap<(&str, &str), BTreeMap<&str, Counts>> = BTreeMap::new();
    for row in rows {
        for probe in row.info.iter().flat_map(|info| &info.probes) {
            let Some(mechanism) = &probe.mechanism else {
                continue;
            };
            let of_program = counts.entry((&probe.hook, mechanism)).or_default();
            let most = of_program.entry(row.kernel.series).or_default();
            *most = (probe.walked.max(most.0), probe.length.max(most.1));
        }
    }
    let mut text = format!("| program | {} |\n|---|", series.join(" | "));
    text.push_str(&"--:|".repeat(series.len()));
    text.push('\n');
    for ((hook, mechanism), counts) in counts {
        let cells = series.iter().map(|series| {
            let number = |count: Option<u64>| {
                count.map_or_else(|| NONE.to_owned(), |count| count.to_string())
            };
            match counts.get(&**series) {
                None => NONE.to_owned(),
                Some((walked, length)) => format!("{} / {}", number(*walked), number(*length)),
            }
        });
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(text, "| {hook} by {mechanism} | {} |", cells.join(" | "));
    }
    text
}

/// Puts results into a document, in place of those that are in it.
pub(super) fn write(path: &Path, results: &str) -> Result<()> {
    let document =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let document = replaced(&document, results)
        .with_context(|| format!("{} has no lines `{BEGIN}` and `{END}`", path.display()))?;
    fs::write(path, document).with_context(|| format!("cannot write {}", path.display()))
}

fn replaced(document: &str, results: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{results}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::{row, whole};
    use super::*;

    #[test]
    fn a_row_has_counts_and_names_what_is_wrong() {
        let text = markdown(&[whole()], "2026-11-23");
        assert!(
            text.starts_with("Run on 2026-11-23, rinit-trace "),
            "{text}"
        );
        for line in [
            "- 6.1: `6.1.0-56-cloud-amd64`, Debian's 6.1.192-2",
            "| 6.1 | plain | btf-tracepoint | inferred | 2 of 5 | 7 | runc: 1 of 2 | c, runc/b | b | f-1 |",
            "Refused by a kernel's verifier, or otherwise: 0 programs.",
            "Not run in these guests: d.",
            "| signal:signal_generate by btf-tracepoint | 1234 / 99 |",
        ] {
            assert!(text.lines().any(|one| one == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_guest_that_told_nothing_has_a_row_that_says_so() {
        let text = markdown(&[row(Vec::new(), "the guest ended in the middle")], "x");
        let line = "| 6.1 | plain | — | — | — | — | runc: 0 of 0 | attached, a, b, c, d, e, f-1, random-7, runc | none | none |";
        assert!(text.lines().any(|one| one == line), "{text}");
    }

    #[test]
    fn results_take_the_place_of_those_before() {
        let document = format!("# Kernels\n\n{BEGIN}\nold\n{END}\n\nmore\n");
        let expected = format!("# Kernels\n\n{BEGIN}\n\nnew\n\n{END}\n\nmore\n");
        let once = replaced(&document, "new\n").unwrap();
        assert_eq!(once, expected);
        assert_eq!(replaced(&once, "new\n").unwrap(), expected);
        assert_eq!(replaced("# Kernels\n", "new\n"), None);
    }
}
