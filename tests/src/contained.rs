//! Workloads that look like containers of Docker, without a Docker: a thousand of them cost little.

use std::{os::unix::fs::chown, process::Command, time::Duration};

use crate::{
    cgroup::{Cgroup, new_id, of_containers},
    namespace::Namespace,
    program::WORKLOAD,
};

/// A workload in a pid namespace and a cgroup of its own. Dropping it kills it.
#[derive(Debug)]
pub struct Contained {
    id: String,
    // Dropped in this order: a cgroup is removed when nobody is in it.
    namespace: Namespace,
    _cgroup: Cgroup,
}

impl Contained {
    /// Starts a program of `tests/workloads` with children, and waits until all are ready.
    pub fn start(programs: &[&str]) -> Self {
        let id = new_id();
        Self::start_in(Cgroup::of_docker(&id), id, programs)
    }

    /// The same in a cgroup of that id that anybody but its runtime has made: this user, where one is given, to whom the
    /// cgroup above was delegated, or else root.
    pub fn pretend(id: &str, user: Option<u32>, programs: &[&str]) -> Self {
        Self::start_in(Cgroup::named_by(user, id), id.to_owned(), programs)
    }

    /// Starts any program, and waits until that many lines `ready` have come.
    pub fn start_command(command: Command, ready: usize) -> Self {
        let id = new_id();
        Self::start_command_in(Cgroup::of_docker(&id), id, command, ready)
    }

    fn start_in(cgroup: Cgroup, id: String, programs: &[&str]) -> Self {
        let mut command = Command::new(WORKLOAD);
        command.args(programs);
        Self::start_command_in(cgroup, id, command, programs.len())
    }

    fn start_command_in(cgroup: Cgroup, id: String, mut command: Command, ready: usize) -> Self {
        cgroup.hold(&mut command);
        Self {
            namespace: Namespace::start_command(command, ready),
            _cgroup: cgroup,
            id,
        }
    }

    /// Its container id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Host pid of its init.
    pub fn pid(&self) -> u32 {
        self.namespace.pid()
    }

    /// SIGTERM to its init, and nothing more.
    pub fn ask(&self) {
        self.namespace.signal(libc::SIGTERM);
    }

    /// Ends its standard input.
    pub fn end_input(&mut self) {
        self.namespace.end_input();
    }

    /// Stops it as a runtime does.
    pub fn stop(&mut self, grace: Duration) {
        self.namespace.stop(grace);
    }

    /// Waits until that many lines begin like that.
    pub fn wait_for(&self, start: &str, count: usize) {
        self.namespace.wait_for(start, count);
    }

    /// Waits for its end.
    pub fn wait(&mut self) {
        self.namespace.wait();
    }
}

/// Cgroups that look like containers' and were made by a user in a cgroup of the user's own. In each a program has run in
/// our pid namespace. Dropping it removes them.
#[derive(Debug)]
pub struct UsersContainers {
    // Dropped in this order.
    _cgroups: Vec<Cgroup>,
    _above: Cgroup,
}

impl UsersContainers {
    /// So many of this user.
    pub fn make(user: u32, count: usize) -> Self {
        let above = Cgroup::make(&of_containers());
        chown(above.path(), Some(user), None).unwrap();
        let cgroups = (0..count).map(|_| {
            let cgroup = Cgroup::make_named(above.path().as_ref(), &new_id());
            let mut command = Command::new("true");
            cgroup.hold(&mut command);
            assert!(command.status().unwrap().success());
            cgroup
        });
        Self {
            _cgroups: cgroups.collect(),
            _above: above,
        }
    }
}
