use super::*;

/// The least that passes.
fn objects() -> Vec<Value> {
    let labels = json!({"app": "rinit-trace"});
    let probe = json!({
        "httpGet": {"path": "/healthz", "port": "metrics"}, "initialDelaySeconds": 10,
    });
    let container = json!({
        "image": format!("rinit-trace:{}", env!("CARGO_PKG_VERSION")),
        "env": [
            {"name": "RINIT_TRACE_LISTEN", "value": "0.0.0.0:9763"},
            {"name": "RINIT_TRACE_ARGUMENTS", "value": "masked"},
        ],
        "ports": [{"name": "metrics", "containerPort": 9763}],
        "startupProbe": probe, "livenessProbe": probe, "readinessProbe": probe,
        "resources": {"limits": {"memory": "1Mi"}},
        "securityContext": {
            "privileged": false, "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false,
            "seccompProfile": {"type": "RuntimeDefault"},
            "appArmorProfile": {"type": "Unconfined"},
            "capabilities": {"drop": ["ALL"], "add": ["BPF", "PERFMON", "SYS_PTRACE"]},
        },
    });
    let pod = json!({
        "hostPID": true, "hostNetwork": false, "enableServiceLinks": false,
        "automountServiceAccountToken": false, "serviceAccountName": "rinit-trace",
        "tolerations": [{"operator": "Exists"}], "containers": [container],
    });
    vec![
        json!({"kind": "ServiceAccount", "automountServiceAccountToken": false}),
        json!({"kind": "DaemonSet", "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }}),
    ]
}

/// What is said of the least with one value changed.
fn said_of(pointer: &str, value: Value) -> String {
    let mut objects = objects();
    *objects[1].pointer_mut(pointer).unwrap() = value;
    check(&objects, &Grants::default()).unwrap_err().to_string()
}

const POD: &str = "/spec/template/spec";

#[test]
fn the_least_passes() {
    check(&objects(), &Grants::default()).unwrap();
}

#[test]
fn more_rights_are_found() {
    let context = format!("{POD}/containers/0/securityContext");
    for (pointer, value, said) in [
        (
            format!("{context}/privileged"),
            json!(true),
            "privileged is true",
        ),
        (
            format!("{context}/capabilities/add"),
            json!(["BPF", "PERFMON", "SYS_PTRACE", "NET_ADMIN"]),
            "added capabilities",
        ),
        (
            format!("{context}/readOnlyRootFilesystem"),
            json!(false),
            "readOnlyRootFilesystem",
        ),
        (
            format!("{POD}/hostNetwork"),
            json!(true),
            "hostNetwork is true",
        ),
        (
            format!("{POD}/automountServiceAccountToken"),
            json!(true),
            "the pod's token",
        ),
    ] {
        let found = said_of(&pointer, value);
        assert!(found.contains(said), "{found}");
    }
}

#[test]
fn arguments_that_are_shown_are_found() {
    let shown = format!("{POD}/containers/0/env/1/value");
    assert!(said_of(&shown, json!("full")).contains("arguments are not masked"));
}

fn pod_mount(objects: &mut [Value]) -> &mut Value {
    &mut objects[1]["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0]
}

#[test]
fn a_mount_and_a_role_are_found() {
    let mut mounting = objects();
    mounting[1]["spec"]["template"]["spec"]["volumes"] = json!([{"hostPath": {"path": "/"}}]);
    assert!(check(&mounting, &Grants::default()).is_err());
    let pod = &mut mounting[1]["spec"]["template"]["spec"];
    pod["volumes"] = json!([{"name": "a", "hostPath": {"path": "/a"}}]);
    pod["containers"][0]["volumeMounts"] = json!([{"name": "a", "mountPath": "/a"}]);
    let error = check(&mounting, &Grants::default().host_path("/a"));
    assert!(error.is_err(), "it may be written to");
    check(&mounting, &Grants::default().written_path("/a")).unwrap();
    let pod = &mut mounting[1]["spec"]["template"]["spec"];
    pod["volumes"] = json!([{"name": "a", "secret": {"secretName": "b"}}]);
    let secret = |name| Grants::default().secret(name, "/a");
    assert!(
        check(&mounting, &secret("b")).is_err(),
        "it may be written to"
    );
    pod_mount(&mut mounting)["readOnly"] = json!(true);
    check(&mounting, &secret("b")).unwrap();
    assert!(check(&mounting, &secret("c")).is_err());
    assert!(check(&mounting, &Grants::default()).is_err());
    let mut reading = objects();
    reading.push(json!({"kind": "ClusterRole", "rules": [{"verbs": ["get"]}]}));
    assert!(check(&reading, &Grants::default()).is_err());
}

#[test]
fn a_registry_another_version_and_another_port_are_found() {
    let image = format!("{POD}/containers/0/image");
    assert!(said_of(&image, json!("registry.example/rinit-trace:0.1.0")).contains("image"));
    assert!(said_of(&image, json!("rinit-trace:latest")).contains("image"));
    let port = format!("{POD}/containers/0/ports/0/containerPort");
    assert!(said_of(&port, json!(9764)).contains("containerPort"));
}

#[test]
fn a_deprecated_annotation_and_a_probe_that_asks_too_soon_are_found() {
    let mut annotated = objects();
    annotated[1]["spec"]["template"]["metadata"]["annotations"] =
        json!({"container.apparmor.security.beta.kubernetes.io/rinit-trace": "unconfined"});
    let error = check(&annotated, &Grants::default()).unwrap_err();
    assert!(error.to_string().contains("annotation"), "{error}");
    let delay = format!("{POD}/containers/0/startupProbe/initialDelaySeconds");
    assert!(said_of(&delay, json!(0)).contains("startup probe"));
}

#[test]
fn selectors_that_miss_are_found() {
    assert!(said_of("/spec/selector/matchLabels", json!({"app": "other"})).contains("select"));
    assert!(said_of("/spec/selector/matchLabels", json!({})).contains("select"));
}
