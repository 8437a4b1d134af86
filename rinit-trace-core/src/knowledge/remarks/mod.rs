//! What explains no kill, and is worth a word: one file each.

pub mod forwarded;
pub mod near_miss;
pub mod opaque_sandbox;
pub mod pre_stop_cut;
pub mod signalled_twice;
pub mod unreaped;
pub mod unverified_identity;
