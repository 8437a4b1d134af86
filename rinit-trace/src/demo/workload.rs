//! The demo's own programs: tiny servers and inits, executed as `rinit-trace workload NAME`.
//!
//! Each says `ready` on its standard output when its handlers are installed.

use std::{
    io::{self, Write as _},
    os::unix::process::CommandExt as _,
    process::{self, Command},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

/// How long the server cleans up.
const CLEANUP: Duration = Duration::from_millis(100);

/// SIGTERM has come.
static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn on_term(_signal: libc::c_int) {
    ASKED.store(true, Ordering::Relaxed);
}

/// Runs a workload and ends the process with it: returns only when that failed.
pub fn run(name: &str) -> Result<std::convert::Infallible> {
    match name {
        "server" => server()?,
        "init-exits" => init_exits()?,
        "init-waits" => init_waits()?,
        other => bail!("there is no workload `{other}`; this command is for `rinit-trace demo`"),
    }
    process::exit(0);
}

/// Handles SIGTERM, and takes a moment to clean up.
fn server() -> Result<()> {
    set_name(c"server");
    install_handler()?;
    ready()?;
    wait_for_term();
    std::thread::sleep(CLEANUP);
    Ok(())
}

/// Handles SIGTERM and exits at once. Its child never hears of it.
fn init_exits() -> Result<()> {
    set_name(c"init-exits");
    install_handler()?;
    let _child = start_server()?;
    ready()?;
    wait_for_term();
    Ok(())
}

/// Passes SIGTERM on, waits for the child, then leaves.
fn init_waits() -> Result<()> {
    set_name(c"init-waits");
    install_handler()?;
    let mut child = start_server()?;
    ready()?;
    wait_for_term();
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(
        pid.context("the child has no pid")?,
        rustix::process::Signal::TERM,
    )
    .context("pass SIGTERM on to the child")?;
    child.wait().context("wait for the child")?;
    Ok(())
}

fn start_server() -> Result<process::Child> {
    Command::new("/proc/self/exe")
        .arg0("rinit-trace")
        .args(["workload", "server"])
        .spawn()
        .context("start the server")
}

/// Blocks SIGTERM but for [`wait_for_term`]'s `sigsuspend`, so that none is lost before it.
fn install_handler() -> Result<()> {
    // SAFETY: the action is fully initialised; the handler only stores to an atomic.
    let result = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_term as *const () as usize;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGTERM, &raw const action, std::ptr::null_mut())
    };
    if result != 0 {
        return Err(io::Error::last_os_error()).context("install the SIGTERM handler");
    }
    Ok(())
}

fn wait_for_term() {
    // SAFETY: the sets are initialised before use; `sigsuspend` waits with SIGTERM unblocked, so a
    // signal between the check and the wait is not lost.
    unsafe {
        let mut term: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut term);
        libc::sigaddset(&raw mut term, libc::SIGTERM);
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_BLOCK, &raw const term, &raw mut before);
        while !ASKED.load(Ordering::Relaxed) {
            libc::sigsuspend(&raw const before);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut());
    }
}

fn set_name(name: &std::ffi::CStr) {
    // Only for the eyes: a failure changes nothing.
    let _ = rustix::thread::set_name(name);
}

fn ready() -> Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(b"ready\n").context("say ready")?;
    stdout.flush().context("say ready")
}
