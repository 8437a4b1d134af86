//! Images that are made here: one folder of static programs, and configurations of it. Nothing is pulled.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::program::{WORKLOAD, find};

/// What a container is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Image {
    /// The workload's program as ENTRYPOINT.
    Workload,
    /// `busybox`, with no ENTRYPOINT.
    Shell,
    /// The same with a STOPSIGNAL, which is one of [`Image::STOP_SIGNALS`].
    StoppedBy(&'static str),
    /// `tini --` as ENTRYPOINT.
    Tini,
    /// `dumb-init --` as ENTRYPOINT.
    DumbInit,
    /// What holds the namespaces of a pod together.
    Pause,
    /// `rinit-trace`, and nothing else.
    RinitTrace,
}

/// All that are made of the folder of programs, beside those with a STOPSIGNAL.
const OF_PROGRAMS: [Image; 5] = [
    Image::Workload,
    Image::Shell,
    Image::Tini,
    Image::DumbInit,
    Image::Pause,
];

const BUSYBOX: &str = "/bin/busybox";

impl Image {
    /// What images say that are not stopped by SIGTERM, or say that they are.
    pub const STOP_SIGNALS: [&'static str; 8] = [
        "SIGHUP",
        "SIGINT",
        "SIGQUIT",
        "SIGUSR1",
        "SIGUSR2",
        "SIGTERM",
        "SIGWINCH",
        "SIGRTMIN+3",
    ];

    /// With its registry, as a CRI runtime wants it.
    pub fn reference(self) -> String {
        format!("docker.io/rinit-trace-test/{}:1", self.name())
    }

    fn name(self) -> String {
        let name = match self {
            Self::Workload => "workload",
            Self::Shell => "shell",
            Self::StoppedBy(signal) => {
                let signal = signal.to_lowercase().replace('+', "-");
                return format!("stopped-by-{signal}");
            }
            Self::Tini => "tini",
            Self::DumbInit => "dumb-init",
            Self::Pause => "pause",
            Self::RinitTrace => "rinit-trace",
        };
        name.to_owned()
    }

    fn entrypoint(self) -> &'static [&'static str] {
        match self {
            Self::Workload => &["/workload"],
            Self::Shell | Self::StoppedBy(_) => &[],
            Self::Tini => &["/tini", "--"],
            Self::DumbInit => &["/dumb-init", "--"],
            Self::Pause => &["/pause", "pause"],
            Self::RinitTrace => &["/rinit-trace"],
        }
    }

    fn config(self, layer: &str) -> Value {
        let mut config = json!({"Entrypoint": self.entrypoint(), "Env": ["PATH=/bin"]});
        if let Self::StoppedBy(signal) = self {
            config["StopSignal"] = json!(signal);
        }
        json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        })
    }
}

/// An archive as `docker save` writes it.
#[derive(Debug)]
pub(crate) struct Archive {
    dir: PathBuf,
}

impl Archive {
    /// Writes the archive of the tests' images into a folder that is there.
    pub(crate) fn of_programs(dir: &Path) -> Self {
        let root = dir.join("programs");
        fill(&root);
        let by_signals = Image::STOP_SIGNALS.map(Image::StoppedBy);
        Self::write(dir, &root, &[&OF_PROGRAMS[..], &by_signals].concat())
    }

    /// The archive of an image with one static program.
    pub(crate) fn of_rinit_trace(dir: &Path, program: &Path) -> Self {
        let root = dir.join("rinit-trace");
        fs::create_dir_all(&root).unwrap();
        copy(program, &root.join("rinit-trace"));
        Self::write(dir, &root, &[Image::RinitTrace])
    }

    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join("images.tar")
    }

    fn write(dir: &Path, root: &Path, images: &[Image]) -> Self {
        let parts = dir.join("parts");
        fs::create_dir_all(&parts).unwrap();
        let layer = parts.join("layer.tar");
        pack(root, &layer);
        let digest = succeed(Command::new("sha256sum").arg(&layer));
        let digest = digest.split_whitespace().next().unwrap();
        let mut manifest = Vec::new();
        for image in images {
            let config = format!("{}.json", image.name());
            fs::write(parts.join(&config), image.config(digest).to_string()).unwrap();
            manifest.push(json!({
                "Config": config,
                "RepoTags": [image.reference()],
                "Layers": ["layer.tar"],
            }));
        }
        let manifest = Value::Array(manifest).to_string();
        fs::write(parts.join("manifest.json"), manifest).unwrap();
        let archive = Self {
            dir: dir.to_owned(),
        };
        pack(&parts, &archive.path());
        archive
    }
}

/// Writes the files of the images.
fn fill(root: &Path) {
    for folder in ["bin", "dev", "etc", "proc", "tmp"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n").unwrap();
    copy(Path::new(BUSYBOX), &root.join("bin/busybox"));
    let applets = succeed(Command::new(BUSYBOX).arg("--list"));
    for applet in applets.lines().filter(|applet| *applet != "busybox") {
        symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
    for name in ["workload", "pause"] {
        copy(Path::new(WORKLOAD), &root.join(name));
    }
    for name in ["tini", "dumb-init"] {
        let program = find(name).unwrap();
        copy(&program, &root.join(name));
        for library in libraries(&program) {
            let to = root.join(library.strip_prefix("/").unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            copy(&library, &to);
        }
    }
}

/// With the dynamic loader; none of a static program.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let told = Command::new("ldd").arg(program).output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout);
    told.split_whitespace()
        .filter(|word| word.starts_with('/') && !word.ends_with(':'))
        .map(PathBuf::from)
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap_or_else(|error| panic!("copy {}: {error}", from.display()));
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).unwrap();
}

fn pack(root: &Path, to: &Path) {
    let mut tar = Command::new("tar");
    tar.args(["--numeric-owner", "--owner=0", "--group=0", "-c", "-C"])
        .arg(root)
        .arg("-f")
        .arg(to)
        .arg(".");
    succeed(&mut tar);
}

/// Runs a tool and returns what it says.
pub(crate) fn succeed(command: &mut Command) -> String {
    try_output(command).unwrap_or_else(|error| panic!("{error}"))
}

/// The same of one that may fail.
pub(crate) fn try_output(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {command:?}: {error}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {stderr}"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
