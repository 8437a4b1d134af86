//! `cargo xtask test`: every test there is, and at the very end one line with the sums.
//!
//! Test programs are built in debug, where arithmetic overflow is a failure; the program that the end-to-end tests run is
//! the packaged one, as users have it.

use std::io::{self, Write as _};
use std::mem;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, bail};

use crate::deploy::dist;
use crate::failures::Failures;
use crate::totals::{self, Totals};
use crate::{docker_image, dockerd, interrupt, run, setup, vm, workspace};

/// The package of the end-to-end tests.
const END_TO_END: &str = "rinit-trace-tests";
/// The one test that `--random` runs.
const RANDOM_STOPS: &str = "random_stops_are_reported_as_they_were";
/// They start containers and wait for seconds; more at a time disturb each other's deadlines on small machines.
const END_TO_END_THREADS: &str = "2";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave out the end-to-end tests, which need root, a kernel with BTF and Docker
    #[arg(long)]
    no_e2e: bool,
    /// Fail when a test cannot run here: for CI, where everything is there
    #[arg(long, env = "RINIT_TRACE_NO_SKIPS")]
    no_skips: bool,
    /// Also run `cargo xtask vm --quick`: the oldest and the newest kernel, in QEMU
    #[arg(long, conflicts_with_all = ["no_e2e", "random"])]
    vm: bool,
    /// Run so many random stops, and nothing else
    #[arg(long, value_name = "N", conflicts_with = "no_e2e")]
    random: Option<u64>,
    /// Begin them with this seed: the same stops again
    #[arg(long, value_name = "S", requires = "random")]
    seed: Option<u64>,
    /// More arguments for `cargo test`, for example a part of a test's name
    #[arg(
        value_name = "ARGS",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    more: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    totals::conclude(args.no_skips, |totals| run_all(args, totals))
}

fn run_all(args: &Args, totals: &mut Totals) -> Result<()> {
    setup::for_build()?;
    let mut results = Results {
        totals,
        failures: Failures::default(),
    };
    let tested = match args.random {
        Some(count) => random(args, count, &mut results),
        None => all(args, &mut results),
    };
    // Also of a run that was interrupted. Our own stdout may be closed.
    let _ = write!(io::stdout(), "{}", results.failures);
    tested
}

/// What tests have come to.
struct Results<'a> {
    totals: &'a mut Totals,
    failures: Failures,
}

fn all(args: &Args, results: &mut Results) -> Result<()> {
    let mut failed = Vec::new();
    // The program first: one that does not build ends it here.
    let program = if args.no_e2e {
        None
    } else {
        setup::for_tests()?;
        Some(dist::build()?)
    };
    let mut fast = workspace::cargo();
    fast.args(["test", "--no-fail-fast"]).args(&args.more);
    if !cargo_test(&mut fast, results)? {
        failed.push("tests of the default members");
    }
    if let Some(program) = program
        && !end_to_end(args, &program, results)?
    {
        failed.push("end-to-end tests");
    }
    if args.vm {
        // Its failures are among the sums.
        vm::quick(results.totals)?;
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// The random stops alone, which need no Docker.
fn random(args: &Args, count: u64, results: &mut Results) -> Result<()> {
    setup::for_tests()?;
    let program = dist::build()?;
    interrupt::check()?;
    let mut cargo = workspace::cargo();
    cargo
        .args(["test", "--package", END_TO_END, "--test", "random"])
        .args(&args.more)
        .args(["--", RANDOM_STOPS, "--nocapture"])
        .env("RINIT_TRACE_BIN", program)
        .env("RINIT_TRACE_TEST_RANDOM", count.to_string());
    if let Some(seed) = args.seed {
        cargo.env("RINIT_TRACE_TEST_SEED", seed.to_string());
    }
    run::as_root_runner(&mut cargo);
    if !cargo_test(&mut cargo, results)? {
        bail!("failed: random stops");
    }
    Ok(())
}

fn end_to_end(args: &Args, program: &Path, results: &mut Results) -> Result<bool> {
    interrupt::check()?;
    // Stopped when this function is left, also by an error or after Ctrl-C.
    let _engine = dockerd::ensure()?;
    docker_image::ensure()?;
    let mut cargo = workspace::cargo();
    cargo
        .args(["test", "--no-fail-fast", "--package", END_TO_END])
        .args(&args.more)
        .env("RINIT_TRACE_BIN", program)
        .env("RINIT_TRACE_STATIC_BIN", program)
        .env("RUST_TEST_THREADS", END_TO_END_THREADS);
    run::as_root_runner(&mut cargo);
    cargo_test(&mut cargo, results)
}

/// Runs `cargo test`, adds up its results, and says whether it succeeded.
fn cargo_test(cargo: &mut Command, results: &mut Results) -> Result<bool> {
    eprintln!("+ {}", run::shown(cargo));
    let totals = Arc::new(Mutex::new(Totals::default()));
    let failures = Arc::new(Mutex::new(mem::take(&mut results.failures)));
    let seeing = (Arc::clone(&totals), Arc::clone(&failures));
    let status = run::status_with_lines(cargo, move |line| {
        lock(&seeing.0).see(line);
        lock(&seeing.1).see(line);
    });
    // Also of a run that was interrupted.
    *results.totals += *lock(&totals);
    results.failures = mem::take(&mut *lock(&failures));
    Ok(status?.success())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
