//! A runtime's containers and sandboxes at one moment.

use std::collections::HashMap;

use prost::{Message, bytes::Bytes};
use rinit_trace_core::model::Pod;
use tokio::time::Instant;

use super::{
    messages::{Container, Image, Sandbox},
    owner::owner,
};
use crate::runtime::details::{Details, SANDBOX_NAME, pod, text};

/// Most containers and sandboxes kept, ended ones included; the kubelet keeps some hundreds.
const MAX_ITEMS: usize = 16_384;
/// Longest id kept; runtimes' have 64 digits.
const MAX_ID: usize = 128;

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::runtime) struct Known {
    pub(in crate::runtime) details: Details,
    /// What to ask for its image by; empty for a sandbox.
    pub(super) image_ref: String,
}

#[derive(Debug)]
pub(super) struct Inventory {
    /// When it was asked for.
    pub(super) begun: Instant,
    known: HashMap<String, Known>,
}

impl Inventory {
    /// Of the items of two lists. What cannot be read is left out.
    pub(super) fn new(begun: Instant, containers: &[Bytes], sandboxes: &[Bytes]) -> Self {
        let sandboxes: HashMap<String, Sandbox> = decoded(sandboxes)
            .map(|sandbox: Sandbox| (sandbox.id.clone(), sandbox))
            .collect();
        let mut known: HashMap<String, Known> = HashMap::new();
        for container in decoded::<Container>(containers) {
            let sandbox = sandboxes.get(&container.pod_sandbox_id);
            known.insert(container.id.clone(), Known::container(&container, sandbox));
        }
        for (id, sandbox) in sandboxes {
            known.insert(id, Known::sandbox(&sandbox));
        }
        known.retain(|id, _| (1..=MAX_ID).contains(&id.len()));
        Self { begun, known }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Known> {
        self.known.get(id)
    }
}

impl Known {
    fn container(container: &Container, sandbox: Option<&Sandbox>) -> Self {
        let label = |name: &str| container.labels.get(name).map(String::as_str);
        let metadata = sandbox.and_then(|sandbox| sandbox.metadata.as_ref());
        let own_name = container.metadata.as_ref();
        let own_name = own_name.map(|metadata| metadata.name.as_str());
        let name = own_name.filter(|name| !name.is_empty());
        let name = name.or(label("io.kubernetes.container.name"));
        let found = match metadata {
            Some(pod) => pod_of(pod, name),
            // A list of sandboxes that does not have it: the kubelet's labels say the same.
            None => pod(
                label("io.kubernetes.pod.namespace"),
                label("io.kubernetes.pod.name"),
                label("io.kubernetes.pod.uid"),
                name,
            ),
        };
        let mut details = Details {
            name: text(name),
            image: container.image.as_ref().and_then(image_name),
            pod: found.map(|found| Pod {
                owner: sandbox.and_then(|sandbox| owner_of(&found, sandbox)),
                ..found
            }),
            ..Details::default()
        };
        details.read_kubelet(&container.annotations);
        let image = container.image.as_ref().map(|image| image.image.as_str());
        let image_ref = Some(container.image_ref.as_str()).filter(|image| !image.is_empty());
        Self {
            details,
            image_ref: text(image_ref.or(image)).unwrap_or_default(),
        }
    }

    fn sandbox(sandbox: &Sandbox) -> Self {
        let metadata = sandbox.metadata.as_ref();
        let found = metadata.and_then(|pod| pod_of(pod, Some(SANDBOX_NAME)));
        Self {
            details: Details {
                name: Some(SANDBOX_NAME.to_owned()),
                pod: found.map(|found| Pod {
                    owner: owner_of(&found, sandbox),
                    ..found
                }),
                is_sandbox: true,
                ..Details::default()
            },
            image_ref: String::new(),
        }
    }
}

fn pod_of(metadata: &super::messages::SandboxMetadata, container: Option<&str>) -> Option<Pod> {
    let (namespace, name) = (&metadata.namespace, &metadata.name);
    pod(Some(namespace), Some(name), Some(&metadata.uid), container)
}

fn owner_of(pod: &Pod, sandbox: &Sandbox) -> Option<String> {
    text(owner(&pod.name, &sandbox.labels, sandbox.created_at).as_deref())
}

/// As the pod's author named it, where that is known.
fn image_name(image: &Image) -> Option<String> {
    text(Some(&image.user_specified_image)).or_else(|| text(Some(&image.image)))
}

/// Whether a reference of an image is but its id, which tells people nothing.
pub(super) fn is_digest(image: &str) -> bool {
    let digits = image.strip_prefix("sha256:").unwrap_or(image);
    digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn decoded<T: Message + Default>(items: &[Bytes]) -> impl Iterator<Item = T> {
    let items = items.iter().take(MAX_ITEMS);
    items.filter_map(|item| T::decode(item.clone()).ok())
}
