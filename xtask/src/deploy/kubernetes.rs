//! The manifests: kustomize builds every overlay, the schemas of every Kubernetes accept what it builds, and it asks for what
//! it says and no more.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::contract::{self, Grants};
use super::tools::Tools;
use crate::workspace;

const MANIFESTS: &str = "deploy/kubernetes";
/// Kinds that no schema of Kubernetes knows: other projects define them.
const FOREIGN_KINDS: [&str; 3] = ["PodMonitor", "PrometheusRule", "SecurityContextConstraints"];
/// The oldest Kubernetes that the base suits, and everything but what says otherwise.
const OLDEST: Version = Version(1, 30);
/// The oldest that anything suits.
const OLDEST_OF_ALL: Version = Version(1, 28);

/// Minor version of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Version {
    /// From `1.28` or `1.28.0`.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().split('.').map(|number| number.parse().ok());
        Some(Self(numbers.next()??, numbers.next()??))
    }
}

/// What an overlay is for, in data.
struct Overlay {
    name: &'static str,
    oldest: Version,
    grants: Grants,
}

/// All overlays, and the base.
fn overlays() -> Vec<Overlay> {
    let overlay = |name, grants| Overlay {
        name,
        oldest: OLDEST,
        grants,
    };
    let none = Grants::default;
    vec![
        overlay("base", none()),
        Overlay {
            oldest: OLDEST_OF_ALL,
            ..overlay(
                "overlays/apparmor-annotation",
                none().app_armor_annotation(),
            )
        },
        overlay(
            "overlays/api-token",
            none().secret("rinit-trace-api", "/etc/rinit-trace/api"),
        ),
        overlay("overlays/cri-socket", none().host_path("/run/containerd")),
        overlay("overlays/example", none().events()),
        overlay("overlays/kube-events", none().events()),
        overlay("overlays/network-policy", none()),
        overlay(
            "overlays/node-history",
            none().written_path("/var/lib/rinit-trace"),
        ),
        overlay("overlays/openshift", none()),
        overlay("overlays/podmonitor", none()),
        overlay("overlays/prometheus-rule", none()),
        overlay("overlays/selinux", none()),
        overlay(
            "overlays/sys-admin",
            none().capabilities(&["SYS_ADMIN", "SYS_PTRACE", "SYS_RESOURCE"]),
        ),
    ]
}

pub(super) fn check(tools: &Tools) -> Result<()> {
    let overlays = overlays();
    every_overlay_is_listed(&overlays)?;
    let versions = versions(tools)?;
    for overlay in &overlays {
        let built = build(tools, overlay.name)?;
        let objects = parse(tools, &built)?;
        contract::check(&objects, &overlay.grants)
            .with_context(|| format!("{MANIFESTS}/{}", overlay.name))?;
        let suited: Vec<Version> = versions
            .iter()
            .copied()
            .filter(|version| *version >= overlay.oldest)
            .collect();
        validate(tools, &built, &objects, &suited)?;
    }
    println!(
        "{} overlays suit the schemas of Kubernetes {} to {}",
        overlays.len(),
        OLDEST,
        versions.last().unwrap_or(&OLDEST),
    );
    Ok(())
}

/// A folder that nobody lists would be shipped unchecked.
fn every_overlay_is_listed(overlays: &[Overlay]) -> Result<()> {
    let listed: BTreeSet<String> = overlays
        .iter()
        .filter_map(|overlay| overlay.name.strip_prefix("overlays/"))
        .map(str::to_owned)
        .collect();
    let there = folders("overlays")?;
    if listed != there {
        bail!("the overlays are {there:?}, and those that are checked {listed:?}");
    }
    let without: Vec<String> = folders("components")?.difference(&there).cloned().collect();
    if !without.is_empty() {
        bail!("components without an overlay: {}", without.join(", "));
    }
    Ok(())
}

fn folders(of: &str) -> Result<BTreeSet<String>> {
    let dir = workspace::root().join(MANIFESTS).join(of);
    let entries = fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.collect())
}

/// Builds an overlay into a file of its own.
fn build(tools: &Tools, name: &str) -> Result<PathBuf> {
    let folder = workspace::root().join(MANIFESTS).join(name);
    let output = tools
        .kustomize(&folder)
        .stdin(Stdio::null())
        .output()
        .context("cannot start kustomize")?;
    // It tells of what is deprecated on stderr and goes on.
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || !told.trim().is_empty() {
        bail!("kustomize on {MANIFESTS}/{name}: {}", told.trim());
    }
    let dir = workspace::scratch_dir().join("manifests");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let path = dir.join(format!("{}.yaml", name.replace('/', "-")));
    fs::write(&path, &output.stdout).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// The objects in a file of YAML.
pub(super) fn parse(tools: &Tools, path: &Path) -> Result<Vec<Value>> {
    const TO_JSON: &str = "import json, sys, yaml\njson.dump(list(yaml.safe_load_all(open(sys.argv[1]))), sys.stdout)";
    let output = Command::new(&tools.python)
        .args(["-c", TO_JSON])
        .arg(path)
        .output()
        .context("cannot start python3")?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        let last = told.lines().last().unwrap_or_default();
        bail!("cannot read {} as YAML: {last}", path.display());
    }
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("cannot read {} as YAML", path.display()))
}

/// The versions of Kubernetes whose schemas there are, from the oldest that matters on.
fn versions(tools: &Tools) -> Result<Vec<Version>> {
    const LIST: &str = "import kubernetes_validate as k\nfor v in k.utils.all_versions(): print(v)";
    let output = Command::new(&tools.python)
        .args(["-c", LIST])
        .output()
        .context("cannot start python3")?;
    let listed = String::from_utf8_lossy(&output.stdout);
    let mut versions: Vec<Version> = listed
        .lines()
        .filter_map(|line| Version::parse(line.trim_end_matches("-local")))
        .filter(|version| *version >= OLDEST_OF_ALL)
        .collect();
    versions.sort_unstable();
    versions.dedup();
    if versions.first() != Some(&OLDEST_OF_ALL) {
        bail!("kubernetes-validate has no schemas of Kubernetes {OLDEST_OF_ALL}");
    }
    Ok(versions)
}

/// Fails unless each object is valid in each version. The tool passes over kinds that it does not know.
fn validate(tools: &Tools, built: &Path, objects: &[Value], versions: &[Version]) -> Result<()> {
    let mut validate = Command::new(&tools.validate);
    validate.arg("--strict");
    for version in versions {
        validate.args(["--kubernetes-version", &version.to_string()]);
    }
    let output = validate
        .arg(built)
        .output()
        .context("cannot start kubernetes-validate")?;
    let told = String::from_utf8_lossy(&output.stdout);
    if let Some(error) = told.lines().find(|line| line.starts_with("ERROR")) {
        bail!("{error}");
    }
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        bail!("kubernetes-validate: {}", told.trim());
    }
    for object in objects {
        let (kind, name) = contract::identity(object);
        if FOREIGN_KINDS.contains(&kind) {
            continue;
        }
        for version in versions {
            let passed = passed_line(built, kind, name, *version);
            if !told.lines().any(|line| line == passed) {
                bail!(
                    "{kind} {name} was not validated for Kubernetes {version}: is the kind spelled right?"
                );
            }
        }
    }
    Ok(())
}

fn passed_line(file: &Path, kind: &str, name: &str, version: Version) -> String {
    format!(
        "INFO {} passed for resource {}/{name} against version {}",
        file.display(),
        kind.to_lowercase(),
        version
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(Version::parse("1.9").unwrap() < Version::parse("1.28.0").unwrap());
        assert_eq!(Version::parse("1.37.0"), Some(Version(1, 37)));
        assert_eq!(Version::parse("newest"), None);
    }
}
