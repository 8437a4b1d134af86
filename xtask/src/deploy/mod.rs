//! What is shipped beside the program, in `deploy/`: its checks, the image and the package.

pub(crate) mod deb;
pub(crate) mod image;
pub(crate) mod manifests;

mod contract;
mod dashboard;
pub(crate) mod dist;
mod kubernetes;
mod metrics;
mod rules;
mod systemd;
mod tools;
