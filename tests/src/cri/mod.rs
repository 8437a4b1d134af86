//! Pods without a kubelet: a containerd of the test's own, its images, and who asks it as a kubelet does.

mod clean;
mod client;
mod config;
mod containerd;
mod images;
mod messages;
mod pod;
pub(crate) mod runtime;
mod scope;
mod spec;

pub use containerd::Containerd;
pub use images::Image;
pub use pod::{Pod, Status};
pub use scope::Scope;
pub use spec::{ContainerSpec, PodSpec};
