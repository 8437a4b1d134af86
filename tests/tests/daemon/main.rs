//! The daemon where all goes wrong around it, where there is much of everything, and when it is told to end.

#![expect(clippy::unwrap_used, reason = "tests fail by panics")]

mod access;
mod arguments;
mod disk;
mod docker;
mod end;
mod logs;
mod many;
mod service;
