//! Events that no program saw: the kernel leaves a program out while the same one is under way on that
//! CPU, preempted, and counts that.
//!
//! Several programs are on each hook where tasks can be preempted; a later one handles what those before
//! were left out of, and counts it. What the first missed less that is what is lost.

use std::{
    fs,
    os::fd::RawFd,
    time::{Duration, Instant},
};

use rinit_trace_common::{counter, kind};

/// Time between two looks when there is nothing to tell: each opens a file for each program.
const PERIOD: Duration = Duration::from_millis(60);

/// How often a look is tried again when a later program found something in between.
const TRIES: usize = 4;

/// A first program whose misses are counted.
struct Watched {
    fd: RawFd,
    kind: u16,
    /// The slot of what later programs found.
    recovered: u32,
    /// Difference before everything was attached.
    before: u64,
    lost: u64,
}

/// Watches what programs were left out of.
#[derive(Default)]
pub(super) struct Misses {
    watched: Vec<Watched>,
    /// When the next look is due.
    next: Option<Instant>,
}

/// Programs that others follow, the kind of what they see, and the slot of what those found. A birth
/// that was missed is one of an exec session's, perhaps.
pub(super) const FOLLOWED: [(&str, u16, u32); 3] = [
    ("sched_process_exit", kind::EXIT, counter::RECOVERED_EXITS),
    ("sched_process_exec", kind::EXEC, counter::RECOVERED_EXECS),
    ("sched_process_fork", kind::EXEC, counter::RECOVERED_FORKS),
];

impl Misses {
    /// Watches a program of [`FOLLOWED`] from now on. `slots` are the counters of the kernel side.
    pub(super) fn watch(&mut self, fd: RawFd, kind: u16, recovered: u32, slots: &[u64]) {
        let before = difference(misses_of(fd), slots, recovered);
        self.watched.push(Watched {
            fd,
            kind,
            recovered,
            before,
            lost: 0,
        });
    }

    /// Adds what is lost to the losses by kind. `is_due`: something is about to be told, which must not
    /// look complete; else it looks now and then. `slots` reads the counters of the kernel side.
    pub(super) fn add(
        &mut self,
        by_kind: &mut [u64; kind::COUNT],
        is_due: bool,
        slots: impl Fn() -> Vec<u64>,
    ) {
        let now = Instant::now();
        if is_due || self.next.is_none_or(|next| now >= next) {
            self.next = Some(now + PERIOD);
            self.look(slots);
        }
        for one in &self.watched {
            if let Some(lost) = by_kind.get_mut(usize::from(one.kind)) {
                *lost += one.lost;
            }
        }
    }

    fn look(&mut self, slots: impl Fn() -> Vec<u64>) {
        let mut before = slots();
        let mut misses = Vec::new();
        for _ in 0..TRIES {
            misses = self.watched.iter().map(|one| misses_of(one.fd)).collect();
            let after = slots();
            let is_same = |one: &Watched| {
                let slot = one.recovered as usize;
                before.get(slot) == after.get(slot)
            };
            if self.watched.iter().all(is_same) {
                break;
            }
            before = after;
        }
        // Counters from before the misses: what was found in between counts as lost rather than not at all.
        for (one, misses) in self.watched.iter_mut().zip(misses) {
            one.see(difference(misses, &before, one.recovered));
        }
    }
}

impl Watched {
    fn see(&mut self, difference: u64) {
        self.lost = self.lost.max(difference.saturating_sub(self.before));
    }
}

fn difference(misses: u64, slots: &[u64], recovered: u32) -> u64 {
    let recovered = slots.get(recovered as usize).copied().unwrap_or(0);
    misses.saturating_sub(recovered)
}

/// How often the kernel left a program out; 0 before 5.12, where it does not.
fn misses_of(fd: RawFd) -> u64 {
    fs::read_to_string(format!("/proc/self/fdinfo/{fd}"))
        .ok()
        .and_then(|text| parse(&text))
        .unwrap_or(0)
}

fn parse(fdinfo: &str) -> Option<u64> {
    fdinfo
        .lines()
        .find_map(|line| line.strip_prefix("recursion_misses:"))?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched() -> Watched {
        Watched {
            fd: -1,
            kind: kind::EXIT,
            recovered: 0,
            before: 2,
            lost: 0,
        }
    }

    #[test]
    fn what_no_later_program_found_is_lost_for_good() {
        let mut one = watched();
        for (difference, lost) in [(2, 0), (3, 1), (3, 1), (2, 1), (5, 3)] {
            one.see(difference);
            assert_eq!(one.lost, lost);
        }
    }

    #[test]
    fn what_later_programs_found_is_taken_off() {
        assert_eq!(difference(7, &[0, 5], 1), 2);
        // Read before the misses, or of a slot that is not there.
        assert_eq!(difference(7, &[0, 9], 1), 0);
        assert_eq!(difference(7, &[], 1), 7);
    }

    #[test]
    fn the_kernels_account_is_read() {
        let text = "prog_type:\t26\nprog_jited:\t1\nrecursion_misses:\t40\n";
        assert_eq!(parse(text), Some(40));
        assert_eq!(parse("prog_type:\t26\n"), None);
        assert_eq!(parse("recursion_misses:\tmany\n"), None);
    }

    #[test]
    fn a_loss_is_one_of_its_kind() {
        let mut misses = Misses {
            watched: vec![watched()],
            next: None,
        };
        misses.watched[0].lost = 7;
        let mut by_kind = [0; kind::COUNT];
        misses.add(&mut by_kind, false, Vec::new);
        assert!(misses.next.is_some());
        assert_eq!(by_kind[usize::from(kind::EXIT)], 7);
    }
}
