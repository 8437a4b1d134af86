//! `cargo xtask bench`: what the probes cost, as ratios measured side by side in one run.

use anyhow::Result;

use crate::{run, setup, workspace};

pub(crate) fn run() -> Result<()> {
    setup::for_build()?;
    let mut bench = workspace::cargo();
    bench.args(["bench", "--package", "rinit-trace", "--bench", "probes"]);
    run::as_root_runner(&mut bench);
    run::succeed(&mut bench)
}
