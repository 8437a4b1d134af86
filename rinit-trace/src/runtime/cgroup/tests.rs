use proptest::prelude::*;
use rinit_trace_core::model::is_container_id_prefix;

use super::*;

const ID: &str = "3d206acf928a4f1d0e1f9bb2a6d1c8f0a5b4c3d2e1f00112233445566778899a";
const NODE: &str = "b7e1c2d3a4958677665544332211ffeeddccbbaa99887766554433221100abcd";

/// `ID` and `NODE` in the path stand for the ids.
fn identity(path: &str) -> (Option<Runtime>, Option<String>) {
    let found = parse_path(&path.replace("NODE", NODE).replace("ID", ID));
    (found.runtime, found.container_id)
}

#[test]
fn paths_of_each_runtime_name_it_and_its_id() {
    use Runtime::{Containerd, CriO, Docker, Podman};
    let pod = "pod2f9c1b0e_8a6d_4b61_9d1c_0e6f6b1c2d3e";
    let paths = [
        ("/docker/ID", Docker),
        ("/docker/ID/init.scope", Docker),
        ("/docker/ID/system.slice/nginx.service", Docker),
        ("/system.slice/docker-ID.scope", Docker),
        ("/system.slice/docker-ID.scope (deleted)", Docker),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope",
            Docker,
        ),
        ("/system.slice:docker:ID", Docker),
        ("/docker/NODE/docker/ID", Docker),
        ("docker-ID.scope", Docker),
        ("/kubepods/burstable/POD/ID", Containerd),
        ("/kubepods/besteffort/POD/ID/init.scope", Containerd),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-POD.slice/cri-containerd-ID.scope",
            Containerd,
        ),
        (
            "/system.slice/containerd.service/kubepods-besteffort-POD.slice:cri-containerd:ID",
            Containerd,
        ),
        ("/docker/NODE/kubelet/kubepods/burstable/POD/ID", Containerd),
        ("/k8s.io/ID", Containerd),
        (
            "/docker/NODE/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-POD.slice/cri-containerd-ID.scope",
            Containerd,
        ),
        (
            "/../../kubepods-burstable-POD.slice/cri-containerd-ID.scope",
            Containerd,
        ),
        (
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-POD.slice/crio-ID.scope/container",
            CriO,
        ),
        ("/kubepods/burstable/POD/crio-ID", CriO),
        ("/machine.slice/libpod-ID.scope/container", Podman),
        (
            "/machine.slice/machine-libpod_pod_NODE.slice/libpod-ID.scope",
            Podman,
        ),
        ("/libpod_parent/libpod-ID", Podman),
        ("/libpod_parent/NODE/libpod-ID", Podman),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
            Podman,
        ),
        ("libpod-ID", Podman),
    ];
    for (path, runtime) in paths {
        let found = identity(&path.replace("POD", pod));
        assert_eq!(found, (Some(runtime), Some(ID.to_owned())), "{path}");
    }
}

#[test]
fn the_uid_of_a_pod_is_read_from_both_drivers_paths() {
    let uid = "2f9c1b0e-8a6d-4b61-9d1c-0e6f6b1c2d3e";
    let escaped = uid.replace('-', "_");
    let hash = "0123456789abcdef0123456789abcdef";
    let read = |path: String| parse_path(&path.replace("NODE", NODE).replace("ID", ID)).pod_uid;
    for path in [
        format!("/kubepods/burstable/pod{uid}/ID"),
        format!("/kubepods/pod{uid}/crio-ID/container"),
        format!("/docker/NODE/kubelet/kubepods/besteffort/pod{uid}/ID"),
        format!("/kubepods.slice/kubepods-pod{escaped}.slice/cri-containerd-ID.scope"),
        format!(
            "/system.slice/containerd.service/kubepods-burstable-pod{escaped}.slice:cri-containerd:ID"
        ),
        format!(
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{escaped}.slice/crio-ID.scope"
        ),
        format!("/kubepods.slice/kubepods-pod{escaped}.slice/docker-ID.scope"),
    ] {
        assert_eq!(read(path.clone()).as_deref(), Some(uid), "{path}");
    }
    assert_eq!(
        read(format!("/kubepods/burstable/pod{hash}/ID")).as_deref(),
        Some(hash)
    );
    for path in [
        format!("/pod{uid}/ID"),
        format!("/kubepods/pod{uid}"),
        // A container that the pod's own container started is none of the pod's.
        format!("/kubepods/pod{uid}/NODE/docker/ID"),
        format!("/kubepods/pod{}/ID", "x".repeat(32)),
        format!("/kubepods/pod{hash}0/ID"),
        "/kubepods/pod/ID".to_owned(),
        format!("/machine.slice/machine-libpod_pod_{hash}.slice/libpod-ID.scope"),
    ] {
        assert_eq!(read(path.clone()), None, "{path}");
    }
}

#[test]
fn hex_digits_alone_are_an_id_of_nobody() {
    for path in [
        "ID",
        "/ID",
        "/../ID",
        "/default/ID",
        "/ecs/0d2f/ID",
        "/actions_job/ID",
        "/docker/NODE/inner/ID",
        "/system.slice/nerdctl-ID.scope",
    ] {
        assert_eq!(identity(path), (None, Some(ID.to_owned())), "{path}");
    }
}

#[test]
fn other_paths_have_no_id() {
    for path in [
        "",
        "/",
        "/user.slice",
        "/init.scope",
        "/system.slice/docker.service",
        "/machine.slice/libpod-conmon-ID.scope",
        "/kubepods/burstable/podx/crio-conmon-ID",
        "/docker/ID0",
        "/docker/xID",
        "/docker/buildkit/k3jv0q9n2m",
        "/kubepods.slice/kubepods-podID.slice",
    ] {
        assert_eq!(identity(path), (None, None), "{path}");
    }
    assert_eq!(
        parse_path(&format!("/docker/{}", ID.to_uppercase())).container_id,
        None
    );
}

#[test]
fn v1_of_docker_with_an_empty_v2_line_is_found() {
    let text = format!(
        "12:rdma:/\n11:cpuset:/docker/{ID}\n10:pids:/docker/{ID}\n9:memory:/docker/{ID}\n\
         8:cpu,cpuacct:/docker/{ID}\n1:name=systemd:/docker/{ID}\n0::/system.slice/containerd.service\n"
    );
    let found = parse_proc_cgroup(&text);
    assert_eq!(found.path, format!("/docker/{ID}"));
    assert_eq!(found.runtime, Some(Runtime::Docker));
    assert_eq!(found.container_id.as_deref(), Some(ID));
}

#[test]
fn hybrid_with_an_id_in_the_systemd_line_only_is_found() {
    let text =
        format!("5:devices:/\n1:name=systemd:/system.slice/docker-{ID}.scope/init.scope\n0::/\n");
    let found = parse_proc_cgroup(&text);
    assert_eq!(
        found.path,
        format!("/system.slice/docker-{ID}.scope/init.scope")
    );
    assert_eq!(found.runtime, Some(Runtime::Docker));
}

#[test]
fn v2_wins_where_both_have_the_id() {
    let text = format!("4:pids:/kubepods/podx/{ID}/a\n0::/kubepods/podx/{ID}\n");
    assert_eq!(
        parse_proc_cgroup(&text).path,
        format!("/kubepods/podx/{ID}")
    );
}

#[test]
fn a_path_with_colons_is_not_cut() {
    let path = format!("/system.slice/containerd.service/kubepods-podx.slice:cri-containerd:{ID}");
    let found = parse_proc_cgroup(&format!("3:pids:{path}\n0::/\n"));
    assert_eq!(
        (found.path, found.container_id.as_deref()),
        (path, Some(ID))
    );
}

#[test]
fn without_an_id_the_most_telling_path_is_kept() {
    let path = |text: &str| parse_proc_cgroup(text).path;
    assert_eq!(
        path("0::/user.slice/session-3.scope\n"),
        "/user.slice/session-3.scope"
    );
    assert_eq!(
        path("9:name=systemd:/\n4:memory:/process_api/8a29\n0::/\n"),
        "/process_api/8a29"
    );
    assert_eq!(path("1:name=systemd:/x\n3:memory:/m\n2:pids:/p\n"), "/p");
    assert_eq!(path("0::/\n"), "/");
    assert_eq!(path(""), "");
    assert_eq!(path("garbage\n1:only\n"), "");
}

#[test]
fn docker_is_asked_only_for_what_may_be_its_own() {
    let may = |path: &str| parse_path(&path.replace("ID", ID)).docker_may_know();
    for path in [
        "/docker/ID",
        "/system.slice/docker-ID.scope",
        "/foo/ID",
        "/kubepods/podx/ID",
    ] {
        assert!(may(path), "{path}");
    }
    for path in [
        "/",
        "/x/cri-containerd-ID.scope",
        "/x/crio-ID.scope",
        "/x/libpod-ID.scope",
    ] {
        assert!(!may(path), "{path}");
    }
}

/// Pieces that runtimes write, put together at random, with noise between.
fn any_path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/".to_owned()),
        Just(":".to_owned()),
        Just(ID.to_owned()),
        Just("docker".to_owned()),
        Just("docker-".to_owned()),
        Just("cri-containerd-".to_owned()),
        Just("libpod-conmon-".to_owned()),
        Just("kubepods".to_owned()),
        Just(".scope".to_owned()),
        Just(" (deleted)".to_owned()),
        "[0-9a-fA-F]{60,70}",
        ".{0,4}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn an_id_is_64_lower_case_hex_digits_of_the_path(path in any_path()) {
        for found in [parse_path(&path), parse_proc_cgroup(&format!("3:pids:{path}\n0::/{path}"))] {
            if let Some(id) = &found.container_id {
                prop_assert_eq!(id.len(), 64);
                prop_assert!(is_container_id_prefix(id) && path.contains(id.as_str()));
            } else {
                prop_assert_eq!(found.runtime, None);
            }
        }
    }

    #[test]
    fn any_text_is_survived(text in "(?s).*") {
        let _ = (parse_path(&text), parse_proc_cgroup(&text));
    }
}
