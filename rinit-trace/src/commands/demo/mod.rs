//! `rinit-trace demo`

mod expected;
mod stage;
mod table;
mod tell;

use anyhow::Result;

use super::{Exit, put, trace::Interrupts};
use crate::{
    cli::{DemoArgs, Output},
    demo::{GROUPS, Scenario, scenarios},
};
use expected::Expected;
use stage::{Played, Stage};
use tell::Teller;

/// Lists the scenarios, or runs some or all.
pub async fn run(args: &DemoArgs) -> Result<Exit> {
    if args.names.is_empty() {
        list()?;
        return Ok(Exit::Ok);
    }
    let prepared = choose(args).and_then(|chosen| {
        let expected = Expected::read(args.expect.as_deref(), args.allow_loss, &chosen)?;
        Ok((chosen, expected))
    });
    let (chosen, expected) = match prepared {
        Ok(prepared) => prepared,
        Err(wrong) => {
            eprintln!("error: {wrong}");
            return Ok(Exit::Usage);
        }
    };
    let mut interrupts = Interrupts::new()?;
    let mut stage = Stage::new(args)?;
    let mut teller = Teller::new(args, &chosen, expected)?;
    for run in 1..=args.times {
        teller.begins(run)?;
        for scenario in &chosen {
            let played = tokio::select! {
                played = stage.play(scenario) => played,
                // Its workload is ended before the program is: whoever drives it is waited for.
                () = interrupts.recv() => {
                    eprintln!("error: interrupted in {}", scenario.name);
                    return Ok(Exit::NotTraced);
                }
            };
            match played {
                // The only one: nothing more can be said.
                Err(error) if chosen.len() == 1 => return Err(error),
                played => teller.tell(scenario, played)?,
            }
        }
    }
    teller.end()
}

fn list() -> Result<()> {
    let width = scenarios::all().map(|scenario| scenario.name.len()).max();
    let width = width.unwrap_or(0) + 2;
    for group in GROUPS {
        put(&format!("{}\n", group.title))?;
        for scenario in group.scenarios {
            put(&format!("  {:<width$}{}\n", scenario.name, scenario.about))?;
        }
        put("\n")?;
    }
    put(&format!(
        "  {:<width$}every one of them, as a table\n",
        "all"
    ))
}

/// The scenarios that were asked for, or what is wrong with the question.
fn choose(args: &DemoArgs) -> Result<Vec<&'static Scenario>, String> {
    if args.is_all() {
        // With --docker those that have a form for it; the table says which are left out.
        return Ok(scenarios::all()
            .filter(|scenario| !args.docker || scenario.docker.is_some())
            .collect());
    }
    args.names
        .iter()
        .map(|name| match scenarios::find(name) {
            None if name == "all" => Err("`all` is every scenario; name it alone".to_owned()),
            None => Err(format!(
                "there is no scenario `{name}`; `rinit-trace demo` lists them"
            )),
            Some(scenario) if args.docker && scenario.docker.is_none() => Err(format!(
                "`{name}` has no form for --docker: its programs are on this system, not in an image; leave --docker out"
            )),
            Some(scenario) => Ok(scenario),
        })
        .collect()
}

/// Whether the answer is a table, and not reports.
fn wants_table(args: &DemoArgs) -> bool {
    args.is_all() && args.output == Output::Text
}
