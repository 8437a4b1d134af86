//! What the demo prints, and the exit code that goes with it.

use std::time::Instant;

use anyhow::Result;
use rinit_trace_core::model::StopReport;

use super::{Exit, Played, expected::Expected, put, table::Table, wants_table};
use crate::{
    cli::{DemoArgs, Output},
    commands::print_report,
    demo::{Scenario, scenarios},
};

/// A stop that is not as expected.
struct Wrong {
    scenario: &'static Scenario,
    differences: Vec<String>,
    /// None when none came.
    report: Option<Box<StopReport>>,
}

/// Prints as stops come in, and adds them up.
pub(super) struct Teller {
    output: Output,
    docker: bool,
    times: u32,
    expected: Expected,
    table: Option<Table>,
    began: Instant,
    right: usize,
    skipped: usize,
    wrong: Vec<Wrong>,
}

impl Teller {
    pub(super) fn new(
        args: &DemoArgs,
        scenarios: &[&'static Scenario],
        expected: Expected,
    ) -> Result<Self> {
        let table = wants_table(args).then(|| Table::new(scenarios, &expected));
        if let Some(table) = &table {
            put(&table.head())?;
        }
        Ok(Self {
            output: args.output,
            docker: args.docker,
            times: args.times,
            expected,
            table,
            began: Instant::now(),
            right: 0,
            skipped: 0,
            wrong: Vec::new(),
        })
    }

    /// A run of all that were chosen begins.
    pub(super) fn begins(&self, run: u32) -> Result<()> {
        if self.times > 1 && self.output == Output::Text {
            put(&format!("run {run} of {}\n", self.times))?;
        }
        Ok(())
    }

    /// A scenario is over.
    pub(super) fn tell(
        &mut self,
        scenario: &'static Scenario,
        played: Result<Played>,
    ) -> Result<()> {
        match played {
            Ok(Played::Report(report)) => self.report(scenario, report),
            Ok(Played::Skipped(needs)) => self.skip(scenario, &needs),
            Err(error) => self.fail(scenario, &error),
        }
    }

    fn report(&mut self, scenario: &'static Scenario, report: Box<StopReport>) -> Result<()> {
        let differences = self.expected.differences(scenario, &report);
        let is_right = differences.is_empty();
        match &self.table {
            Some(table) => put(&table.report(scenario, &self.expected, &report, is_right))?,
            None => self.in_full(scenario, &report, &differences)?,
        }
        if is_right {
            self.right += 1;
        } else {
            self.wrong.push(Wrong {
                scenario,
                differences,
                report: Some(report),
            });
        }
        Ok(())
    }

    fn in_full(
        &self,
        scenario: &Scenario,
        report: &StopReport,
        different: &[String],
    ) -> Result<()> {
        if self.output != Output::Text {
            print_report(report, self.output)?;
            for line in different {
                eprintln!("wrong: {}: {line}", scenario.name);
            }
            return Ok(());
        }
        put(&format!("── {}: {}\n\n", scenario.name, scenario.about))?;
        print_report(report, self.output)?;
        if self.expected.is_given() && different.is_empty() {
            put("\nas expected\n")?;
        }
        for line in different {
            put(&format!("\nWRONG {line}"))?;
        }
        put(if different.is_empty() { "\n" } else { "\n\n" })
    }

    fn skip(&mut self, scenario: &Scenario, needs: &str) -> Result<()> {
        self.skipped += 1;
        match &self.table {
            Some(table) => put(&table.skipped(scenario, &self.expected, needs)),
            None => {
                eprintln!("skipped: {} (needs {needs})", scenario.name);
                Ok(())
            }
        }
    }

    fn fail(&mut self, scenario: &'static Scenario, error: &anyhow::Error) -> Result<()> {
        match &self.table {
            Some(table) => put(&table.failed(scenario, &self.expected))?,
            None => eprintln!("error: {}: {error:#}", scenario.name),
        }
        self.wrong.push(Wrong {
            scenario,
            differences: vec![format!("{error:#}")],
            report: None,
        });
        Ok(())
    }

    /// Prints what is wrong, and the sums.
    pub(super) fn end(&self) -> Result<Exit> {
        if self.table.is_some() {
            for wrong in &self.wrong {
                self.tell_wrong(wrong)?;
            }
            put(&self.sums())?;
        }
        Ok(if !self.wrong.is_empty() {
            Exit::Differs
        } else if self.skipped > 0 {
            Exit::NotTraced
        } else {
            Exit::Ok
        })
    }

    fn tell_wrong(&self, wrong: &Wrong) -> Result<()> {
        put(&format!("\n── WRONG {}\n\n", wrong.scenario.name))?;
        for line in &wrong.differences {
            put(&format!("{line}\n"))?;
        }
        match &wrong.report {
            Some(report) => {
                put("\n")?;
                print_report(report, self.output)
            }
            None => Ok(()),
        }
    }

    fn sums(&self) -> String {
        let stops = self.right + self.wrong.len() + self.skipped;
        let seconds = self.began.elapsed().as_secs_f64();
        let (right, wrong) = if self.expected.is_given() {
            ("as expected", "wrong")
        } else {
            ("seen", "without a report")
        };
        let sums = format!(
            "\n{stops} stops in {seconds:.1} s: {} {right}, {} {wrong}, {} skipped\n",
            self.right,
            self.wrong.len(),
            self.skipped
        );
        let note = if self.docker {
            let without: Vec<&str> = scenarios::all()
                .filter(|scenario| scenario.docker.is_none())
                .map(|scenario| scenario.name)
                .collect();
            format!("without a form for --docker: {}\n", without.join(", "))
        } else if self.expected.is_given() {
            String::new()
        } else {
            "to compare: rinit-trace demo all --expect FILE; the source has one, tests/expectations.toml\n"
                .to_owned()
        };
        sums + &note
    }
}
