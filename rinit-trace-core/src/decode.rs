//! Bytes of a record → [`Event`]. Total: any byte string gives an event or an error, never a panic.

use rinit_trace_common::{
    ABI_VERSION, CODE_UNKNOWN, CgroupRecord, DISPOSITION_SIGNALS, DeliverRecord, ExitRecord,
    OomRecord, RecordHeader, SignalRecord, TaskOnlyRecord, TaskRecord, UID_UNKNOWN, cgroups, info,
    kind, signal_bit,
};
use zerocopy::FromBytes;

use crate::model::{
    BootTime, CgroupIds, DeliverEvent, Disposition, Event, ExitEvent, ExitStatus, PidNs,
    ProcessKey, SendResult, Signal, SignalEvent, SignalInfo, Task, TaskState,
};

/// Why a record could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than its kind, or than a header.
    #[error("a record of {len} bytes is too short, {needed} are needed")]
    TooShort {
        /// What came.
        len: usize,
        /// What the kind takes.
        needed: usize,
    },
    /// Written by another version of the kernel side.
    #[error("a record of ABI version {0}, this program reads version {ABI_VERSION}")]
    WrongAbi(u16),
    /// A kind that this program does not know.
    #[error("a record of the unknown kind {0}")]
    UnknownKind(u16),
    /// The length in the header is not that of the kind.
    #[error("a record says it has {said} bytes, its kind has {needed}")]
    WrongLength {
        /// What the header says.
        said: u32,
        /// What the kind takes.
        needed: usize,
    },
    /// A number outside of its range.
    #[error("a record with the impossible {field} {value}")]
    BadValue {
        /// Which.
        field: &'static str,
        /// What it was.
        value: u32,
    },
}

/// The kind that a record says it is, for counters: an index into `rinit_trace_common::kind::NAMES`, 0
/// when there is none or it is not known.
pub fn kind_of(bytes: &[u8]) -> usize {
    let kind = read::<RecordHeader>(bytes).map_or(0, |header| usize::from(header.kind));
    if kind < kind::COUNT { kind } else { 0 }
}

/// Decodes one record. Bytes after the record are ignored: the ring rounds lengths up.
pub fn decode(bytes: &[u8]) -> Result<Event, DecodeError> {
    let header: RecordHeader = read(bytes)?;
    if header.abi != ABI_VERSION {
        return Err(DecodeError::WrongAbi(header.abi));
    }
    match header.kind {
        kind::SIGNAL => signal(&whole(bytes, &header)?),
        kind::EXIT => Ok(exit(&whole(bytes, &header)?)),
        kind::DELIVER => deliver(&whole(bytes, &header)?),
        kind::OOM => {
            let record: OomRecord = whole(bytes, &header)?;
            Ok(Event::Oom {
                at: BootTime(header.at),
                tid: record.tid,
            })
        }
        kind::CGROUP_END => {
            let record: CgroupRecord = whole(bytes, &header)?;
            Ok(Event::CgroupEnd {
                at: BootTime(header.at),
                cgroup: record.cgroup,
            })
        }
        kind::TEARDOWN | kind::EXEC | kind::NAMESPACE_END => Ok(task_only(&whole(bytes, &header)?)),
        other => Err(DecodeError::UnknownKind(other)),
    }
}

fn read<T: FromBytes>(bytes: &[u8]) -> Result<T, DecodeError> {
    T::read_from_prefix(bytes)
        .map(|(record, _)| record)
        .map_err(|_| DecodeError::TooShort {
            len: bytes.len(),
            needed: size_of::<T>(),
        })
}

fn whole<T: FromBytes>(bytes: &[u8], header: &RecordHeader) -> Result<T, DecodeError> {
    let needed = size_of::<T>();
    if usize::try_from(header.len) != Ok(needed) {
        return Err(DecodeError::WrongLength {
            said: header.len,
            needed,
        });
    }
    read(bytes)
}

fn signal(record: &SignalRecord) -> Result<Event, DecodeError> {
    let number = Signal::new(record.signal).ok_or(DecodeError::BadValue {
        field: "signal",
        value: record.signal,
    })?;
    Ok(Event::Signal(Box::new(SignalEvent {
        at: BootTime(record.header.at),
        signal: Some(number),
        info: match record.info {
            info::NOINFO => SignalInfo::NoInfo,
            info::PRIV => SignalInfo::Kernel,
            _ => SignalInfo::Code((record.code != CODE_UNKNOWN).then_some(record.code)),
        },
        group: record.group != 0,
        result: send_result(record.result)?,
        disposition: disposition(record.handler),
        folded: record.folded,
        settled: None,
        // Else it is the parent.
        tracer: (record.target.ptrace != 0).then_some(record.tracer),
        sender: task(&record.sender),
        target: task(&record.target),
        state: state(&record.state),
        leaf: text(&record.leaf),
    })))
}

fn exit(record: &ExitRecord) -> Event {
    let state = state(&record.state);
    // kernel/exit.c wait_task_zombie(): the group's code when there is a group exit, else the
    // leader's own.
    let status = if state.is_group_exit() {
        record.state.group_exit_code
    } else {
        record.state.exit_code
    };
    Event::Exit(Box::new(ExitEvent {
        at: BootTime(record.header.at),
        task: task(&record.task),
        state,
        status: ExitStatus::from_wait(status),
        leaf: text(&record.leaf),
    }))
}

fn deliver(record: &DeliverRecord) -> Result<Event, DecodeError> {
    Ok(Event::Deliver(Box::new(DeliverEvent {
        at: BootTime(record.header.at),
        task: task(&record.task),
        signal: Signal::new(record.signal).ok_or(DecodeError::BadValue {
            field: "signal",
            value: record.signal,
        })?,
        disposition: disposition(record.handler),
    })))
}

fn task_only(record: &TaskOnlyRecord) -> Event {
    let at = BootTime(record.header.at);
    let task = Box::new(task(&record.task));
    match record.header.kind {
        kind::TEARDOWN => Event::Teardown { at, task },
        kind::EXEC => Event::Exec {
            at,
            task,
            leaf: text(&record.leaf),
        },
        _ => Event::NamespaceEnd { at, task },
    }
}

fn task(record: &TaskRecord) -> Task {
    Task {
        key: ProcessKey {
            tgid: record.tgid,
            start: record.start,
        },
        tid: record.tid,
        ns: PidNs {
            id: record.ns_id,
            inum: record.ns_inum,
            init_start: record.reaper_start,
        },
        level: record.level,
        ns_tgid: record.ns_tgid,
        ns_init: ProcessKey {
            tgid: record.reaper_tgid,
            start: record.reaper_start,
        },
        container: record.container,
        main: record.main_tgid,
        inner_level: record.inner_level,
        inner_tgid: record.inner_tgid,
        ppid: record.ppid,
        parent_level: record.parent_level,
        pgid: (record.pgid_level >= record.level).then_some(record.pgid),
        sid: (record.sid_level >= record.level).then_some(record.sid),
        has_entered: record.entered != 0,
        euid: (record.euid != UID_UNKNOWN).then_some(record.euid),
        is_delegated: record.cgroups & cgroups::DELEGATED != 0,
        is_of_root: record.cgroups & cgroups::OF_ROOT != 0,
        flags: record.flags,
        ptrace: record.ptrace,
        comm: text(&record.comm),
        parent_comm: text(&record.parent_comm),
        cgroups: CgroupIds {
            v2: record.cgroup_v2,
            v1: record.cgroup_v1,
        },
    }
}

fn state(record: &rinit_trace_common::TaskState) -> TaskState {
    let with = |wanted: Disposition| {
        DISPOSITION_SIGNALS
            .iter()
            .zip(&record.handlers)
            .filter(|(_, handler)| disposition(**handler) == wanted)
            .fold(0, |mask, (signal, _)| mask | signal_bit(*signal))
    };
    TaskState {
        handled: with(Disposition::Handled),
        ignored: with(Disposition::Ignored),
        blocked: record.blocked,
        real_blocked: record.real_blocked,
        pending: record.pending_shared | record.pending_private,
        exec_id: record.self_exec_id,
        signal_flags: record.signal_flags,
        group_exit_code: record.group_exit_code,
        pdeath_signal: record.pdeath_signal,
        ns_tasks: record.ns_tasks,
        oom: record.oom != 0,
        threads: record.threads,
    }
}

fn send_result(value: u32) -> Result<SendResult, DecodeError> {
    Ok(match value {
        0 => SendResult::Delivered,
        1 => SendResult::Ignored,
        2 => SendResult::AlreadyPending,
        3 => SendResult::Overflow,
        4 => SendResult::LoseInfo,
        value => {
            return Err(DecodeError::BadValue {
                field: "result",
                value,
            });
        }
    })
}

/// `SIG_DFL` is 0, `SIG_IGN` 1, anything else an address.
fn disposition(handler: u64) -> Disposition {
    match handler {
        0 => Disposition::Default,
        1 => Disposition::Ignored,
        _ => Disposition::Handled,
    }
}

/// A NUL-terminated name of the kernel; bytes that are no UTF-8 become the replacement character.
fn text(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use zerocopy::{FromZeros, IntoBytes};

    use super::*;

    fn sample() -> SignalRecord {
        let mut record = SignalRecord::new_zeroed();
        record.header = RecordHeader {
            abi: ABI_VERSION,
            kind: kind::SIGNAL,
            len: u32::try_from(size_of::<SignalRecord>()).unwrap(),
            at: 77,
        };
        record.signal = 15;
        record.result = 1;
        record.target.tgid = 8014;
        record.target.ns_tgid = 1;
        record.target.comm[..2].copy_from_slice(b"sh");
        record.state.signal_flags = 0x40;
        record
    }

    #[test]
    fn a_record_as_the_kernel_writes_it_is_decoded() {
        let Ok(Event::Signal(event)) = decode(sample().as_bytes()) else {
            panic!("not a signal");
        };
        assert_eq!(event.at, BootTime(77));
        assert_eq!(event.signal, Some(Signal::TERM));
        assert_eq!(event.result, SendResult::Ignored);
        assert_eq!(event.target.key.tgid, 8014);
        assert_eq!(event.target.comm, "sh");
        assert!(event.state.is_unkillable());
    }

    #[test]
    fn a_truncated_record_says_what_is_missing() {
        let record = sample();
        let bytes = record.as_bytes();
        assert_eq!(
            decode(&bytes[..bytes.len() - 1]),
            Err(DecodeError::TooShort {
                len: bytes.len() - 1,
                needed: bytes.len()
            })
        );
        assert_eq!(
            decode(&bytes[..5]),
            Err(DecodeError::TooShort { len: 5, needed: 16 })
        );
    }

    #[test]
    fn another_version_kind_or_number_is_refused() {
        let mut record = sample();
        record.header.abi = 999;
        assert_eq!(decode(record.as_bytes()), Err(DecodeError::WrongAbi(999)));
        record = sample();
        record.header.kind = 99;
        assert_eq!(decode(record.as_bytes()), Err(DecodeError::UnknownKind(99)));
        record = sample();
        record.header.len = 12;
        assert!(matches!(
            decode(record.as_bytes()),
            Err(DecodeError::WrongLength { said: 12, .. })
        ));
        record = sample();
        record.signal = 65;
        assert!(matches!(
            decode(record.as_bytes()),
            Err(DecodeError::BadValue {
                field: "signal",
                value: 65
            })
        ));
        record = sample();
        record.result = 9;
        assert!(matches!(
            decode(record.as_bytes()),
            Err(DecodeError::BadValue {
                field: "result",
                value: 9
            })
        ));
    }

    #[test]
    fn dispositions_are_read_from_raw_handlers() {
        let mut record = sample();
        // In the order of DISPOSITION_SIGNALS: HUP ignored, INT handled.
        record.state.handlers[0] = 1;
        record.state.handlers[1] = u64::MAX;
        record.handler = 0x7fff_0000;
        let Ok(Event::Signal(event)) = decode(record.as_bytes()) else {
            panic!("not a signal");
        };
        assert_eq!(event.disposition, Disposition::Handled);
        assert_eq!(event.state.disposition(Signal::HUP), Disposition::Ignored);
        assert_eq!(event.state.disposition(Signal::INT), Disposition::Handled);
        assert_eq!(event.state.disposition(Signal::TERM), Disposition::Default);
    }

    #[test]
    fn a_tracer_is_told_of_a_process_that_is_traced() {
        let mut record = sample();
        record.tracer = 900;
        let tracer = |record: &SignalRecord| match decode(record.as_bytes()) {
            Ok(Event::Signal(event)) => event.tracer,
            other => panic!("{other:?}"),
        };
        assert_eq!(tracer(&record), None, "its parent");
        record.target.ptrace = 0x1_0001;
        assert_eq!(tracer(&record), Some(900));
    }

    #[test]
    fn a_group_from_outside_the_namespace_has_no_number_in_it() {
        let mut record = sample();
        record.target.level = 1;
        (record.target.pgid, record.target.pgid_level) = (7, 1);
        (record.target.sid, record.target.sid_level) = (9, 0);
        let Ok(Event::Signal(event)) = decode(record.as_bytes()) else {
            panic!("not a signal");
        };
        assert_eq!((event.target.pgid, event.target.sid), (Some(7), None));
    }

    #[test]
    fn exit_code_is_the_groups_when_the_group_exits() {
        let mut record = ExitRecord::new_zeroed();
        record.header = RecordHeader {
            abi: ABI_VERSION,
            kind: kind::EXIT,
            len: u32::try_from(size_of::<ExitRecord>()).unwrap(),
            at: 1,
        };
        record.state.exit_code = 9;
        record.state.group_exit_code = 143 << 8;
        let status = |record: &ExitRecord| match decode(record.as_bytes()) {
            Ok(Event::Exit(event)) => event.status,
            other => panic!("{other:?}"),
        };
        assert_eq!(status(&record), ExitStatus::Signal(Signal::KILL));
        record.state.signal_flags = 4;
        assert_eq!(status(&record), ExitStatus::Code(143));
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..1200)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn any_body_behind_a_good_header_is_decoded_or_refused(
            number in 0_u16..10,
            body in prop::collection::vec(any::<u8>(), 0..600),
        ) {
            let lengths = [
                size_of::<SignalRecord>(),
                size_of::<ExitRecord>(),
                size_of::<DeliverRecord>(),
                size_of::<TaskOnlyRecord>(),
                size_of::<OomRecord>(),
                size_of::<CgroupRecord>(),
            ];
            for len in lengths.map(|len| u32::try_from(len).unwrap()) {
                let header = RecordHeader { abi: ABI_VERSION, kind: number, len, at: 1 };
                let _ = decode(&[header.as_bytes(), &body].concat());
            }
        }
    }
}
