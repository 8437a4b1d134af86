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
    /// A Secret, and where it is.
    secret: Option<(&'static str, &'static str)>,
    events: bool,
    app_armor_annotation: bool,
}

impl Default for Grants {
    fn default() -> Self {
        Self {
            capabilities: vec!["BPF", "PERFMON", "SYS_PTRACE"],
            host_paths: Vec::new(),
            secret: None,
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

    /// A Secret of that name at a path, to be read.
    pub(super) fn secret(mut self, name: &'static str, path: &'static str) -> Self {
        self.secret = Some((name, path));
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
    mounts(pod, grants)?;
    let [container] = pod["containers"].as_array().map_or(&[][..], Vec::as_slice) else {
        bail!("not exactly one container");
    };
    container_is_confined(container, &grants.capabilities)?;
    app_armor(&daemon_set["spec"]["template"], grants.app_armor_annotation)?;
    image_is_ours(container)?;
    ensure!(
        variable(container, "RINIT_TRACE_ARGUMENTS") == Some("masked"),
        "arguments are not masked"
    );
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

/// Only these folders of the node, each at its own path and only to be read unless it says otherwise, and this Secret.
fn mounts(pod: &Value, grants: &Grants) -> Result<()> {
    let folders = grants.host_paths.iter();
    let folders = folders.map(|(path, read_only)| (*path, *path, *read_only));
    let secret = grants
        .secret
        .iter()
        .map(|(name, path)| (*name, *path, true));
    let wanted: Vec<(&str, &str, bool)> = folders.chain(secret).collect();
    let none = Vec::new();
    let volumes = pod["volumes"].as_array().unwrap_or(&none);
    let mounts = pod["containers"][0]["volumeMounts"].as_array();
    let mounts = mounts.unwrap_or(&none).iter();
    let found: Vec<(&str, &str, bool)> = mounts
        .map(|mount| {
            let volume = volumes
                .iter()
                .find(|volume| volume["name"] == mount["name"]);
            let mut sources = ["/hostPath/path", "/secret/secretName"].into_iter();
            let source = sources.find_map(|source| volume?.pointer(source)?.as_str());
            let path = mount["mountPath"].as_str();
            (
                source.unwrap_or("?"),
                path.unwrap_or("?"),
                mount["readOnly"] == true,
            )
        })
        .collect();
    ensure!(
        found == wanted && volumes.len() == wanted.len(),
        "the pod mounts (what, where, to be read alone) {found:?}, not {wanted:?}"
    );
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
mod tests;
