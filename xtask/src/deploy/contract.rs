//! What the manifests may ask for. Schemas say that a field is spelled right; here is what must stay true of its value.

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

/// Seconds that a start takes at most where nothing is wrong; a probe that asks sooner fails, with an Event.
const NORMAL_START: u64 = 10;

/// What an overlay gives the pods beyond the base.
#[derive(Debug)]
pub(super) struct Grants {
    capabilities: Vec<&'static str>,
    /// Folders of the node, with whether they are to be read alone.
    host_paths: Vec<(&'static str, bool)>,
    events: bool,
    app_armor_annotation: bool,
}

impl Default for Grants {
    fn default() -> Self {
        Self {
            capabilities: vec!["BPF", "PERFMON", "SYS_PTRACE"],
            host_paths: Vec::new(),
            events: false,
            app_armor_annotation: false,
        }
    }
}

impl Grants {
    /// These capabilities and no others.
    pub(super) fn capabilities(mut self, capabilities: &[&'static str]) -> Self {
        self.capabilities = capabilities.to_vec();
        self
    }

    /// A folder of the node, to be read.
    pub(super) fn host_path(mut self, path: &'static str) -> Self {
        self.host_paths.push((path, true));
        self
    }

    /// A folder of the node, to be written to.
    pub(super) fn written_path(mut self, path: &'static str) -> Self {
        self.host_paths.push((path, false));
        self
    }

    /// By an annotation, which new versions warn of, and not by the field it may look at processes outside.
    pub(super) fn app_armor_annotation(mut self) -> Self {
        self.app_armor_annotation = true;
        self
    }

    /// A token, and the right to write Events.
    pub(super) fn events(mut self) -> Self {
        self.events = true;
        self
    }
}

/// Kind and name of an object.
pub(super) fn identity(object: &Value) -> (&str, &str) {
    let kind = object["kind"].as_str().unwrap_or("?");
    (kind, object["metadata"]["name"].as_str().unwrap_or("?"))
}

/// Fails when the objects of an overlay ask for other things than they should.
pub(super) fn check(objects: &[Value], grants: &Grants) -> Result<()> {
    let one = |kind: &str| {
        let mut found = objects.iter().filter(|object| object["kind"] == kind);
        match (found.next(), found.next()) {
            (Some(object), None) => Ok(object),
            _ => bail!("not exactly one {kind}"),
        }
    };
    let daemon_set = one("DaemonSet")?;
    let pod = &daemon_set["spec"]["template"]["spec"];
    pod_is_confined(pod)?;
    host_paths(pod, &grants.host_paths)?;
    let [container] = pod["containers"].as_array().map_or(&[][..], Vec::as_slice) else {
        bail!("not exactly one container");
    };
    container_is_confined(container, &grants.capabilities)?;
    app_armor(&daemon_set["spec"]["template"], grants.app_armor_annotation)?;
    image_is_ours(container)?;
    ports_agree(container)?;
    let first_asked = container["startupProbe"]["initialDelaySeconds"].as_u64();
    ensure!(
        first_asked >= Some(NORMAL_START),
        "the startup probe fails at each start"
    );
    api_access(objects, pod, grants.events)?;
    same(
        &one("ServiceAccount")?["automountServiceAccountToken"],
        &json!(false),
        "the account's token",
    )?;
    let selected = &daemon_set["spec"]["selector"]["matchLabels"];
    let labels = &daemon_set["spec"]["template"]["metadata"]["labels"];
    ensure!(
        selects(selected, labels),
        "the DaemonSet does not select its own pods"
    );
    for kind in ["PodMonitor", "NetworkPolicy"] {
        for object in objects.iter().filter(|object| object["kind"] == kind) {
            let spec = &object["spec"];
            let selector = ["selector", "podSelector"].map(|name| &spec[name]["matchLabels"]);
            ensure!(
                selector.iter().any(|selector| selects(selector, labels)),
                "the {kind} does not select the pods"
            );
        }
    }
    Ok(())
}

fn same(found: &Value, wanted: &Value, what: &str) -> Result<()> {
    ensure!(found == wanted, "{what} is {found}, not {wanted}");
    Ok(())
}

/// Whether a selector takes what has these labels. An empty one would take everything.
fn selects(selector: &Value, labels: &Value) -> bool {
    selector.as_object().is_some_and(|selector| {
        !selector.is_empty() && selector.iter().all(|(name, value)| labels[name] == *value)
    })
}

fn pod_is_confined(pod: &Value) -> Result<()> {
    same(&pod["hostPID"], &json!(true), "hostPID")?;
    same(&pod["hostNetwork"], &json!(false), "hostNetwork")?;
    same(&pod["hostIPC"], &Value::Null, "hostIPC")?;
    same(&pod["initContainers"], &Value::Null, "initContainers")?;
    same(
        &pod["enableServiceLinks"],
        &json!(false),
        "enableServiceLinks",
    )?;
    same(
        &pod["tolerations"],
        &json!([{"operator": "Exists"}]),
        "tolerations",
    )
}

/// Only these folders of the node, each at its own path, and only to be read unless it says otherwise.
fn host_paths(pod: &Value, wanted: &[(&str, bool)]) -> Result<()> {
    let none = Vec::new();
    let volumes = pod["volumes"].as_array().unwrap_or(&none);
    let mounts = &pod["containers"][0]["volumeMounts"];
    let mounts = mounts.as_array().unwrap_or(&none);
    let found: Vec<(&str, bool)> = volumes
        .iter()
        .map(|volume| {
            let path = volume["hostPath"]["path"].as_str().unwrap_or("no hostPath");
            let mut of_it = mounts
                .iter()
                .filter(|mount| mount["name"] == volume["name"]);
            (path, of_it.all(|mount| mount["readOnly"] == true))
        })
        .collect();
    ensure!(
        found == wanted,
        "the pod mounts (to be read alone) {found:?}, not {wanted:?}"
    );
    for (mount, (path, _)) in mounts.iter().zip(wanted) {
        same(&mount["mountPath"], &json!(path), "mountPath")?;
    }
    Ok(())
}

fn container_is_confined(container: &Value, capabilities: &[&str]) -> Result<()> {
    let context = &container["securityContext"];
    same(&context["privileged"], &json!(false), "privileged")?;
    same(
        &context["readOnlyRootFilesystem"],
        &json!(true),
        "readOnlyRootFilesystem",
    )?;
    same(
        &context["seccompProfile"],
        &json!({"type": "RuntimeDefault"}),
        "seccompProfile",
    )?;
    same(
        &context["capabilities"]["drop"],
        &json!(["ALL"]),
        "dropped capabilities",
    )?;
    same(
        &context["capabilities"]["add"],
        &json!(capabilities),
        "added capabilities",
    )?;
    // The API server refuses the pair of `false` and CAP_SYS_ADMIN.
    let escalation = capabilities.contains(&"SYS_ADMIN");
    same(
        &context["allowPrivilegeEscalation"],
        &json!(escalation),
        "allowPrivilegeEscalation",
    )?;
    ensure!(
        container["resources"]["limits"]["memory"].is_string(),
        "no limit of memory"
    );
    same(
        &container["resources"]["limits"]["cpu"],
        &Value::Null,
        "limit of CPU",
    )
}

/// Unconfined by the field or by the annotation, and not by both.
fn app_armor(template: &Value, annotation: bool) -> Result<()> {
    let profile = &template["spec"]["containers"][0]["securityContext"]["appArmorProfile"];
    let none = serde_json::Map::new();
    let annotations = &template["metadata"]["annotations"];
    let mut annotations = annotations.as_object().unwrap_or(&none).keys();
    let annotated = annotations.any(|name| name.contains("apparmor"));
    let unconfined = json!({"type": "Unconfined"});
    let wanted = if annotation {
        &Value::Null
    } else {
        &unconfined
    };
    same(profile, wanted, "appArmorProfile")?;
    ensure!(
        annotated == annotation,
        "an annotation for AppArmor is there: {annotated}"
    );
    Ok(())
}

/// The image of this version, by a name that sends nobody to a registry.
fn image_is_ours(container: &Value) -> Result<()> {
    let wanted = format!("rinit-trace:{}", env!("CARGO_PKG_VERSION"));
    same(&container["image"], &json!(wanted), "image")
}

/// The port that the program listens on is the one that is announced and probed.
fn ports_agree(container: &Value) -> Result<()> {
    let port = &container["ports"][0];
    let listen = variable(container, "RINIT_TRACE_LISTEN").unwrap_or_default();
    let listened = listen.rsplit_once(':').map_or("", |(_, port)| port);
    same(
        &port["containerPort"].to_string().into(),
        &json!(listened),
        "containerPort",
    )?;
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        same(&container[probe]["httpGet"]["port"], &port["name"], probe)?;
    }
    Ok(())
}

/// The value of a variable in the container's environment.
fn variable<'a>(container: &'a Value, name: &str) -> Option<&'a str> {
    let variables = container["env"].as_array()?;
    let variable = variables.iter().find(|variable| variable["name"] == name)?;
    variable["value"].as_str()
}

/// Without Events nothing may be asked of the API server; with them they may be written, and nothing else.
fn api_access(objects: &[Value], pod: &Value, events: bool) -> Result<()> {
    same(
        &pod["automountServiceAccountToken"],
        &json!(events),
        "the pod's token",
    )?;
    let on = variable(&pod["containers"][0], "RINIT_TRACE_KUBE_EVENTS") == Some("true");
    ensure!(
        on == events,
        "RINIT_TRACE_KUBE_EVENTS is {on}, not {events}"
    );
    let rules: Vec<&Value> = objects
        .iter()
        .filter(|object| identity(object).0.ends_with("Role"))
        .map(|role| &role["rules"])
        .collect();
    let wanted = json!([{
        "apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"],
    }]);
    let wanted = if events { vec![&wanted] } else { Vec::new() };
    ensure!(rules == wanted, "the roles allow {rules:?}, not {wanted:?}");
    for binding in objects
        .iter()
        .filter(|object| identity(object).0.ends_with("RoleBinding"))
    {
        let subject = &binding["subjects"][0];
        same(
            &subject["name"],
            &pod["serviceAccountName"],
            "the binding's account",
        )?;
        same(
            &subject["namespace"],
            &json!("rinit-trace"),
            "the binding's namespace",
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least that passes.
    fn objects() -> Vec<Value> {
        let labels = json!({"app": "rinit-trace"});
        let probe = json!({
            "httpGet": {"path": "/healthz", "port": "metrics"}, "initialDelaySeconds": 10,
        });
        let container = json!({
            "image": format!("rinit-trace:{}", env!("CARGO_PKG_VERSION")),
            "env": [{"name": "RINIT_TRACE_LISTEN", "value": "0.0.0.0:9763"}],
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
}
