//! Runs guests at the same time, as many as there are processors for them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use anyhow::{Result, bail};

/// How many processors this machine has for us.
pub(super) fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

struct State<T> {
    /// With its place among the results, and how many processors it needs.
    waiting: VecDeque<(usize, usize, T)>,
    free: usize,
    is_broken: bool,
}

/// Works on all, those that need most processors first, and returns the results in the order of the work. After the first
/// error nothing more begins, and what runs is waited for.
pub(super) fn run<T: Send, R: Send>(
    work: Vec<T>,
    processors: usize,
    needs: impl Fn(&T) -> usize,
    one: impl Fn(T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let processors = processors.max(1);
    let mut waiting: Vec<(usize, usize, T)> = work
        .into_iter()
        .enumerate()
        .map(|(place, work)| (place, needs(&work).clamp(1, processors), work))
        .collect();
    let workers = waiting.len().min(processors);
    waiting.sort_by_key(|(place, needs, _)| (usize::MAX - needs, *place));
    let state = Mutex::new(State {
        waiting: waiting.into(),
        free: processors,
        is_broken: false,
    });
    let changed = Condvar::new();
    let results = thread::scope(|scope| {
        let worker = || work_through(&state, &changed, &one);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        let mut results = Vec::new();
        let mut wrong = None;
        for worker in workers {
            match worker.join() {
                Ok(Ok(done)) => results.extend(done),
                Ok(Err(error)) => wrong = wrong.or(Some(error)),
                Err(_) => bail!("a thread that waits for a guest failed"),
            }
        }
        wrong.map_or(Ok(results), Err)
    });
    let mut results = results?;
    results.sort_by_key(|(place, _)| *place);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

fn work_through<T, R>(
    state: &Mutex<State<T>>,
    changed: &Condvar,
    one: impl Fn(T) -> Result<R>,
) -> Result<Vec<(usize, R)>> {
    let mut done = Vec::new();
    loop {
        let guard = state.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever is first waits until there is room: else one that needs much would never begin.
        let must_wait = |state: &mut State<T>| {
            let next = state.waiting.front();
            !state.is_broken && next.is_some_and(|(_, needs, _)| *needs > state.free)
        };
        let mut guard = changed
            .wait_while(guard, must_wait)
            .unwrap_or_else(PoisonError::into_inner);
        if guard.is_broken {
            return Ok(done);
        }
        let Some((place, needs, work)) = guard.waiting.pop_front() else {
            return Ok(done);
        };
        guard.free -= needs;
        drop(guard);
        let result = one(work);
        let mut guard = state.lock().unwrap_or_else(PoisonError::into_inner);
        guard.free += needs;
        guard.is_broken |= result.is_err();
        drop(guard);
        changed.notify_all();
        done.push((place, result?));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn no_more_processors_are_used_than_there_are() {
        let (busy, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = vec![1, 1, 4, 1, 2, 1, 1];
        let results = run(
            work.clone(),
            2,
            |needs| *needs,
            |needs: usize| {
                let used = needs.min(2);
                let now = busy.fetch_add(used, Ordering::SeqCst) + used;
                most.fetch_max(now, Ordering::SeqCst);
                thread::yield_now();
                busy.fetch_sub(used, Ordering::SeqCst);
                Ok(needs)
            },
        );
        assert_eq!(results.unwrap(), work, "in their order");
        assert!(most.into_inner() <= 2);
    }

    #[test]
    fn after_an_error_nothing_begins() {
        let begun = AtomicUsize::new(0);
        let error = run(
            vec![1, 2, 3, 4, 5],
            1,
            |_| 1,
            |number| {
                begun.fetch_add(1, Ordering::SeqCst);
                if number == 2 {
                    bail!("interrupted");
                }
                Ok(())
            },
        );
        assert_eq!(error.unwrap_err().to_string(), "interrupted");
        assert_eq!(begun.into_inner(), 2);
    }

    #[test]
    fn no_work_has_no_results() {
        assert!(run(Vec::<u8>::new(), 2, |_| 1, Ok).unwrap().is_empty());
    }
}
