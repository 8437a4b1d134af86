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

/// A scenario that is not as expected.
struct Wrong {
    scenario: &'static Scenario,
    differences: Vec<String>,
    /// Those that came.
    reports: Vec<StopReport>,
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
            Ok(Played::Reports(reports)) => self.reports(scenario, reports),
            Ok(Played::Skipped(needs)) => self.skip(scenario, &needs),
            Err(error) => self.fail(scenario, &error),
        }
    }

    fn reports(&mut self, scenario: &'static Scenario, reports: Vec<StopReport>) -> Result<()> {
        let differences = self.expected.differences(scenario, &reports);
        let is_right = differences.is_empty();
        match &self.table {
            Some(table) => put(&table.reports(scenario, &self.expected, &reports, is_right))?,
            None => self.in_full(scenario, &reports, &differences)?,
        }
        if is_right {
            self.right += 1;
        } else {
            self.wrong.push(Wrong {
                scenario,
                differences,
                reports,
            });
        }
        Ok(())
    }

    fn in_full(
        &self,
        scenario: &Scenario,
        reports: &[StopReport],
        different: &[String],
    ) -> Result<()> {
        if self.output != Output::Text {
            for report in reports {
                print_report(report, self.output)?;
            }
            for line in different {
                eprintln!("wrong: {}: {line}", scenario.name);
            }
            return Ok(());
        }
        put(&format!("── {}: {}\n\n", scenario.name, scenario.about))?;
        self.print(reports)?;
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
            reports: Vec::new(),
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
        if !wrong.reports.is_empty() {
            put("\n")?;
        }
        self.print(&wrong.reports)
    }

    /// One below the other.
    fn print(&self, reports: &[StopReport]) -> Result<()> {
        for (at, report) in reports.iter().enumerate() {
            if at > 0 {
                put("\n")?;
            }
            print_report(report, self.output)?;
        }
        Ok(())
    }

    fn sums(&self) -> String {
        let runs = self.right + self.wrong.len() + self.skipped;
        let seconds = self.began.elapsed().as_secs_f64();
        let (right, wrong) = if self.expected.is_given() {
            ("as expected", "wrong")
        } else {
            ("seen", "without a report")
        };
        let sums = format!(
            "\n{runs} scenarios in {seconds:.1} s: {} {right}, {} {wrong}, {} skipped\n",
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
