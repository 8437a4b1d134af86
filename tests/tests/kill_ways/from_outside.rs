//! Who kills from the host: the parent of PID 1, as a container's shim is; another child of that parent, as runc is; anybody
//! else; a tracer; a cgroup. The victim is a member in a stop, or PID 1 itself, whose end is the stop.

use std::{
    io,
    process::{Command, Stdio},
    ptr, thread,
};

use rinit_trace_tests::{Cgroup, Kernel, Namespace, Report, send, shared_trace};

use crate::table::{self, Row, fail_with};

/// Kills the process with this pid, which the test or its namespace has not reaped.
type Kill = fn(u32, Option<&Cgroup>);

const KILLS: &[(&str, Kill)] = &[
    ("kill-by-parent", |pid, _| send(pid, libc::SIGKILL)),
    ("tgkill-by-parent", |pid, _| tgkill(pid)),
    ("kill-by-sibling", |pid, _| shell(&format!("kill -9 {pid}"))),
    // The subshell has another parent.
    ("kill-by-others", |pid, _| {
        shell(&format!("(kill -9 {pid}); exit 0"));
    }),
    ("cgroup-kill:v2", |pid, cgroup| {
        let cgroup = cgroup.expect("a way with a cgroup has one");
        cgroup.add(pid);
        cgroup.kill();
    }),
    ("ptrace-kill", |pid, _| {
        traces(pid, 0, || request(libc::PTRACE_KILL, pid, 0));
    }),
    ("ptrace-exitkill", |pid, _| {
        // What traces is a thread, which ends here.
        traces(pid, libc::PTRACE_O_EXITKILL, || ());
    }),
];

/// PID 1 has been asked to stop, and then a member is killed.
const MEMBERS: &str = "
    kill-by-parent     victim   user         runtime      killed-unsignalled  SIGKILL  forced
    tgkill-by-parent   victim   thread       runtime      killed-unsignalled  SIGKILL  forced
    kill-by-sibling    victim   user         runtime      killed-unsignalled  SIGKILL  forced
    kill-by-others     victim   user         external     killed-unsignalled  SIGKILL  forced
    cgroup-kill:v2     victim   cgroup-kill  cgroup-kill  killed-unsignalled  SIGKILL  forced
    ptrace-kill        victim   ptrace       tracer       killed-unsignalled  SIGKILL  forced
    ptrace-exitkill    victim   ptrace       tracer       killed-unsignalled  SIGKILL  forced
";

/// PID 1 is killed without having been asked, and takes its child with it.
const INITS: &str = "
    kill-by-parent     sleeper  user            runtime         killed-unsignalled  SIGKILL  forced
    kill-by-parent     server   pidns-teardown  pidns-teardown  killed-unsignalled  SIGKILL  forced
    tgkill-by-parent   sleeper  thread          runtime         killed-unsignalled  SIGKILL  forced
    tgkill-by-parent   server   pidns-teardown  pidns-teardown  killed-unsignalled  SIGKILL  forced
    kill-by-sibling    sleeper  user            runtime         killed-unsignalled  SIGKILL  forced
    kill-by-sibling    server   pidns-teardown  pidns-teardown  killed-unsignalled  SIGKILL  forced
    kill-by-others     sleeper  user            external        killed-unsignalled  SIGKILL  forced
    kill-by-others     server   pidns-teardown  pidns-teardown  killed-unsignalled  SIGKILL  forced
    cgroup-kill:v2     sleeper  cgroup-kill     cgroup-kill     killed-unsignalled  SIGKILL  forced
    cgroup-kill:v2     server   pidns-teardown  pidns-teardown  killed-unsignalled  SIGKILL  forced
    ptrace-kill        sleeper  ptrace          tracer          killed-unsignalled  SIGKILL  forced
    ptrace-kill        server   pidns-teardown  pidns-teardown  killed-unsignalled  SIGKILL  forced
    ptrace-exitkill    sleeper  ptrace          tracer          killed-unsignalled  SIGKILL  forced
    ptrace-exitkill    server   pidns-teardown  pidns-teardown  killed-unsignalled  SIGKILL  forced
";

/// PID 1 dies without having been asked, by what it or the kernel does.
const INITS_BY_THEMSELVES: &str = "
    reboot                  unasked  kernel  kernel   killed-unsignalled  SIGKILL  forced
    reboot-by-init          unasked  kernel  kernel   killed-unsignalled  SIGKILL  forced
    rlimit-cpu-of-init      unasked  kernel  kernel   killed-unsignalled  SIGKILL  forced
    seccomp-strict-of-init  unasked  -       unknown  killed-unsignalled  SIGKILL  forced
    oom-of-init:memory      unasked  oom     oom      oom-killed          SIGKILL  forced
";

#[test]
fn members() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    let mut wrong = Vec::new();
    for (rows, kill, cgroup) in runs(MEMBERS) {
        let mut namespace = Namespace::start(&["ways=outside"]);
        namespace.signal(libc::SIGTERM);
        namespace.wait_for("victim", 1);
        kill(namespace.child(), cgroup.as_ref());
        namespace.wait();
        let report = tracer.report_of(namespace.pid());
        wrong.extend(wrong_with(&rows, &report, "stop-signal"));
    }
    fail_with(&wrong);
}

#[test]
fn inits() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    let mut wrong = Vec::new();
    for (rows, kill, cgroup) in runs(INITS) {
        let trigger = if cgroup.is_some() {
            "cgroup-kill"
        } else {
            "sigkill"
        };
        let mut namespace = Namespace::start(&["sleeper", "server"]);
        kill(namespace.pid(), cgroup.as_ref());
        namespace.wait();
        let report = tracer.report_of(namespace.pid());
        wrong.extend(wrong_with(&rows, &report, trigger));
        report.is("/stop/signal", ());
    }
    fail_with(&wrong);
}

#[test]
fn inits_by_themselves() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let tracer = shared_trace();
    let mut wrong = Vec::new();
    for rows in table::by_way(INITS_BY_THEMSELVES) {
        let Some((program, _cgroup)) = table::program("unasked", rows[0].way) else {
            continue;
        };
        let mut namespace = Namespace::start(&[&program]);
        namespace.end_input();
        namespace.wait();
        let report = tracer.report_of(namespace.pid());
        let trigger = match rows[0].way {
            "oom-of-init:memory" => "oom",
            "seccomp-strict-of-init" => "init-exit",
            _ => "sigkill",
        };
        wrong.extend(wrong_with(&rows, &report, trigger));
    }
    fail_with(&wrong);
}

/// What a table asks for, with what does it. A way that cannot be run here says so.
fn runs(table: &str) -> impl Iterator<Item = (Vec<Row<'_>>, Kill, Option<Cgroup>)> {
    table::by_way(table).into_iter().filter_map(|rows| {
        let way = rows[0].way;
        let known = KILLS.iter().find(|(name, _)| *name == way);
        let (_, kill) = known.unwrap_or_else(|| panic!("there is no way `{way}`"));
        let (_, cgroup) = table::program("ways", way)?;
        Some((rows, *kill, cgroup))
    })
}

fn wrong_with(rows: &[Row], report: &Report, trigger: &str) -> Vec<String> {
    let mut wrong: Vec<String> = rows.iter().filter_map(|row| row.wrong(report)).collect();
    if report.text("/stop/trigger") != trigger {
        wrong.push(format!("{}: the trigger is not {trigger}", rows[0].way));
    }
    if *report.at("/observation/lost_records") != 0 {
        wrong.push(format!("{}: records were lost", rows[0].way));
    }
    if let Some(last) = wrong.last_mut() {
        *last = format!("{last}\n{report}");
    }
    wrong
}

fn tgkill(pid: u32) {
    // SAFETY: no memory is passed.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, pid, pid, libc::SIGKILL) };
    assert_eq!(result, 0, "tgkill {pid}: {}", io::Error::last_os_error());
}

/// Runs a script as another child of this process.
fn shell(script: &str) {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null());
    let status = command.status().expect("`sh` runs");
    assert!(status.success(), "{script}: {status}");
}

/// A thread traces a process, does something, and ends.
fn traces(pid: u32, options: i32, act: impl FnOnce() + Send) {
    thread::scope(|scope| {
        scope.spawn(move || {
            request(libc::PTRACE_SEIZE, pid, options);
            act();
        });
    });
}

fn request(request: libc::c_uint, pid: u32, data: i32) {
    let nowhere: *mut libc::c_void = ptr::null_mut();
    // SAFETY: these requests take numbers.
    let result = unsafe { libc::ptrace(request, pid, nowhere, libc::c_long::from(data)) };
    assert_eq!(
        result,
        0,
        "ptrace {request} {pid}: {}",
        io::Error::last_os_error()
    );
}
