//! The words of a monitor and of an OCI `config.json`. Pure, and total on any bytes.

use std::{collections::HashMap, time::Duration};

use rinit_trace_core::model::{Grace, GraceSource, Runtime};
use serde::Deserialize;

use crate::runtime::details::{Details, SANDBOX_NAME, StopSignal, pod, text};

/// What CRI-O and podman write for `STOPSIGNAL`: its name, or its number.
const STOP_SIGNAL: &str = "org.opencontainers.image.stopSignal";
/// podman's `--stop-timeout`, for systemd: `uint64 10000000`, in microseconds.
const STOP_TIMEOUT: &str = "org.systemd.property.TimeoutStopUSec";

/// Who watches over a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Monitor {
    /// containerd's, for itself and for Docker.
    Shim {
        /// Its containers run under a kernel of their own.
        is_opaque: bool,
    },
    /// CRI-O's and podman's.
    Conmon {
        /// `-b`: the bundle, as it sees the file system.
        bundle: String,
        /// `-n`: the container's name.
        name: Option<String>,
        /// `-r`: a runtime that gives its containers a kernel of their own.
        is_opaque: bool,
    },
}

/// Parts of the names of runtimes that give their containers a kernel of their own, and of their shims:
/// `containerd-shim-kata-v2`, `containerd-shim-runsc-v1`, `/usr/bin/kata-runtime`, `runsc`.
const OPAQUE: [&str; 2] = ["kata", "runsc"];

/// Whether the last part of a path is such a name.
fn is_opaque(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    name.split('-').any(|part| OPAQUE.contains(&part))
}

impl Monitor {
    /// Whether its containers run under a kernel of their own.
    pub(super) fn is_opaque(&self) -> bool {
        match self {
            Self::Shim { is_opaque } | Self::Conmon { is_opaque, .. } => *is_opaque,
        }
    }

    /// containerd's shim, by its arguments.
    pub(super) fn shim(cmdline: &[u8]) -> Self {
        let program = cmdline.split(|byte| *byte == 0).next().unwrap_or_default();
        Self::Shim {
            is_opaque: std::str::from_utf8(program).is_ok_and(is_opaque),
        }
    }

    /// conmon, by its arguments; `None` when it is another container's, or they make no sense.
    pub(super) fn conmon(cmdline: &[u8], id: &str) -> Option<Self> {
        let arguments: Vec<&str> = cmdline
            .split(|byte| *byte == 0)
            .map(|argument| std::str::from_utf8(argument).unwrap_or_default())
            .collect();
        let value = |short: &str, long: &str| {
            let mut pairs = arguments.iter().zip(arguments.iter().skip(1));
            let found = pairs.find(|(name, _)| **name == short || **name == long);
            found.map(|(_, value)| *value)
        };
        if value("-c", "--cid") != Some(id) {
            return None;
        }
        let bundle = value("-b", "--bundle").filter(|bundle| bundle.starts_with('/'))?;
        Some(Self::Conmon {
            bundle: bundle.to_owned(),
            name: text(value("-n", "--name")),
            is_opaque: value("-r", "--runtime").is_some_and(is_opaque),
        })
    }
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    annotations: Option<HashMap<String, String>>,
}

/// What a `config.json` says of its container; `None` when it is none. A runtime's annotations count
/// only below that runtime's monitor: with others', an image or a user may have put them there.
pub(super) fn details(json: &[u8], monitor: &Monitor) -> Option<Details> {
    let config: Config = serde_json::from_slice(json).ok()?;
    let annotations = config.annotations.unwrap_or_default();
    let mut details = match monitor {
        Monitor::Shim { .. } => of_containerd(&annotations),
        Monitor::Conmon { name, .. } => {
            let is_podman =
                annotations.get("io.container.manager").map(String::as_str) == Some("libpod");
            if is_podman {
                of_podman(&annotations, name.as_ref())
            } else {
                of_crio(&annotations)
            }
        }
    };
    details.is_opaque = monitor.is_opaque();
    Some(details)
}

/// Containers of CRI alone are annotated; those of Docker, `ctr` and nerdctl are not.
fn of_containerd(annotations: &HashMap<String, String>) -> Details {
    let get = |name: &str| {
        let value = annotations.get(&format!("io.kubernetes.cri.{name}"));
        value.map(String::as_str)
    };
    let Some(kind) = get("container-type") else {
        return Details::default();
    };
    let is_sandbox = kind == "sandbox";
    let container = get("container-name").or(is_sandbox.then_some(SANDBOX_NAME));
    Details {
        runtime: Some(Runtime::Containerd),
        name: text(container),
        image: text(get("image-name")),
        pod: pod(
            get("sandbox-namespace"),
            get("sandbox-name"),
            get("sandbox-uid"),
            container,
        ),
        is_sandbox,
        ..Details::default()
    }
}

/// The kubelet's labels and annotations stand beside CRI-O's own.
fn of_crio(annotations: &HashMap<String, String>) -> Details {
    let get = |name: &str| annotations.get(name).map(String::as_str);
    let own = |name: &str| get(&format!("io.kubernetes.cri-o.{name}"));
    let Some(kind) = own("ContainerType") else {
        return Details::default();
    };
    let is_sandbox = kind == "sandbox";
    let container = get("io.kubernetes.container.name").or(is_sandbox.then_some(SANDBOX_NAME));
    let mut details = Details {
        runtime: Some(Runtime::CriO),
        name: text(container),
        image: text(own("ImageName")),
        pod: pod(
            get("io.kubernetes.pod.namespace").or(own("Namespace")),
            get("io.kubernetes.pod.name").or(own("KubeName")),
            get("io.kubernetes.pod.uid"),
            container,
        ),
        stop_signal: get(STOP_SIGNAL).and_then(StopSignal::of_image),
        is_sandbox,
        ..Details::default()
    };
    details.read_kubelet(annotations);
    details
}

fn of_podman(annotations: &HashMap<String, String>, name: Option<&String>) -> Details {
    let get = |name: &str| annotations.get(name).map(String::as_str);
    let micros = get(STOP_TIMEOUT)
        .and_then(|value| value.strip_prefix("uint64 "))
        .and_then(|number| number.trim().parse().ok());
    Details {
        runtime: Some(Runtime::Podman),
        name: name.cloned(),
        grace: micros.map(|micros| Grace {
            period: Duration::from_micros(micros),
            source: GraceSource::Podman,
        }),
        stop_signal: get(STOP_SIGNAL)
            .and_then(StopSignal::of_image)
            .map(|signal| StopSignal {
                is_effective: true,
                ..signal
            }),
        // The pause of a podman pod.
        is_sandbox: get("io.kubernetes.cri-o.ContainerType") == Some("sandbox"),
        ..Details::default()
    }
}
