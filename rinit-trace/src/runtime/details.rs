//! What one source says of a container, and how the words of several come together.

use std::{collections::HashMap, time::Duration};

use rinit_trace_core::model::{Grace, GraceSource, Pod, Runtime, Signal, WorkloadNames};

use super::{cgroup::CgroupIdentity, text::bounded};

/// Longest name or image kept; a reference of an image ends well before.
pub(super) const MAX_TEXT: usize = 512;
/// What Kubernetes calls the container of a sandbox, where the runtime gives it no name.
pub(super) const SANDBOX_NAME: &str = "POD";
/// `terminationGracePeriodSeconds`, which the kubelet gives to a container's runtime.
const POD_GRACE: &str = "io.kubernetes.pod.terminationGracePeriod";
/// The `preStop` hook as JSON, from the kubelet as well.
const PRE_STOP: &str = "io.kubernetes.container.preStopHandler";

/// A configured stop signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StopSignal {
    pub(super) signal: Signal,
    /// The one that the runtime will send. An image's own may give way to the pod's.
    pub(super) is_effective: bool,
}

impl StopSignal {
    /// What an image asks for.
    pub(super) fn of_image(text: &str) -> Option<Self> {
        let signal = text.parse().ok()?;
        Some(Self {
            signal,
            is_effective: false,
        })
    }
}

/// What one source knows of a container; text is bounded and raw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) runtime: Option<Runtime>,
    /// Host pid of its main process when it was asked for, where the source says that.
    pub(super) main_pid: Option<u32>,
    pub(super) name: Option<String>,
    pub(super) image: Option<String>,
    /// Its uid is empty where the source does not know it.
    pub(super) pod: Option<Pod>,
    pub(super) grace: Option<Grace>,
    pub(super) stop_signal: Option<StopSignal>,
    pub(super) has_pre_stop: bool,
    pub(super) is_sandbox: bool,
    /// Runs under a kernel of its own.
    pub(super) is_opaque: bool,
}

impl Details {
    /// Adds what is not known here. Takes nothing, and says `false`, when the other speaks of another
    /// pod or container: then one of them is wrong in everything else, too.
    pub(super) fn complete(&mut self, other: &Self) -> bool {
        if let (Some(own), Some(other)) = (&self.pod, &other.pod)
            && !is_same(own, other)
        {
            return false;
        }
        fill(&mut self.runtime, other.runtime.as_ref());
        // Another one after each restart.
        self.main_pid = other.main_pid.or(self.main_pid);
        fill(&mut self.name, other.name.as_ref());
        fill(&mut self.image, other.image.as_ref());
        fill(&mut self.grace, other.grace.as_ref());
        if other.stop_signal.is_some_and(|signal| signal.is_effective) {
            self.stop_signal = other.stop_signal;
        }
        fill(&mut self.stop_signal, other.stop_signal.as_ref());
        fill(&mut self.pod, other.pod.as_ref());
        if let (Some(own), Some(other)) = (&mut self.pod, &other.pod) {
            fill(&mut own.owner, other.owner.as_ref());
            if own.uid.is_empty() {
                own.uid.clone_from(&other.uid);
            }
        }
        self.has_pre_stop |= other.has_pre_stop;
        self.is_sandbox |= other.is_sandbox;
        self.is_opaque |= other.is_opaque;
        true
    }

    /// The names of the container with this cgroup.
    pub(super) fn into_names(self, identity: CgroupIdentity) -> WorkloadNames {
        let mut pod = self.pod;
        if let (Some(pod), Some(uid)) = (&mut pod, &identity.pod_uid)
            && pod.uid.is_empty()
        {
            pod.uid.clone_from(uid);
        }
        WorkloadNames {
            runtime: self.runtime.or(identity.runtime),
            container_id: identity.container_id,
            name: self.name,
            image: self.image,
            pod,
            cgroup: Some(identity.path).filter(|path| !path.is_empty()),
            grace: self.grace,
            stop_signal: self.stop_signal.map(|configured| configured.signal),
            has_pre_stop: self.has_pre_stop,
            is_sandbox: self.is_sandbox,
            is_opaque: self.is_opaque,
            ..WorkloadNames::default()
        }
    }

    /// Whether it may be about the container with this main process.
    pub(super) fn fits(&self, main_pid: u32) -> bool {
        self.main_pid.is_none_or(|pid| pid == main_pid)
    }

    /// What the kubelet told the runtime in annotations of the container.
    pub(super) fn read_kubelet(&mut self, annotations: &HashMap<String, String>) {
        let seconds = annotations
            .get(POD_GRACE)
            .and_then(|text| text.parse().ok());
        if let Some(seconds) = seconds {
            self.grace = Some(Grace {
                period: Duration::from_secs(seconds),
                source: GraceSource::Pod,
            });
        }
        let hook = annotations.get(PRE_STOP).map(|text| text.trim());
        self.has_pre_stop |= hook.is_some_and(|hook| !matches!(hook, "" | "null" | "{}"));
    }
}

/// A pod of whom the name and the namespace are known; text is cut to a bound.
pub(super) fn pod(
    namespace: Option<&str>,
    name: Option<&str>,
    uid: Option<&str>,
    container: Option<&str>,
) -> Option<Pod> {
    Some(Pod {
        namespace: text(namespace)?,
        name: text(name)?,
        uid: text(uid).unwrap_or_default(),
        container: text(container)?,
        owner: None,
    })
}

/// A text that says something, cut to a bound.
pub(super) fn text(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty())
        .map(|text| bounded(text, MAX_TEXT))
}

fn is_same(own: &Pod, other: &Pod) -> bool {
    let of = |pod: &Pod| {
        (
            pod.namespace.clone(),
            pod.name.clone(),
            pod.container.clone(),
        )
    };
    let is_other_uid = !own.uid.is_empty() && !other.uid.is_empty() && own.uid != other.uid;
    of(own) == of(other) && !is_other_uid
}

fn fill<T: Clone>(own: &mut Option<T>, other: Option<&T>) {
    if own.is_none() {
        *own = other.cloned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(uid: &str, owner: Option<&str>) -> Details {
        let mut pod = pod(Some("shop"), Some("web-0"), Some(uid), Some("app")).unwrap();
        pod.owner = owner.map(str::to_owned);
        Details {
            pod: Some(pod),
            ..Details::default()
        }
    }

    #[test]
    fn a_later_source_adds_and_does_not_overwrite() {
        let mut known = Details {
            name: Some("app".into()),
            ..web("", None)
        };
        let later = Details {
            name: Some("other".into()),
            image: Some("shop/web:1".into()),
            has_pre_stop: true,
            ..web("u1", Some("web"))
        };
        assert!(known.complete(&later));
        assert_eq!(known.name.as_deref(), Some("app"));
        assert_eq!(known.image.as_deref(), Some("shop/web:1"));
        assert!(known.has_pre_stop && !known.is_sandbox);
        assert_eq!(known.pod, web("u1", Some("web")).pod);
    }

    #[test]
    fn who_speaks_of_another_pod_is_not_believed() {
        let before = web("u1", None);
        let mut other_name = web("u1", None);
        other_name.pod.as_mut().unwrap().name = "db-0".into();
        for mut other in [web("u2", None), other_name] {
            other.is_sandbox = true;
            other.image = Some("x".into());
            let mut known = before.clone();
            assert!(!known.complete(&other));
            assert_eq!(known, before);
        }
    }

    #[test]
    fn the_signal_that_will_be_sent_wins_over_the_images() {
        let signal = |signal, is_effective| {
            let stop_signal = Some(StopSignal {
                signal,
                is_effective,
            });
            Details {
                stop_signal,
                ..Details::default()
            }
        };
        let mut known = signal(Signal::QUIT, false);
        assert!(known.complete(&signal(Signal::USR1, false)));
        assert_eq!(known, signal(Signal::QUIT, false));
        assert!(known.complete(&signal(Signal::USR1, true)));
        assert_eq!(known, signal(Signal::USR1, true));
    }

    #[test]
    fn the_kubelets_annotations_are_read_when_they_make_sense() {
        let read = |grace: &str, hook: &str| {
            let mut details = Details::default();
            details.read_kubelet(&HashMap::from([
                (POD_GRACE.to_owned(), grace.to_owned()),
                (PRE_STOP.to_owned(), hook.to_owned()),
            ]));
            (
                details.grace.map(|grace| grace.period.as_secs()),
                details.has_pre_stop,
            )
        };
        assert_eq!(
            read("30", r#"{"exec":{"command":["a"]}}"#),
            (Some(30), true)
        );
        assert_eq!(read("0", "null"), (Some(0), false));
        assert_eq!(read("-1", ""), (None, false));
        assert_eq!(read("soon", "{}"), (None, false));
    }
}
