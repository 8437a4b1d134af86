//! What `system-info` says in a guest: whether it is attached as the plan wants it, and what that cost the verifier.

use serde_json::Value;

use super::plan::Attached;

const SIGNALS: &str = "signal:signal_generate";
const TEARDOWN: &str = "zap_pid_ns_processes";

/// A hook, and how the program is attached to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) hook: String,
    /// `None` when it is not.
    pub(super) mechanism: Option<String>,
    /// Instructions that the verifier walked, where the kernel tells (from 5.16 on).
    pub(super) walked: Option<u64>,
    /// Instructions that the program has.
    pub(super) length: Option<u64>,
    /// Mechanisms that the kernel refused, with its reasons.
    pub(super) refused: Vec<String>,
}

/// What is told of a guest's kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Info {
    pub(super) probes: Vec<Probe>,
    lockdown: String,
    has_passed: bool,
    problems: Vec<String>,
}

impl Info {
    /// Reads what the program printed; `None` when that is no such JSON.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let info: Value = serde_json::from_str(text.trim()).ok()?;
        let texts = |value: &Value| -> Vec<String> {
            let all = value.as_array().into_iter().flatten();
            all.filter_map(|one| one.as_str().map(str::to_owned))
                .collect()
        };
        let probes = info["probes"].as_array()?.iter().map(|probe| {
            let refused = probe["refused"].as_array().into_iter().flatten();
            let refused = refused.map(|one| {
                let word = |name: &str| one[name].as_str().unwrap_or("?").to_owned();
                format!("{}: {}", word("mechanism"), word("reason"))
            });
            Probe {
                hook: probe["hook"].as_str().unwrap_or("?").to_owned(),
                mechanism: probe["mechanism"].as_str().map(str::to_owned),
                walked: probe["verified_instructions"].as_u64(),
                length: probe["instructions"].as_u64(),
                refused: refused.collect(),
            }
        });
        Some(Self {
            probes: probes.collect(),
            lockdown: info["lockdown"].as_str().unwrap_or_default().to_owned(),
            has_passed: info["self_test"]["passed"] == true,
            problems: texts(&info["problems"]),
        })
    }

    /// How the program is attached to tracepoints.
    pub(super) fn tracepoints(&self) -> &str {
        self.mechanism(SIGNALS)
    }

    /// How the teardown of a pid namespace is watched.
    pub(super) fn teardown(&self) -> &str {
        match self.mechanism(TEARDOWN) {
            "none" if self.tracepoints() != "none" => "inferred",
            other => other,
        }
    }

    /// How a hook is attached: `none` when it is not.
    fn mechanism(&self, hook: &str) -> &str {
        let probe = self.probes.iter().find(|probe| probe.hook == hook);
        probe
            .and_then(|probe| probe.mechanism.as_deref())
            .unwrap_or("none")
    }

    /// What the kernel refused, by hook; what it must lack is left out.
    pub(super) fn refusals(&self, wanted: Attached) -> impl Iterator<Item = String> {
        let lacks = wanted.lacks;
        let is_lack = move |reason: &str| !lacks.is_empty() && reason.ends_with(lacks);
        self.probes.iter().flat_map(move |probe| {
            let refused = probe.refused.iter().filter(move |reason| !is_lack(reason));
            refused.map(|reason| format!("{} by {reason}", probe.hook))
        })
    }

    /// What is not as it was asked for.
    pub(super) fn wrong(&self, wanted: Attached) -> Vec<String> {
        if !wanted.refused.is_empty() {
            return self.not_refused(wanted.refused);
        }
        let mut wrong: Vec<String> = self.problems.clone();
        if self.probes.is_empty() {
            wrong.push("nothing is attached".to_owned());
        }
        if wrong.is_empty() && !self.has_passed {
            wrong.push("the self-test has not passed".to_owned());
        }
        for (what, is, must) in [
            ("the tracepoints", self.tracepoints(), wanted.tracepoints),
            ("the teardown", self.teardown(), wanted.teardown),
            ("lockdown", &*self.lockdown, wanted.lockdown),
        ] {
            if !must.is_empty() && is != must {
                wrong.push(format!("{what}: {is}, and not {must}"));
            }
        }
        wrong.extend(self.refusals(wanted));
        wrong
    }

    fn not_refused(&self, text: &str) -> Vec<String> {
        if self.problems.iter().any(|problem| problem.contains(text)) {
            return Vec::new();
        }
        let mut wrong = vec![format!("nobody says `{text}`")];
        wrong.extend(self.problems.iter().cloned());
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{
        "lockdown": "integrity",
        "probes": [
            {"hook": "signal:signal_generate", "mechanism": "btf-tracepoint", "refused": [],
             "verified_instructions": 251235, "instructions": 6342},
            {"hook": "zap_pid_ns_processes", "mechanism": "kprobe", "verified_instructions": null,
             "refused": [{"mechanism": "fentry", "reason": "not permitted"}]},
            {"hook": "oom:mark_victim", "mechanism": null, "refused": [], "verified_instructions": null}
        ],
        "self_test": {"passed": true},
        "problems": []
    }"#;

    #[test]
    fn how_it_is_attached_is_read() {
        let info = Info::parse(GOOD).unwrap();
        assert_eq!(info.mechanism("signal:signal_generate"), "btf-tracepoint");
        assert_eq!(info.mechanism("zap_pid_ns_processes"), "kprobe");
        assert_eq!(info.mechanism("oom:mark_victim"), "none");
        assert_eq!(info.mechanism("no such hook"), "none");
        assert_eq!(info.probes[0].walked, Some(251_235));
        assert_eq!(info.probes[0].length, Some(6342));
        assert_eq!((info.probes[1].walked, info.probes[1].length), (None, None));
        let refusals: Vec<String> = info.refusals(Attached::default()).collect();
        assert_eq!(refusals, ["zap_pid_ns_processes by fentry: not permitted"]);
        let lacks = Attached {
            lacks: "not permitted",
            ..Attached::default()
        };
        assert_eq!(info.refusals(lacks).count(), 0);
    }

    #[test]
    fn falling_back_is_wrong() {
        let info = Info::parse(GOOD).unwrap();
        let wrong = info.wrong(Attached::default());
        assert_eq!(wrong, ["zap_pid_ns_processes by fentry: not permitted"]);
        let wanted = Attached {
            lockdown: "confidentiality",
            ..Attached::default()
        };
        assert!(
            info.wrong(wanted)[0].starts_with("lockdown: integrity,"),
            "{:?}",
            info.wrong(wanted)
        );
        let wanted = Attached {
            tracepoints: "raw-tracepoint",
            teardown: "fentry",
            ..Attached::default()
        };
        let wrong = info.wrong(wanted);
        assert_eq!(
            wrong[..2],
            [
                "the tracepoints: btf-tracepoint, and not raw-tracepoint",
                "the teardown: kprobe, and not fentry",
            ]
        );
    }

    #[test]
    fn a_refusal_is_right_where_it_is_expected() {
        let text = r#"{"probes": [], "self_test": null, "problems": ["kernel 5.10 is too old"]}"#;
        let info = Info::parse(text).unwrap();
        let refused = |refused| Attached {
            refused,
            ..Attached::default()
        };
        assert!(info.wrong(refused("too old")).is_empty());
        assert_eq!(info.wrong(refused("no ring buffer")).len(), 2);
        assert_eq!(
            info.wrong(Attached::default()),
            ["kernel 5.10 is too old", "nothing is attached"]
        );
        let good = Info::parse(GOOD).unwrap();
        assert_eq!(good.wrong(refused("too old")), ["nobody says `too old`"]);
    }

    #[test]
    fn nonsense_is_no_answer() {
        for text in [
            "",
            "error: no",
            "{}",
            "[]",
            "{\"probes\": 1}",
            "{\"probes\": []",
        ] {
            assert_eq!(Info::parse(text), None, "{text}");
        }
        let odd = Info::parse(r#"{"probes": [{}, 3, {"refused": [1]}]}"#).unwrap();
        assert!(!odd.wrong(Attached::default()).is_empty());
    }
}
