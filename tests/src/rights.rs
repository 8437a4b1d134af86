//! `rinit-trace` with fewer rights than the tests have.

use std::{
    fs, io,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::PathBuf,
    process::Command,
};

use tempfile::TempDir;

use crate::{
    program::{Ended, copy_program, program},
    tracer::Tracer,
};

/// A user with no files of its own.
pub const NOBODY: u32 = 65_534;

/// `offsetof(struct seccomp_data, nr)` and that of the low half of the first argument.
const SYSTEM_CALL: u32 = 0;
const FIRST_ARGUMENT: u32 = 16;

/// What the default profile of container runtimes does not allow who has `CAP_BPF`, `CAP_PERFMON` and `CAP_SYS_PTRACE`:
/// those calls of it that a program of this kind could make at all.
const NOT_BY_DEFAULT: [libc::c_long; 24] = [
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_chroot,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fsopen,
    libc::SYS_init_module,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mbind,
    libc::SYS_mount,
    libc::SYS_move_pages,
    libc::SYS_open_by_handle_at,
    libc::SYS_pivot_root,
    libc::SYS_quotactl,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_syslog,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
];

/// A way to run the program, in a place where anybody may.
#[derive(Debug)]
pub struct Rights {
    wrapper: Vec<String>,
    filter: Vec<libc::sock_filter>,
    read_only: bool,
    copy: PathBuf,
    _dir: TempDir,
}

impl Rights {
    /// As root with these capabilities, written as `setpriv` does: `bpf`.
    pub fn of_root(capabilities: &[&str]) -> Self {
        let set = only(capabilities);
        Self::by(&[
            "setpriv",
            "--inh-caps",
            "-all",
            "--ambient-caps",
            "-all",
            "--bounding-set",
            &set,
        ])
    }

    /// As a user who is nobody, with these as ambient capabilities.
    pub fn of_nobody(capabilities: &[&str]) -> Self {
        let set = only(capabilities);
        let id = NOBODY.to_string();
        let user = [
            "setpriv",
            "--reuid",
            &id,
            "--regid",
            &id,
            "--clear-groups",
            "--inh-caps",
            &set,
            "--ambient-caps",
            &set,
            "--bounding-set",
            &set,
        ];
        Self::by(&user)
    }

    fn by(wrapper: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let anybody = fs::Permissions::from_mode(0o755);
        fs::set_permissions(dir.path(), anybody.clone()).unwrap();
        let copy = dir.path().join("rinit-trace");
        copy_program(&program(), &copy);
        fs::set_permissions(&copy, anybody).unwrap();
        Self {
            wrapper: wrapper.iter().map(|&word| word.to_owned()).collect(),
            filter: Vec::new(),
            read_only: false,
            copy,
            _dir: dir,
        }
    }

    /// And `no_new_privs`.
    #[must_use]
    pub fn no_new_privs(mut self) -> Self {
        self.wrapper.push("--no-new-privs".to_owned());
        self
    }

    /// And a root file system that is only to be read.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// And a seccomp filter like the one that a pod has by `RuntimeDefault`.
    #[must_use]
    pub fn runtime_default(mut self) -> Self {
        self.filter = NOT_BY_DEFAULT
            .map(|call| refuse(call, libc::EPERM))
            .concat();
        self
    }

    /// And a seccomp filter under which bpf(2) fails so: all of it, or one command.
    #[must_use]
    pub fn without_bpf(mut self, command: Option<u32>, errno: i32) -> Self {
        self.filter = match command {
            None => refuse(libc::SYS_bpf, errno).to_vec(),
            Some(command) => vec![
                load(SYSTEM_CALL),
                // Past the rest of this.
                jump(u32::try_from(libc::SYS_bpf).unwrap(), 0, 3),
                load(FIRST_ARGUMENT),
                jump(command, 0, 1),
                answer(errno),
            ],
        };
        self
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        Tracer::spawn_command(self.command(arguments)).ended()
    }

    /// Starts it, and waits until it traces.
    pub fn trace(&self, arguments: &[&str]) -> Tracer {
        let mut tracer = Tracer::spawn_command(self.command(arguments));
        tracer.wait_until_it_traces();
        tracer
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.wrapper[0]);
        command.args(&self.wrapper[1..]);
        command.arg(&self.copy).args(arguments);
        let (mut filter, read_only) = (self.filter.clone(), self.read_only);
        if !filter.is_empty() {
            let allow = libc::SECCOMP_RET_ALLOW;
            filter.push(statement(libc::BPF_RET | libc::BPF_K, allow));
        }
        // SAFETY: between fork and exec nothing but system calls, with memory that was made before.
        unsafe {
            command.pre_exec(move || {
                if read_only {
                    root_read_only()?;
                }
                // Last: it may refuse what comes before.
                confine(&mut filter)
            });
        }
        command
    }
}

fn only(capabilities: &[&str]) -> String {
    let added = capabilities.iter().map(|name| format!(",+{name}"));
    added.fold("-all".to_owned(), |set, one| set + &one)
}

/// In a mount namespace of its own.
fn root_read_only() -> io::Result<()> {
    let remount = libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY;
    // SAFETY: changes the mounts of this process alone, once they are its own; the path is a constant, and no other
    // pointer is read.
    let done = unsafe {
        let mount = |flags| {
            let none = std::ptr::null();
            libc::mount(none, c"/".as_ptr(), none, flags, std::ptr::null()) == 0
        };
        libc::unshare(libc::CLONE_NEWNS) == 0
            && mount(libc::MS_REC | libc::MS_PRIVATE)
            && mount(remount)
    };
    result(done)
}

fn result(done: bool) -> io::Result<()> {
    if done {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Root may do so without `no_new_privs`, which the program is to be tested with and without.
fn confine(filter: &mut [libc::sock_filter]) -> io::Result<()> {
    if filter.is_empty() {
        return Ok(());
    }
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).unwrap_or(0),
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the kernel copies the filter, which lives until it returns.
    let done = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    };
    result(done == 0)
}

fn refuse(call: libc::c_long, errno: i32) -> [libc::sock_filter; 3] {
    let call = u32::try_from(call).unwrap();
    [load(SYSTEM_CALL), jump(call, 0, 1), answer(errno)]
}

fn load(at: u32) -> libc::sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, at)
}

fn answer(errno: i32) -> libc::sock_filter {
    let errno = u32::try_from(errno).unwrap();
    statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | errno)
}

/// Skips so many statements when it is equal, and when it is not.
fn jump(value: u32, equal: u8, differs: u8) -> libc::sock_filter {
    libc::sock_filter {
        jt: equal,
        jf: differs,
        ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value)
    }
}

fn statement(code: u32, value: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: u16::try_from(code).unwrap(),
        jt: 0,
        jf: 0,
        k: value,
    }
}
