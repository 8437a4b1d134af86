//! Which stops somebody asks for.

use rinit_trace_core::model::{StopReport, Verdict, Workload, is_container_id_prefix};

/// Shortest beginning of a container id that is taken for one: that which Docker prints.
const ID_PREFIX_MIN: usize = 12;

/// What must be so of a stop; all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Name of the container, its name in the pod, name of the pod, `POD/CONTAINER`,
    /// `NAMESPACE/POD/CONTAINER`, or a beginning of at least 12 digits of the container id.
    pub container: Option<String>,
    /// Kubernetes namespace.
    pub namespace: Option<String>,
    /// Verdict.
    pub verdict: Option<Verdict>,
}

/// What filters look at.
#[derive(Clone, Debug)]
pub(super) struct Key {
    container_id: Option<String>,
    name: Option<String>,
    /// Namespace, name, container.
    pod: Option<[String; 3]>,
    verdict: Verdict,
}

impl Filter {
    /// Every stop of this container, by name or id.
    pub fn container(text: &str) -> Self {
        Self {
            container: Some(text.to_owned()),
            ..Self::default()
        }
    }

    pub(super) fn matches(&self, key: &Key) -> bool {
        let container = self.container.as_deref();
        let namespace = self.namespace.as_deref();
        container.is_none_or(|text| key.is_of(text))
            && namespace.is_none_or(|text| key.pod.as_ref().is_some_and(|pod| pod[0] == text))
            && self.verdict.is_none_or(|verdict| verdict == key.verdict)
    }
}

impl Key {
    fn is_of(&self, text: &str) -> bool {
        let is_id = text.len() >= ID_PREFIX_MIN && is_container_id_prefix(text);
        let of_id = is_id
            && self
                .container_id
                .as_deref()
                .is_some_and(|id| id.starts_with(text));
        let of_pod = || {
            let [namespace, name, container] = self.pod.as_ref()?;
            Some(match text.split('/').collect::<Vec<_>>().as_slice() {
                [one] => name == one || container == one,
                [pod, inside] => name == pod && container == inside,
                [space, pod, inside] => namespace == space && name == pod && container == inside,
                _ => false,
            })
        };
        of_id || self.name.as_deref() == Some(text) || of_pod() == Some(true)
    }

    /// Bytes that it takes, about.
    pub(super) fn size(&self) -> usize {
        let texts = [&self.container_id, &self.name].into_iter().flatten();
        let pod = self.pod.iter().flatten();
        size_of::<Self>() + texts.chain(pod).map(String::len).sum::<usize>()
    }
}

impl From<&StopReport> for Key {
    fn from(report: &StopReport) -> Self {
        let Workload {
            container_id,
            name,
            pod,
            ..
        } = &report.workload;
        Self {
            container_id: container_id.clone(),
            name: name.clone(),
            pod: pod
                .as_ref()
                .map(|pod| [&pod.namespace, &pod.name, &pod.container].map(Clone::clone)),
            verdict: report.verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::testing::{WEB, forced, pod};

    #[test]
    fn a_container_is_known_by_its_names_and_by_its_id() {
        let mut report = forced(Some(WEB), Some("web-1"));
        report.workload.pod = Some(pod("shop", "web-7d9f", "web"));
        let key = Key::from(&report);
        let of_pod = ["web-7d9f/web", "shop/web-7d9f/web"];
        let others = ["web-1", "web-7d9f", "web", WEB, &WEB[..12], &WEB[..40]];
        for text in of_pod.into_iter().chain(others) {
            assert!(Filter::container(text).matches(&key), "{text}");
        }
        let of_no_pod = [
            "shop/web",
            "web-7d9f/",
            "/web",
            "shop/web-7d9f/web/",
            "t/web-7d9f/web",
        ];
        let others = ["", "we", "shop", &WEB[..11], &WEB[1..], "3d206acf928b"];
        for text in of_no_pod.into_iter().chain(others) {
            assert!(!Filter::container(text).matches(&key), "{text}");
        }
    }

    #[test]
    fn all_that_is_asked_for_must_be_so() {
        let mut report = forced(Some(WEB), Some("web-1"));
        report.workload.pod = Some(pod("shop", "web-7d9f", "web"));
        let asked = Filter {
            container: Some("web".into()),
            namespace: Some("shop".into()),
            verdict: Some(Verdict::Forced),
        };
        assert!(asked.matches(&Key::from(&report)));
        assert!(Filter::default().matches(&Key::from(&report)));
        report.verdict = Verdict::Graceful;
        assert!(!asked.matches(&Key::from(&report)));
        report.workload.pod = None;
        let of_namespace = Filter {
            namespace: Some("shop".into()),
            ..Filter::default()
        };
        assert!(!of_namespace.matches(&Key::from(&report)));
    }
}
