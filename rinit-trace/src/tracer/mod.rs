//! The driver: kernel records in, stop reports out.
//!
//! One loop over what can happen: the kernel side woke us or the drain is due, a lookup answered,
//! a deadline of the correlator came. After every input all outputs of the correlator are done.

mod cmdlines;
mod gates;
mod hooks;
mod inputs;
mod learn;
mod losses;
mod news;
mod scans;
mod stats;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use rinit_trace_common::kind;
use rinit_trace_core::{
    correlate::{Config, Output, Whose},
    decode,
    model::{
        Arguments, BootTime, Event, ProcessKey, ProcessNames, StopReport, TICK_NS, WorkloadId,
        WorkloadNames,
    },
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    clock,
    kernel::{Kernel, Losses},
    runtime::{self, Lookups, NamespaceInit, ProcessId},
};
use cmdlines::Cmdlines;
use gates::Sweep;
use hooks::{is_attached, teardown};
use inputs::Inputs;
use losses::Seen;
pub use news::{KnownWorkload, News};
use scans::Scans;
pub use stats::TracerStats;

/// How often the ring is drained when nothing forces a wake-up: it has room for thousands of
/// records, and an idle program should sleep.
const DRAIN: Duration = Duration::from_millis(20);

/// Most batches taken out in one go.
const MAX_BATCHES: usize = 16;

/// Namespaces remembered for [`Tracer::introduce`].
const MAX_ASKED: usize = 65_536;

/// Answers that wait to be taken; a lookup that finds the queue full waits.
const ANSWERS: usize = 1024;

/// The answer to a lookup.
enum Answer {
    Names(WorkloadId, ProcessKey, Box<WorkloadNames>),
    Members(Vec<(WorkloadId, Vec<ProcessNames>)>),
    /// Of a workload that was there before the trace.
    Early(Box<KnownWorkload>),
    /// To remember, for no stop yet.
    Seen(Vec<ProcessNames>),
    /// Of one process, read after it executed a program.
    Executed(Box<ProcessNames>),
}

/// Traces until dropped. [`next`](Self::next) runs everything.
pub struct Tracer {
    kernel: Kernel,
    correlator: Inputs,
    lookups: Arc<Lookups>,
    answers: mpsc::Receiver<Answer>,
    answer: mpsc::Sender<Answer>,
    /// Arguments of processes, read when they appeared.
    cmdlines: Cmdlines,
    /// How much of them is told.
    arguments: Arguments,
    /// Names that the caller knows better than any lookup, by the init's host pid.
    introduced: HashMap<u32, WorkloadNames>,
    /// Inits that were there before the trace, by host pid: when one is looked up at last it may be
    /// gone, and then only the leaf of its cgroup is left.
    learned: HashMap<u32, NamespaceInit>,
    /// Namespaces whose names were asked for, by the init's host pid.
    asked: HashMap<u32, WorkloadId>,
    /// Members that are asked for.
    scans: Scans,
    news: VecDeque<News>,
    /// Lost records that the log has not told of, and when it last did.
    unsaid: u64,
    said_at: Option<Instant>,
    /// Losses of root's containers, and of others.
    seen: [Seen; 2],
    sweep: Sweep,
    losses: Losses,
    received: [u64; kind::COUNT],
    undecodable: [u64; kind::COUNT],
}

impl Tracer {
    /// Takes over a started kernel side. `arguments`: how much of them reports show.
    pub fn new(
        mut kernel: Kernel,
        lookups: Arc<Lookups>,
        node: Option<String>,
        arguments: Arguments,
    ) -> Self {
        let (answer, answers) = mpsc::channel(ANSWERS);
        let config = Config {
            node,
            teardown: teardown(&kernel),
            sees_deliveries: is_attached(&kernel, "signal:signal_deliver"),
            sees_starts: is_attached(&kernel, "sched:sched_process_exec"),
            knows_containers: kernel.info.knows_containers(),
            started: clock::boot_time(),
            wall_offset: clock::wall_offset(),
            ..Config::default()
        };
        Self {
            losses: kernel.losses(true),
            kernel,
            correlator: Inputs::new(config, clock::wall_offset),
            lookups,
            answers,
            answer,
            cmdlines: Cmdlines::default(),
            arguments,
            introduced: HashMap::new(),
            learned: HashMap::new(),
            asked: HashMap::new(),
            scans: Scans::default(),
            news: VecDeque::new(),
            unsaid: 0,
            said_at: None,
            seen: Default::default(),
            sweep: Sweep::new(Instant::now()),
            received: [0; kind::COUNT],
            undecodable: [0; kind::COUNT],
        }
    }

    /// Remembers arguments of processes that a look finds.
    pub fn see(&self, look: impl FnOnce() -> Vec<ProcessNames> + Send + 'static) {
        let answer = self.answer.clone();
        runtime::look(look, move |found| {
            // The tracer is gone: nobody wants to know.
            let _ = answer.blocking_send(Answer::Seen(found));
        });
    }

    /// The same of one that has executed a program.
    fn see_one(&self, key: ProcessKey) {
        let answer = self.answer.clone();
        let of = ProcessId {
            pid: key.tgid,
            start_ticks: key.start / TICK_NS,
        };
        runtime::read_process(of, move |found| {
            // The tracer is gone: nobody wants to know.
            let _ = answer.blocking_send(Answer::Executed(Box::new(found)));
        });
    }

    /// Remembers arguments that the caller has read.
    pub fn remember(&mut self, processes: &[ProcessNames]) {
        self.cmdlines.remember_all(processes);
    }

    /// Names a workload by its init: the caller started it and knows.
    pub fn introduce(&mut self, init_pid: u32, names: WorkloadNames) {
        if let Some(id) = self.asked.get(&init_pid) {
            self.correlator.handle_names(*id, names.clone());
        }
        self.introduced.insert(init_pid, names);
    }

    /// What was attached and found.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Counters.
    pub fn stats(&self) -> TracerStats {
        TracerStats {
            correlator: self.correlator.stats(),
            losses: self.losses,
            received: self.received,
            undecodable: self.undecodable,
        }
    }

    /// Runs until a stop has closed. What else is new is passed over.
    pub async fn next_report(&mut self) -> StopReport {
        loop {
            if let News::Stop(report) = self.next().await {
                return *report;
            }
        }
    }

    /// Runs until there is something to tell. Dropping the future loses nothing: call again.
    pub async fn next(&mut self) -> News {
        let mut drain = interval(DRAIN);
        drain.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.act();
            if let Some(news) = self.news.pop_front() {
                return news;
            }
            let due = self.due();
            let is_drained = tokio::select! {
                woken = self.kernel.ring.woken() => {
                    if let Err(error) = woken {
                        tracing::warn!("cannot wait for the ring buffer: {error}");
                    }
                    self.drain()
                }
                _ = drain.tick() => self.drain(),
                Some(answer) = self.answers.recv() => {
                    self.take(answer);
                    continue;
                }
                () = tokio::time::sleep_until(due) => self.drain(),
            };
            // While records are left in the ring it is as late as the last one that was not: a stop that is
            // about to be told must not leave out what is there.
            let now = if is_drained {
                clock::boot_time()
            } else {
                BootTime(0)
            };
            self.correlator.handle_time(now);
            self.sweep_gates();
        }
    }

    fn sweep_gates(&mut self) {
        let now = Instant::now();
        if self.sweep.is_due(now) {
            let open = self.kernel.open_gates();
            let is_wanted = |key| self.correlator.wants_gate(key);
            for key in self.sweep.unwanted(now, &open, is_wanted) {
                self.kernel.close_gate(key);
            }
        }
    }

    /// Takes in what is there already and hands out what is ready to be told: for when tracing is
    /// about to end. What is still under way is counted by [`stats`](Self::stats).
    pub fn finish(&mut self) -> Vec<News> {
        while let Ok(answer) = self.answers.try_recv() {
            self.take(answer);
        }
        // A flood would never let it end.
        (0..MAX_BATCHES).any(|_| self.drain());
        self.correlator.handle_time(clock::boot_time());
        self.correlator.handle_finish();
        self.act();
        self.news.drain(..).collect()
    }

    /// When the correlator wants to be told the time.
    fn due(&self) -> Instant {
        let now = clock::boot_time();
        let wait = self
            .correlator
            .poll_timeout()
            .map_or(Duration::from_secs(60), |at| at.since(now));
        Instant::now() + wait
    }

    /// Takes in what is in the ring; whether nothing is left there.
    fn drain(&mut self) -> bool {
        let mut batch: Vec<Bytes> = Vec::new();
        // Under a flood the ring is never empty: answers and Ctrl-C want their turn, too.
        for _ in 0..MAX_BATCHES {
            let more = self.kernel.ring.drain(&mut batch);
            // Before the events: what was lost among them must not look complete.
            let is_due = self
                .correlator
                .poll_timeout()
                .is_some_and(|at| at <= clock::boot_time());
            self.note_losses(is_due || !batch.is_empty());
            for bytes in batch.drain(..) {
                self.decode(&bytes);
            }
            if !more {
                return true;
            }
        }
        false
    }

    fn decode(&mut self, bytes: &[u8]) {
        let kind = decode::kind_of(bytes);
        self.received[kind] += 1;
        match decode::decode(bytes) {
            Ok(event) => {
                if let Event::Exec { task, .. } = &event {
                    self.cmdlines.forget(task.key);
                    self.see_one(task.key);
                }
                self.correlator.handle_event(&event);
            }
            Err(error) => {
                self.undecodable[kind] += 1;
                self.correlator
                    .handle_unknown_loss(Whose::Anybodys, 1, clock::boot_time());
                tracing::warn!("a record was left out: {error}");
            }
        }
    }

    fn act(&mut self) {
        while let Some(output) = self.correlator.poll_output() {
            match output {
                Output::LookupWorkload { id, init, leaf } => self.look_up_workload(id, init, leaf),
                Output::LookupMembers { id, container } => {
                    self.scans.ask(id, container, &self.answer);
                }
                Output::CloseGate { id } => {
                    self.kernel.close_gate(id.kernel_key());
                    self.correlator.handle_gate_closed(id, clock::boot_time());
                }
                Output::OpenGate { id, signal } => {
                    let signal = signal.map(|signal| signal.0.into());
                    self.kernel.open_gate(id.kernel_key(), signal);
                }
                Output::RecordSignal { id, signal } => {
                    self.kernel
                        .know_stop_signal(id.kernel_key(), signal.0.into());
                }
                Output::Forgotten { id } => self.kernel.forget_stop_signal(id.kernel_key()),
                Output::SignalDropped(dropped) => {
                    self.news.push_back(News::SignalDropped(dropped));
                }
                Output::KilledOutsideStop(kills) => {
                    self.news.push_back(News::KilledOutsideStop(kills));
                }
                Output::StopBegan { id } => tracing::debug!("a stop has begun in {id}"),
                Output::Closed(mut stop) => {
                    self.cmdlines.complete(&mut stop);
                    self.forget(stop.facts.init.tgid);
                    self.news.push_back(News::of_stop(*stop, self.arguments));
                }
            }
        }
    }

    fn look_up_workload(&mut self, id: WorkloadId, init: ProcessKey, leaf: String) {
        if self.asked.len() < MAX_ASKED {
            self.asked.insert(init.tgid, id);
        }
        if let Some(names) = self.introduced.get(&init.tgid) {
            self.correlator.handle_names(id, names.clone());
            return;
        }
        let (lookups, answer) = (Arc::clone(&self.lookups), self.answer.clone());
        tokio::spawn(async move {
            let names = Box::new(lookups.names(init.tgid, &leaf).await);
            // The tracer is gone: nobody wants to know.
            let _ = answer.send(Answer::Names(id, init, names)).await;
        });
    }

    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Names(id, init, mut names) => {
                names.init_cmdline = self.cmdlines.get(init).cloned();
                if let Some(learned) = self.learned.get(&init.tgid) {
                    add_cgroup(&mut names, learned, init);
                }
                // Introduced in the meantime: the caller knows better.
                let mut names = self.introduced.get(&init.tgid).cloned().unwrap_or(*names);
                if self.correlator.is_delegated(id) {
                    names.distrust();
                }
                self.news.push_back(News::Known(Box::new(KnownWorkload {
                    init_pid: init.tgid,
                    start_ticks: init.start / TICK_NS,
                    names: names.clone(),
                })));
                self.correlator.handle_names(id, names);
            }
            Answer::Early(known) => self.news.push_back(News::Known(known)),
            Answer::Members(all) => {
                for (id, members) in all {
                    self.cmdlines.remember_all(&members);
                    self.correlator.handle_members(id, members);
                }
                self.scans.done(&self.answer);
            }
            Answer::Seen(members) => self.cmdlines.remember_all(&members),
            Answer::Executed(process) => self.cmdlines.remember(&process),
        }
    }

    fn forget(&mut self, init_pid: u32) {
        self.introduced.remove(&init_pid);
        self.learned.remove(&init_pid);
        self.asked.remove(&init_pid);
    }
}

/// Adds what the cgroup path of an init said while it lived.
fn add_cgroup(names: &mut WorkloadNames, learned: &NamespaceInit, init: ProcessKey) {
    let same_process = learned.start_ticks == init.start / TICK_NS;
    if same_process && learned.cgroup.container_id == names.container_id {
        names.runtime = names.runtime.or(learned.cgroup.runtime);
        names.cgroup = Some(learned.cgroup.path.clone());
    }
}
