//! Which label sets there are, and which containers are behind each.
//!
//! A container id is known here and goes no further: it tells when the last container of a label set
//! has gone. The series of a set live some time longer, so that what was counted last is scraped.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    counters::Counters,
    labels::{Identity, MetricLabel},
};

/// Value of all labels where there is no room for another label set. No container can be called so:
/// Docker's names begin with a letter or a digit, those of Kubernetes have no underscore.
pub(super) const OVERFLOW: &str = "_overflow";

/// Containers remembered for each label set that there may be: many may share one.
const CONTAINERS_PER_SET: usize = 4;

/// Values of the chosen labels, in their order.
pub(super) type LabelSet = Arc<[String]>;

/// Counters by label set.
#[derive(Debug)]
pub(super) struct Table {
    labels: Vec<MetricLabel>,
    max_sets: usize,
    keep: Duration,
    sets: HashMap<LabelSet, Series>,
    containers: HashMap<String, Known>,
    overflow: LabelSet,
    overflows: u64,
    unnamed_stops: u64,
}

/// One label set.
#[derive(Debug, Default)]
struct Series {
    counters: Counters,
    /// Running containers with this set.
    users: usize,
    /// Since when there is none; `None` also until [`Table::expire`] has seen that.
    unused_since: Option<Instant>,
}

/// One container.
#[derive(Debug, Default)]
struct Known {
    identity: Identity,
    set: Option<LabelSet>,
    is_running: bool,
    /// Since when it does not run; `None` also until [`Table::expire`] has seen that.
    gone_since: Option<Instant>,
}

impl Table {
    pub(super) fn new(labels: Vec<MetricLabel>, max_sets: usize, keep: Duration) -> Self {
        let overflow = labels.iter().map(|_| OVERFLOW.to_owned()).collect();
        Self {
            labels,
            max_sets: max_sets.max(1),
            keep,
            sets: HashMap::new(),
            containers: HashMap::new(),
            overflow,
            overflows: 0,
            unnamed_stops: 0,
        }
    }

    /// A container runs: its series are there from now on.
    pub(super) fn seen(&mut self, id: &str, identity: Identity) {
        self.place(Some(id), identity, true);
    }

    /// It runs no longer.
    pub(super) fn gone(&mut self, id: &str, now: Instant) {
        let Some(known) = self.containers.get_mut(id) else {
            return;
        };
        if !std::mem::replace(&mut known.is_running, false) {
            return;
        }
        known.gone_since = Some(now);
        if let Some(series) = known.set.as_ref().and_then(|set| self.sets.get_mut(set)) {
            series.users = series.users.saturating_sub(1);
            series.unused_since = (series.users == 0).then_some(now);
        }
    }

    /// It is none after all, but a sandbox.
    pub(super) fn forget(&mut self, id: &str) {
        if let Some(Known {
            set: Some(set),
            is_running,
            ..
        }) = self.containers.remove(id)
        {
            self.leave(&set, is_running);
        }
    }

    /// The counters that belong to a container, which need not have been seen, nor have an id.
    pub(super) fn counters(
        &mut self,
        id: Option<&str>,
        identity: Identity,
    ) -> (LabelSet, &mut Counters) {
        let set = self.place(id, identity, false);
        let series = self.sets.entry(Arc::clone(&set)).or_default();
        // What is counted now has to be scraped, however long ago the container has gone.
        series.unused_since = None;
        (set, &mut series.counters)
    }

    /// Counts a stop, or an end, of a container if neither this nor an earlier look has named it.
    pub(super) fn count_unnamed(&mut self, id: Option<&str>, identity: &Identity) {
        let known = id.and_then(|id| self.containers.get(id));
        let was_unnamed = known.is_none_or(|known| known.identity.is_unnamed());
        self.unnamed_stops += u64::from(was_unnamed && identity.is_unnamed());
    }

    /// Drops what nobody has used for long enough. Says whether anything went.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let keep = self.keep;
        let is_fresh = |since: &mut Option<Instant>| {
            let since = *since.get_or_insert(now);
            now.saturating_duration_since(since) < keep
        };
        self.containers
            .retain(|_, known| known.is_running || is_fresh(&mut known.gone_since));
        let before = self.sets.len();
        self.sets
            .retain(|_, series| series.users > 0 || is_fresh(&mut series.unused_since));
        self.sets.len() < before
    }

    pub(super) fn labels(&self) -> &[MetricLabel] {
        &self.labels
    }

    pub(super) fn sets(&self) -> impl Iterator<Item = (&LabelSet, &Counters)> {
        self.sets
            .iter()
            .map(|(set, series)| (set, &series.counters))
    }

    /// The value of a label in a set; `None` when that label was not chosen.
    pub(super) fn value_of<'a>(&self, set: &'a LabelSet, label: MetricLabel) -> Option<&'a str> {
        let at = self.labels.iter().position(|chosen| *chosen == label)?;
        set.get(at).map(String::as_str)
    }

    /// Whether some label set has this value.
    pub(super) fn has_value(&self, label: MetricLabel, value: &str) -> bool {
        let mut sets = self.sets.keys();
        sets.any(|set| self.value_of(set, label) == Some(value))
    }

    /// How often a label set had to be counted in the overflow bucket.
    pub(super) fn overflows(&self) -> u64 {
        self.overflows
    }

    /// Stops and ends of containers whose name no source knew.
    pub(super) fn unnamed_stops(&self) -> u64 {
        self.unnamed_stops
    }

    /// Finds the label set of a container, by all that is known of it, and moves it there.
    fn place(&mut self, id: Option<&str>, identity: Identity, runs: bool) -> LabelSet {
        let most = self.max_sets.saturating_mul(CONTAINERS_PER_SET);
        let full = self.containers.len() >= most;
        let Some(id) = id.filter(|id| !full || self.containers.contains_key(*id)) else {
            let set = self.set_of(&identity);
            self.overflows += u64::from(self.is_overflow(&set));
            self.sets.entry(Arc::clone(&set)).or_default();
            return set;
        };
        let mut known = self.containers.remove(id).unwrap_or_default();
        known.identity.learn(identity);
        let set = self.set_of(&known.identity);
        let before = known.set.replace(Arc::clone(&set));
        let moved = before.as_ref() != Some(&set);
        if moved {
            self.overflows += u64::from(self.is_overflow(&set));
            if let Some(before) = &before {
                self.leave(before, known.is_running);
            }
        }
        let enters = (runs || known.is_running) && (moved || !known.is_running);
        known.is_running |= runs;
        if runs {
            known.gone_since = None;
        }
        self.containers.insert(id.to_owned(), known);
        let series = self.sets.entry(Arc::clone(&set)).or_default();
        if enters {
            series.users += 1;
            series.unused_since = None;
        }
        set
    }

    /// A container has other labels now: a set in which nothing was counted had never been real.
    fn leave(&mut self, set: &LabelSet, was_running: bool) {
        let Some(series) = self.sets.get_mut(set) else {
            return;
        };
        series.users = series.users.saturating_sub(usize::from(was_running));
        if series.users == 0 && series.counters.is_untouched() {
            self.sets.remove(set);
        }
    }

    /// The set by its names; the overflow bucket where there is no room for a new one.
    fn set_of(&self, identity: &Identity) -> LabelSet {
        let set: LabelSet = self
            .labels
            .iter()
            .map(|label| identity.value(*label))
            .collect();
        let used = self.sets.len() - usize::from(self.sets.contains_key(&self.overflow));
        if used >= self.max_sets && !self.sets.contains_key(&set) {
            return Arc::clone(&self.overflow);
        }
        set
    }

    /// Without any label there is one set for all, and no overflow.
    fn is_overflow(&self, set: &LabelSet) -> bool {
        !set.is_empty() && *set == self.overflow
    }
}
