//! A disk without room: a small tmpfs in a mount namespace of the test's own thread.

use std::ffi::CString;

use super::*;

/// A tmpfs that only this thread, and those that it starts, can see; gone when dropped.
struct SmallDisk(CString);

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // SAFETY: the pointer is to a string that ends with a zero byte and outlives the call.
        unsafe { libc::umount2(self.0.as_ptr(), libc::MNT_DETACH) };
    }
}

/// Mounts one of so many bytes; `None` without the right to do so.
fn small_disk(dir: &Path, bytes: u32) -> Option<SmallDisk> {
    // SAFETY: moves this thread alone to a mount namespace of its own; it shares nothing with the
    // kernel that other threads rely on.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return None;
    }
    fs::create_dir_all(dir).unwrap();
    let private = libc::MS_REC | libc::MS_PRIVATE;
    mount(Path::new("/"), "none", private, "");
    mount(dir, "tmpfs", 0, &format!("size={bytes}"));
    Some(SmallDisk(CString::new(dir.to_str()?).ok()?))
}

fn mount(target: &Path, kind: &str, flags: libc::c_ulong, options: &str) {
    let text = |text: &str| CString::new(text).unwrap();
    let (target, kind) = (text(target.to_str().unwrap()), text(kind));
    let options = text(options);
    // SAFETY: all pointers are to strings that end with a zero byte and outlive the call.
    let result = unsafe {
        libc::mount(
            kind.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags,
            options.as_ptr().cast(),
        )
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

#[test]
fn a_full_disk_costs_no_report_that_is_on_it_and_none_that_can_wait() {
    let (_top, dir) = scratch();
    let Some(_mounted) = small_disk(&dir, 64 << 10) else {
        eprintln!("not run: only root may mount a small disk");
        return;
    };
    let disk = open(&dir);
    let ballast = dir.join("ballast");
    write(&disk, &["first"]);
    fs::write(&ballast, vec![0; 40 << 10]).unwrap();
    let all: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    for name in &all {
        disk.append(&forced(None, Some(name)));
    }
    until("the disk is full", || disk.stats().errors > 0);
    assert!(disk.stats().written < 41);
    fs::remove_file(&ballast).unwrap();
    // As the disk is, not all have room; nobody is waited for in vain, and no line is torn.
    let room = dir.join("stops-00000001.jsonl");
    until("it fills up again", || {
        fs::metadata(&room).is_ok_and(|file| file.len() > 40 << 10)
            || disk.flush(Duration::from_millis(1))
    });
    assert_eq!(disk.stats().dropped, 0);
    drop(disk);
    let (names, skipped) = names(&dir);
    assert_eq!(skipped, 0);
    let expected: Vec<String> = std::iter::once("first".to_owned()).chain(all).collect();
    let found: Vec<String> = names.into_iter().rev().collect();
    assert!(found.len() > 10, "{found:?}");
    assert_eq!(
        found[..],
        expected[..found.len()],
        "in order, without a gap"
    );
}
