//! How the sources of names work together.

use std::{fs, path::Path, sync::Arc};

use rinit_trace_core::model::Pod;

use super::*;
use crate::runtime::cri::testing::{FakeCri, POD, Reply, SANDBOX, UID, pod_answers, status};

/// The host of a pod of containerd. Pids: shim 30, pause 39, container 40.
struct Node {
    proc: FakeProc,
    bundles: tempfile::TempDir,
}

fn cgroup(id: &str) -> String {
    format!("/kubepods/burstable/pod{UID}/{id}")
}

fn config_json(kind: &str, name: &str) -> String {
    format!(
        r#"{{"annotations":{{"io.kubernetes.cri.container-type":"{kind}",
"io.kubernetes.cri.container-name":"{name}","io.kubernetes.cri.image-name":"docker.io/shop/web:1.4",
"io.kubernetes.cri.sandbox-namespace":"shop","io.kubernetes.cri.sandbox-name":"{POD}"}}}}"#
    )
}

fn node() -> Node {
    let proc = FakeProc::new();
    let bundles = tempfile::tempdir().unwrap();
    let write = |id: &str, json: String| {
        fs::create_dir(bundles.path().join(id)).unwrap();
        fs::write(bundles.path().join(id).join("config.json"), json).unwrap();
    };
    write(SANDBOX, config_json("sandbox", "POD"));
    write(WEB, config_json("container", "app"));
    proc.add(&FakeProcess {
        pid: 30,
        ppid: 1,
        comm: b"containerd-shim",
        ..FakeProcess::default()
    });
    proc.link(30, "cwd", &bundles.path().join(SANDBOX));
    for (pid, id) in [(39, SANDBOX), (40, WEB)] {
        proc.add(&FakeProcess {
            pid,
            ppid: 30,
            inum: NS + pid,
            ns_pids: &[pid, 1],
            cgroup: &format!("0::{}\n", cgroup(id)),
            ..FakeProcess::default()
        });
    }
    Node { proc, bundles }
}

fn lookups_at(proc: &FakeProc, cri: &[&Path]) -> Lookups {
    Lookups::new(LookupConfig {
        cri_sockets: cri.iter().map(|path| path.to_path_buf()).collect(),
        timeout: Duration::from_secs(20),
        ..proc.config()
    })
}

fn pod(owner: Option<&str>) -> Pod {
    Pod {
        namespace: "shop".into(),
        name: POD.into(),
        uid: UID.into(),
        container: "app".into(),
        owner: owner.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_pod_is_named_without_any_socket() {
    let node = node();
    let lookups = lookups_at(&node.proc, &[]);
    for _ in 0..2 {
        let names = lookups.names(40, WEB).await;
        assert_eq!(names.runtime, Some(Runtime::Containerd));
        // The uid is that of the cgroup's path.
        assert_eq!(names.pod, Some(pod(None)));
        assert_eq!(names.image.as_deref(), Some("docker.io/shop/web:1.4"));
        assert!(!names.is_sandbox);
        assert_eq!((names.grace, names.stop_signal), (None, None));
    }
    let bundle = [(LookupOutcome::Hit, 1), (LookupOutcome::Answered, 1)];
    assert_eq!(counts(&lookups, LookupSource::Bundle), bundle);
    let cgroup = [(LookupOutcome::Answered, 2)];
    assert_eq!(counts(&lookups, LookupSource::Cgroup), cgroup);
    let not_asked = [(LookupOutcome::NotAsked, 2)];
    for source in [
        LookupSource::Cri,
        LookupSource::Docker,
        LookupSource::Podman,
    ] {
        assert_eq!(counts(&lookups, source), not_asked, "{source:?}");
    }
    assert!(lookups.names(39, SANDBOX).await.is_sandbox);
}

#[tokio::test]
async fn cri_adds_owner_grace_signal_and_hook() {
    let node = node();
    let cri = FakeCri::with_pod();
    let none = Path::new("/none/crio.sock");
    let lookups = lookups_at(&node.proc, &[none, &cri.socket()]);
    for _ in 0..3 {
        let names = lookups.names(40, WEB).await;
        assert_eq!(names.pod, Some(pod(Some("web"))));
        assert_eq!(names.image.as_deref(), Some("docker.io/shop/web:1.4"));
        let grace = names.grace.unwrap();
        assert_eq!(
            (grace.period, grace.source),
            (Duration::from_secs(45), GraceSource::Pod)
        );
        assert_eq!(names.stop_signal, Some(Signal::USR1));
        assert!(names.has_pre_stop);
    }
    assert_eq!(cri.asked("ListContainers"), 1);
    assert_eq!(cri.asked("ContainerStatus"), 1);
    let counted = [(LookupOutcome::Hit, 2), (LookupOutcome::Answered, 1)];
    assert_eq!(counts(&lookups, LookupSource::Cri), counted);
}

#[tokio::test]
async fn a_container_that_is_gone_is_named_by_what_was_learnt_when_it_lived() {
    let node = node();
    let lookups = lookups_at(&node.proc, &[]);
    let before = lookups.names(40, WEB).await;
    fs::remove_dir_all(node.proc.path("40")).unwrap();
    let after = lookups.names(40, WEB).await;
    assert_eq!(
        (after.pod.unwrap().name, after.runtime),
        (before.pod.unwrap().name, before.runtime)
    );
}

#[tokio::test]
async fn without_a_bundle_cri_names_the_pod_and_its_sandbox() {
    let proc = FakeProc::new();
    let cri = FakeCri::with_pod();
    let lookups = lookups_at(&proc, &[&cri.socket()]);
    let names = lookups
        .names(40, &format!("cri-containerd-{WEB}.scope"))
        .await;
    assert_eq!(names.pod, Some(pod(Some("web"))));
    assert_eq!(names.image.as_deref(), Some("shop/web:1.4"));
    assert!(
        lookups
            .names(39, &format!("cri-containerd-{SANDBOX}.scope"))
            .await
            .is_sandbox
    );
    assert_eq!(
        counts(&lookups, LookupSource::Bundle),
        [(LookupOutcome::Unknown, 2)]
    );
}

#[tokio::test]
async fn a_lying_socket_is_not_believed_and_shows() {
    let node = node();
    let wrong = config_json("container", "app").replace(POD, "db-0");
    fs::write(node.bundles.path().join(WEB).join("config.json"), wrong).unwrap();
    let cri = FakeCri::with_pod();
    let lookups = lookups_at(&node.proc, &[&cri.socket()]);
    let names = lookups.names(40, WEB).await;
    assert_eq!(names.pod.unwrap().name, "db-0");
    assert_eq!((names.grace, names.has_pre_stop), (None, false));
    assert_eq!(names.doubt, Some(NameDoubt::Contradicted));
    let counted = [(LookupOutcome::Conflict, 1)];
    assert_eq!(counts(&lookups, LookupSource::Cri), counted);
}

#[tokio::test]
async fn a_socket_that_hangs_costs_its_labels_and_one_timeout() {
    let node = node();
    let cri = FakeCri::new(|_, _| Reply::Hang);
    let timeout = Duration::from_secs(2);
    let lookups = Arc::new(Lookups::new(LookupConfig {
        cri_sockets: vec![cri.socket()],
        timeout,
        ..node.proc.config()
    }));
    let before = Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let lookups = Arc::clone(&lookups);
        asking.spawn(async move { lookups.names(40, WEB).await });
    }
    for names in asking.join_all().await {
        assert_eq!(names.pod, Some(pod(None)));
    }
    assert!(before.elapsed() < timeout * 8, "{:?}", before.elapsed());
    assert_eq!(cri.asked("ListContainers"), 1);
    let stats = lookups.stats();
    assert_eq!(stats.get(LookupSource::Cri, LookupOutcome::TimedOut), 1);
    assert_eq!(stats.iter().map(|(_, _, count)| count).sum::<u64>(), 5 * 20);
}

#[tokio::test]
async fn one_socket_that_hangs_does_not_keep_the_others_from_answering() {
    let node = node();
    let (hangs, cri) = (FakeCri::new(|_, _| Reply::Hang), FakeCri::with_pod());
    let lookups = lookups_at(&node.proc, &[&hangs.socket(), &cri.socket()]);
    assert_eq!(lookups.names(40, WEB).await.pod, Some(pod(Some("web"))));
}

#[tokio::test]
async fn what_a_status_did_not_say_is_asked_for_again_after_the_pause() {
    let node = node();
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let cri = FakeCri::new(move |method, question| {
        let before = asked.load(std::sync::atomic::Ordering::Relaxed);
        match method {
            "ContainerStatus" if before == 0 => {
                asked.store(1, std::sync::atomic::Ordering::Relaxed);
                Reply::Status(2)
            }
            "ContainerStatus" => status(18),
            _ => pod_answers(method, question),
        }
    });
    let lookups = lookups_at(&node.proc, &[&cri.socket()]);
    let first = lookups.names(40, WEB).await;
    assert_eq!((first.stop_signal, first.has_pre_stop), (None, true));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    tokio::time::resume();
    assert_eq!(lookups.names(40, WEB).await.stop_signal, Some(Signal::QUIT));
    let counted = [(LookupOutcome::Answered, 1), (LookupOutcome::Status, 1)];
    assert_eq!(counts(&lookups, LookupSource::Cri), counted);
}

#[tokio::test]
async fn podman_is_asked_for_its_own_alone() {
    let inspected = ok(&format!(
        r#"{{"Id":"{WEB}","Name":"/web","Config":{{"Image":"localhost/web","StopSignal":"10","StopTimeout":7}}}}"#
    ));
    let podman = FakeDocker::new([(inspect_path(WEB).as_str(), inspected)]);
    let docker = FakeDocker::new([]);
    let lookups = Lookups::new(LookupConfig {
        docker_socket: docker.socket(),
        podman_socket: podman.socket(),
        ..FakeProc::new().config()
    });
    let names = lookups.names(40, &format!("libpod-{WEB}.scope")).await;
    assert_eq!(names.runtime, Some(Runtime::Podman));
    assert_eq!(names.name.as_deref(), Some("web"));
    assert_eq!(names.stop_signal, Some(Signal::USR1));
    let grace = names.grace.unwrap();
    assert_eq!(
        (grace.period, grace.source),
        (Duration::from_secs(7), GraceSource::Podman)
    );
    assert_eq!((docker.asked(), podman.asked()), (0, 1));
    assert_counts(&lookups, &[(LookupOutcome::NotAsked, 1)]);
}

#[tokio::test]
async fn labels_of_a_pod_on_docker_count_in_a_cgroup_of_the_kubelet_alone() {
    let inspected = ok(&format!(
        r#"{{"Id":"{WEB}","Name":"/k8s_app","Config":{{"Labels":{{"io.kubernetes.docker.type":"podsandbox",
"io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.name":"{POD}","io.kubernetes.pod.uid":"{UID}",
"io.kubernetes.container.name":"app","annotation.io.kubernetes.pod.terminationGracePeriod":"45"}}}}}}"#
    ));
    let docker = FakeDocker::new([(inspect_path(WEB).as_str(), inspected)]);
    let node = FakeProc::new();
    node.add(&FakeProcess {
        pid: 40,
        cgroup: &format!(
            "0::/kubepods.slice/kubepods-pod{}.slice/docker-{WEB}.scope\n",
            UID.replace('-', "_")
        ),
        ..FakeProcess::default()
    });
    let names = node.lookups(docker.socket()).names(40, "").await;
    assert!(names.is_sandbox);
    assert_eq!(names.pod, Some(pod(None)));
    assert_eq!(names.grace.unwrap().source, GraceSource::Pod);
    // The same container started by hand.
    let names = FakeProc::new()
        .lookups(docker.socket())
        .names(40, &leaf(WEB))
        .await;
    assert!(!names.is_sandbox);
    assert_eq!(names.pod, None);
}

#[tokio::test]
async fn a_container_is_found_by_its_pods_names() {
    use crate::runtime::{TargetError, resolve};
    let node = node();
    let lookups = lookups_at(&node.proc, &[]);
    for text in [format!("{POD}/app"), format!("shop/{POD}/app")] {
        let target = resolve(&text, &lookups).await.unwrap().running();
        assert_eq!((target.init.pid, target.inum), (40, NS + 40), "{text}");
        assert_eq!(target.container_id.as_deref(), Some(WEB));
        assert_eq!(target.label, format!("shop/{POD}/app (3d206acf928a)"));
    }
    for text in [format!("{POD}/web"), format!("other/{POD}/app")] {
        let error = resolve(&text, &lookups).await.unwrap_err();
        assert!(matches!(error, TargetError::NoPod { .. }), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
}

#[tokio::test]
async fn a_pod_of_the_same_name_elsewhere_makes_it_ambiguous() {
    let node = node();
    let other = config_json("container", "app").replace("shop\"", "test\"");
    fs::write(node.bundles.path().join(SANDBOX).join("config.json"), other).unwrap();
    let lookups = lookups_at(&node.proc, &[]);
    let error = crate::runtime::resolve(&format!("{POD}/app"), &lookups).await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains(&format!("shop/{POD}/app (3d206acf928a)")),
        "{error}"
    );
    assert!(
        error.contains(&format!("test/{POD}/app (3f00c2d3a495)")),
        "{error}"
    );
    let found = crate::runtime::resolve(&format!("test/{POD}/app"), &lookups).await;
    assert_eq!(found.unwrap().running().init.pid, 39);
}
