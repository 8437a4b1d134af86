//! What the end of a process does to its children.

use rinit_trace_core::model::{BootTime, Event, ExitEvent, ExitStatus, SignalInfo, Task};

use super::{Id, Sent, World};

impl World {
    pub(crate) fn exit(
        &mut self,
        at: BootTime,
        id: Id,
        status: Option<ExitStatus>,
        becomes_zombie: bool,
    ) {
        let task = Task {
            flags: 4,
            ..self.task(id)
        };
        let tasks = self.tasks(id.0);
        let process = self.process(id);
        let status = process.exit(status, becomes_zombie);
        let state = process.state(tasks);
        let children = self.children(id);
        self.orphan(id);
        let leaf = self.leaf(id.0);
        self.handle(&Event::Exit(Box::new(ExitEvent {
            at,
            task: task.clone(),
            state,
            status,
            leaf,
        })));
        // After that, and when they have a new parent (kernel/exit.c `forget_original_parent()`).
        for child in children {
            if let Some(signal) = self.processes[&child].pdeath {
                let sent = Sent {
                    info: SignalInfo::NoInfo,
                    ..Sent::new(signal)
                };
                self.send(at, task.clone(), child, &sent);
            }
        }
    }

    fn children(&self, (letter, parent): Id) -> Vec<Id> {
        let processes = self.processes.values();
        processes
            .filter(|process| process.id.0 == letter && process.parent == Some(parent))
            .map(|process| process.id)
            .collect()
    }

    /// Children of the dead go to the init.
    fn orphan(&mut self, parent: Id) {
        for process in self.processes.values_mut() {
            if process.id.0 == parent.0 && process.parent == Some(parent.1) {
                process.parent = Some(1);
            }
        }
    }
}
