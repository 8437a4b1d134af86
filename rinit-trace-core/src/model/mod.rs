//! Plain data that the other rooms pass to each other. No behaviour beyond naming and classifying.

mod container_id;
mod dropped;
mod event;
mod finding;
mod ids;
mod init_kind;
mod names;
mod origin;
mod outside;
mod process;
mod report;
#[cfg(test)]
mod round_trip;
mod signal;
mod stop;

pub use container_id::{ID_LEN, is_container_id_prefix, split_container_id};
pub use dropped::DroppedSignal;
pub use event::{
    DeliverEvent, Disposition, Event, ExitEvent, ExitStatus, SendResult, SignalEvent, SignalInfo,
    Task, TaskState,
};
pub use finding::{Confidence, Evidence, Finding, FindingId};
pub use ids::{BootTime, CgroupIds, PidNs, ProcessKey, TICK_NS, WorkloadId};
pub(crate) use init_kind::base_name;
pub use init_kind::init_kind;
pub use names::{
    Grace, GraceSource, INIT_VARIABLES, InitSettings, NameDoubt, Pod, ProcessNames, Runtime,
    WorkloadNames,
};
pub use origin::{ENGINE_COMMS, Origin, RUNTIME_COMMS};
pub use outside::{KilledOutsideStop, KillsOutsideStop};
pub use process::{DispositionAtStop, Exit, KilledBy, Outcome, Process, Role, StopSignal};
pub use report::{
    Arguments, Init, InitKind, Kill, Observation, PidnsTeardown, SCHEMA, Sender, SignalEntry,
    StopDetails, StopReport, Trigger, Unlisted, Verdict, Workload, millis,
};
pub use signal::Signal;
pub use stop::{Asked, ClosedStop, KilledFromOutside, StopFacts, TornDown, Unlinked};
