//! Stops from events to reports, with simulated time: correlator and diagnosis together.
//!
//! A scenario is text, one event per line, with what is expected at its end (`world/script.rs` has
//! the language); so a support case becomes a test by pasting.

#![expect(
    clippy::format_push_string,
    reason = "long scenarios are put together line by line"
)]

#[cfg(test)]
mod begin;
#[cfg(test)]
mod causes;
#[cfg(test)]
mod departures;
#[cfg(test)]
mod dropped;
mod engines;
#[cfg(test)]
mod execs;
#[cfg(test)]
mod finish;
#[cfg(test)]
mod floods;
#[cfg(test)]
mod grace;
mod hooks;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod incomplete;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod killers;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod knowledge;
#[cfg(test)]
mod left_behind;
#[cfg(test)]
mod members;
#[cfg(test)]
mod origins;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod remarks;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod taken;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod timeline;
#[cfg(test)]
mod told_late;
mod unheeded;
mod unseen;
#[cfg(test)]
mod world;
