//! The initial file system of a guest: files, links and devices, written as a cpio archive of the kind that kernels unpack.
//!
//! It is not compressed: an emulated machine takes longer to unpack it than to be handed it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use cpio::newc::{Builder, ModeFileType, trailer};

use crate::run;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Folder,
    /// Contents and permissions.
    File(Vec<u8>, u32),
    /// Where it points to.
    Link(String),
    /// A character device: its numbers.
    Device(u32, u32),
}

/// What a guest starts with, by the path in it without the first `/`.
#[derive(Debug, Default)]
pub(super) struct Archive {
    entries: BTreeMap<String, Entry>,
}

impl Archive {
    pub(super) fn folder(&mut self, path: &str) {
        self.add(path, Entry::Folder);
    }

    /// A text.
    pub(super) fn text(&mut self, path: &str, text: &str) {
        self.add(path, Entry::File(text.as_bytes().to_vec(), 0o644));
    }

    /// A program, or a script, by its contents.
    pub(super) fn executable(&mut self, path: &str, contents: Vec<u8>) {
        self.add(path, Entry::File(contents, 0o755));
    }

    /// A symbolic link.
    pub(super) fn link(&mut self, path: &str, target: &str) {
        self.add(path, Entry::Link(target.to_owned()));
    }

    /// A character device.
    pub(super) fn device(&mut self, path: &str, major: u32, minor: u32) {
        self.add(path, Entry::Device(major, minor));
    }

    /// A file of this machine, at the same path.
    pub(super) fn same(&mut self, path: &Path) -> Result<()> {
        self.file(&path.display().to_string(), path)
    }

    /// A file of this machine at another path, with its permissions.
    pub(super) fn file(&mut self, path: &str, from: &Path) -> Result<()> {
        let read = || -> io::Result<(Vec<u8>, u32)> {
            Ok((fs::read(from)?, fs::metadata(from)?.permissions().mode()))
        };
        let (contents, mode) = read().with_context(|| format!("cannot read {}", from.display()))?;
        self.add(path, Entry::File(contents, mode & 0o777));
        Ok(())
    }

    /// A program of this machine at the same path, with the libraries that it asks for.
    pub(super) fn program(&mut self, program: &Path) -> Result<()> {
        self.program_at(&program.display().to_string(), program)
    }

    /// The same at another path. Libraries are where they are here.
    pub(super) fn program_at(&mut self, path: &str, program: &Path) -> Result<()> {
        self.file(path, program)?;
        let libraries = libraries(program)?;
        libraries.iter().try_for_each(|library| self.same(library))
    }

    /// The folders that it is in come before it.
    fn add(&mut self, path: &str, entry: Entry) {
        let path = path.trim_matches('/');
        let mut parent = path;
        while let Some((above, _)) = parent.rsplit_once('/') {
            parent = above;
            self.entries
                .entry(above.to_owned())
                .or_insert(Entry::Folder);
        }
        self.entries.insert(path.to_owned(), entry);
    }

    /// Writes the archive. By name, a folder comes before what is in it.
    pub(super) fn write(&self, mut to: impl Write) -> io::Result<()> {
        for (number, (path, entry)) in (1..).zip(&self.entries) {
            let header = Builder::new(path).ino(number).nlink(1);
            let (header, contents): (Builder, &[u8]) = match entry {
                Entry::Folder => {
                    let header = header.mode(0o755);
                    (header.set_mode_file_type(ModeFileType::Directory), &[])
                }
                Entry::File(contents, mode) => {
                    let header = header.mode(*mode);
                    (header.set_mode_file_type(ModeFileType::Regular), contents)
                }
                Entry::Link(target) => {
                    let header = header.mode(0o777);
                    let header = header.set_mode_file_type(ModeFileType::Symlink);
                    (header, target.as_bytes())
                }
                Entry::Device(major, minor) => {
                    let header = header.mode(0o600).rdev_major(*major).rdev_minor(*minor);
                    (header.set_mode_file_type(ModeFileType::Char), &[])
                }
            };
            let size = u32::try_from(contents.len())
                .map_err(|_| io::Error::other(format!("{path} has more than 4 GiB")))?;
            let mut body = header.write(&mut to, size);
            body.write_all(contents)?;
            body.finish()?;
        }
        trailer(&mut to)?;
        to.flush()
    }
}

/// The libraries of a program with the dynamic loader; none of a static one.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let mut ldd = Command::new("ldd");
    // Fails on static programs.
    let Some(told) = run::output(ldd.arg(program)) else {
        return Ok(Vec::new());
    };
    parse_libraries(&told)
        .with_context(|| format!("cannot tell the libraries of {}", program.display()))
}

/// The paths in what ldd prints.
fn parse_libraries(told: &str) -> Result<Vec<PathBuf>> {
    if let Some(line) = told.lines().find(|line| line.contains("not found")) {
        bail!("{}", line.trim());
    }
    let words = told.lines().flat_map(str::split_whitespace);
    let paths = words.map(Path::new).filter(|path| {
        let mut parts = path.components();
        parts.next() == Some(Component::RootDir) && parts.next().is_some()
    });
    Ok(paths.map(Path::to_path_buf).collect())
}

#[cfg(test)]
mod tests {
    use cpio::newc::Reader;

    use super::*;

    /// Name, mode, device numbers and contents.
    type Read = (String, u32, (u32, u32), Vec<u8>);

    /// All entries.
    fn read(mut bytes: &[u8]) -> Vec<Read> {
        let mut found = Vec::new();
        loop {
            let mut reader = Reader::new(bytes).unwrap();
            let entry = reader.entry();
            if entry.is_trailer() {
                return found;
            }
            let (name, mode) = (entry.name().to_owned(), entry.mode());
            let device = (entry.rdev_major(), entry.rdev_minor());
            let mut contents = Vec::new();
            io::Read::read_to_end(&mut reader, &mut contents).unwrap();
            bytes = reader.finish().unwrap();
            found.push((name, mode, device, contents));
        }
    }

    #[test]
    fn what_is_written_is_what_a_kernel_unpacks() {
        let mut archive = Archive::default();
        archive.executable("/init", b"#!/bin/sh\n".to_vec());
        archive.text("etc/hosts", "127.0.0.1 localhost\n");
        archive.link("/bin/sh", "busybox");
        archive.device("/dev/console", 5, 1);
        archive.folder("proc");
        let mut bytes = Vec::new();
        archive.write(&mut bytes).unwrap();
        assert!(bytes.starts_with(b"070701"), "newc");
        assert_eq!(bytes.len() % 4, 0);
        let entry = |name: &str, mode, device, contents: &str| {
            (name.to_owned(), mode, device, contents.as_bytes().to_vec())
        };
        let expected = [
            entry("bin", 0o040_755, (0, 0), ""),
            entry("bin/sh", 0o120_777, (0, 0), "busybox"),
            entry("dev", 0o040_755, (0, 0), ""),
            entry("dev/console", 0o020_600, (5, 1), ""),
            entry("etc", 0o040_755, (0, 0), ""),
            entry("etc/hosts", 0o100_644, (0, 0), "127.0.0.1 localhost\n"),
            entry("init", 0o100_755, (0, 0), "#!/bin/sh\n"),
            entry("proc", 0o040_755, (0, 0), ""),
        ];
        assert_eq!(read(&bytes), expected);
    }

    #[test]
    fn a_folder_goes_before_what_is_in_it_whatever_its_name_is() {
        let mut archive = Archive::default();
        // `-` sorts before `/`.
        archive.text("a/b", "");
        archive.text("a-b/c", "");
        archive.text("a.b", "");
        let mut bytes = Vec::new();
        archive.write(&mut bytes).unwrap();
        let names: Vec<String> = read(&bytes).into_iter().map(|entry| entry.0).collect();
        let at = |name: &str| names.iter().position(|one| one == name);
        assert!(at("a") < at("a/b"), "{names:?}");
        assert!(at("a-b") < at("a-b/c"), "{names:?}");
    }

    #[test]
    fn our_own_program_is_taken_with_its_libraries() {
        let own = std::env::current_exe().unwrap();
        let mut archive = Archive::default();
        archive.program(&own).unwrap();
        let has = |part: &str| archive.entries.keys().any(|path| path.contains(part));
        assert!(has("libc.so.6"), "{:?}", archive.entries.keys());
        assert!(has("ld-linux"), "{:?}", archive.entries.keys());
    }

    #[test]
    fn libraries_are_the_paths_that_ldd_prints() {
        let told = "\tlinux-vdso.so.1 (0x00007fff)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x00007f)\n\t/lib64/ld.so.2 (0x00007f)\n";
        let paths = ["/lib/x/libc.so.6", "/lib64/ld.so.2"].map(PathBuf::from);
        assert_eq!(parse_libraries(told).unwrap(), paths);
        let error = parse_libraries("\tlibx.so.1 => not found\n").unwrap_err();
        assert_eq!(error.to_string(), "libx.so.1 => not found");
    }
}
