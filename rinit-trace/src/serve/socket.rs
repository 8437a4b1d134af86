//! The Unix socket at which a daemon is asked on its own host. Who may is what its file says: root, and a group.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, lchown},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};
use thiserror::Error;

/// Connections that wait to be taken.
const BACKLOG: i32 = 64;
/// Root alone.
const OF_ROOT: u32 = 0o600;
/// Root and a group.
const OF_GROUP: u32 = 0o660;
const GROUPS: &str = "/etc/group";

/// Why there is no socket. Texts are one line, and say what to do.
#[derive(Debug, Error)]
pub enum SocketError {
    /// Somebody answers there, or may.
    #[error("somebody answers at the socket {} already; end that, or give another --api-socket", path.display())]
    InUse {
        /// Its path.
        path: PathBuf,
    },
    /// Something else is there.
    #[error("{} is there and is no socket; remove it, or give another --api-socket", path.display())]
    NoSocket {
        /// Its path.
        path: PathBuf,
    },
    /// It cannot be made.
    #[error("cannot listen at the socket {}: {error}; is its folder there, and may this user write to it?", path.display())]
    Bind {
        /// Its path.
        path: PathBuf,
        /// Why. Part of the text, so not a source.
        error: io::Error,
    },
    /// There is no such group.
    #[error("{GROUPS} has no group {group}; make it, or give a group's number")]
    NoGroup {
        /// What was given.
        group: String,
    },
    /// The group cannot be set.
    #[error("cannot give the socket {} to the group {group}: {error}; that takes CAP_CHOWN, or to be in the group", path.display())]
    Group {
        /// Its path.
        path: PathBuf,
        /// What was given.
        group: String,
        /// Why. Part of the text, so not a source.
        error: io::Error,
    },
}

/// A socket that is listened at. Its file goes when it is dropped.
#[derive(Debug)]
pub struct ApiSocket {
    pub(super) listener: UnixListener,
    pub(super) file: SocketFile,
}

impl ApiSocket {
    /// Listens there. What a daemon that has died has left is replaced. `group`: who may ask beside root, by name or
    /// number.
    pub fn bind(path: &Path, group: Option<&str>) -> Result<Self, SocketError> {
        let gid = group.map(gid_of).transpose()?;
        remove_stale(path)?;
        let fault = |error: io::Error| SocketError::Bind {
            path: path.to_owned(),
            error,
        };
        let socket = stream(SocketFlags::NONBLOCK).map_err(fault)?;
        let address = SocketAddrUnix::new(path).map_err(|error| fault(error.into()))?;
        bind(&socket, &address).map_err(|error| fault(error.into()))?;
        // Nobody is let in before it listens, and its rights are set by then.
        let file = SocketFile::new(path).map_err(fault)?;
        if let (Some(gid), Some(group)) = (gid, group) {
            lchown(path, None, Some(gid)).map_err(|error| SocketError::Group {
                path: path.to_owned(),
                group: group.to_owned(),
                error,
            })?;
        }
        let mode = if gid.is_some() { OF_GROUP } else { OF_ROOT };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(fault)?;
        listen(&socket, BACKLOG).map_err(|error| fault(error.into()))?;
        let listener = UnixListener::from(socket);
        Ok(Self { listener, file })
    }
}

/// The file of a socket, which is removed when this is dropped.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    id: (u64, u64),
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            id: id_of(path)?,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be another daemon's by now. One that stays is replaced by the next.
        if id_of(&self.path).is_ok_and(|id| id == self.id) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn id_of(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

fn stream(flags: SocketFlags) -> io::Result<std::os::fd::OwnedFd> {
    let flags = flags | SocketFlags::CLOEXEC;
    Ok(socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        flags,
        None,
    )?)
}

/// Removes a socket that nobody listens at.
fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let fault = |error: io::Error| SocketError::Bind {
        path: path.to_owned(),
        error,
    };
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fault(error)),
    };
    let path = path.to_owned();
    if !found.file_type().is_socket() {
        return Err(SocketError::NoSocket { path });
    }
    // One whose queue is full is not waited for: it lives.
    let socket = stream(SocketFlags::NONBLOCK).map_err(fault)?;
    let address = SocketAddrUnix::new(&path).map_err(|error| fault(error.into()))?;
    match connect(&socket, &address) {
        Err(rustix::io::Errno::CONNREFUSED) => fs::remove_file(&path).map_err(fault),
        _ => Err(SocketError::InUse { path }),
    }
}

/// By `/etc/group` alone: a static program cannot ask NSS; groups from elsewhere can be given by number.
fn gid_of(group: &str) -> Result<u32, SocketError> {
    let no_group = || SocketError::NoGroup {
        group: group.to_owned(),
    };
    if let Ok(gid) = group.parse() {
        return Ok(gid);
    }
    let groups = fs::read_to_string(GROUPS).map_err(|_| no_group())?;
    gid_in(&groups, group).ok_or_else(no_group)
}

fn gid_in(groups: &str, group: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(group);
        fields.nth(1).filter(|_| is_it)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn mode_and_group(path: &Path) -> (u32, u32) {
        let metadata = fs::symlink_metadata(path).unwrap();
        (metadata.mode() & 0o7777, metadata.gid())
    }

    #[test]
    fn a_socket_is_roots_and_perhaps_a_groups_and_goes_with_its_daemon() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api.sock");
        let own = rustix::process::getegid().as_raw();
        let socket = ApiSocket::bind(&path, None).unwrap();
        assert_eq!(mode_and_group(&path), (0o600, own));
        drop(socket);
        assert!(!path.exists());
        let socket = ApiSocket::bind(&path, Some(&own.to_string())).unwrap();
        assert_eq!(mode_and_group(&path), (0o660, own));
        UnixStream::connect(&path).unwrap();
        drop(socket);
    }

    #[test]
    fn what_a_dead_daemon_left_is_replaced_and_a_living_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "left behind");
        let living = ApiSocket::bind(&path, None).unwrap();
        let error = ApiSocket::bind(&path, None).unwrap_err().to_string();
        let said = format!(
            "somebody answers at the socket {} already; end that, or give another --api-socket",
            path.display()
        );
        assert_eq!(error, said);
        // The living one is as it was.
        UnixStream::connect(&path).unwrap();
        // Somebody has put another in its place, which is not its own to remove.
        fs::remove_file(&path).unwrap();
        let other = ApiSocket::bind(&path, None).unwrap();
        drop(living);
        UnixStream::connect(&path).unwrap();
        drop(other);
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "precious").unwrap();
        let error = ApiSocket::bind(&path, None).unwrap_err().to_string();
        assert!(error.ends_with("give another --api-socket"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let nowhere = dir.path().join("no/folder/api.sock");
        let error = ApiSocket::bind(&nowhere, None).unwrap_err().to_string();
        assert!(error.contains("No such file"), "{error}");
        let error = ApiSocket::bind(&path, Some("no-such-group")).unwrap_err();
        assert!(matches!(error, SocketError::NoGroup { .. }), "{error}");
    }

    #[test]
    fn groups_are_found_by_their_names() {
        let groups = "root:x:0:\nadm:x:4:a,b\n\nbroken\nadmin:x:115:\n";
        assert_eq!(gid_in(groups, "adm"), Some(4));
        assert_eq!(gid_in(groups, "admin"), Some(115));
        assert_eq!(gid_in(groups, "ad"), None);
        assert_eq!(gid_in(groups, "broken"), None);
        assert_eq!(gid_of("4711").unwrap(), 4711);
    }
}
