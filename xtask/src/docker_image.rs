//! `cargo xtask test-image`: the image of the container tests and of the demo. It is made here from a static busybox, so
//! that no registry is needed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{dockerd, run, setup, workspace};

/// The image's name; tests and the demo use it.
const IMAGE: &str = "rinit-trace-test:latest";
const BUSYBOX: [&str; 2] = ["/bin/busybox", "/usr/bin/busybox"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Make it anew even when it is there
    #[arg(long)]
    rebuild: bool,
    /// Static programs to add under /usr/local/bin; given any, the image is made anew
    programs: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    setup::for_docker()?;
    let _engine = dockerd::ensure()?;
    if args.rebuild || !args.programs.is_empty() {
        build(&args.programs)
    } else {
        ensure()
    }
}

/// Makes the image unless it is there. A Docker engine must answer.
pub(crate) fn ensure() -> Result<()> {
    if run::output(docker()?.args(["image", "inspect", IMAGE])).is_some() {
        return Ok(());
    }
    build(&[])
}

fn build(programs: &[PathBuf]) -> Result<()> {
    let root = workspace::scratch_dir().join("test-image");
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("cannot remove {}", root.display()))?;
    }
    fill(&root, programs).context("cannot make the test image")?;
    import(&root)?;
    eprintln!("made image {IMAGE}");
    Ok(())
}

/// Docker's client as someone who may open its socket.
pub(crate) fn docker() -> Result<Command> {
    run::as_root("docker")
}

/// Writes the image's files.
fn fill(root: &Path, programs: &[PathBuf]) -> Result<()> {
    for dir in ["bin", "etc", "tmp", "proc", "usr/local/bin"] {
        fs::create_dir_all(root.join(dir))?;
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?;
    fs::write(
        root.join("etc/passwd"),
        "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    )?;
    fs::write(root.join("etc/group"), "root:x:0:\nnogroup:x:65534:\n")?;
    let Some(busybox) = BUSYBOX.iter().map(Path::new).find(|path| path.is_file()) else {
        bail!("no busybox; run `cargo xtask setup --tests`");
    };
    copy_program(busybox, &root.join("bin"))?;
    let applets = run::output(Command::new(busybox).arg("--list"))
        .context("busybox does not list its applets")?;
    for applet in applets.lines().filter(|applet| *applet != "busybox") {
        symlink("busybox", root.join("bin").join(applet))?;
    }
    for program in programs {
        copy_program(program, &root.join("usr/local/bin"))?;
    }
    Ok(())
}

/// Copies a program that needs no libraries.
pub(crate) fn copy_program(program: &Path, dir: &Path) -> Result<()> {
    let bytes = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    if has_interpreter(&bytes) {
        bail!(
            "{} is not static and would not start in the image; build it with a static libc",
            program.display()
        );
    }
    let to = dir.join(program.file_name().context("a program without a name")?);
    fs::write(&to, bytes)?;
    fs::set_permissions(&to, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Whether a 64-bit ELF program asks for a dynamic loader, that is, has a `PT_INTERP` header.
fn has_interpreter(elf: &[u8]) -> bool {
    const PT_INTERP: u64 = 3;
    // Offsets of the ELF header's fields: elf(5), Elf64_Ehdr.
    let (Some(table), Some(size), Some(count)) =
        (number(elf, 32, 8), number(elf, 54, 2), number(elf, 56, 2))
    else {
        return false;
    };
    (0..count).any(|at| {
        let header = at
            .checked_mul(size)
            .and_then(|offset| offset.checked_add(table));
        header.and_then(|offset| number(elf, usize::try_from(offset).ok()?, 4)) == Some(PT_INTERP)
    })
}

/// The little-endian number of `size` bytes at an offset.
fn number(bytes: &[u8], offset: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(offset..offset.checked_add(size)?)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

fn import(root: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args(["--numeric-owner", "--owner=0", "--group=0", "-c", "-C"])
        .arg(root)
        .arg(".");
    let mut tar = run::start(tar.stdout(Stdio::piped()))?;
    let rootfs = tar.stdout.take().context("tar has no output")?;
    let mut import = docker()?;
    import.args([
        "import",
        "--change",
        "ENV PATH=/usr/local/bin:/bin",
        "--change",
        "CMD [\"sh\"]",
        "-",
        IMAGE,
    ]);
    let imported = run::succeed(import.stdin(rootfs).stdout(Stdio::null()));
    let packed = tar.wait().context("cannot wait for tar")?;
    imported?;
    if !packed.success() {
        bail!("cannot pack the test image: tar ended with {packed}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_test_program_is_not_static() {
        let program = fs::read("/proc/self/exe").unwrap();
        assert!(has_interpreter(&program));
        assert!(!has_interpreter(b"\x7fELF\x02\x01\x01"));
        assert!(!has_interpreter(&[0xff; 64]));
    }
}
