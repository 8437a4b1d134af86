//! The sans-I/O part of rinit-trace: no clock, no file, no socket.
//!
//! Bytes of the kernel side's records become an [`model::Event`] in [`decode`]; [`correlate`] joins
//! events of a pid namespace into one [`model::StopReport`] per stop; [`diagnose`] finds the cause;
//! [`render`] prints; [`arguments`] says how much of command lines. What is known about each word of a report, and what to change, is in
//! [`knowledge`]. Time and lookups enter as inputs, so that everything here runs in a test with
//! simulated time.

pub mod arguments;
pub mod correlate;
pub mod decode;
pub mod diagnose;
pub mod knowledge;
pub mod model;
pub mod render;
