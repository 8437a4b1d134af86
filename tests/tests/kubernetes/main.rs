//! Pods, run and deleted as a kubelet does, and what is said of their containers.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panics")]

mod acts;
mod around;
mod as_pod;
mod counted;
mod killed;
mod node;
mod plans;
mod reports;
mod run;
mod scopes;
mod sessions;
