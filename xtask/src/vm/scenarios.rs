//! The table that `demo all --expect` prints: what was seen in each scenario.

/// A scenario that a guest cannot run has one of these in the reason: it has no engine, no cgroup v1, and a kernel before 5.14
/// no `cgroup.kill`. That is no test of the guest, and is not counted as skipped; whatever else is missing is.
const NOT_IN_GUESTS: [&str; 3] = [
    "(needs docker)",
    "(needs a freezer of cgroup v1",
    "(needs cgroup.kill)",
];

/// What came of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Came {
    AsExpected,
    Wrong,
    /// With the reason.
    Skipped(String),
    /// It needs what the guest has not.
    NotHere,
    /// The program said nothing.
    NoReport,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scenario {
    pub(super) name: String,
    /// Reports in short.
    pub(super) seen: String,
    pub(super) came: Came,
}

impl Scenario {
    /// Whether the answer was that nobody knows.
    pub(super) fn is_unknown(&self) -> bool {
        self.seen.contains("unknown") || self.seen.contains("? lost")
    }
}

/// The rows of scenarios with these names. Others, such as the second line of an expectation, are not scenarios.
pub(super) fn parse<'a>(table: &str, names: impl Iterator<Item = &'a str>) -> Vec<Scenario> {
    let names: Vec<&str> = names.collect();
    // Rows may be wider than the head; the column begins where it begins.
    let column = table
        .lines()
        .find_map(|line| line.strip_suffix("  seen").map(|head| head.len() + 2));
    let rows = table.lines().filter_map(|line| {
        let name = line.split(' ').next().unwrap_or_default();
        let rest = line.get(column?..)?;
        names.contains(&name).then_some(())?;
        Some(row(name, rest))
    });
    rows.collect()
}

fn row(name: &str, rest: &str) -> Scenario {
    let (seen, came) = if let Some(seen) = rest.strip_suffix("  ok") {
        (seen, Came::AsExpected)
    } else if let Some(seen) = rest.strip_suffix("  WRONG") {
        let said_nothing = seen.trim() == "no report";
        (
            seen,
            if said_nothing {
                Came::NoReport
            } else {
                Came::Wrong
            },
        )
    } else if NOT_IN_GUESTS.iter().any(|reason| rest.contains(reason)) {
        ("", Came::NotHere)
    } else {
        let reason = rest.trim().trim_start_matches("skipped").trim();
        let reason = reason.trim_start_matches('(').trim_end_matches(')');
        ("", Came::Skipped(reason.to_owned()))
    };
    Scenario {
        name: name.to_owned(),
        seen: seen.trim().to_owned(),
        came,
    }
}

/// What the program says below the table of a scenario that is wrong, as far as it came.
pub(super) fn about<'a>(output: &'a str, name: &str) -> &'a str {
    let head = format!("── WRONG {name}\n");
    let Some((_, rest)) = output.split_once(&head) else {
        return "";
    };
    rest.split("\n── WRONG ").next().unwrap_or(rest).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As rinit-trace prints it.
    const TABLE: &str = "\
scenario                  expected                                          seen
shell-no-trap             forced init-no-handler (certain), 0 lost          forced init-no-handler (certain), 0 lost            ok
exec-session              graceful, 0 lost                                  forced not-forwarded (certain), 1 lost              WRONG
docker-exec               graceful, 0 lost                                  skipped (needs docker)
shared-cgroup-kill        forced cgroup-killed (certain), 1 lost            no report                                           WRONG
startup-window-exec       forced startup-window (certain), 1 lost           skipped (needs python3)
never-ends                unknown, ? lost                                   unknown, ? lost                                     ok
shared-owner-first        forced pidns-owner-exited (certain), 2 lost       graceful, 0 lost + forced pidns-owner-exited (certain), 2 lost  ok
                          graceful, 0 lost

── WRONG exec-session

verdict: forced, and not graceful

FORCED exec-session

6 scenarios in 1.0 s: 3 as expected, 1 wrong, 2 skipped
";
    const NAMES: [&str; 8] = [
        "shared-cgroup-kill",
        "shell-no-trap",
        "exec-session",
        "docker-exec",
        "startup-window-exec",
        "never-ends",
        "shared-owner-first",
        "other",
    ];

    #[test]
    fn rows_say_what_came_of_each_scenario() {
        let rows = parse(TABLE, NAMES.into_iter());
        let came: Vec<(&str, &Came)> = rows.iter().map(|row| (&*row.name, &row.came)).collect();
        let skipped = Came::Skipped("needs python3".to_owned());
        assert_eq!(
            came,
            [
                ("shell-no-trap", &Came::AsExpected),
                ("exec-session", &Came::Wrong),
                ("docker-exec", &Came::NotHere),
                ("shared-cgroup-kill", &Came::NoReport),
                ("startup-window-exec", &skipped),
                ("never-ends", &Came::AsExpected),
                ("shared-owner-first", &Came::AsExpected),
            ]
        );
        assert_eq!(rows[1].seen, "forced not-forwarded (certain), 1 lost");
        let unknown: Vec<&str> = rows
            .iter()
            .filter(|row| row.is_unknown())
            .map(|row| &*row.name)
            .collect();
        assert_eq!(unknown, ["never-ends"]);
    }

    #[test]
    fn what_is_said_of_a_wrong_one_is_found() {
        let said = about(TABLE, "exec-session");
        assert!(said.starts_with("verdict: forced"), "{said}");
        assert!(said.contains("FORCED exec-session"), "{said}");
        assert_eq!(about(TABLE, "shell-no-trap"), "");
    }

    #[test]
    fn a_table_that_is_cut_off_has_the_rows_before() {
        for end in 0..TABLE.len() {
            let Some(cut) = TABLE.get(..end) else {
                continue;
            };
            for row in parse(cut, NAMES.into_iter()) {
                assert!(NAMES.contains(&&*row.name));
            }
        }
        assert!(parse("", NAMES.into_iter()).is_empty());
        assert!(parse("shell-no-trap  ok\n", NAMES.into_iter()).is_empty());
    }
}
