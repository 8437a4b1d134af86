//! What the program reads of the BTF of other kernels than this one: samples of `tests/data/btf`, made
//! by `cargo xtask btf-sample`.

mod image;
mod trim;

use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::PathBuf};

use proptest::prelude::*;
use rinit_trace_common::Offsets;

use self::image::{ENUM, Image, STRUCT, UNION};
use super::{
    attach::{HOOKS, TEARDOWN_FUNCTION},
    btf::Btf,
    offsets::{self, MissingMember},
};

/// Set by `cargo xtask btf-sample`: BTF of a kernel, and what its sample is called.
const KERNEL_BTF: &str = "RINIT_TRACE_BTF_OF_KERNEL";
const SAMPLE_NAME: &str = "RINIT_TRACE_BTF_SAMPLE_NAME";

/// What a kernel may lack.
const OPTIONAL: [&str; 6] = [
    "ns_id",
    "pids_cgrp_id",
    "real_cred",
    "euid",
    "iattr",
    "ia_uid",
];

/// More would be much that nobody reads.
const MAX_SAMPLE: usize = 32 << 10;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/btf")
}

/// Names and contents, in order.
fn samples() -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder()).unwrap();
    let mut samples: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let is_sample = path.extension().is_some_and(|extension| extension == "btf");
            let name = path.file_stem()?.to_str()?.to_owned();
            is_sample.then(|| (name, fs::read(&path).unwrap()))
        })
        .collect();
    samples.sort();
    assert!(samples.len() >= 2, "no samples in {}", folder().display());
    samples
}

fn read(sample: &[u8]) -> Result<Offsets, MissingMember> {
    offsets::read(&Btf::parse(sample.to_vec()).unwrap())
}

/// All that decides what is attached and what is read, as text.
fn told(btf: &Btf) -> String {
    let mut text = String::new();
    for hook in HOOKS {
        let Some((_, tracepoint)) = hook.name.rsplit_once(':') else {
            continue;
        };
        let parameters = btf.tracepoint(tracepoint).map(|parameters| {
            let words = parameters
                .iter()
                .map(|is_pointer| if *is_pointer { "pointer" } else { "value" });
            words.collect::<Vec<_>>().join(", ")
        });
        let parameters = parameters.unwrap_or_else(|| "not there".to_owned());
        writeln!(text, "{tracepoint}({parameters})").unwrap();
    }
    let has = btf.has_function(TEARDOWN_FUNCTION);
    writeln!(text, "{TEARDOWN_FUNCTION}: {has}").unwrap();
    let numbers = btf.array_len("pid.numbers");
    writeln!(text, "elements of pid.numbers: {numbers:?}").unwrap();
    let ring = btf.enumerator("bpf_map_type", "BPF_MAP_TYPE_RINGBUF");
    writeln!(text, "BPF_MAP_TYPE_RINGBUF: {ring:?}").unwrap();
    match offsets::read(btf) {
        Ok(offsets) => writeln!(text, "{offsets:#?}").unwrap(),
        Err(error) => writeln!(text, "{error}").unwrap(),
    }
    text
}

/// Panics when the sample tells anything else than the whole.
fn sample_of(whole: Vec<u8>) -> Vec<u8> {
    let sample = trim::trim(&whole);
    let [whole, small] = [whole, sample.clone()].map(|data| told(&Btf::parse(data).unwrap()));
    assert_eq!(small, whole);
    sample
}

#[test]
fn every_kernel_has_the_members_where_they_were_found() {
    for (name, sample) in samples() {
        let btf = Btf::parse(sample).unwrap();
        if let Err(error) = offsets::read(&btf) {
            panic!("{name}: {error}");
        }
        insta::assert_snapshot!(name, told(&btf));
    }
}

#[test]
fn a_sample_tells_what_the_whole_btf_does() {
    sample_of(fs::read("/sys/kernel/btf/vmlinux").unwrap());
}

/// With what `cargo xtask btf-sample` sets, writes a sample first.
#[test]
fn samples_are_what_is_left_by_the_trimmer() {
    if let (Some(kernel), Ok(name)) = (env::var_os(KERNEL_BTF), env::var(SAMPLE_NAME)) {
        let sample = sample_of(fs::read(kernel).unwrap());
        fs::write(folder().join(format!("{name}.btf")), sample).unwrap();
    }
    for (name, sample) in samples() {
        assert!(trim::trim(&sample) == sample, "{name} was not made by it");
        assert!(sample.len() < MAX_SAMPLE, "{name}: {} bytes", sample.len());
    }
}

/// Renames one thing after the other: either nobody wants it, or its absence is told by its name.
#[test]
fn a_member_that_is_missing_is_named() {
    let mut lists: Vec<(String, BTreeSet<&str>)> = Vec::new();
    for (name, sample) in samples() {
        let whole = Image::parse(&sample);
        let before = read(&sample).unwrap();
        let mut required = BTreeSet::new();
        for (at, kept) in whole.types.iter().enumerate() {
            if ![STRUCT, UNION, ENUM].contains(&kept.kind) {
                continue;
            }
            for index in 0..kept.entries.len() {
                let mut without = whole.clone();
                let entry = &mut without.types[at].entries[index];
                if entry.name.is_empty() {
                    continue;
                }
                let gone = std::mem::replace(&mut entry.name, "renamed".to_owned());
                match read(&without.bytes()) {
                    Ok(offsets) => {
                        let is_optional = OPTIONAL.contains(&gone.as_str());
                        assert!(is_optional || offsets == before, "{name}: {gone}");
                    }
                    Err(MissingMember(path)) => {
                        let is_named = path.split('.').any(|part| part == gone);
                        assert!(is_named, "{name}: without {}.{gone}: {path}", kept.name);
                        required.insert(path);
                    }
                }
            }
        }
        lists.push((name, required));
    }
    let (_, all) = &lists[0];
    for (name, required) in &lists {
        assert_eq!(required, all, "{name}");
    }
    let all: Vec<&str> = all.iter().copied().collect();
    insta::assert_snapshot!("required", all.join("\n"));
}

#[test]
fn a_structure_that_is_missing_is_named() {
    let (_, sample) = samples().remove(0);
    for gone in ["task_struct", "upid", "k_sigaction", "css_set"] {
        let mut without = Image::parse(&sample);
        for kept in &mut without.types {
            if kept.name == gone {
                "renamed".clone_into(&mut kept.name);
            }
        }
        let MissingMember(path) = read(&without.bytes()).unwrap_err();
        let is_named = path.split(['.', ' ']).any(|part| part == gone);
        assert!(is_named, "without {gone}: {path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_damaged_sample_never_panics(
        which: prop::sample::Index,
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..16),
        len: prop::sample::Index,
        is_cut: bool,
    ) {
        let mut samples = samples();
        let (_, mut sample) = samples.swap_remove(which.index(samples.len()));
        for (place, byte) in places {
            let at = place.index(sample.len());
            sample[at] = byte;
        }
        if is_cut {
            sample.truncate(len.index(sample.len()));
        }
        if let Ok(btf) = Btf::parse(sample) {
            prop_assert!(!told(&btf).is_empty());
        }
    }
}
