//! The parts of CRI's messages (`runtime.v1`, Kubernetes `cri-api/pkg/apis/runtime/v1/api.proto`) that
//! are read. Field numbers are the protocol; what is not named here is skipped.
//!
//! Lists keep their items as bytes: a small answer cannot become millions of structures, and an item
//! that is broken is lost alone.

use std::collections::HashMap;

use prost::bytes::Bytes;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Nothing {}

/// The answer to `ListContainers`, whose items are [`Container`]s, and to `ListPodSandbox`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Items {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) items: Vec<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Container {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(string, tag = "2")]
    pub(super) pod_sandbox_id: String,
    #[prost(message, optional, tag = "3")]
    pub(super) metadata: Option<ContainerMetadata>,
    #[prost(message, optional, tag = "4")]
    pub(super) image: Option<Image>,
    /// The image's own id, where a name may have come to mean another one.
    #[prost(string, tag = "5")]
    pub(super) image_ref: String,
    #[prost(map = "string, string", tag = "8")]
    pub(super) labels: HashMap<String, String>,
    #[prost(map = "string, string", tag = "9")]
    pub(super) annotations: HashMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ContainerMetadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Image {
    #[prost(string, tag = "1")]
    pub(super) image: String,
    /// As the pod's author wrote it; only of newer kubelets, whose `image` is an id.
    #[prost(string, tag = "18")]
    pub(super) user_specified_image: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Sandbox {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) metadata: Option<SandboxMetadata>,
    /// Nanoseconds since 1970.
    #[prost(int64, tag = "4")]
    pub(super) created_at: i64,
    /// Those of the pod itself.
    #[prost(map = "string, string", tag = "5")]
    pub(super) labels: HashMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SandboxMetadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) uid: String,
    #[prost(string, tag = "3")]
    pub(super) namespace: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StatusQuestion {
    #[prost(string, tag = "1")]
    pub(super) container_id: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StatusAnswer {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<Status>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Status {
    #[prost(message, optional, tag = "8")]
    pub(super) image: Option<Image>,
    /// CRI's own number, see [`super::signals`]; 0 where the runtime does not say (before Kubernetes
    /// 1.33), and for its default.
    #[prost(int32, tag = "19")]
    pub(super) stop_signal: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ImageQuestion {
    #[prost(message, optional, tag = "1")]
    pub(super) image: Option<Image>,
    #[prost(bool, tag = "2")]
    pub(super) verbose: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ImageAnswer {
    /// `info` is the runtime's JSON, with the image's configuration.
    #[prost(map = "string, string", tag = "2")]
    pub(super) info: HashMap<String, String>,
}
