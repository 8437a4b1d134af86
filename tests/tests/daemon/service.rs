//! What a service manager asks of a daemon.

use std::{fs, os::unix::net::UnixDatagram};

use rinit_trace_tests::{Contained, Daemon, Kernel, wait};

#[test]
fn systemd_is_told_when_it_is_ready_alive_and_about_to_end() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut heard = String::new();
    let mut hear = |word: &str| {
        wait::until(word, || {
            let mut message = [0; 256];
            while let Ok(len) = socket.recv(&mut message) {
                heard.push_str(&String::from_utf8_lossy(&message[..len]));
                heard.push('\n');
            }
            heard.contains(word).then_some(())
        });
    };
    let daemon = Daemon::start_notifying(&path, &[]);
    hear("READY=1");
    hear("WATCHDOG=1");
    let (ended, _) = daemon.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    hear("STOPPING=1");
}

/// Waits until a file of the history has the stop of a container.
fn is_kept(dir: &std::path::Path, id: &str) {
    wait::until("the stop is in the history", || {
        let files = fs::read_dir(dir).ok()?.flatten();
        let mut texts = files.map(|file| fs::read_to_string(file.path()).unwrap_or_default());
        texts.any(|text| text.contains(id)).then_some(())
    });
}

#[test]
fn files_that_were_moved_away_are_opened_anew() {
    let Some(_kernel) = Kernel::ready() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (now, before) = (dir.path().join("now"), dir.path().join("before"));
    let history = now.to_str().unwrap();
    let daemon = Daemon::start(&["--history", history]);
    let stop = || {
        let mut contained = Contained::start(&["waiter"]);
        let id = contained.id().to_owned();
        contained.stop(wait::DEADLINE);
        id
    };
    let first = stop();
    is_kept(&now, &first);
    fs::rename(&now, &before).unwrap();
    daemon.send(libc::SIGHUP);
    wait::until("the daemon says so", || {
        daemon.output().stderr().contains("anew").then_some(())
    });
    let second = stop();
    is_kept(&now, &second);
    is_kept(&before, &first);
    // What was is in memory all the same.
    for id in [&first, &second] {
        let stops = daemon.endpoint().stops(&format!("container={id}"));
        assert_eq!(stops.len(), 1, "{stops:?}");
    }
}
