//! What is in `deploy/` sets options that the daemon has. Everything else about it is checked by `cargo xtask manifests`.

#![expect(clippy::unwrap_used, reason = "tests fail by panics")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use rinit_trace_tests::run;

const PREFIX: &str = "RINIT_TRACE_";

#[test]
fn every_variable_that_is_set_is_an_option_of_the_daemon() {
    let help = run(&["daemon", "--help"]);
    assert_eq!(help.code, Some(0), "{help:#?}");
    let known = variables(&help.stdout);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = files(&root.join("deploy"));
    files.extend(["kubernetes.md", "install.md"].map(|page| root.join("docs").join(page)));
    let mut seen = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for variable in variables(&text) {
            assert!(
                known.contains(&variable),
                "{} sets {variable}, which is none of {known:?}",
                file.display()
            );
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} variables: did the files move?");
}

/// All files below a folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// The names of variables in a text.
fn variables(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.len() > PREFIX.len() && word.starts_with(PREFIX))
        .map(str::to_owned)
        .collect()
}
