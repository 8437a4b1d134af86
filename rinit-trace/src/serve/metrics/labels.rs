//! Whose a series is: names of a container, fit for the values of labels.

use clap::ValueEnum;
use rinit_trace_core::model::{Pod, Workload, WorkloadNames};

/// Longest value, in bytes: Kubernetes allows 253 for the name of a pod.
const VALUE_MAX: usize = 253;

/// Value of the labels of a container whose name no source knows: empty ones would look like those of
/// a container without a pod, and its id would be a new series each time. No container can be called
/// so, see [`super::table::OVERFLOW`].
pub(super) const UNNAMED: &str = "_unnamed";

/// Labels that a user may choose. Never a pid or a container id: each new one would be a new series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum MetricLabel {
    /// Kubernetes namespace
    Namespace,
    /// What made the pod: the name of its Deployment or Job, for example
    Workload,
    /// Name of the pod
    Pod,
    /// Name of the container: that in the pod, or the runtime's own
    Container,
    /// Image, without a digest
    Image,
}

impl MetricLabel {
    /// All of them, in the order in which they stand in a series.
    pub const ALL: [Self; 5] = [
        Self::Namespace,
        Self::Workload,
        Self::Pod,
        Self::Container,
        Self::Image,
    ];

    /// Those that are used unless told otherwise.
    pub const DEFAULT: [Self; 3] = [Self::Namespace, Self::Pod, Self::Container];

    /// Its name in a series.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Workload => "workload",
            Self::Pod => "pod",
            Self::Container => "container",
            Self::Image => "image",
        }
    }
}

/// What is known of a container, already fit for labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    pod: Option<PodIdentity>,
    name: Option<String>,
    image: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PodIdentity {
    namespace: String,
    name: String,
    container: String,
    owner: Option<String>,
}

impl Identity {
    /// Takes over what a later look says, and keeps what that does not know: a lookup may fail.
    pub(super) fn learn(&mut self, later: Self) {
        if let Some(mut pod) = later.pod {
            let known = self.pod.take().filter(|known| known.name == pod.name);
            pod.owner = pod.owner.or(known.and_then(|known| known.owner));
            self.pod = Some(pod);
        }
        self.name = later.name.or(self.name.take());
        self.image = later.image.or(self.image.take());
    }

    /// Whether nothing says what it is called.
    pub(super) fn is_unnamed(&self) -> bool {
        self.pod.is_none() && self.name.is_none()
    }

    /// The value of a label; empty where it is not known, or there is none.
    pub(super) fn value(&self, label: MetricLabel) -> String {
        if self.is_unnamed() {
            let image = self.image.clone().filter(|_| label == MetricLabel::Image);
            return image.unwrap_or_else(|| UNNAMED.to_owned());
        }
        let pod = self.pod.as_ref();
        let value = match label {
            MetricLabel::Namespace => pod.map(|pod| &pod.namespace),
            MetricLabel::Workload => pod.and_then(|pod| pod.owner.as_ref()),
            MetricLabel::Pod => pod.map(|pod| &pod.name),
            MetricLabel::Container => pod.map(|pod| &pod.container).or(self.name.as_ref()),
            MetricLabel::Image => self.image.as_ref(),
        };
        value.cloned().unwrap_or_default()
    }

    fn new(pod: Option<&Pod>, name: Option<&String>, image: Option<&String>) -> Self {
        Self {
            pod: pod.map(|pod| PodIdentity {
                namespace: clean(&pod.namespace),
                name: clean(&pod.name),
                container: clean(&pod.container),
                owner: pod.owner.as_deref().map(clean),
            }),
            name: name.map(|name| clean(name)),
            image: image.map(|image| clean(without_digest(image))),
        }
    }
}

impl From<&WorkloadNames> for Identity {
    fn from(names: &WorkloadNames) -> Self {
        Self::new(
            names.pod.as_ref(),
            names.name.as_ref(),
            names.image.as_ref(),
        )
    }
}

impl From<&Workload> for Identity {
    fn from(workload: &Workload) -> Self {
        Self::new(
            workload.pod.as_ref(),
            workload.name.as_ref(),
            workload.image.as_ref(),
        )
    }
}

/// A digest changes with every build: `shop/web@sha256:…` is `shop/web`, and `sha256:…` has no name.
fn without_digest(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    if name.starts_with("sha256:") {
        ""
    } else {
        name
    }
}

/// Bounded, and without characters that have no shape of their own: names come from containers.
fn clean(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(VALUE_MAX)];
    let visible = |c: char| matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1;
    text.chars()
        .map(|c| if visible(c) { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, owner: Option<&str>) -> WorkloadNames {
        WorkloadNames {
            name: Some("k8s_web_web-7d9f_shop".into()),
            image: Some("shop/web:1.4@sha256:0123".into()),
            pod: Some(Pod {
                namespace: "shop".into(),
                name: name.into(),
                uid: "u".into(),
                container: "web".into(),
                owner: owner.map(str::to_owned),
            }),
            ..WorkloadNames::default()
        }
    }

    fn values(identity: &Identity) -> [String; 5] {
        MetricLabel::ALL.map(|label| identity.value(label))
    }

    #[test]
    fn a_pod_gives_all_labels() {
        let identity = Identity::from(&pod("web-7d9f", Some("web")));
        assert_eq!(
            values(&identity),
            ["shop", "web", "web-7d9f", "web", "shop/web:1.4"]
        );
    }

    #[test]
    fn a_container_without_a_pod_has_its_name() {
        let names = WorkloadNames {
            name: Some("db".into()),
            image: Some("sha256:0123".into()),
            ..WorkloadNames::default()
        };
        assert_eq!(values(&Identity::from(&names)), ["", "", "", "db", ""]);
    }

    #[test]
    fn a_container_without_a_name_says_so_and_has_no_id() {
        assert_eq!(values(&Identity::default()), [UNNAMED; 5]);
        let names = WorkloadNames {
            container_id: Some("0123456789ab".into()),
            image: Some("shop/web:1.4".into()),
            ..WorkloadNames::default()
        };
        let expected = [UNNAMED, UNNAMED, UNNAMED, UNNAMED, "shop/web:1.4"];
        assert_eq!(values(&Identity::from(&names)), expected);
    }

    #[test]
    fn what_a_later_look_does_not_know_is_kept() {
        let mut identity = Identity::from(&pod("web-7d9f", Some("web")));
        identity.learn(Identity::default());
        identity.learn(Identity::from(&pod("web-7d9f", None)));
        assert_eq!(identity.value(MetricLabel::Workload), "web");
        identity.learn(Identity::from(&pod("api-1", None)));
        assert_eq!(identity.value(MetricLabel::Workload), "");
        assert_eq!(identity.value(MetricLabel::Pod), "api-1");
    }

    #[test]
    fn hostile_names_are_bounded_and_visible() {
        assert_eq!(clean("a\nb\u{1b}[31m\u{202e}\"\\é"), "a_b_[31m_\"\\é");
        assert_eq!(clean(&"x".repeat(10_000)).len(), VALUE_MAX);
        assert!(clean(&"é".repeat(10_000)).len() <= VALUE_MAX);
    }
}
