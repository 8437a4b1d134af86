//! Who may use whom; `docs` has the picture, this is its text.

use super::Finding;
use super::paths::{is_in, paths};
use super::source::{SourceFile, has_word};

const CORE: &str = "rinit-trace-core/src/";
const PROGRAM: &str = "rinit-trace/src/";

/// Crates that do input and output, or wait.
const IO_CRATES: [&str; 4] = ["aya", "libc", "rustix", "tokio"];

/// What core must not reach: the world outside, and the clock.
const IO_PATHS: [&str; 7] = [
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// The parts of core that meet only in its callers. All of them use `model`.
const CORE_PARTS: [&str; 4] = ["correlate", "decode", "diagnose", "render"];

/// Core's Cargo.toml names none of the crates that do input and output.
pub(super) fn core_dependencies(file: &SourceFile) -> Vec<Finding> {
    if file.path != "rinit-trace-core/Cargo.toml" {
        return Vec::new();
    }
    let mut section = "";
    let mut findings = Vec::new();
    for (line, text) in file.lines() {
        let name = if let Some(header) = text.trim().strip_prefix('[') {
            section = header.trim_end_matches(']');
            // `[dependencies.tokio]`
            section.split_once("dependencies.").map(|(_, name)| name)
        } else if section.ends_with("dependencies") {
            text.split(['=', '.']).next()
        } else {
            None
        };
        let name = name.unwrap_or_default().trim();
        if IO_CRATES.contains(&name) {
            let text = format!(
                "core depends on {name}; core does no I/O: let the program do it and hand in the result"
            );
            findings.push(Finding::new(file, line, text));
        }
    }
    findings
}

/// Core names no file, socket, clock, environment, process or thread.
pub(super) fn core_is_sans_io(file: &SourceFile) -> Vec<Finding> {
    if !file.path.starts_with(CORE) {
        return Vec::new();
    }
    paths(&file.code)
        .into_iter()
        .filter(|(_, path)| IO_PATHS.iter().any(|module| is_in(path, module)))
        .map(|(line, path)| {
            Finding::new(
                file,
                line,
                format!("core uses {path}; take its result as an input instead"),
            )
        })
        .collect()
}

/// What these share, and knows none of them.
const CORE_SHARED: [&str; 2] = ["knowledge", "model"];

/// `decode`, `correlate`, `diagnose` and `render` do not know each other, and `model` and `knowledge` know none of them.
pub(super) fn core_modules(file: &SourceFile) -> Vec<Finding> {
    let Some(part) = file.path.strip_prefix(CORE).and_then(part_of) else {
        return Vec::new();
    };
    if !CORE_SHARED.contains(&part) && !CORE_PARTS.contains(&part) {
        return Vec::new();
    }
    let is_top =
        file.path == format!("{CORE}{part}.rs") || file.path == format!("{CORE}{part}/mod.rs");
    let mut findings = Vec::new();
    for (line, path) in paths(&file.code) {
        let inner = path
            .strip_prefix("crate::")
            .or_else(|| path.strip_prefix("super::").filter(|_| is_top));
        let other = inner.and_then(|inner| CORE_PARTS.iter().find(|other| is_in(inner, other)));
        if let Some(other) = other.filter(|other| **other != part) {
            let text = format!(
                "{part} uses {other}; move what both need to model, or join them in the caller"
            );
            findings.push(Finding::new(file, line, text));
        }
    }
    findings
}

/// The part of core that a file belongs to: `render/json.rs` and `render.rs` to `render`.
fn part_of(path: &str) -> Option<&str> {
    path.split('/').next()?.split('.').next()
}

/// Only `main.rs` and the commands themselves know the commands.
pub(super) fn commands(file: &SourceFile) -> Vec<Finding> {
    let Some(inner) = file.path.strip_prefix(PROGRAM) else {
        return Vec::new();
    };
    if inner == "main.rs" || inner.starts_with("commands/") || inner == "commands.rs" {
        return Vec::new();
    }
    paths(&file.code)
        .into_iter()
        .filter(|(_, path)| is_in(path, "crate::commands"))
        .map(|(line, _)| {
            Finding::new(
                file,
                line,
                "uses a command; move what is shared out of commands/",
            )
        })
        .collect()
}

/// `kernel/` hands out bytes: it decodes nothing and knows no events.
pub(super) fn kernel_hands_out_bytes(file: &SourceFile) -> Vec<Finding> {
    let kernel = file.path.strip_prefix(PROGRAM).and_then(part_of) == Some("kernel");
    if !kernel {
        return Vec::new();
    }
    let mut lines: Vec<usize> = file
        .code_lines()
        .filter(|(_, code)| has_word(code, "Event"))
        .map(|(line, _)| line)
        .collect();
    let decoding = paths(&file.code)
        .into_iter()
        .filter(|(_, path)| is_in(path, "rinit_trace_core::decode"));
    lines.extend(decoding.map(|(line, _)| line));
    lines.sort_unstable();
    lines.dedup();
    let text = "kernel/ knows events; hand out the bytes and let the caller decode them";
    lines
        .into_iter()
        .map(|line| Finding::new(file, line, text))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::findings;
    use super::*;

    #[test]
    fn io_crates_of_core_are_found() {
        let bad = "[package]\nname = \"tokio\"\n[dependencies]\nserde.workspace = true\ntokio = \"1\"\nlibc.workspace = true\n\
                   [dev-dependencies.aya]\nversion = \"1\"\n";
        let found = findings(core_dependencies, "rinit-trace-core/Cargo.toml", bad);
        let lines: Vec<_> = found
            .iter()
            .filter_map(|text| text.split(':').next())
            .collect();
        assert_eq!(lines, ["5", "6", "7"]);
        assert!(findings(core_dependencies, "rinit-trace/Cargo.toml", bad).is_empty());
        let good = "[dependencies]\nserde.workspace = true\n[features]\ntokio = []\n";
        assert!(findings(core_dependencies, "rinit-trace-core/Cargo.toml", good).is_empty());
    }

    #[test]
    fn io_in_core_is_found() {
        let bad = "use std::{fmt, fs};\nuse std::time::{Duration, Instant};\nfn f() { std::env::var(\"X\"); }\n";
        let found = findings(core_is_sans_io, "rinit-trace-core/src/model/a.rs", bad);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(
            found[0],
            "1: core uses std::fs; take its result as an input instead"
        );
        assert!(findings(core_is_sans_io, "rinit-trace/src/a.rs", bad).is_empty());
        let good = "//! Never std::fs.\nuse std::time::Duration;\n";
        assert!(findings(core_is_sans_io, "rinit-trace-core/src/model/a.rs", good).is_empty());
    }

    #[test]
    fn parts_of_core_that_meet_are_found() {
        let bad = "use crate::{model::Event, render::json};\n";
        let found = findings(core_modules, "rinit-trace-core/src/correlate/stops.rs", bad);
        assert_eq!(
            found,
            ["1: correlate uses render; move what both need to model, or join them in the caller"]
        );
        assert!(findings(core_modules, "rinit-trace-core/src/render/text.rs", bad).is_empty());
        assert!(findings(core_modules, "rinit-trace-core/src/lib.rs", bad).is_empty());
        let shared = "rinit-trace-core/src/knowledge/fix.rs";
        assert_eq!(findings(core_modules, shared, bad).len(), 1);
        let good = "use crate::{knowledge::Fix, model::Event};\n";
        assert!(findings(core_modules, "rinit-trace-core/src/diagnose/a.rs", good).is_empty());
        assert_eq!(
            findings(
                core_modules,
                "rinit-trace-core/src/decode.rs",
                "use super::diagnose::X;"
            )
            .len(),
            1
        );
        assert_eq!(
            findings(
                core_modules,
                "rinit-trace-core/src/model/mod.rs",
                "use crate::decode::X;"
            )
            .len(),
            1
        );
    }

    #[test]
    fn users_of_commands_are_found() {
        let bad = "use crate::{commands::trace, cli};\n";
        assert_eq!(
            findings(commands, "rinit-trace/src/serve/mod.rs", bad).len(),
            1
        );
        for path in [
            "rinit-trace/src/main.rs",
            "rinit-trace/src/commands/demo.rs",
            "xtask/src/main.rs",
        ] {
            assert!(findings(commands, path, bad).is_empty(), "{path}");
        }
    }

    #[test]
    fn decoding_in_kernel_is_found() {
        let bad = "use rinit_trace_core::decode::decode;\nfn f() -> Event {}\n";
        assert_eq!(
            findings(
                kernel_hands_out_bytes,
                "rinit-trace/src/kernel/ring.rs",
                bad
            )
            .len(),
            2
        );
        assert!(findings(kernel_hands_out_bytes, "rinit-trace/src/app.rs", bad).is_empty());
        let good = "/// Not an Event.\nfn f() -> Bytes {}\nfn decode() {}\n";
        assert!(
            findings(
                kernel_hands_out_bytes,
                "rinit-trace/src/kernel/ring.rs",
                good
            )
            .is_empty()
        );
    }
}
