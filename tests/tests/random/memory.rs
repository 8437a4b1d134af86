//! The OOM killer: what it did, by its cgroup's count, and what that changes.

use crate::{
    causes::Causes,
    drive::Ran,
    generate::Init,
    notes::Note,
    plan::Act,
    times::{Known, Who},
    truth::{Fact, Truth},
};

impl Ran {
    /// When it began to take more memory than there is, if it is the one that does, and the OOM killer killed it for that.
    /// Nobody else of its cgroup has that much. One that is dying already is not counted as killed.
    pub(crate) fn oom_killed_after(&self, process: usize) -> Option<u64> {
        let acts = &self.plan.nodes[process].acts;
        let began = self.note(process, Note::EatBegin)?;
        let eats = acts.iter().any(|(_, act)| *act == Act::Eat);
        (eats && self.oom_kills > 0).then_some(began)
    }

    pub(crate) fn is_oom_killed(&self, who: Who) -> bool {
        who.is_some_and(|process| self.oom_killed_after(process).is_some())
    }
}

/// Adds what the OOM killer did to the causes.
pub(crate) fn add(ran: &Ran, truth: &Truth, mut causes: Causes) -> Causes {
    let only = || Causes {
        certain: vec!["oom"],
        ..Causes::default()
    };
    let victims = |fact: &&Fact| ran.is_oom_killed(fact.who);
    let Some(victim) = truth.facts.iter().find(victims) else {
        return causes;
    };
    if victim.counts_as_killed() == Known::No {
        return causes;
    }
    // A real init leaves with its main child.
    let ended_all = matches!(ran.plan.init, Init::Known(..))
        && truth.begin.triggers == ["main-child-exit"]
        && truth.begin.child == victim.who;
    if victim.who == ran.own_init() || ended_all {
        return only();
    }
    if victim.counts_as_killed() == Known::Yes && causes.certain == ["unexplained"] {
        return only();
    }
    // Whether its death had to do with the end of PID 1 nobody can say; if not, others explain more.
    causes.certain.push("oom");
    causes
}
