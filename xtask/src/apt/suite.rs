//! Packages of a suite of Debian that this system does not use. Its list is kept apart: the system's own stay as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::run;

/// What signs Debian's archive, where this system has it.
const ARCHIVE_KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// How the names of suites end that live in the archive of security updates.
const SECURITY: &str = "-security";

/// A suite, and the folder where its lists are.
#[derive(Debug)]
pub(crate) struct Suite {
    name: String,
    /// With these apt knows this suite and nothing else.
    options: Vec<String>,
}

impl Suite {
    /// Uses a folder for the lists of a suite. What is in it from before can be asked for without a network.
    pub(crate) fn new(name: &str, dir: &Path) -> Result<Self> {
        let targets = run::output(Command::new("apt-get").args([
            "indextargets",
            "--format",
            "$(REPO_URI) $(LABEL)",
            "Created-By: Packages",
        ]));
        let archive = archive_of(name, &targets.unwrap_or_default()).context(
            "cannot find out where this system's packages come from: apt-get names no archive of Debian",
        )?;
        let keys = Some(Path::new(ARCHIVE_KEYS)).filter(|keys| keys.is_file());
        let list = list_of(&archive, name, keys);
        for folder in ["lists/partial", "cache/archives/partial"] {
            let folder = dir.join(folder);
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let path = dir.join("sources.list");
        fs::write(&path, list).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            name: name.to_owned(),
            options: options_for(dir),
        })
    }

    /// Fetches its list, when there is a newer one than the one that is here.
    pub(crate) fn update(&self) -> Result<()> {
        let mut update = Command::new("apt-get");
        update.args(&self.options).args(["--quiet", "update"]);
        // A list that cannot be fetched is a warning to apt, which goes on with the one of yesterday.
        update.args(["--error-on", "any"]);
        run::shown_and_run(&mut update)
            .with_context(|| format!("cannot fetch the package list of {}", self.name))
    }

    /// The names of its packages that begin like that.
    pub(crate) fn names(&self, start: &str) -> Vec<String> {
        let mut names = Command::new("apt-cache");
        names.args(&self.options).args(["pkgnames", start]);
        let names = run::output(&mut names).unwrap_or_default();
        names.lines().map(str::to_owned).collect()
    }

    /// The version of a package, if it has that.
    pub(crate) fn version_of(&self, package: &str) -> Option<String> {
        let mut policy = Command::new("apt-cache");
        policy.args(&self.options).args(["policy", package]);
        super::candidate(&run::output(&mut policy)?)
    }

    /// Fetches a package into a folder that has none.
    pub(crate) fn download(&self, package: &str, dir: &Path) -> Result<PathBuf> {
        super::download_with(&self.options, package, dir)
    }
}

/// Options with which apt knows the list in a folder and nothing else, not even what is installed.
fn options_for(dir: &Path) -> Vec<String> {
    let dir = dir.display();
    let options = [
        format!("Dir::Etc::sourcelist={dir}/sources.list"),
        "Dir::Etc::sourceparts=/dev/null".to_owned(),
        format!("Dir::State::lists={dir}/lists"),
        "Dir::State::status=/dev/null".to_owned(),
        format!("Dir::Cache={dir}/cache"),
        "Acquire::Retries=3".to_owned(),
        "Acquire::http::Timeout=30".to_owned(),
    ];
    options
        .into_iter()
        .flat_map(|option| ["-o".to_owned(), option])
        .collect()
}

/// The address of the archive that has a suite, by lines `URI label` of what this system uses.
fn archive_of(suite: &str, targets: &str) -> Option<String> {
    let labelled = |label: &str| targets.lines().find_map(|line| line.strip_suffix(label));
    let main = labelled(" Debian");
    if !suite.ends_with(SECURITY) {
        return main.map(str::to_owned);
    }
    let security = labelled(" Debian-Security").map(str::to_owned);
    // Mirrors have it beside the main one; some systems, such as images, do not use it.
    security.or_else(|| Some(format!("{}{SECURITY}/", main?.trim_end_matches('/'))))
}

/// The line of a sources.list for a suite of an archive: of its packages alone, not their descriptions in all languages.
fn list_of(archive: &str, suite: &str, keys: Option<&Path>) -> String {
    let keys = keys.map(|keys| format!(" signed-by={}", keys.display()));
    let keys = keys.unwrap_or_default();
    format!("deb [target=Packages{keys}] {archive} {suite} main\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGETS: &str =
        "http://mirror.example/security/ Debian-Security\nhttp://mirror.example/debian/ Debian\n";

    #[test]
    fn another_suite_comes_from_the_same_archive() {
        let archive = archive_of("trixie-backports", TARGETS).unwrap();
        assert_eq!(
            list_of(&archive, "trixie-backports", Some(Path::new("/keys.gpg"))),
            "deb [target=Packages signed-by=/keys.gpg] http://mirror.example/debian/ trixie-backports main\n"
        );
        assert_eq!(
            list_of(&archive, "trixie", None),
            "deb [target=Packages] http://mirror.example/debian/ trixie main\n"
        );
        assert_eq!(
            archive_of("trixie", "http://mirror.example/ubuntu/ Ubuntu\n"),
            None
        );
    }

    #[test]
    fn security_updates_come_from_an_archive_of_their_own() {
        assert_eq!(
            archive_of("bullseye-security", TARGETS).as_deref(),
            Some("http://mirror.example/security/")
        );
        // A system that does not use it: beside the main one.
        let main_only = "http://mirror.example/debian/ Debian\n";
        assert_eq!(
            archive_of("bullseye-security", main_only).as_deref(),
            Some("http://mirror.example/debian-security/")
        );
        assert_eq!(archive_of("bullseye-security", ""), None);
    }

    #[test]
    fn options_name_no_file_of_the_system() {
        let options = options_for(Path::new("/x")).join(" ");
        assert!(!options.contains("/etc/"), "{options}");
        assert!(!options.contains("/var/"), "{options}");
    }
}
