//! `cargo xtask btf-sample`: what the program reads of a kernel's BTF, as a small file for its tests.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{run, workspace};

/// The test that looks at the samples, and writes one when these are set.
const TEST: &str = "kernel::samples::samples_are_what_is_left_by_the_trimmer";
const KERNEL_BTF: &str = "RINIT_TRACE_BTF_OF_KERNEL";
const SAMPLE_NAME: &str = "RINIT_TRACE_BTF_SAMPLE_NAME";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// BTF of a kernel: its /sys/kernel/btf/vmlinux, or the section .BTF of its vmlinux
    #[arg(value_name = "KERNEL_BTF")]
    kernel: PathBuf,
    /// What to call it: DISTRIBUTION-VERSION
    #[arg(value_name = "NAME")]
    name: String,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let kernel = std::path::absolute(&args.kernel)
        .with_context(|| format!("cannot tell where {} is", args.kernel.display()))?;
    if !kernel.is_file() {
        bail!("{} is no file; give the BTF of a kernel", kernel.display());
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if args.name.is_empty() || args.name.starts_with('.') || !args.name.chars().all(is_name) {
        bail!("`{}` is no name of a file", args.name);
    }
    let mut test = workspace::cargo();
    test.args(["test", "--quiet", "--package", "rinit-trace", "--lib"]);
    test.args(["--", "--exact", TEST]);
    test.env(KERNEL_BTF, kernel).env(SAMPLE_NAME, &args.name);
    run::succeed(&mut test)?;
    println!("rinit-trace/tests/data/btf/{}.btf is written", args.name);
    println!("its offsets: INSTA_UPDATE=always cargo test -p rinit-trace --lib kernel::samples");
    Ok(())
}
