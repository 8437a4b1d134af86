//! What is in a guest: the packaged program, the inits and tools that its scenarios start, the random stops, and an init that
//! runs a plan. One image serves all kernels and plans, but for those with a container runtime, which have one of their own.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::archive::Archive;
use super::containerd;
use super::kernels::{self, Kernel};
use super::plan::{Contents, Plan};
use crate::deploy::dist;
use crate::{run, workspace};

pub(super) const INIT: &str = include_str!("init.sh");
/// Where the program is in a guest.
pub(super) const PROGRAM: &str = "/usr/bin/rinit-trace";
/// What the reports must say.
pub(super) const EXPECTATIONS: &str = "/usr/share/rinit-trace/expectations.toml";
const BUSYBOX: [&str; 2] = ["/bin/busybox", "/usr/bin/busybox"];
const SHELL: &str = "dash";
/// What scenarios and random stops start, with what those start themselves.
const PROGRAMS: [&str; 11] = [
    "bash",
    "catatonit",
    SHELL,
    "dumb-init",
    "runsv",
    "runsvdir",
    "s6-ftrigrd",
    "s6-supervise",
    "s6-svscan",
    "strace",
    "tini",
];
const PYTHON: &str = "/usr/bin/python3";
/// Prints the interpreter, then the files of all that the scripts of the demo import.
const PYTHON_FILES: &str = "import os, signal, sys; print(sys.executable); print(*{m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)}, sep='\\n')";
/// The interpreter looks for this folder below its own.
const PYTHON_DYNAMIC: &str = "lib-dynload";

/// The package of the test programs.
const TESTS: &str = "rinit-trace-tests";
/// The one with the random stops, the one that runs pods, and the one that has podman run containers.
pub(super) const RANDOM: &str = "random";
pub(super) const PODS: &str = "kubernetes";
pub(super) const PODMAN: &str = "podman";

/// The images of the guests of a run.
pub(super) struct Images(Vec<(Contents, PathBuf)>);

impl Images {
    /// Builds all that these guests need and writes their images.
    pub(super) fn of(guests: &[(Kernel, Plan)]) -> Result<Self> {
        let mut images = Vec::new();
        let program = dist::build()?;
        for contents in [Contents::Inits, Contents::Containerd] {
            let guests: Vec<_> = guests
                .iter()
                .filter(|(_, plan)| plan.contents == contents)
                .collect();
            if !guests.is_empty() {
                images.push((contents, image(contents, &guests, &program)?));
            }
        }
        Ok(Self(images))
    }

    /// That of a guest.
    pub(super) fn image(&self, plan: &Plan) -> Result<&Path> {
        let mut images = self.0.iter();
        let image = images.find(|(contents, _)| *contents == plan.contents);
        let (_, path) = image.with_context(|| format!("no image for {}", plan.name))?;
        Ok(path)
    }
}

/// Where a test program is in a guest.
pub(super) fn test_program(name: &str) -> String {
    format!("/usr/lib/rinit-trace/{name}")
}

fn image(contents: Contents, guests: &[&(Kernel, Plan)], program: &Path) -> Result<PathBuf> {
    let mut archive = Archive::default();
    archive.executable("/init", INIT.as_bytes().to_vec());
    for folder in ["dev", "etc", "proc", "run", "sys", "tmp", "usr/bin"] {
        archive.folder(folder);
    }
    // Before anything is mounted the kernel gives it to the init.
    archive.device("/dev/console", 5, 1);
    archive.text("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n");
    archive.text("/etc/group", "root:x:0:\n");
    archive.text("/etc/hosts", "127.0.0.1 localhost\n");
    tools(&mut archive)?;
    archive.file(PROGRAM, program)?;
    archive.file(EXPECTATIONS, &expectations_file())?;
    let name = match contents {
        Contents::Inits => {
            add_test(&mut archive, RANDOM)?;
            "initramfs"
        }
        Contents::Containerd => {
            containerd::add(&mut archive, guests.iter().map(|(kernel, _)| kernel))?;
            add_test(&mut archive, PODS)?;
            add_test(&mut archive, PODMAN)?;
            "initramfs-containerd"
        }
    };
    for (_, plan) in guests {
        archive.text(&format!("/plans/{}", plan.id()), &plan.script());
    }
    let path = kernels::dir().join(name);
    let write = || archive.write(BufWriter::new(File::create(&path)?));
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// The expectations in the repository.
pub(super) fn expectations_file() -> PathBuf {
    workspace::root().join("tests/expectations.toml")
}

/// The shell and the inits.
fn tools(archive: &mut Archive) -> Result<()> {
    let Some(busybox) = BUSYBOX.iter().map(Path::new).find(|path| path.is_file()) else {
        bail!("no busybox; run `cargo xtask setup --tests`");
    };
    archive.file("/bin/busybox", busybox)?;
    let applets = run::output(Command::new(busybox).arg("--list"))
        .context("busybox does not list its applets")?;
    for applet in applets.lines().filter(|applet| *applet != "busybox") {
        archive.link(&format!("/bin/{applet}"), "/bin/busybox");
    }
    for name in PROGRAMS {
        archive.program(&found(name)?)?;
    }
    // One that runs under any name, as most systems' does; busybox's does not.
    archive.link("/bin/sh", &found(SHELL)?.display().to_string());
    python(archive)
}

/// A program of this machine.
pub(super) fn found(program: &str) -> Result<PathBuf> {
    workspace::find_program(program)
        .with_context(|| format!("no {program}; run `cargo xtask setup --tests`"))
}

/// An interpreter with no more of its library than the scripts of the demo need.
fn python(archive: &mut Archive) -> Result<()> {
    let mut python = Command::new("python3");
    let files = run::output(python.args(["-c", PYTHON_FILES]))
        .context("python3 does not tell its files; run `cargo xtask setup --tests`")?;
    let mut files = files.lines().map(Path::new);
    let interpreter = files.next().context("python3 does not tell where it is")?;
    archive.program(interpreter)?;
    if interpreter != Path::new(PYTHON) {
        archive.link(PYTHON, &interpreter.display().to_string());
    }
    for file in files {
        if file.ends_with("os.py")
            && let Some(library) = file.parent()
        {
            archive.folder(&library.join(PYTHON_DYNAMIC).display().to_string());
        }
        archive.same(file)?;
    }
    Ok(())
}

/// A test program, and the programs that it stops, which it knows by their paths.
fn add_test(archive: &mut Archive, name: &str) -> Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--no-run", "--package", TESTS, "--test", name]);
    run::succeed(&mut cargo)?;
    // Built already: this only tells where.
    cargo.arg("--message-format=json");
    let told = run::output(&mut cargo).context("cargo does not tell what it built")?;
    let (test, started) = parse_built(&told, name)
        .with_context(|| format!("cargo does not tell where the test {name} is"))?;
    let stripped = kernels::dir().join(name);
    fs::create_dir_all(kernels::dir()).context("cannot make a folder for guests")?;
    // Nine tenths of it are for debuggers.
    run::succeed(
        Command::new("strip")
            .args(["--strip-debug", "-o"])
            .arg(&stripped)
            .arg(&test),
    )?;
    archive.program_at(&test_program(name), &stripped)?;
    started.iter().try_for_each(|program| archive.same(program))
}

/// The test program in cargo's messages, and the programs that its build script made.
fn parse_built(messages: &str, name: &str) -> Option<(PathBuf, Vec<PathBuf>)> {
    let messages: Vec<serde_json::Value> = messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let test = messages.iter().find_map(|message| {
        let is_it = message["target"]["name"] == name && message["profile"]["test"] == true;
        message["executable"].as_str().filter(|_| is_it)
    })?;
    let made = messages.iter().filter(|message| {
        let package = message["package_id"].as_str().unwrap_or_default();
        message["reason"] == "build-script-executed" && package.contains(TESTS)
    });
    let variables = made.filter_map(|message| message["env"].as_array());
    let paths = variables.flatten().filter_map(|pair| pair[1].as_str());
    Some((test.into(), paths.map(PathBuf::from).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_and_what_it_starts_are_found_in_the_messages_of_cargo() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"random"},"profile":{"test":false},"executable":"/t/debug/random"}
{"reason":"build-script-executed","package_id":"path+file:///x/tests#rinit-trace-tests@0.1.0","env":[["WORKLOAD_PROGRAM","/t/workload"],["TREE_PROGRAM","/t/tree"]]}
{"reason":"build-script-executed","package_id":"registry+x#libc@0.2","env":[["OTHER","/t/other"]]}
{"reason":"compiler-artifact","target":{"name":"random"},"profile":{"test":true},"executable":"/t/debug/deps/random-1"}
not JSON"#;
        let (test, started) = parse_built(messages, RANDOM).unwrap();
        assert_eq!(test, Path::new("/t/debug/deps/random-1"));
        assert_eq!(started, [Path::new("/t/workload"), Path::new("/t/tree")]);
        assert_eq!(parse_built("", RANDOM), None);
    }
}
