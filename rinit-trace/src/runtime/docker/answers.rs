//! The parts of Docker's answers that we read. Whatever may be missing is optional: Podman and old
//! versions of Docker leave out or null much.

use std::{collections::HashMap, time::Duration};

use rinit_trace_core::model::{Grace, GraceSource, Signal};
use serde::Deserialize;

/// cri-dockerd keeps the annotations of a pod's container as labels that begin so.
const ANNOTATION: &str = "annotation.";
/// Docker's grace period for a container that was given none.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// One container of `/containers/json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    /// Full id.
    pub id: String,
    /// Its names with a leading slash; those with more slashes are links' aliases.
    #[serde(default)]
    pub names: Option<Vec<String>>,
    /// `running`, `paused`, `exited`, …
    #[serde(default)]
    pub state: Option<String>,
}

impl Listed {
    /// The container's own name, without the leading slash.
    pub fn name(&self) -> Option<&str> {
        self.names().find(|name| !name.contains('/'))
    }

    /// Whether one of its names is this.
    pub fn is_named(&self, text: &str) -> bool {
        self.names().any(|name| name == text)
    }

    /// Whether it has no process, and may have one at any moment.
    pub fn is_to_start(&self) -> bool {
        self.state.as_deref().is_some_and(is_to_start)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.names.iter().flatten();
        names.map(|name| name.strip_prefix('/').unwrap_or(name))
    }
}

/// One container of `/containers/ID/json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Inspected {
    /// Full id. Must be there: what knows no id is not Docker.
    pub id: String,
    /// Name with a leading slash.
    #[serde(default)]
    pub name: Option<String>,
    /// What it does now.
    #[serde(default)]
    pub state: Option<ContainerState>,
    /// As its image and its creator asked for.
    #[serde(default)]
    pub config: Option<ContainerConfig>,
    /// As the host was asked for.
    #[serde(default)]
    pub host_config: Option<HostConfig>,
}

/// The `State` of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerState {
    /// `running`, `exited`, …
    #[serde(default)]
    pub status: Option<String>,
    /// Its main process in dockerd's own pid namespace; 0 when it does not run.
    #[serde(default)]
    pub pid: Option<i64>,
}

/// The `Config` of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// Image as the user named it.
    #[serde(default)]
    pub image: Option<String>,
    /// `SIGUSR1`, or `10` by Podman; missing for the default.
    #[serde(default)]
    pub stop_signal: Option<String>,
    /// Seconds; missing for the default, negative for ever.
    #[serde(default)]
    pub stop_timeout: Option<i64>,
    /// Labels of the image and of the creator.
    #[serde(default)]
    pub labels: Option<HashMap<String, String>>,
}

/// The `HostConfig` of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostConfig {
    /// `host`, `container:ID`, or empty for a pid namespace of its own.
    #[serde(default)]
    pub pid_mode: Option<String>,
}

impl Inspected {
    /// Name without the leading slash.
    pub fn name(&self) -> Option<&str> {
        let name = self.name.as_deref()?;
        Some(name.strip_prefix('/').unwrap_or(name)).filter(|name| !name.is_empty())
    }

    /// Image as the user named it.
    pub fn image(&self) -> Option<&str> {
        self.config
            .as_ref()?
            .image
            .as_deref()
            .filter(|image| !image.is_empty())
    }

    /// The grace period of `docker stop`, or of podman's; `None` for one without end.
    pub fn grace(&self, source: GraceSource) -> Option<Grace> {
        let seconds = self.config.as_ref().and_then(|config| config.stop_timeout);
        let period = match seconds {
            None => DEFAULT_GRACE,
            Some(seconds) => Duration::from_secs(u64::try_from(seconds).ok()?),
        };
        Some(Grace { period, source })
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        let labels = self.config.as_ref()?.labels.as_ref()?;
        labels.get(name).map(String::as_str)
    }

    /// What the kubelet said of a container of its own.
    pub fn kubelet_annotations(&self) -> HashMap<String, String> {
        let labels = self.config.iter().flat_map(|config| &config.labels);
        let annotations = labels.flatten().filter_map(|(name, value)| {
            let name = name.strip_prefix(ANNOTATION)?;
            Some((name.to_owned(), value.clone()))
        });
        annotations.collect()
    }

    /// The configured stop signal.
    pub fn stop_signal(&self) -> Option<Signal> {
        self.config.as_ref()?.stop_signal.as_ref()?.parse().ok()
    }

    /// Its main process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        let pid = u32::try_from(self.state.as_ref()?.pid?).ok()?;
        (pid != 0).then_some(pid)
    }

    /// `running`, `exited`, …
    pub fn status(&self) -> Option<&str> {
        self.state.as_ref()?.status.as_deref()
    }

    /// Whose pid namespace it was started in.
    pub fn pid_mode(&self) -> Option<&str> {
        self.host_config.as_ref()?.pid_mode.as_deref()
    }
}

/// Whether a container in this state has no process yet, or will have one again.
pub fn is_to_start(state: &str) -> bool {
    // The second and the third are podman's.
    matches!(
        state,
        "created" | "configured" | "initialized" | "restarting"
    )
}

/// Whether a container in this state has processes.
pub fn is_running(state: &str) -> bool {
    matches!(state, "running" | "paused" | "stopping")
}

/// Docker's words in an answer that is an error: `{"message": "No such container: web"}`.
pub(super) fn parse_message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    serde_json::from_slice(body).map_or_else(|_| String::new(), |Refusal { message }| message)
}
