//! Traces another process of the tree (`ptrace`): passes its signals on, at once, later, or not at all.

use std::{ffi::c_int, io, time::Duration};

use crate::{
    Own,
    life::STOP_SIGNALS,
    notes::Note,
    plan::{Tracer, Tracing},
    sys::{self, Traced},
};

/// How often something is looked at of which no signal tells.
const LOOK: Duration = Duration::from_millis(1);

/// What it knows of the process that it traces. The notes go to that process's slot.
#[derive(Debug)]
pub(crate) struct Watch {
    own: Own,
    target: usize,
    how: Tracing,
    is_seized: bool,
    /// A signal that waits to be passed on at this time.
    held: Option<(c_int, u64)>,
    pub(crate) is_over: bool,
}

impl Watch {
    /// What this process of the tree is to trace, if anything.
    pub(crate) fn of(own: Own) -> Option<Self> {
        let is_own = |by| by == Tracer::Inside(own.index);
        let mut targets = (0..).zip(own.nodes);
        targets.find_map(|(target, node)| {
            let (_, how) = node.traced.filter(|(by, _)| is_own(*by))?;
            Some(Self::new(own, target, how))
        })
    }

    fn new(own: Own, target: usize, how: Tracing) -> Self {
        Self {
            own,
            target,
            how,
            is_seized: false,
            held: None,
            is_over: false,
        }
    }

    /// Whom it traces.
    pub(crate) fn target(&self) -> usize {
        self.target
    }

    /// Does what is due, for a target with this pid.
    pub(crate) fn look(&mut self, pid: Option<c_int>) {
        let Some(pid) = pid.filter(|_| !self.is_over) else {
            return;
        };
        if !self.is_seized {
            self.seize(pid);
        }
        while self.is_seized && !self.is_over {
            match sys::traced_state(pid) {
                Traced::Runs => break,
                Traced::Gone => self.is_over = true,
                Traced::Stops(signal) => self.stopped(pid, signal),
            }
        }
        if let Some((signal, at)) = self.held
            && sys::now() >= at
        {
            self.held = None;
            sys::pass_on(pid, signal);
        }
    }

    fn seize(&mut self, pid: c_int) {
        let target = self.target;
        // After it has executed this program, it traces still.
        if self.own.read_of(target, Note::Seized) > 0 {
            self.is_seized = true;
        } else if self.own.read_of(target, Note::Ready) > 0 {
            let kills = matches!(self.how, Tracing::Kill(_));
            self.is_seized = sys::seize(pid, kills).is_ok();
            self.is_over = !self.is_seized;
            if self.is_seized {
                self.own.mark_of(target, Note::Seized);
            }
        }
    }

    fn stopped(&mut self, pid: c_int, signal: c_int) {
        let is_stop_signal = STOP_SIGNALS.contains(&signal);
        if is_stop_signal {
            self.own.mark_of(self.target, Note::Stopped);
        }
        match self.how {
            Tracing::Delay(millis) if is_stop_signal => {
                self.held = Some((signal, sys::now() + u64::from(millis) * 1_000_000));
            }
            Tracing::Hold if is_stop_signal => {}
            _ => sys::pass_on(pid, signal),
        }
    }

    /// When something is due of which no signal tells.
    pub(crate) fn next(&self) -> Option<u64> {
        if self.is_over {
            None
        } else if self.is_seized {
            self.held.map(|(_, at)| at)
        } else {
            Some(sys::now() + u64::try_from(LOOK.as_nanos()).unwrap_or(0))
        }
    }
}

/// Traces a process from outside of the namespace, until it has ended or it is time to leave.
pub(crate) fn trace_from_outside(own: Own) -> io::Result<()> {
    let Some((_, how)) = own.node().traced else {
        return Err(io::Error::other("nobody is to trace it"));
    };
    let mut watch = Watch::new(own, own.index, how);
    while !watch.is_over {
        let pid = own.read(Note::HostPid);
        watch.look(c_int::try_from(pid).ok().filter(|pid| *pid > 0));
        if let (Tracing::Kill(after), Some(began)) = (how, own.began())
            && sys::now() >= began + u64::from(after) * 1_000_000
        {
            own.mark(Note::TracerLeaves);
            sys::exit(0);
        }
        std::thread::sleep(LOOK);
    }
    sys::exit(0)
}
