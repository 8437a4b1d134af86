//! What a pod was made by, from its name and the labels that Kubernetes' controllers put on it.
//!
//! A controller's name is in no label but a Job's. It is the beginning of the pod's name, and a label
//! tells where that ends: without one, or where the two do not fit, the owner is not known.

use std::collections::HashMap;

/// Random characters at the end of a generated name, without the dash
/// (`apiserver/pkg/storage/names/generate.go`).
const RANDOM: usize = 5;
/// Longest beginning of a generated name: what is longer is cut, and its end no longer known.
const MAX_GENERATED: usize = 58;

/// Digits of the minute that a `CronJob` adds to its name, in minutes since 1970, for that of a `Job`
/// (`pkg/controller/cronjob/utils.go`): from 1989 to 2160.
const MINUTE_DIGITS: usize = 8;
/// Minutes by which a run may have been due before its pod was made: one that was missed while its
/// `CronJob` was suspended is made up for.
const LATE: i64 = 31 * 24 * 60;
/// Minutes by which the controller's clock may be ahead of the node's.
const AHEAD: i64 = 10;
const NANOS_PER_MINUTE: i64 = 60 * 1_000_000_000;

/// The `Deployment`, `StatefulSet`, `DaemonSet`, `CronJob` or `Job` of a pod that was made then, in
/// nanoseconds since 1970; 0 where that is not known.
pub(super) fn owner(pod: &str, labels: &HashMap<String, String>, created: i64) -> Option<String> {
    let label = |name: &str| {
        let value = labels.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    };
    let job = label("batch.kubernetes.io/job-name").or(label("job-name"));
    let found = if let Some(job) = job {
        of_job(pod, job).map(|job| of_cron_job(job, created).unwrap_or(job))
    } else if let Some(hash) = label("pod-template-hash") {
        generated(pod)?.strip_suffix(hash)?.strip_suffix('-')
    } else if label("statefulset.kubernetes.io/pod-name") == Some(pod) {
        of_stateful_set(pod, label("apps.kubernetes.io/pod-index"))
    } else if label("controller-revision-hash").is_some() {
        // A StatefulSet's pods have the label above, too.
        generated(pod).filter(|name| name.len() + 1 < MAX_GENERATED)
    } else {
        None
    };
    found.filter(|name| !name.is_empty()).map(str::to_owned)
}

/// A generated name without its random end.
fn generated(pod: &str) -> Option<&str> {
    let (name, random) = pod.rsplit_once('-')?;
    let is_random = random.len() == RANDOM
        && random
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    is_random.then_some(name)
}

/// `job-abcde`, or `job-3-abcde` for one with indexes.
fn of_job<'a>(pod: &str, job: &'a str) -> Option<&'a str> {
    let fits = match pod.strip_prefix(job) {
        Some(rest) => rest.starts_with('-'),
        // The name was cut before the random end was added.
        None => pod
            .get(..MAX_GENERATED - 1)
            .is_some_and(|beginning| job.starts_with(beginning)),
    };
    fits.then_some(job)
}

/// `backup` of its run `backup-28934101`. Eight digits may be a date as well, so they have to be a
/// minute at which a run was due whose pod was made then.
fn of_cron_job(job: &str, created: i64) -> Option<&str> {
    let (name, digits) = job.rsplit_once('-')?;
    let is_number = digits.len() == MINUTE_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    let due: i64 = is_number.then(|| digits.parse().ok())??;
    let created = created / NANOS_PER_MINUTE;
    let is_due = (created.saturating_sub(LATE)..=created.saturating_add(AHEAD)).contains(&due);
    (is_due && !name.is_empty()).then_some(name)
}

/// `web-3`
fn of_stateful_set<'a>(pod: &'a str, index: Option<&str>) -> Option<&'a str> {
    let (name, ordinal) = pod.rsplit_once('-')?;
    let is_ordinal = !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit());
    (is_ordinal && index.is_none_or(|index| index == ordinal)).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 28934107 minutes and some seconds after 1970.
    const CREATED: i64 = 28_934_107 * NANOS_PER_MINUTE + 5_000_000_000;

    fn of(pod: &str, labels: &[(&str, &str)]) -> Option<String> {
        of_then(pod, labels, CREATED)
    }

    fn of_then(pod: &str, labels: &[(&str, &str)], created: i64) -> Option<String> {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owner(pod, &labels.collect(), created)
    }

    #[test]
    fn each_controller_is_found_by_its_label() {
        let hash = ("pod-template-hash", "7d9f6c5b8");
        let revision = ("controller-revision-hash", "web-5f6b7");
        for (pod, labels, expected) in [
            ("web-7d9f6c5b8-x2k4p", &[hash][..], "web"),
            ("web-api-7d9f6c5b8-x2k4p", &[hash], "web-api"),
            (
                "web-0",
                &[revision, ("statefulset.kubernetes.io/pod-name", "web-0")],
                "web",
            ),
            (
                "web-db-12",
                &[
                    ("statefulset.kubernetes.io/pod-name", "web-db-12"),
                    ("apps.kubernetes.io/pod-index", "12"),
                ],
                "web-db",
            ),
            (
                "node-agent-x2k4p",
                &[
                    ("controller-revision-hash", "6b7c"),
                    ("pod-template-generation", "1"),
                ],
                "node-agent",
            ),
            (
                "backup-28934-x2k4p",
                &[("job-name", "backup-28934")],
                "backup-28934",
            ),
            (
                "index-3-x2k4p",
                &[
                    ("batch.kubernetes.io/job-name", "index"),
                    ("job-name", "index"),
                ],
                "index",
            ),
        ] {
            assert_eq!(of(pod, labels).as_deref(), Some(expected), "{pod}");
        }
    }

    #[test]
    fn without_a_label_that_fits_nobody_is_guessed() {
        let hash = ("pod-template-hash", "7d9f6c5b8");
        let long = "a".repeat(57);
        for (pod, labels) in [
            ("web-7d9f6c5b8-x2k4p", &[][..]),
            ("web-7d9f6c5b8-x2k4p", &[("pod-template-hash", "other")]),
            ("web-7d9f6c5b8", &[hash]),
            ("7d9f6c5b8-x2k4p", &[hash]),
            ("-7d9f6c5b8-x2k4p", &[hash]),
            ("web-0", &[("statefulset.kubernetes.io/pod-name", "web-1")]),
            (
                "web-0",
                &[
                    ("statefulset.kubernetes.io/pod-name", "web-0"),
                    ("apps.kubernetes.io/pod-index", "1"),
                ],
            ),
            ("web-x", &[("statefulset.kubernetes.io/pod-name", "web-x")]),
            ("agent", &[("controller-revision-hash", "6b7c")]),
            ("agent-toolong", &[("controller-revision-hash", "6b7c")]),
            // Where the name was cut, nobody knows what it was.
            (
                &format!("{long}-x2k4p"),
                &[("controller-revision-hash", "6b7c")],
            ),
            ("mine", &[("job-name", "backup")]),
            ("backups-x2k4p", &[("job-name", "backup")]),
            ("web-x2k4p", &[("job-name", "")]),
        ] {
            assert_eq!(of(pod, labels), None, "{pod} {labels:?}");
        }
    }

    #[test]
    fn a_job_whose_pods_name_was_cut_is_known() {
        let job = "j".repeat(63);
        let pod = format!("{}x2k4p", &job[..58]);
        assert_eq!(of(&pod, &[("job-name", &job)]), Some(job));
    }

    #[test]
    fn the_runs_of_a_cron_job_are_its_own() {
        for (job, expected) in [
            ("backup-28934107", "backup"),
            ("backup-28934106", "backup"),
            ("db-backup-28934001", "db-backup"),
            // A run that was due weeks ago, and one by a clock that is ahead.
            ("backup-28904107", "backup"),
            ("backup-28934110", "backup"),
            // Dates, and what is no minute of these weeks.
            ("report-20250105", "report-20250105"),
            ("report-28874107", "report-28874107"),
            ("report-28935000", "report-28935000"),
            ("report-2893410", "report-2893410"),
            ("report-028934107", "report-028934107"),
            ("report-2893410x", "report-2893410x"),
            ("-28934107", "-28934107"),
            ("28934107", "28934107"),
        ] {
            let pod = format!("{job}-x2k4p");
            assert_eq!(of(&pod, &[("job-name", job)]).as_deref(), Some(expected));
            // Where the time is not known, neither is the CronJob.
            let unknown = of_then(&pod, &[("job-name", job)], 0);
            assert_eq!(unknown.as_deref(), Some(job));
        }
        for created in [i64::MIN, i64::MAX] {
            let found = of_then("a-28934107-x", &[("job-name", "a-28934107")], created);
            assert_eq!(found.as_deref(), Some("a-28934107"));
        }
    }

    proptest! {
        #[test]
        fn an_owner_is_in_the_pods_name_or_the_jobs_label(
            pod in ".{0,80}",
            key in prop::sample::select(vec![
                "job-name", "pod-template-hash", "controller-revision-hash",
                "statefulset.kubernetes.io/pod-name",
            ]),
            value in ".{0,70}",
        ) {
            if let Some(owner) = of(&pod, &[(key, &value)]) {
                prop_assert!(pod.starts_with(&owner) || value.starts_with(&owner));
            }
        }
    }
}
