//! Compiles `rinit-trace-ebpf` to the object that the program embeds.
//!
//! The kernel side needs `core` built from source for `bpfel-unknown-none` and `bpf-linker` in place of a linker. Two
//! toolchains can do that: a rustup nightly with `rust-src`, and Debian's own compiler (`rustc-web`, `cargo-web`,
//! `rust-web-src`), which takes unstable flags under `RUSTC_BOOTSTRAP=1`. [`find`] says which one is there, [`build`]
//! and [`clippy`] run it. Called by `rinit-trace/build.rs` and by `cargo xtask`; it installs nothing, that is
//! `cargo xtask setup`.
//!
//! No dependencies: every build of the program waits for this crate.

mod cargo;
mod toolchain;

pub use cargo::{BuildError, Lint, Reads, build, clippy};
pub use toolchain::{Missing, TOOLCHAIN_VAR, Toolchain, find, find_bpf_linker};
