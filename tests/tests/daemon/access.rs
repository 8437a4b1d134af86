//! Who is answered with reports: at a socket, and with a token.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use rinit_trace_tests::{Contained, Daemon, Kernel, NOBODY, Rights, run, wait};
use tempfile::TempDir;

/// Where others may come as far as what is in it.
fn folder() -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

fn stopped(daemon: &Daemon) -> String {
    let mut contained = Contained::start(&["leaver", "server"]);
    contained.stop(wait::DEADLINE);
    daemon.output().report_of(contained.id());
    contained.id().to_owned()
}

fn status(daemon: &Daemon, path: &str) -> u16 {
    daemon.endpoint().get(path).unwrap().0
}

/// Mode, user and group.
fn rights(path: &Path) -> (u32, u32, u32) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
}

#[test]
fn reports_at_a_socket_are_for_root_and_for_a_group() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let dir = folder();
    let path = dir.path().join("api.sock");
    let socket = path.to_str().unwrap();
    let nobody = Rights::of_nobody(&[]);
    let group = NOBODY.to_string();
    let daemon = Daemon::start(&["--api-socket", socket, "--api-socket-group", &group]);
    assert_eq!(rights(&path), (0o660, 0, NOBODY));
    let id = stopped(&daemon);
    let last = ["--container", &id, "--last", "--api-socket", socket];
    for ended in [run(&last), nobody.run(&last)] {
        assert_eq!(ended.code, Some(1), "{ended:#?}");
        assert!(ended.stdout.contains(&id[..12]), "{ended:#?}");
    }
    assert_eq!(status(&daemon, "/api/v1/stops"), 403);
    assert_eq!(status(&daemon, "/metrics"), 200);
    let address = daemon.endpoint().address().to_string();
    let ended = run(&["--container", &id, "--last", "--daemon", &address]);
    assert!(ended.error(3).contains("403"), "{ended:#?}");

    let ended = run(&["daemon", "--listen", "127.0.0.1:0", "--api-socket", socket]);
    assert!(
        ended.error(3).contains("somebody answers at the socket"),
        "{ended:#?}"
    );
    // Killed: its socket stays, and the next daemon replaces it.
    drop(daemon);
    assert!(path.exists());
    let daemon = Daemon::start(&["--api-socket", socket]);
    assert_eq!(rights(&path), (0o600, 0, 0));
    let ended = nobody.run(&last);
    assert!(
        ended.error(3).contains("member of the socket's group"),
        "{ended:#?}"
    );
    let ended = run(&last);
    assert!(ended.error(3).contains("has no stop of"), "{ended:#?}");
    let (ended, _) = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!path.exists());
}

#[test]
fn reports_take_the_token_that_is_in_the_file_now() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let dir = folder();
    let path = dir.path().join("token");
    let token = path.to_str().unwrap();
    fs::write(&path, "\n").unwrap();
    let ended = run(&[
        "daemon",
        "--listen",
        "127.0.0.1:0",
        "--api-token-file",
        token,
    ]);
    assert!(ended.error(3).contains("it is empty"), "{ended:#?}");
    fs::write(&path, "first\n").unwrap();
    let daemon = Daemon::start(&["--api-token-file", token]);
    let id = stopped(&daemon);
    assert_eq!(status(&daemon, "/api/v1/stops"), 401);
    assert_eq!(status(&daemon, "/metrics"), 200);
    let address = daemon.endpoint().address().to_string();
    let last = ["--container", &id, "--last", "--daemon", &address];
    let ended = run(&last);
    assert!(ended.error(3).contains("--api-token-file"), "{ended:#?}");
    let with = |file: &Path| {
        let file = file.to_str().unwrap();
        run(&[&last[..], &["--api-token-file", file]].concat())
    };
    assert_eq!(with(&path).code, Some(1));
    // As secrets of Kubernetes are: another file in its place.
    let next = dir.path().join("next");
    fs::write(&next, "second").unwrap();
    assert!(with(&next).error(3).contains("401"));
    fs::rename(&next, &path).unwrap();
    assert_eq!(with(&path).code, Some(1));
}
