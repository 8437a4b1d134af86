//! Fewer rights than root's: what is given up after loading, what is enough to trace, and what is refused.

#![expect(clippy::unwrap_used, reason = "tests fail by panics")]

mod enough;
mod given_up;
mod refused;
