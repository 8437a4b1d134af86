//! Debian's kernels: which there are, found in the lists of their suites and unpacked below `target/`.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::apt::Suite;
use crate::{interrupt, run, workspace};

/// How the names of Debian's kernels for virtual machines end.
const FLAVOUR: &str = "-cloud-amd64";
/// How they begin, the one that has the image first: from 6.19 on `linux-image` only depends on the other.
const STARTS: [&str; 2] = ["linux-binary-", "linux-image-"];
/// Where in a package the image is, with the release in place of `{}`: the second from 7.1 on.
const IMAGES: [&str; 2] = ["boot/vmlinuz-{}", "usr/lib/modules/{}/vmlinuz"];
/// The package with the modules begins like that, where the one with the image has none: from 6.19 on.
const MODULES_START: &str = "linux-modules-";
/// Where modules are, with the release in place of `{}`: the second from 7.1 on.
const MODULES: [&str; 2] = ["lib/modules/{}/kernel", "usr/lib/modules/{}/kernel"];
/// Written into a folder that holds a whole kernel: its version.
const VERSION_FILE: &str = "version";

/// A kernel that is tested: the newest of its series that the first of the suites has which has any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Series {
    /// As people call it, and how the release begins: `6.1`, `7`.
    pub(super) name: &'static str,
    suites: &'static [&'static str],
}

/// All of them, the oldest first.
pub(super) const SERIES: &[Series] = &[
    Series {
        name: "5.10",
        suites: &["bullseye-security", "bullseye"],
    },
    Series {
        name: "6.1",
        suites: &["bookworm-security", "bookworm"],
    },
    Series {
        name: "6.12",
        suites: &["bookworm-security", "trixie"],
    },
    Series {
        name: "7",
        suites: &["trixie-backports"],
    },
];

/// A kernel that can be booted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kernel {
    /// The series.
    pub(super) series: &'static str,
    /// As `uname -r` says.
    pub(super) release: String,
    /// Version of Debian's package.
    pub(super) version: String,
    /// The image.
    pub(super) image: PathBuf,
    /// The folder of its modules, where they are here.
    pub(super) modules: Option<PathBuf>,
}

/// The series with these names, or all; a release names its series, too.
pub(super) fn choose(names: &[String]) -> Result<Vec<Series>> {
    if names.is_empty() {
        return Ok(SERIES.to_vec());
    }
    let mut chosen = Vec::new();
    for name in names {
        let Some(series) = SERIES.iter().find(|series| series.has(name)) else {
            let known: Vec<&str> = SERIES.iter().map(|series| series.name).collect();
            bail!("no kernel {name} is tested; those are {}", known.join(", "));
        };
        if !chosen.contains(series) {
            chosen.push(*series);
        }
    }
    Ok(chosen)
}

/// The oldest and the newest.
pub(super) fn ends() -> Vec<Series> {
    SERIES
        .first()
        .into_iter()
        .chain(SERIES.last())
        .copied()
        .collect()
}

impl Series {
    /// Whether a release, or the beginning of one, is of this series: 6.1 has 6.1.0-56, and not 6.12.
    fn has(self, release: &str) -> bool {
        release
            .strip_prefix(self.name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Finds the newest package of this series and unpacks it, unless it is here. Without a network the one that is here
    /// does.
    pub(super) fn ready(self) -> Result<Kernel> {
        let error = match self.newest_fetched() {
            Ok(kernel) => return Ok(kernel),
            Err(error) => error,
        };
        interrupt::check()?;
        match self.newest_here() {
            Some(kernel) => {
                eprintln!(
                    "warning: cannot look for a newer kernel {}: {error:#}; {} is here and is used",
                    self.name, kernel.release
                );
                Ok(kernel)
            }
            None => Err(error).with_context(|| format!("cannot get kernel {}", self.name)),
        }
    }

    fn newest_fetched(self) -> Result<Kernel> {
        let (suite, package) = self.newest()?;
        match self.here(&package) {
            Some(kernel) => Ok(kernel),
            None => self.fetch(&suite, &package),
        }
    }

    /// The newest package in the first suite that has one.
    fn newest(self) -> Result<(Suite, Package)> {
        let mut wrong = Vec::new();
        for name in self.suites {
            interrupt::check()?;
            match self.newest_of(name) {
                Ok(found) => return Ok(found),
                Err(error) => wrong.push(format!("{name}: {error:#}")),
            }
        }
        bail!("{}", wrong.join("; "))
    }

    fn newest_of(self, suite: &str) -> Result<(Suite, Package)> {
        let suite = Suite::new(suite, &dir().join("suites").join(suite))?;
        suite.update()?;
        let names: Vec<String> = STARTS.iter().flat_map(|start| suite.names(start)).collect();
        let (name, release) = newest(self, &names)
            .with_context(|| format!("no package linux-image-{}…{FLAVOUR}", self.name))?;
        let version = suite
            .version_of(name)
            .with_context(|| format!("apt has no version of {name}"))?;
        let package = Package {
            name: name.to_owned(),
            release: release.to_owned(),
            version,
        };
        Ok((suite, package))
    }

    fn fetch(self, suite: &Suite, package: &Package) -> Result<Kernel> {
        let part = dir().join(format!("{}.part", package.release));
        remove(&part)?;
        let root = part.join("root");
        unpack(suite, &package.name, &part, &root)?;
        image_in(&root, &package.release)
            .with_context(|| format!("Debian's {} has no kernel image", package.name))?;
        if modules_in(&root, &package.release).is_none() {
            let name = format!("{MODULES_START}{}", package.release);
            unpack(suite, &name, &part.join("modules"), &root)?;
        }
        // Last: a folder with it is whole.
        let file = root.join(VERSION_FILE);
        fs::write(&file, &package.version)
            .with_context(|| format!("cannot write {}", file.display()))?;
        let place = dir().join("kernels").join(&package.release);
        remove(&place)?;
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot make {}", parent.display()))?;
        }
        fs::rename(&root, &place).with_context(|| format!("cannot make {}", place.display()))?;
        remove(&part)?;
        self.here(package)
            .with_context(|| format!("{} was unpacked and is not whole", place.display()))
    }

    /// The kernel of a package, when that very version is unpacked.
    fn here(self, package: &Package) -> Option<Kernel> {
        let kernel = self.unpacked(&package.release)?;
        (kernel.version == package.version && kernel.modules.is_some()).then_some(kernel)
    }

    /// The newest that is unpacked.
    fn newest_here(self) -> Option<Kernel> {
        let releases = fs::read_dir(dir().join("kernels")).ok()?;
        let releases: Vec<String> = releases
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|release| self.has(release))
            .collect();
        let newest = releases.iter().max_by_key(|release| numbers(release))?;
        self.unpacked(newest)
    }

    fn unpacked(self, release: &str) -> Option<Kernel> {
        let root = dir().join("kernels").join(release);
        Some(Kernel {
            series: self.name,
            version: fs::read_to_string(root.join(VERSION_FILE)).ok()?,
            image: image_in(&root, release)?,
            modules: modules_in(&root, release),
            release: release.to_owned(),
        })
    }
}

/// A package with a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    name: String,
    release: String,
    version: String,
}

/// Of the names of packages the one with the newest kernel of a series, and that kernel's release.
fn newest(series: Series, names: &[String]) -> Option<(&str, &str)> {
    let kernels = names.iter().filter_map(|name| {
        let (rank, rest) = STARTS
            .iter()
            .enumerate()
            .find_map(|(rank, start)| Some((rank, name.strip_prefix(start)?)))?;
        // Not unsigned images, nor debug symbols, nor what only depends on the newest.
        let version = rest.strip_suffix(FLAVOUR)?;
        let is_release = version.split('.').count() > 2 && version.starts_with(char::is_numeric);
        (is_release && series.has(version)).then_some((rank, name.as_str(), rest))
    });
    let best = kernels.max_by_key(|(rank, _, release)| (numbers(release), Reverse(*rank)));
    best.map(|(_, name, release)| (name, release))
}

/// The numbers in a release, which order releases of one series.
fn numbers(release: &str) -> Vec<u64> {
    let digits = release.split(|c: char| !c.is_ascii_digit());
    digits.filter_map(|digits| digits.parse().ok()).collect()
}

fn image_in(root: &Path, release: &str) -> Option<PathBuf> {
    IMAGES
        .iter()
        .map(|image| root.join(image.replace("{}", release)))
        .find(|image| image.is_file())
}

fn modules_in(root: &Path, release: &str) -> Option<PathBuf> {
    MODULES
        .iter()
        .map(|modules| root.join(modules.replace("{}", release)))
        .find(|modules| modules.is_dir())
}

/// Fetches a package into a folder that has none, and unpacks it.
fn unpack(suite: &Suite, name: &str, folder: &Path, root: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let archive = suite.download(name, folder)?;
    let mut extract = Command::new("dpkg-deb");
    extract.arg("--extract").arg(&archive).arg(root);
    run::succeed(&mut extract)
}

/// Where all of this chore is.
pub(super) fn dir() -> PathBuf {
    workspace::scratch_dir().join("vm")
}

fn remove(dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Debian's lists of November 2026.
    const BULLSEYE_SECURITY: &[&str] = &[
        "linux-image-6.1-cloud-amd64",
        "linux-image-6.1.0-0.deb11.9-cloud-amd64",
        "linux-image-6.1.0-0.deb11.52-cloud-amd64",
        "linux-image-6.1.0-0.deb11.52-cloud-amd64-dbg",
        "linux-image-5.10.0-9-cloud-amd64",
        "linux-image-5.10.0-46-cloud-amd64",
        "linux-image-5.10.0-46-cloud-amd64-dbg",
        "linux-image-5.10.0-46-cloud-amd64-unsigned",
        "linux-image-5.10.0-46-amd64",
        "linux-image-5.10.0-46-rt-amd64",
        "linux-image-cloud-amd64",
    ];
    const BOOKWORM_SECURITY: &[&str] = &[
        "linux-image-6.12-cloud-amd64",
        "linux-image-6.12.100+deb12-cloud-amd64",
        "linux-image-6.12.117+deb12-cloud-amd64",
        "linux-image-6.12.117+deb12-rt-amd64",
        "linux-image-6.1.0-48-cloud-amd64",
        "linux-image-6.1.0-56-cloud-amd64",
    ];
    const TRIXIE_BACKPORTS: &[&str] = &[
        "linux-binary-7.2.12+deb13-cloud-amd64",
        "linux-binary-7.3.4+deb13-cloud-amd64",
        "linux-binary-unsigned-7.3.4+deb13-cloud-amd64",
        "linux-image-6.16.12+deb13-cloud-amd64",
        "linux-image-7.2.12+deb13-cloud-amd64",
        "linux-image-7.3.4+deb13-cloud-amd64",
        "linux-image-cloud-amd64",
    ];

    /// The release that is found in a list, with the package.
    fn found(series: &str, names: &[&str]) -> Option<(String, String)> {
        let series = SERIES.iter().find(|one| one.name == series).unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        newest(*series, &names).map(|(name, release)| (release.to_owned(), name.to_owned()))
    }

    #[test]
    fn the_newest_of_a_series_is_found_in_a_list() {
        for (series, names, release) in [
            ("5.10", BULLSEYE_SECURITY, "5.10.0-46-cloud-amd64"),
            ("6.1", BOOKWORM_SECURITY, "6.1.0-56-cloud-amd64"),
            ("6.12", BOOKWORM_SECURITY, "6.12.117+deb12-cloud-amd64"),
        ] {
            let name = format!("linux-image-{release}");
            assert_eq!(found(series, names), Some((release.to_owned(), name)));
        }
    }

    #[test]
    fn the_package_that_has_the_image_goes_before_the_one_that_names_it() {
        let backwards: Vec<&str> = TRIXIE_BACKPORTS.iter().rev().copied().collect();
        for names in [TRIXIE_BACKPORTS, &backwards] {
            let (release, name) = found("7", names).unwrap();
            assert_eq!(release, "7.3.4+deb13-cloud-amd64");
            assert_eq!(name, "linux-binary-7.3.4+deb13-cloud-amd64");
        }
    }

    #[test]
    fn what_a_list_has_not_is_not_found() {
        assert_eq!(found("5.10", TRIXIE_BACKPORTS), None);
        assert_eq!(found("6.12", &["linux-image-6.12-cloud-amd64"]), None);
        assert_eq!(found("7", &[]), None);
    }

    #[test]
    fn series_are_chosen_by_prefix_and_once() {
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
            choose(&wanted).map(|all| all.iter().map(|one| one.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).unwrap(), ["5.10", "6.1", "6.12", "7"]);
        assert_eq!(names(&["6.1", "7.3", "6.1.0-56"]).unwrap(), ["6.1", "7"]);
        let error = names(&["4.19"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "no kernel 4.19 is tested; those are 5.10, 6.1, 6.12, 7"
        );
    }
}
