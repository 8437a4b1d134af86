use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::*;
use crate::serve::{
    history::{last_of, read},
    testing::{DB, WEB, forced, until},
};

mod full;

const LONG: Duration = Duration::from_secs(60);

fn scratch() -> (TempDir, PathBuf) {
    let top = tempfile::tempdir().unwrap();
    let dir = top.path().join("history/of this node");
    (top, dir)
}

/// Opens it; a writer that was dropped may take a moment to let go of it.
fn open(dir: &Path) -> Disk {
    let mut disk = None;
    until("the directory is free", || {
        disk = Disk::open(dir, DiskOptions::default()).ok();
        disk.is_some()
    });
    disk.unwrap()
}

fn write(disk: &Disk, names: &[&str]) {
    for name in names {
        disk.append(&forced(None, Some(name)));
    }
    assert!(disk.flush(LONG));
}

/// Names, newest first, and how many lines were none.
fn names(dir: &Path) -> (Vec<String>, u64) {
    let mut stops = read(dir).unwrap();
    let names = stops.by_ref().map(|report| report.workload.name.unwrap());
    let names = names.collect();
    (names, stops.skipped())
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let files = crate::serve::history::files::list(dir).unwrap();
    files.into_iter().map(|(_, path)| path).collect()
}

#[test]
fn stops_are_there_after_a_restart() {
    let (_top, dir) = scratch();
    write(&open(&dir), &["a", "b"]);
    let disk = open(&dir);
    write(&disk, &["c"]);
    assert_eq!(names(&dir), (vec!["c".into(), "b".into(), "a".into()], 0));
    assert_eq!(files(&dir).len(), 1);
    let stats = DiskStats {
        written: 1,
        ..DiskStats::default()
    };
    assert_eq!(disk.stats(), stats);
}

#[test]
fn the_last_stop_of_a_container_is_found() {
    let (_top, dir) = scratch();
    let disk = open(&dir);
    for (id, node) in [(WEB, "1"), (WEB, "2"), (DB, "3")] {
        let mut report = forced(Some(id), Some("x"));
        report.node = Some(node.to_owned());
        disk.append(&report);
    }
    assert!(disk.flush(LONG));
    let node = |text: &str| {
        last_of(&dir, text)
            .unwrap()
            .map(|report| report.node.unwrap())
    };
    assert_eq!(node(&WEB[..12]).as_deref(), Some("2"));
    assert_eq!(node("x").as_deref(), Some("3"));
    assert_eq!(node("y"), None);
    let error = last_of(&dir.join("none"), "x").unwrap_err().to_string();
    assert!(error.starts_with("cannot read the history in "), "{error}");
}

#[test]
fn files_are_rotated_and_the_oldest_go() {
    let (_top, dir) = scratch();
    let line = render::jsonl(&forced(None, Some("100"))).unwrap().len() as u64;
    let options = DiskOptions {
        max_file_bytes: line * 3 + 1,
        max_files: 4,
        ..DiskOptions::default()
    };
    let disk = Disk::open(&dir, options).unwrap();
    let all: Vec<String> = (100..140).map(|n| n.to_string()).collect();
    for name in &all {
        write(&disk, &[name]);
    }
    let files = files(&dir);
    assert_eq!(files.len(), 4);
    for file in &files {
        assert!(fs::metadata(file).unwrap().len() <= options.max_file_bytes);
    }
    // 3 in each: 13 files and the begin of the next.
    assert!(files[3].ends_with("stops-00000014.jsonl"), "{files:?}");
    let kept: Vec<String> = all.iter().rev().take(10).cloned().collect();
    assert_eq!(names(&dir), (kept, 0));
    assert_eq!(disk.stats().errors, 0);
}

#[test]
fn a_half_line_of_a_crash_joins_with_nothing() {
    let (_top, dir) = scratch();
    write(&open(&dir), &["a"]);
    let file = &files(&dir)[0];
    let mut torn = fs::OpenOptions::new().append(true).open(file).unwrap();
    torn.write_all(b"{\"schema\":\"rinit-tr").unwrap();
    assert_eq!(names(&dir), (vec!["a".into()], 1));
    let disk = open(&dir);
    write(&disk, &["b"]);
    assert_eq!(names(&dir), (vec!["b".into(), "a".into()], 1));
    assert_eq!(disk.stats().torn, 1);
}

#[test]
fn lines_that_are_no_report_are_passed_over() {
    let (_top, dir) = scratch();
    write(&open(&dir), &["a"]);
    let file = &files(&dir)[0];
    let good = fs::read(file).unwrap();
    let other = String::from_utf8(good.clone()).unwrap();
    let other = other.replace("rinit-trace.stop/v1", "rinit-trace.stop/v9");
    let nested = "[".repeat(100_000);
    let bad: [&[u8]; 5] = [
        b"\n\n",
        b"{}\n",
        b"\xff\x00\n",
        other.as_bytes(),
        nested.as_bytes(),
    ];
    fs::write(file, [&good[..], &bad.concat(), b"\n", &good].concat()).unwrap();
    assert_eq!(names(&dir), (vec!["a".into(), "a".into()], 4));
}

#[test]
fn one_process_writes_a_directory() {
    let (_top, dir) = scratch();
    let first = open(&dir);
    let error = Disk::open(&dir, DiskOptions::default()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("another rinit-trace writes the history in "),
        "{text}"
    );
    drop(first);
    open(&dir);
}

#[test]
fn others_may_not_read_what_command_lines_say() {
    let (_top, dir) = scratch();
    write(&open(&dir), &["a"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&dir) & !0o750, 0);
    assert_eq!(mode(&files(&dir)[0]) & !0o640, 0);
}

#[test]
fn a_removed_directory_is_made_again() {
    let (_top, dir) = scratch();
    let disk = open(&dir);
    write(&disk, &["a"]);
    fs::remove_dir_all(&dir).unwrap();
    write(&disk, &["b"]);
    assert_eq!(names(&dir), (vec!["b".into()], 0));
    fs::remove_file(&files(&dir)[0]).unwrap();
    write(&disk, &["c"]);
    assert_eq!(names(&dir), (vec!["c".into()], 0));
}

#[test]
fn what_could_not_be_written_is_written_later() {
    let (_top, dir) = scratch();
    let disk = open(&dir);
    write(&disk, &["a"]);
    let aside = dir.with_extension("aside");
    fs::rename(&dir, &aside).unwrap();
    fs::write(&dir, "in the way").unwrap();
    disk.append(&forced(None, Some("b")));
    until("an error is counted", || disk.stats().errors > 0);
    assert!(!disk.flush(Duration::from_millis(1)));
    fs::remove_file(&dir).unwrap();
    fs::rename(&aside, &dir).unwrap();
    write(&disk, &["c"]);
    assert_eq!(names(&dir), (vec!["c".into(), "b".into(), "a".into()], 0));
    assert_eq!((disk.stats().written, disk.stats().dropped), (3, 0));
}

#[test]
fn a_file_that_was_moved_away_is_left_alone() {
    let (_top, dir) = scratch();
    let disk = open(&dir);
    write(&disk, &["a"]);
    let moved = dir.join("archive");
    fs::rename(&files(&dir)[0], &moved).unwrap();
    let before = fs::read(&moved).unwrap();
    disk.reopen();
    write(&disk, &["b"]);
    assert_eq!(names(&dir), (vec!["b".into()], 0));
    assert_eq!(fs::read(&moved).unwrap(), before);
    // Emptied by a program that rotates logs.
    fs::write(&files(&dir)[0], "").unwrap();
    write(&disk, &["c"]);
    assert_eq!(names(&dir), (vec!["c".into()], 0));
}

#[test]
fn a_line_that_no_file_could_hold_is_dropped() {
    let (_top, dir) = scratch();
    let options = DiskOptions {
        max_file_bytes: 5000,
        ..DiskOptions::default()
    };
    let disk = Disk::open(&dir, options).unwrap();
    disk.append(&forced(None, Some(&"x".repeat(5000))));
    write(&disk, &["a"]);
    assert_eq!(names(&dir), (vec!["a".into()], 0));
    assert_eq!((disk.stats().written, disk.stats().dropped), (1, 1));
}
