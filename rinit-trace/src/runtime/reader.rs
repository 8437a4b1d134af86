//! The one owner of reads that may never come back: of `/proc`, and of files under a container's control.
//!
//! Whoever reads the arguments of a process waits for the lock of its memory, which the process holds for as
//! long as it likes: `mmap` of a file whose file system does not answer takes it for ever. So such reads
//! are done by plain threads that may be given up. They are few, a process has one at a time, and one whose
//! read hung is not asked again. Nobody waits for a thread: neither who asked, beyond a deadline, nor the end
//! of the program.

use std::{
    collections::{HashSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use tokio::{
    sync::oneshot,
    time::{Instant as Deadline, timeout_at},
};

#[cfg(test)]
mod tests;

/// Processes remembered as such whose read hung; the oldest goes first.
const MAX_HUNG: usize = 4096;
/// How long a thread waits for more to do.
const IDLE: Duration = Duration::from_secs(10);

/// One process: a pid alone is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessId {
    /// Host pid.
    pub pid: u32,
    /// Start in clock ticks since boot.
    pub start_ticks: u64,
}

/// How much a reader may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Threads that read at the same time.
    pub(super) threads: usize,
    /// Threads with those that hang.
    pub(super) most: usize,
    /// Reads that wait for a thread, of those that nobody waits for.
    pub(super) queue: usize,
    /// How long a read may take, while none hangs, before it counts as one that hangs.
    pub(super) time: Duration,
}

/// How reads went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadStats {
    /// Threads that hang now.
    pub hanging: u64,
    /// Reads that hung.
    pub hung: u64,
    /// Reads that were not begun, because the process's last one hung.
    pub avoided: u64,
    /// Reads that were not begun, because too many waited or every thread hangs.
    pub refused: u64,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It was not begun.
    Refused,
    /// It has not come back in time.
    TimedOut,
}

/// Hands out what was read, when the read counts as done.
type Deliver = Box<dyn FnOnce() + Send>;

struct Job {
    id: u64,
    of: Option<ProcessId>,
    /// Somebody waits for the answer.
    is_awaited: bool,
    read: Box<dyn FnOnce() -> Deliver + Send>,
}

struct Running {
    id: u64,
    of: Option<ProcessId>,
    since: Instant,
    hangs: bool,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    running: Vec<Running>,
    threads: usize,
    idle: usize,
    hung: HashSet<ProcessId>,
    /// The same by age.
    hung_order: VecDeque<ProcessId>,
    next_id: u64,
    stats: ReadStats,
}

/// Threads that read, and what waits for them.
pub(super) struct Reader {
    name: &'static str,
    bounds: Bounds,
    state: Mutex<State>,
    more: Condvar,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("name", &self.name)
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Starts no thread yet. The name is that of what is read, and of the threads: at most 15 bytes.
    pub(super) fn new(name: &'static str, bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            name,
            bounds,
            state: Mutex::default(),
            more: Condvar::new(),
        })
    }

    /// Has something read for which nobody waits: `deliver` gets it, or is dropped. What waits already for
    /// the same process is enough.
    pub(super) fn offer<T: Send + 'static>(
        self: &Arc<Self>,
        of: Option<ProcessId>,
        read: impl FnOnce() -> T + Send + 'static,
        deliver: impl FnOnce(T) + Send + 'static,
    ) {
        let read = move || -> Deliver {
            let found = read();
            Box::new(move || deliver(found))
        };
        let mut state = self.tended();
        let is_twin = |job: &Job| !job.is_awaited && of.is_some() && job.of == of;
        if state.waiting.iter().any(is_twin) {
            return;
        }
        let offered = state.waiting.iter().filter(|job| !job.is_awaited);
        if offered.count() >= self.bounds.queue {
            state.stats.refused += 1;
            return;
        }
        self.add(&mut state, of, false, Box::new(read));
    }

    /// Reads, and waits for it no longer than a read may take after those that hang before it. Blocking.
    pub(super) fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        of: Option<ProcessId>,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (tell, told) = mpsc::sync_channel(1);
        let id = self.begin(of, read, move |found| {
            // Nobody waits any more.
            let _ = tell.send(found);
        })?;
        let mut time = self.patience(&self.lock());
        // Twice: when others hang before it, its turn comes once that has shown.
        for _ in 0..2 {
            match told.recv_timeout(time) {
                Ok(found) => return Some(found),
                Err(mpsc::RecvTimeoutError::Timeout) => time = self.time_left(id)?,
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
            }
        }
        self.leave(id);
        None
    }

    /// Reads, and waits for it until the deadline.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        of: Option<ProcessId>,
        deadline: Deadline,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unread> {
        let (tell, told) = oneshot::channel();
        let begun = self.begin(of, read, move |found| {
            // Nobody waits any more.
            let _ = tell.send(found);
        });
        let id = begun.ok_or(Unread::Refused)?;
        match timeout_at(deadline, told).await {
            Ok(Ok(found)) => Ok(found),
            Err(_) if self.leave(id) => Err(Unread::Refused),
            Ok(Err(_)) | Err(_) => Err(Unread::TimedOut),
        }
    }

    /// How reads went so far.
    pub(super) fn stats(self: &Arc<Self>) -> ReadStats {
        let state = self.tended();
        ReadStats {
            hanging: u64::try_from(state.hanging()).unwrap_or(u64::MAX),
            ..state.stats
        }
    }

    fn begin<T: Send + 'static>(
        self: &Arc<Self>,
        of: Option<ProcessId>,
        read: impl FnOnce() -> T + Send + 'static,
        deliver: impl FnOnce(T) + Send + 'static,
    ) -> Option<u64> {
        let read = move || -> Deliver {
            let found = read();
            Box::new(move || deliver(found))
        };
        let mut state = self.tended();
        self.add(&mut state, of, true, Box::new(read))
    }

    /// The id of the read; `None` when it is not to be begun.
    fn add(
        self: &Arc<Self>,
        state: &mut State,
        of: Option<ProcessId>,
        is_awaited: bool,
        read: Box<dyn FnOnce() -> Deliver + Send>,
    ) -> Option<u64> {
        if of.is_some_and(|of| state.hung.contains(&of)) {
            state.stats.avoided += 1;
            return None;
        }
        if state.hanging() >= self.bounds.most {
            state.stats.refused += 1;
            return None;
        }
        let id = state.next_id;
        state.next_id += 1;
        let job = Job {
            id,
            of,
            is_awaited,
            read,
        };
        if is_awaited {
            // Those are few, one for each who waits, and go first.
            state.waiting.push_front(job);
        } else {
            state.waiting.push_back(job);
        }
        self.staff(state);
        Some(id)
    }

    /// How long a read may take yet; `None` when it hangs.
    fn time_left(self: &Arc<Self>, id: u64) -> Option<Duration> {
        let state = self.tended();
        let time = self.patience(&state);
        let mut running = state.running.iter();
        match running.find(|running| running.id == id) {
            Some(running) if running.hangs => None,
            Some(running) => Some(time.saturating_sub(running.since.elapsed())),
            None => Some(time),
        }
    }

    /// How long a read may take: the less the more hang already, or a container with many processes that hang
    /// would hold up a look for as many seconds.
    fn patience(&self, state: &State) -> Duration {
        let hanging = u32::try_from(state.hanging()).unwrap_or(u32::MAX);
        self.bounds.time / hanging.saturating_add(1).min(5)
    }

    /// Whoever asked waits no more: a read that has not begun is not begun, and then it is true.
    fn leave(self: &Arc<Self>, id: u64) -> bool {
        let mut state = self.tended();
        let before = state.waiting.len();
        state.waiting.retain(|job| job.id != id);
        let is_removed = state.waiting.len() < before;
        if is_removed {
            state.stats.refused += 1;
        }
        is_removed
    }

    /// The state, once those that take too long are known to hang and others do their work.
    fn tended(self: &Arc<Self>) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let time = self.patience(&state);
        let hung = state.find_hung(time);
        self.staff(&mut state);
        if hung.is_empty() {
            return state;
        }
        // Whoever reads the log may stall.
        drop(state);
        for of in hung {
            let (what, pid) = (self.name, of.pid);
            tracing::warn!(
                "reading {what} of process {pid} takes more than {time:?}; it is not asked again, and reports go without"
            );
        }
        self.lock()
    }

    /// Sees to it that what waits has a thread, as far as the bounds go.
    fn staff(self: &Arc<Self>, state: &mut State) {
        if state.waiting.is_empty() {
            return;
        }
        let at_work = state.threads - state.hanging();
        let is_short = state.waiting.len() > state.idle;
        if is_short && at_work < self.bounds.threads && state.threads < self.bounds.most {
            let reader = Arc::clone(self);
            let thread = thread::Builder::new().name(self.name.to_owned());
            if thread.spawn(move || reader.work()).is_ok() {
                state.threads += 1;
                state.idle += 1;
            }
        }
        self.more.notify_one();
    }

    /// What a thread does, until there is nothing to do or there are too many.
    fn work(self: &Arc<Self>) {
        let mut state = self.lock();
        loop {
            let Some(job) = state.take() else {
                let waited = self.more.wait_timeout(state, IDLE);
                let (woken, time) = waited.unwrap_or_else(PoisonError::into_inner);
                state = woken;
                if time.timed_out() && state.waiting.is_empty() {
                    break;
                }
                continue;
            };
            state.idle -= 1;
            drop(state);
            // It is ours to say that it is done, whatever it does.
            let deliver = catch_unwind(AssertUnwindSafe(job.read));
            state = self.lock();
            state.running.retain(|running| running.id != job.id);
            drop(state);
            if let Ok(deliver) = deliver {
                deliver();
            }
            state = self.lock();
            state.idle += 1;
            if state.threads - state.hanging() > self.bounds.threads {
                break;
            }
        }
        state.idle -= 1;
        state.threads -= 1;
        // What waits may have waited for this one's process.
        self.more.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn hanging(&self) -> usize {
        self.running.iter().filter(|running| running.hangs).count()
    }

    /// Those that have come to hang.
    fn find_hung(&mut self, time: Duration) -> Vec<ProcessId> {
        let now = Instant::now();
        let is_new = |running: &&mut Running| {
            !running.hangs && now.saturating_duration_since(running.since) >= time
        };
        let mut found = Vec::new();
        for running in self.running.iter_mut().filter(is_new) {
            running.hangs = true;
            self.stats.hung += 1;
            found.extend(running.of);
        }
        for of in &found {
            self.remember(*of);
        }
        found
    }

    /// The next whose process is not being read already.
    fn take(&mut self) -> Option<Job> {
        let is_free = |job: &Job| {
            let mut running = self.running.iter();
            job.of.is_none() || running.all(|running| running.of != job.of)
        };
        let at = self.waiting.iter().position(is_free)?;
        let job = self.waiting.remove(at)?;
        self.running.push(Running {
            id: job.id,
            of: job.of,
            since: Instant::now(),
            hangs: false,
        });
        Some(job)
    }

    /// Not asked again, nor what waits for it.
    fn remember(&mut self, of: ProcessId) {
        if self.hung.insert(of) {
            self.hung_order.push_back(of);
        }
        while self.hung_order.len() > MAX_HUNG {
            if let Some(oldest) = self.hung_order.pop_front() {
                self.hung.remove(&oldest);
            }
        }
        let before = self.waiting.len();
        self.waiting.retain(|job| job.of != Some(of));
        let dropped = before - self.waiting.len();
        self.stats.avoided += u64::try_from(dropped).unwrap_or(u64::MAX);
    }
}
