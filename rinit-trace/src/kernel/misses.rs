//! Events that no program saw: the kernel leaves a program out while the same one is under way on that
//! CPU, preempted, and counts that.
//!
//! Several programs are on each hook where tasks can be preempted; a later one handles what those before
//! were left out of, and counts it. What the first missed less that is what is lost.

use std::{
    fs, io,
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
    /// The slot of what later programs found, where there are any.
    recovered: Option<u32>,
    /// Difference at the last look.
    last: i64,
    lost: u64,
}

/// Watches what programs were left out of.
#[derive(Default)]
pub(super) struct Misses {
    watched: Vec<Watched>,
    /// When the next look is due.
    next: Option<Instant>,
}

/// Programs with the kind of what they see, and the slot of what those behind them found. A birth that was
/// missed is one of an exec session's, perhaps. Signals are sent and taken with interrupts off, but on
/// real-time kernels.
pub(super) const WATCHED: [(&str, u16, Option<u32>); 5] = [
    ("signal_generate", kind::SIGNAL, None),
    ("signal_deliver", kind::DELIVER, None),
    (
        "sched_process_exit",
        kind::EXIT,
        Some(counter::RECOVERED_EXITS),
    ),
    (
        "sched_process_exec",
        kind::EXEC,
        Some(counter::RECOVERED_EXECS),
    ),
    (
        "sched_process_fork",
        kind::EXEC,
        Some(counter::RECOVERED_FORKS),
    ),
];

impl Misses {
    /// Watches a program of [`WATCHED`] from now on. `slots` are the counters of the kernel side.
    pub(super) fn watch(&mut self, fd: RawFd, kind: u16, recovered: Option<u32>, slots: &[u64]) {
        let misses = match misses_of(fd) {
            Ok(misses) => misses,
            Err(error) => {
                // A program with capabilities of its file that another user runs.
                tracing::warn!(
                    "what the kernel leaves probes out of is not counted: cannot read /proc/self/fdinfo/{fd}: {error}; on kernels from 7.0 on records may be missing unseen"
                );
                return;
            }
        };
        let last = difference(misses, slots, recovered);
        self.watched.push(Watched {
            fd,
            kind,
            recovered,
            last,
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
        // Counters from before the misses: what was found in between counts as lost rather than not at all.
        let mut before = slots();
        let mut misses: Vec<Option<u64>> = Vec::new();
        for left in (0..TRIES).rev() {
            let all = self.watched.iter();
            misses = all.map(|one| misses_of(one.fd).ok()).collect();
            let after = slots();
            let is_same = |one: &Watched| {
                let slot = |slots: &[u64]| slots.get(one.recovered? as usize).copied();
                slot(&before) == slot(&after)
            };
            if left == 0 || self.watched.iter().all(is_same) {
                break;
            }
            before = after;
        }
        for (one, misses) in self.watched.iter_mut().zip(misses) {
            // Not to be read for want of a descriptor, say: the next look sees it.
            if let Some(misses) = misses {
                one.see(difference(misses, &before, one.recovered));
            }
        }
    }
}

impl Watched {
    /// Every rise is a loss: one that is found later was under way, and counts rather than hides another.
    fn see(&mut self, difference: i64) {
        self.lost += u64::try_from(difference - self.last).unwrap_or(0);
        self.last = difference;
    }
}

fn difference(misses: u64, slots: &[u64], recovered: Option<u32>) -> i64 {
    let recovered = recovered.and_then(|slot| slots.get(slot as usize).copied());
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    signed(misses) - signed(recovered.unwrap_or(0))
}

/// How often the kernel left a program out; 0 before 5.12, where it does not.
fn misses_of(fd: RawFd) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{fd}"))?;
    Ok(parse(&text).unwrap_or(0))
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
            recovered: None,
            last: 2,
            lost: 0,
        }
    }

    #[test]
    fn what_no_later_program_found_is_lost_for_good() {
        let mut one = watched();
        for (difference, lost) in [(2, 0), (3, 1), (3, 1), (2, 1), (3, 2), (5, 4)] {
            one.see(difference);
            assert_eq!(one.lost, lost);
        }
    }

    #[test]
    fn what_later_programs_found_is_taken_off() {
        assert_eq!(difference(7, &[0, 5], Some(1)), 2);
        assert_eq!(difference(7, &[0, 9], Some(1)), -2);
        // Of a slot that is not there, or without one.
        assert_eq!(difference(7, &[], Some(1)), 7);
        assert_eq!(difference(7, &[0, 5], None), 7);
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
