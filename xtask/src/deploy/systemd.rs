//! The unit for systemd: its own `systemd-analyze` reads it.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::rules::read;
use crate::workspace;

const UNIT: &str = "deploy/systemd/rinit-trace.service";
/// Where the package puts the program.
const PROGRAM: &str = "/usr/bin/rinit-trace";

pub(super) fn check() -> Result<()> {
    let dir = workspace::scratch_dir().join("systemd");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    // A program that is not installed would be a finding; this one is there.
    let here = env::current_exe().context("cannot find this program")?;
    let unit = read(UNIT)?.replace(PROGRAM, &here.display().to_string());
    let found = findings(&dir, &unit)?;
    if !found.is_empty() {
        bail!("{}", found.join("; "));
    }
    // Silence may as well mean that it looked at nothing.
    let misspelt = unit.replace("ProtectSystem=", "ProtectSytem=");
    if findings(&dir, &misspelt)?.is_empty() {
        bail!("systemd-analyze has nothing to say of a misspelt setting either");
    }
    Ok(())
}

/// What systemd says of the unit. It says much of other units of the machine, and succeeds where it ignores a setting.
fn findings(dir: &Path, unit: &str) -> Result<Vec<String>> {
    let path = dir.join("rinit-trace.service");
    fs::write(&path, unit).with_context(|| format!("cannot write {}", path.display()))?;
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .context("cannot start systemd-analyze")?;
    let told = String::from_utf8_lossy(&output.stderr);
    Ok(told
        .lines()
        .filter(|line| line.contains("rinit-trace.service"))
        .map(str::to_owned)
        .collect())
}
