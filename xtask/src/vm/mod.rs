//! `cargo xtask vm`: the program on Debian's kernels, each in a machine that QEMU emulates. Each scenario of the demo is a test on
//! each kernel, and so are random stops; the results are a table, too.

mod answers;
mod archive;
mod containerd;
mod guest;
mod info;
mod kernels;
mod libtest;
mod plan;
mod pool;
mod qemu;
mod results;
mod scenarios;
mod table;

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result, bail};

use crate::totals::{self, Totals};
use crate::{interrupt, setup, workspace};
use guest::Images;
use kernels::{Kernel, Series};
use plan::Plan;
use results::Row;

/// The document with the table.
const DOCUMENT: &str = "docs/kernels.md";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Kernels by their beginning (6.1, 7); all when left out
    kernels: Vec<String>,
    /// The oldest and the newest kernel alone, everything once: what CI runs
    #[arg(long, conflicts_with = "kernels")]
    quick: bool,
    /// Only guests of this name, such as `lockdown-integrity`
    #[arg(long, value_name = "NAME")]
    guest: Option<String>,
    /// Only the guests that watch teardowns this way and nothing else is odd about
    #[arg(long, value_name = "HOW", value_parser = ["fentry", "kprobe", "inferred"], conflicts_with_all = ["guest", "quick"])]
    teardown: Option<String>,
    /// How many processors the guests may keep busy; as many as there are when left out
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Begin random stops with this seed: the same stops again
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Write the table into docs/kernels.md
    #[arg(long, conflicts_with_all = ["guest", "teardown"])]
    write: bool,
    /// Fail when a test cannot run in its guest
    #[arg(long, env = "RINIT_TRACE_NO_SKIPS")]
    no_skips: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    totals::conclude(args.no_skips, |totals| run_all(args, totals))
}

/// The oldest and the newest kernel, everything once; results are added to the sums.
pub(crate) fn quick(totals: &mut Totals) -> Result<()> {
    let args = Args {
        kernels: Vec::new(),
        quick: true,
        guest: None,
        teardown: None,
        jobs: None,
        seed: None,
        write: false,
        no_skips: false,
    };
    run_all(&args, totals)
}

fn run_all(args: &Args, totals: &mut Totals) -> Result<()> {
    if cfg!(not(target_arch = "x86_64")) {
        bail!(
            "cannot boot Debian's kernels for x86-64 here: the guests run this machine's own programs"
        );
    }
    setup::for_guests()?;
    let began = Instant::now();
    let seed = args.seed.unwrap_or_else(a_seed);
    let series = if args.quick {
        kernels::ends()
    } else {
        kernels::choose(&args.kernels)?
    };
    let mut said = Said::default();
    let guests = guests(args, &series, seed, &mut said)?;
    let images = Images::of(&guests)?;
    let file = guest::expectations_file();
    let expectations = fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))
        .and_then(|text| Ok(rinit_trace_expectations::parse(&text)?))?;
    let names: Vec<&str> = expectations.names().collect();
    eprintln!("{} guests; random stops from seed {seed}", guests.len());
    let jobs = args.jobs.unwrap_or_else(pool::processors);
    let said = Mutex::new(said);
    let rows = pool::run(
        guests,
        jobs,
        |(_, plan)| plan.cpus,
        |(kernel, plan)| one(kernel, plan, &images, &names, &said),
    );
    let mut said = said.into_inner().unwrap_or_else(PoisonError::into_inner);
    said.result(began);
    // Also of a run that was interrupted.
    *totals += said.totals;
    let rows = rows?;
    let table = table::markdown(&rows, &today());
    say(&format!("\n{table}\n"));
    if args.write {
        table::write(&workspace::root().join(DOCUMENT), &table)?;
    }
    Ok(())
}

/// The guests to boot. A kernel that cannot be had is a test that failed; the others go on.
fn guests(
    args: &Args,
    series: &[Series],
    seed: u64,
    said: &mut Said,
) -> Result<Vec<(Kernel, Plan)>> {
    let mut guests = Vec::new();
    // Each way to watch teardowns has a guest of its name.
    let name = args.guest.as_deref().or(args.teardown.as_deref());
    for series in series {
        let mut plans = if args.quick {
            plan::quick(*series, seed)
        } else {
            plan::plans(*series, seed)
        };
        plans.retain(|plan| name.is_none_or(|name| name == plan.name));
        match series.ready() {
            Ok(kernel) => guests.extend(plans.into_iter().map(|plan| (kernel.clone(), plan))),
            Err(error) => {
                interrupt::check()?;
                said.line(&format!("test {}/kernel ... FAILED", series.name));
                said.line(&format!("{error:#}"));
                said.failed += 1;
            }
        }
    }
    if guests.is_empty() && said.failed == 0 {
        bail!("no kernel has a guest `{}`", name.unwrap_or_default());
    }
    Ok(guests)
}

/// Boots a guest, judges what it answers and says so.
fn one(
    kernel: Kernel,
    plan: Plan,
    images: &Images,
    names: &[&str],
    said: &Mutex<Said>,
) -> Result<Row> {
    let ran = images
        .image(&plan)
        .and_then(|image| qemu::boot(&kernel, &plan, image));
    interrupt::check()?;
    // What hinders one guest may not hinder the others.
    let ran = ran.unwrap_or_else(|error| qemu::Ran::not_at_all(&error));
    let mut row = Row::new(kernel, plan, &ran.answers, &ran.broke, names);
    row.seconds = ran.seconds;
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    said.row(&row, &ran);
    Ok(row)
}

/// What is said of the results, and counted.
#[derive(Debug, Default)]
struct Said {
    passed: u64,
    failed: u64,
    totals: Totals,
}

impl Said {
    fn row(&mut self, row: &Row, ran: &qemu::Ran) {
        for test in &row.tests {
            self.line(&test.to_string());
        }
        let failed: Vec<(&str, &str)> = row.failed().collect();
        self.passed += u64::try_from(row.tests.len() - failed.len()).unwrap_or(u64::MAX);
        self.failed += u64::try_from(failed.len()).unwrap_or(u64::MAX);
        let mut told = String::new();
        for (name, text) in &failed {
            // The same reason for all that a broken guest has not run is told once.
            if told != *text {
                self.line(&format!("---- {name} ----\n{text}\n"));
            }
            (*text).clone_into(&mut told);
        }
        if !failed.is_empty() {
            self.line(&results::printable(&ran.end_of_console()));
        }
        eprintln!("{}: {:.0} s", row.name(), row.seconds);
    }

    /// The line by which others count, as of a test program.
    fn result(&mut self, began: Instant) {
        let word = if self.failed == 0 { "ok" } else { "FAILED" };
        let mut line = format!("test result: {word}. {} passed; ", self.passed);
        // Writing to a String cannot fail.
        let _ = write!(
            line,
            "{} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s",
            self.failed,
            began.elapsed().as_secs_f64()
        );
        self.line(&line);
    }

    fn line(&mut self, line: &str) {
        self.totals.see(line);
        say(line);
    }
}

/// Our own stdout may be closed; the guests go on.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn a_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs() * 100_000)
}

fn today() -> String {
    let now = jiff::Timestamp::now().to_string();
    now.split('T').next().unwrap_or_default().to_owned()
}
