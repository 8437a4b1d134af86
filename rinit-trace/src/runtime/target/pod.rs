//! A container by the names of its pod: `POD/CONTAINER` or `NAMESPACE/POD/CONTAINER`.

use std::collections::BTreeMap;

use rinit_trace_core::model::Pod;

use super::{ContainerName, Matches, Target, TargetError, by_cgroup};
use crate::runtime::lookups::Lookups;

/// What the user calls a container of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PodReference<'a> {
    pub(super) namespace: Option<&'a str>,
    pub(super) pod: &'a str,
    pub(super) container: &'a str,
}

impl PodReference<'_> {
    fn is_of(&self, pod: &Pod) -> bool {
        self.namespace.is_none_or(|name| name == pod.namespace)
            && self.pod == pod.name
            && self.container == pod.container
    }
}

/// Asks for the names of every container that runs here: nothing else leads from a name to an id.
pub(super) async fn resolve(
    reference: PodReference<'_>,
    text: &str,
    lookups: &Lookups,
) -> Result<Target, TargetError> {
    let mut matches = Vec::new();
    for (id, pid) in running(lookups) {
        let pod = lookups.names(pid, &id).await.pod;
        if let Some(pod) = pod.filter(|pod| reference.is_of(pod)) {
            let name = format!("{}/{}/{}", pod.namespace, pod.name, pod.container);
            let name = Some(name);
            matches.push(ContainerName { name, id });
        }
    }
    match matches.as_slice() {
        [] => Err(TargetError::NoPod {
            text: text.to_owned(),
        }),
        [only] => {
            let target = by_cgroup(lookups.proc(), &only.id, None)?;
            Ok(Target {
                label: only.to_string(),
                ..target
            })
        }
        several => Err(TargetError::Ambiguous {
            text: text.to_owned(),
            matches: Matches::of(several.iter().cloned()),
        }),
    }
}

/// Every container with a living process, by the first of its processes: its main one, as a rule.
fn running(lookups: &Lookups) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for process in lookups.proc().in_containers("") {
        let first = found.entry(process.container_id).or_insert(process.pid);
        *first = process.pid.min(*first);
    }
    found
}
