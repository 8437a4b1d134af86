//! The ways to attach, as far as this kernel has them: the same answers by each, and none by another kernel's BTF.

use std::fs;

use rinit_trace_tests::{Kernel, run};

/// Of each kind one: a shell without a handler, an init that leaves its children, a polite one, a pid
/// namespace within a container, threads.
const SCENARIOS: [&str; 5] = [
    "shell-no-trap",
    "init-exits",
    "waits-for-all",
    "nested-no-handler",
    "threads",
];

fn in_tests(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs the scenarios, and what is expected of them is what came.
fn plays(options: &[&str]) {
    let expectations = in_tests("expectations.toml");
    let mut arguments = vec!["demo"];
    arguments.extend(SCENARIOS);
    arguments.extend(["--expect", &expectations]);
    arguments.extend(options);
    let ended = run(&arguments);
    assert_eq!(ended.code, Some(0), "{options:?}: {ended:#?}");
}

#[test]
fn every_way_to_attach_gives_the_same_answers() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    for attach in ["btf-tracepoint", "raw-tracepoint"] {
        plays(&["--attach", attach, "--teardown", "inferred"]);
        let ended = run(&["system-info", "-o", "json", "--attach", attach]);
        let info: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(info["probes"][0]["mechanism"], attach, "{info:#}");
    }
}

#[test]
fn a_btf_file_does_where_it_is_of_this_kernel() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("btf");
    fs::copy("/sys/kernel/btf/vmlinux", &file).unwrap();
    let file = file.to_str().unwrap();
    plays(&["--attach", "raw-tracepoint", "--btf", file]);
}

#[test]
fn a_btf_file_of_another_kernel_is_refused() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let samples = fs::read_dir(in_tests("../rinit-trace/tests/data/btf")).unwrap();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let version = release.split('-').next().unwrap();
    let mut tried = 0;
    for sample in samples {
        let sample = sample.unwrap().path();
        let name = sample.file_name().unwrap().to_str().unwrap();
        let is_sample = sample.extension().is_some_and(|kind| kind == "btf");
        if !is_sample || name.contains(version) {
            continue;
        }
        let ended = run(&["system-info", "--btf", sample.to_str().unwrap()]);
        assert_eq!(ended.code, Some(3), "{name}: {ended:#?}");
        assert!(
            ended.stderr.ends_with(
                "the BTF file is another kernel's, it seems: give that of exactly this one\n"
            ),
            "{name}: {ended:#?}"
        );
        tried += 1;
    }
    assert!(tried >= 3, "{tried} samples");
}

#[test]
fn a_way_that_the_kernel_does_not_have_is_refused() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    for teardown in ["fentry", "kprobe"] {
        let ended = run(&["system-info", "-o", "json", "--teardown", teardown]);
        let info: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        let probes = info["probes"].as_array().unwrap();
        let zap = probes
            .iter()
            .find(|probe| probe["hook"] == "zap_pid_ns_processes");
        if ended.code == Some(0) {
            assert_eq!(zap.unwrap()["mechanism"], teardown, "{info:#}");
        } else {
            assert_eq!(ended.code, Some(3), "{ended:#?}");
            let error = format!("error: cannot attach zap_pid_ns_processes by {teardown}: ");
            assert!(ended.stderr.starts_with(&error), "{ended:#?}");
            assert!(
                ended
                    .stderr
                    .ends_with("; leave out --teardown for what this kernel offers\n"),
                "{ended:#?}"
            );
        }
    }
}
