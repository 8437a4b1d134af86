//! Debian's packages: which are there, and installing the others.

mod suite;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages::Package;
use crate::{interrupt, run, workspace};

pub(crate) use suite::Suite;

/// How often an installation is tried: mirrors and networks have bad minutes.
const TRIES: u32 = 3;

/// Those of the packages that are not installed, and whose program is not there from elsewhere.
pub(crate) fn missing(packages: &[Package]) -> Vec<Package> {
    let wanted: Vec<Package> = packages
        .iter()
        .filter(|p| p.program.is_empty() || workspace::find_program(p.program).is_none())
        .copied()
        .collect();
    if wanted.is_empty() {
        return wanted;
    }
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Package} ${db:Status-Status}\\n"]);
    query.args(wanted.iter().map(|p| p.name));
    // Exits 1 when it does not know one of them, and still lists the others.
    let listed = query
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    let installed = parse_installed(&String::from_utf8_lossy(&listed));
    wanted
        .into_iter()
        .filter(|p| !installed.iter().any(|name| name == p.name))
        .collect()
}

/// The names in lines `name installed`.
fn parse_installed(listed: &str) -> Vec<String> {
    listed
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"))
        .map(str::to_owned)
        .collect()
}

/// Whether apt can install a package, as far as its lists go.
pub(crate) fn knows(package: &str) -> bool {
    let policy = run::output(Command::new("apt-cache").args(["policy", package]));
    policy.is_some_and(|policy| candidate(&policy).is_some())
}

/// The version that `apt-cache policy` would install. It prints nothing on a package it has never heard of.
fn candidate(policy: &str) -> Option<String> {
    policy
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Candidate:"))
        .map(str::trim)
        .find(|version| *version != "(none)")
        .map(str::to_owned)
}

/// Whether this system has apt at all.
pub(crate) fn is_here() -> bool {
    workspace::find_program("apt-get").is_some()
}

/// Fetches the package lists. Not fatal: one unreachable third-party list fails it, and the one needed may be there.
pub(crate) fn update() -> Result<()> {
    if let Err(error) = run::shown_and_run(apt_get()?.arg("update")) {
        interrupt::check()?;
        eprintln!("warning: {error:#}; going on with the package lists that are there");
    }
    Ok(())
}

/// Installs packages, saying why each is needed.
pub(crate) fn install(packages: &[Package]) -> Result<()> {
    for package in packages {
        eprintln!("needs {}: {}", package.name, package.why);
    }
    // Lists may be missing, as in an image, or so old that they name a compiler which is too old.
    update()?;
    let names = || packages.iter().map(|p| p.name);
    let mut tried = 1;
    loop {
        let mut install = apt_get()?;
        install
            .args(["install", "--yes", "--no-install-recommends"])
            .args(names());
        let Err(error) = run::shown_and_run(&mut install) else {
            return Ok(());
        };
        interrupt::check()?;
        if tried == TRIES {
            return Err(error).with_context(|| {
                let names: Vec<_> = names().collect();
                format!(
                    "cannot install {}: apt's own messages are above",
                    names.join(" ")
                )
            });
        }
        tried += 1;
        eprintln!("warning: {error:#}; trying again ({tried} of {TRIES})");
        update()?;
    }
}

/// Fetches a package into a folder and does not install it. When this system's lists do not have it, it is taken from
/// another suite, whose list is kept in the folder: the system's own stay as they are.
pub(crate) fn download(package: &str, suite: Option<&str>, dir: &Path) -> Result<PathBuf> {
    if !knows(package) {
        update()?;
    }
    if knows(package) {
        return download_with(&[], package, dir);
    }
    let Some(suite) = suite else {
        bail!("cannot fetch {package}: apt's lists do not have it");
    };
    let suite = Suite::new(suite, dir)?;
    suite.update()?;
    suite.download(package, dir)
}

/// Fetches a package into a folder that has none, by an apt with these options.
fn download_with(options: &[String], package: &str, dir: &Path) -> Result<PathBuf> {
    let mut download = Command::new("apt-get");
    download.args(options).args(["download", package]);
    run::shown_and_run(download.current_dir(dir))?;
    let files = fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    files
        .filter_map(|file| Some(file.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .with_context(|| format!("cannot fetch {package}: apt-get wrote no file"))
}

/// `apt-get` as root, asking nothing, waiting for another apt that runs. The variable goes through `env`, as sudo
/// drops the environment.
fn apt_get() -> Result<Command> {
    let mut command = run::as_root("env")?;
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command.args([
        "-o",
        "DPkg::Lock::Timeout=120",
        "-o",
        "Acquire::Retries=3",
        "-o",
        "Acquire::http::Timeout=30",
    ]);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_count() {
        let listed = "bash installed\ntini not-installed\nrunc config-files\npython3 installed\n";
        assert_eq!(parse_installed(listed), ["bash", "python3"]);
    }

    #[test]
    fn candidate_is_a_version() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n";
        assert_eq!(candidate(policy).as_deref(), Some("1.96.0+dfsg1-1~deb12u2"));
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: (none)\n";
        assert_eq!(candidate(policy), None);
        assert_eq!(candidate(""), None);
    }

    #[test]
    fn a_program_from_elsewhere_makes_its_package_needless() {
        let shell = Package {
            name: "no-such-package",
            program: "sh",
            why: "test",
        };
        assert!(missing(&[shell]).is_empty());
    }
}
