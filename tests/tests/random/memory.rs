//! The OOM killer: what it did, by its cgroup's count, and what that changes.

use crate::{
    causes::Causes,
    drive::Ran,
    generate::Init,
    notes::Note,
    plan::Act,
    times::{Known, Who},
    truth::Truth,
};

impl Ran {
    /// When it began to take more memory than there is, if it is the one that does, and the OOM killer killed it for that.
    /// One that is dying already is not counted as killed.
    pub(crate) fn ate_too_much_after(&self, process: usize) -> Option<u64> {
        let acts = &self.plan.nodes[process].acts;
        let began = self.note(process, Note::EatBegin)?;
        let eats = acts.iter().any(|(_, act)| *act == Act::Eat);
        (eats && self.oom_kills > 0).then_some(began)
    }

    /// Before this the OOM killer had not killed it, if it may have. The kernel may choose another as well, which needs
    /// memory before that of the first comes free: one that executes a program.
    pub(crate) fn oom_killed_after(&self, process: usize) -> Option<u64> {
        let own = self.ate_too_much_after(process);
        let mut all = 0..self.plan.nodes.len();
        own.or_else(|| {
            (self.oom_kills > 1).then(|| all.find_map(|one| self.ate_too_much_after(one)))?
        })
    }

    /// Whether it was the OOM killer. It counts one that is dying already, too, where that is slow: then the driver, or
    /// the end of PID 1, may have been first.
    pub(crate) fn is_oom_killed(&self, who: Who) -> Known {
        let Some(process) = who.filter(|process| self.oom_killed_after(*process).is_some()) else {
            return Known::No;
        };
        if self.ate_too_much_after(process).is_none() {
            return Known::Maybe;
        }
        let ended_by = self.ended_by(who);
        let by_driver = self.kill.is_some_and(|span| span.begin < ended_by);
        // PID 1 ends by itself; and one that is not of the tree leaves because of this very process.
        let is_first = who == Some(0);
        if by_driver || (!is_first && self.init_left_after() < ended_by) {
            Known::Maybe
        } else {
            Known::Yes
        }
    }
}

/// Adds what the OOM killer did to the causes.
pub(crate) fn add(ran: &Ran, truth: &Truth, mut causes: Causes) -> Causes {
    let only = || Causes {
        certain: vec!["oom"],
        ..Causes::default()
    };
    let victim = |known: Known| {
        let mut facts = truth.facts.iter();
        facts.find(|fact| ran.is_oom_killed(fact.who) == known)
    };
    let Some(victim) = victim(Known::Yes).or_else(|| victim(Known::Maybe)) else {
        return causes;
    };
    if victim.counts_as_killed() == Known::No {
        return causes;
    }
    if ran.is_oom_killed(victim.who) == Known::Maybe {
        causes.certain.push("oom");
        return causes;
    }
    // A real init leaves with its main child.
    let ended_all = matches!(ran.plan.init, Init::Known(..))
        && truth.begin.triggers == ["main-child-exit"]
        && truth.begin.child == victim.who;
    if victim.who == ran.own_init() || ended_all {
        return only();
    }
    if victim.counts_as_killed() == Known::Yes {
        causes.certain.retain(|id| *id != "unexplained");
    }
    // Whether its death had to do with the end of PID 1 nobody can say; if not, others explain more.
    causes.certain.push("oom");
    causes
}
