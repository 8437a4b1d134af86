//! `cargo xtask docs`: writes the pages of documentation that are made of sources.

use anyhow::Result;

use crate::{run, workspace};

/// The test that compares `docs/verdicts.md` with the articles, and writes it when this is set.
const TEST: &str = "knowledge::the_documentation_is_what_the_articles_say";
const WRITE: &str = "RINIT_TRACE_WRITE_DOCS";

pub(crate) fn run() -> Result<()> {
    let mut test = workspace::cargo();
    test.args(["test", "--quiet", "--package", "rinit-trace-core", "--test"]);
    test.args(["stops", "--", "--exact", TEST]);
    run::succeed(test.env(WRITE, "1"))?;
    println!("docs/verdicts.md is written");
    Ok(())
}
