//! `cargo xtask manifests`: checks everything below `deploy/` with the tools of those who will read it. Nothing is sent to
//! anybody: no cluster, Prometheus or Grafana is needed.

use anyhow::{Result, bail};

use super::tools::Tools;
use super::{dashboard, kubernetes, metrics, rules, systemd};
use crate::interrupt;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// First write what is made of other files: the rules as an object of the Prometheus Operator
    #[arg(long)]
    write: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.write {
        rules::write_object()?;
    }
    check()
}

/// Runs all checks, also after one that failed.
pub(crate) fn check() -> Result<()> {
    let tools = Tools::ready()?;
    let checks: [(&str, &dyn Fn() -> Result<()>); 5] = [
        ("Kubernetes manifests", &|| kubernetes::check(&tools)),
        ("Prometheus rules", &|| rules::check(&tools)),
        ("Grafana dashboard", &|| dashboard::check(&tools)),
        ("names of metrics", &metrics::check),
        ("systemd unit", &systemd::check),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        if let Err(error) = check() {
            interrupt::check()?;
            failed.push(format!("{name}: {error:#}"));
        }
    }
    for line in &failed {
        eprintln!("failed: {line}");
    }
    if !failed.is_empty() {
        bail!("{} of the checks of deploy/ failed", failed.len());
    }
    Ok(())
}
