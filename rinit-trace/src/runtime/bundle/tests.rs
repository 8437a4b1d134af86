use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use proptest::prelude::*;
use rinit_trace_core::model::{Grace, GraceSource, Runtime, Signal};
use rustix::fs::{CWD, FileType as Kind, mknodat};
use tempfile::TempDir;

use super::{config::Monitor, *};
use crate::runtime::testing::{DB, FakeProc, FakeProcess, WEB};

const NS: u32 = 4_026_532_281;
const SANDBOX: &str = DB;

const CONTAINERD: &str = r#"{"ociVersion":"1.0.2","process":{"args":["sh"]},"annotations":{
"io.kubernetes.cri.container-name":"app","io.kubernetes.cri.container-type":"container",
"io.kubernetes.cri.image-name":"docker.io/shop/web:1.4","io.kubernetes.cri.sandbox-name":"web-0",
"io.kubernetes.cri.sandbox-namespace":"shop","io.kubernetes.cri.sandbox-uid":"u-1"}}"#;

const CRIO: &str = r#"{"annotations":{"io.container.manager":"cri-o",
"io.kubernetes.cri-o.ContainerType":"container","io.kubernetes.cri-o.ImageName":"quay.io/shop/web:1.4",
"io.kubernetes.container.name":"app","io.kubernetes.pod.name":"web-0","io.kubernetes.pod.namespace":"shop",
"io.kubernetes.pod.uid":"u-1","io.kubernetes.pod.terminationGracePeriod":"45",
"io.kubernetes.container.preStopHandler":"{\"exec\":{}}",
"org.opencontainers.image.stopSignal":"SIGQUIT"}}"#;

const PODMAN: &str = r#"{"annotations":{"io.container.manager":"libpod",
"org.opencontainers.image.stopSignal":"10","org.systemd.property.TimeoutStopUSec":"uint64 3000000"}}"#;

/// A host with a pod of containerd: the shim is 30, the container's main process 40.
struct Host {
    proc: FakeProc,
    bundles: TempDir,
}

impl Host {
    fn with_shim() -> Self {
        let host = Self {
            proc: FakeProc::new(),
            bundles: tempfile::tempdir().unwrap(),
        };
        host.add_monitor(b"containerd-shim", b"/usr/bin/containerd-shim-runc-v2\0");
        fs::create_dir(host.bundles.path().join(SANDBOX)).unwrap();
        let cwd = host.bundles.path().join(SANDBOX);
        host.proc.link(30, "cwd", &cwd);
        host.add_main(40, 30);
        host
    }

    fn with_conmon() -> Self {
        let host = Self {
            proc: FakeProc::new(),
            bundles: tempfile::tempdir().unwrap(),
        };
        let cmdline = format!("/usr/bin/conmon\0-c\0{WEB}\0-n\0web\0-b\0/run/{WEB}/userdata\0");
        host.add_monitor(b"conmon", cmdline.as_bytes());
        host.proc.link(30, "root", host.bundles.path());
        host.add_main(40, 30);
        host
    }

    fn add_monitor(&self, comm: &[u8], cmdline: &[u8]) {
        self.proc.add(&FakeProcess {
            pid: 30,
            ppid: 1,
            ns_pids: &[30],
            comm,
            cmdline,
            ..FakeProcess::default()
        });
    }

    fn add_main(&self, pid: u32, ppid: u32) {
        self.proc.add(&FakeProcess {
            pid,
            ppid,
            inum: NS,
            ns_pids: &[pid, 1],
            cgroup: &format!("0::/kubepods/burstable/podx/{WEB}\n"),
            ..FakeProcess::default()
        });
    }

    /// The bundle's file, for the container below a shim.
    fn write(&self, id: &str, json: &str) {
        self.write_at(&format!("{id}/config.json"), json);
    }

    fn write_at(&self, path: &str, json: &str) {
        let path = self.bundles.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, json).unwrap();
    }

    fn read(&self) -> Result<Details, BundleError> {
        read(&self.proc.proc(), 40, WEB)
    }
}

#[test]
fn a_pods_container_is_found_beside_its_sandboxs_bundle() {
    let host = Host::with_shim();
    host.write(WEB, CONTAINERD);
    let details = host.read().unwrap();
    assert_eq!(details.runtime, Some(Runtime::Containerd));
    assert_eq!(details.image.as_deref(), Some("docker.io/shop/web:1.4"));
    let pod = details.pod.unwrap();
    assert_eq!(
        (pod.namespace.as_str(), pod.name.as_str()),
        ("shop", "web-0")
    );
    assert_eq!((pod.uid.as_str(), pod.container.as_str()), ("u-1", "app"));
    assert!(!details.is_sandbox);
}

#[test]
fn a_sandbox_says_that_it_is_one() {
    let host = Host::with_shim();
    let json = r#"{"annotations":{"io.kubernetes.cri.container-type":"sandbox",
"io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop"}}"#;
    host.write(WEB, json);
    let details = host.read().unwrap();
    assert!(details.is_sandbox);
    assert_eq!(details.pod.unwrap().container, "POD");
}

#[test]
fn a_container_that_its_runtime_is_just_making_is_found_too() {
    let host = Host::with_shim();
    host.write(WEB, CONTAINERD);
    host.proc.add(&FakeProcess {
        pid: 35,
        ppid: 30,
        comm: b"runc",
        ..FakeProcess::default()
    });
    host.add_main(41, 35);
    assert!(read(&host.proc.proc(), 41, WEB).unwrap().pod.is_some());
}

#[test]
fn a_bundle_without_annotations_of_cri_says_nothing() {
    let host = Host::with_shim();
    for json in [
        "{}",
        r#"{"annotations":null}"#,
        r#"{"annotations":{"a":"b"}}"#,
    ] {
        host.write(WEB, json);
        assert_eq!(host.read(), Ok(Details::default()), "{json}");
    }
}

#[test]
fn a_container_of_crio_has_its_grace_and_signal_in_the_bundle() {
    let host = Host::with_conmon();
    host.write_at(&format!("run/{WEB}/userdata/config.json"), CRIO);
    let details = host.read().unwrap();
    assert_eq!(details.runtime, Some(Runtime::CriO));
    assert_eq!(details.image.as_deref(), Some("quay.io/shop/web:1.4"));
    assert_eq!(details.pod.unwrap().container, "app");
    let grace = Grace {
        period: Duration::from_secs(45),
        source: GraceSource::Pod,
    };
    assert_eq!(details.grace, Some(grace));
    assert!(details.has_pre_stop);
    // A pod may ask for another one than its image.
    let signal = details.stop_signal.unwrap();
    assert_eq!((signal.signal, signal.is_effective), (Signal::QUIT, false));
}

#[test]
fn a_container_of_podman_has_the_name_that_conmon_was_told() {
    let host = Host::with_conmon();
    host.write_at(&format!("run/{WEB}/userdata/config.json"), PODMAN);
    let details = host.read().unwrap();
    assert_eq!(details.runtime, Some(Runtime::Podman));
    assert_eq!(details.name.as_deref(), Some("web"));
    assert_eq!(details.stop_signal.unwrap().signal, Signal::USR1);
    let grace = Grace {
        period: Duration::from_secs(3),
        source: GraceSource::Podman,
    };
    assert_eq!((details.grace, details.pod), (Some(grace), None));
}

#[test]
fn a_runtime_with_a_kernel_of_its_own_is_known_by_its_shim() {
    for (shim, is_opaque) in [
        ("/usr/bin/containerd-shim-runc-v2", false),
        ("/opt/kata/bin/containerd-shim-kata-v2", true),
        ("/usr/bin/containerd-shim-kata-qemu-v2", true),
        ("containerd-shim-runsc-v1", true),
        ("", false),
        // Not of the folder.
        ("/opt/kata-containers/containerd-shim-runc-v2", false),
    ] {
        let host = Host::with_shim();
        host.write(WEB, CONTAINERD);
        fs::write(
            host.proc.path("30/cmdline"),
            format!("{shim}\0-namespace\0k8s.io\0"),
        )
        .unwrap();
        assert_eq!(host.read().unwrap().is_opaque, is_opaque, "{shim}");
    }
    let host = Host::with_conmon();
    host.write_at(&format!("run/{WEB}/userdata/config.json"), CRIO);
    assert!(!host.read().unwrap().is_opaque);
    let cmdline = format!("conmon\0-r\0/usr/bin/runsc\0-c\0{WEB}\0-b\0/run/{WEB}/userdata\0");
    fs::write(host.proc.path("30/cmdline"), cmdline).unwrap();
    assert!(host.read().unwrap().is_opaque);
}

#[test]
fn annotations_of_another_runtime_are_not_believed() {
    let host = Host::with_shim();
    host.write(WEB, CRIO);
    assert_eq!(host.read(), Ok(Details::default()));
    let host = Host::with_conmon();
    host.write_at(&format!("run/{WEB}/userdata/config.json"), CONTAINERD);
    assert_eq!(host.read(), Ok(Details::default()));
}

#[test]
fn a_monitor_that_is_not_roots_is_not_believed() {
    let host = Host::with_shim();
    host.write(WEB, CONTAINERD);
    fs::remove_dir_all(host.proc.path("30")).unwrap();
    host.proc.add(&FakeProcess {
        pid: 30,
        uid: 1000,
        comm: b"containerd-shim",
        ..FakeProcess::default()
    });
    host.proc
        .link(30, "cwd", &host.bundles.path().join(SANDBOX));
    assert_eq!(host.read(), Err(BundleError::NotRoots));
}

/// It is another container's, in which somebody made a cgroup with a name of his choice.
#[test]
fn a_monitor_further_above_is_none() {
    let between = |uid, cgroup: &str| {
        let host = Host::with_shim();
        host.write(WEB, CONTAINERD);
        host.proc.add(&FakeProcess {
            pid: 35,
            ppid: 30,
            uid,
            cgroup,
            comm: b"sh",
            ..FakeProcess::default()
        });
        host.add_main(41, 35);
        read(&host.proc.proc(), 41, WEB)
    };
    assert!(between(0, "0::/\n").is_ok());
    assert_eq!(between(1000, "0::/\n"), Err(BundleError::NoMonitor));
    let container = format!("0::/{DB}\n");
    assert_eq!(between(0, &container), Err(BundleError::NoMonitor));
}

#[test]
fn who_is_gone_or_not_watched_over_is_not_looked_for() {
    let host = Host::with_shim();
    host.write(WEB, CONTAINERD);
    let proc = host.proc.proc();
    assert_eq!(read(&proc, 999, WEB), Err(BundleError::Gone));
    // The pid has come to be another container's.
    assert_eq!(read(&proc, 40, DB), Err(BundleError::Gone));
    host.add_main(42, 1);
    assert_eq!(read(&proc, 42, WEB), Err(BundleError::NoMonitor));
    // A parent of its own, as only a broken or hostile /proc shows.
    host.add_main(43, 43);
    assert_eq!(read(&proc, 43, WEB), Err(BundleError::NoMonitor));
}

#[test]
fn another_containers_conmon_is_no_monitor() {
    let host = Host::with_conmon();
    host.write_at(&format!("run/{WEB}/userdata/config.json"), PODMAN);
    let cmdline = format!("conmon\0-c\0{DB}\0-b\0/run/{WEB}/userdata\0");
    fs::write(host.proc.path("30/cmdline"), cmdline).unwrap();
    assert_eq!(host.read(), Err(BundleError::NoMonitor));
}

#[test]
fn a_file_that_is_missing_broken_or_too_large_is_survived() {
    let host = Host::with_shim();
    assert_eq!(host.read(), Err(BundleError::Absent));
    for json in [
        "",
        "{",
        &CONTAINERD[..200],
        "7",
        r#"{"annotations":{"a":1}}"#,
    ] {
        host.write(WEB, json);
        assert_eq!(host.read(), Err(BundleError::Bad), "{json}");
    }
    let max = usize::try_from(MAX_CONFIG).unwrap();
    host.write(WEB, &format!("{CONTAINERD}{}", " ".repeat(max)));
    assert_eq!(host.read(), Err(BundleError::Bad));
    host.write(
        WEB,
        &format!("{CONTAINERD}{}", " ".repeat(max - CONTAINERD.len())),
    );
    assert!(host.read().is_ok());
}

#[test]
fn nothing_but_a_file_is_opened_and_no_link_is_followed_out() {
    let host = Host::with_shim();
    let file = host.bundles.path().join(WEB).join("config.json");
    host.write(SANDBOX, CONTAINERD);
    fs::create_dir(file.parent().unwrap()).unwrap();
    let secret = host.bundles.path().join(SANDBOX).join("config.json");
    symlink(secret, &file).unwrap();
    assert_eq!(host.read(), Err(BundleError::Bad));
    fs::remove_file(&file).unwrap();
    mknodat(CWD, &file, Kind::Fifo, Mode::RUSR, 0).unwrap();
    assert_eq!(host.read(), Err(BundleError::Bad));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(host.read(), Err(BundleError::Bad));
}

#[test]
fn links_of_conmons_file_system_stay_in_it() {
    let host = Host::with_conmon();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("config.json"), PODMAN).unwrap();
    let bundle = host.bundles.path().join(format!("run/{WEB}"));
    fs::create_dir_all(&bundle).unwrap();
    symlink(outside.path(), bundle.join("userdata")).unwrap();
    assert_eq!(host.read(), Err(BundleError::Absent));
    // The same link within: `/data` of conmon's root.
    fs::remove_file(bundle.join("userdata")).unwrap();
    symlink(Path::new("/data"), bundle.join("userdata")).unwrap();
    host.write_at("data/config.json", PODMAN);
    assert!(host.read().is_ok());
}

fn any_monitor() -> impl Strategy<Value = Monitor> {
    let conmon = Monitor::Conmon {
        bundle: "/b".to_owned(),
        name: None,
        is_opaque: false,
    };
    let shim = any::<bool>().prop_map(|is_opaque| Monitor::Shim { is_opaque });
    prop_oneof![shim, Just(conmon)]
}

proptest! {
    #[test]
    fn any_bytes_of_a_config_are_survived(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        monitor in any_monitor(),
    ) {
        let _ = config::details(&bytes, &monitor);
        let _ = Monitor::conmon(&bytes, WEB);
    }

    #[test]
    fn any_annotation_is_survived(
        key in prop::sample::select(vec![
            "io.kubernetes.cri.container-type", "io.kubernetes.cri.sandbox-name",
            "io.kubernetes.cri-o.ContainerType", "io.kubernetes.pod.terminationGracePeriod",
            "org.opencontainers.image.stopSignal", "org.systemd.property.TimeoutStopUSec",
        ]),
        value in "(uint64 )?[0-9]{0,25}|(?s).{0,600}",
        manager in prop::sample::select(vec!["libpod", "cri-o"]),
        monitor in any_monitor(),
    ) {
        let json = serde_json::json!({"annotations": {
            "io.container.manager": manager,
            "io.kubernetes.cri-o.ContainerType": "container",
            "io.kubernetes.cri.container-type": "container",
            key: value,
        }});
        let details = config::details(json.to_string().as_bytes(), &monitor);
        prop_assert!(details.is_some());
    }
}
