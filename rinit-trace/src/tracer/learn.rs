//! What there was before the trace began.

use std::{collections::HashSet, sync::Arc};

use super::{Answer, KnownWorkload, Tracer};
use crate::runtime::{self, Entered, NamespaceInit, Residence, SharedContainer};

impl Tracer {
    /// Fetches the names of workloads that are there already, and the arguments of their processes:
    /// at their stop it may be too late.
    pub fn learn(&mut self, namespaces: Vec<NamespaceInit>) {
        for init in namespaces {
            self.ask_early(init);
        }
        self.see(runtime::contained);
    }

    /// The same for containers that share a pid namespace with others. The kernel side has to be told
    /// of those that were there before.
    pub fn learn_shared(&mut self, containers: Vec<SharedContainer>) {
        let ids = containers.iter();
        let residences = ids.map(|known| Residence::Container(known.container_id.clone()));
        let residences: Vec<Residence> = residences.collect();
        self.see(move || {
            runtime::members_of(&residences)
                .into_iter()
                .flatten()
                .collect()
        });
        for container in containers {
            self.kernel.know_container(
                container.cgroup,
                container.is_delegated,
                container.main.pid,
                container.level,
            );
            self.ask_early(container.main);
        }
    }

    /// Tells the kernel side which processes have entered a container from outside before the trace.
    /// `look` is called twice: what they forked before the kernel side knew of them is found by the
    /// second look.
    pub fn learn_entered(&mut self, look: impl Fn() -> Vec<Entered>) {
        let mut known = HashSet::new();
        for _ in 0..2 {
            for entered in look() {
                if known.insert(entered) {
                    self.kernel.know_entered(entered.pid, entered.start_ticks);
                }
            }
        }
    }

    /// Fetches the names of a workload for when they are wanted.
    fn ask_early(&mut self, init: NamespaceInit) {
        let (lookups, answer) = (Arc::clone(&self.lookups), self.answer.clone());
        let (init_pid, start_ticks, leaf) = (init.pid, init.start_ticks, leaf(&init));
        self.learned.insert(init_pid, init);
        tokio::spawn(async move {
            // Kept by the lookups' own cache, too.
            let known = KnownWorkload {
                init_pid,
                start_ticks,
                names: lookups.names(init_pid, &leaf).await,
            };
            // The tracer is gone: nobody wants to know.
            let _ = answer.send(Answer::Early(Box::new(known))).await;
        });
    }
}

fn leaf(init: &NamespaceInit) -> String {
    let path = &init.cgroup.path;
    path.rsplit('/').next().unwrap_or_default().to_owned()
}
