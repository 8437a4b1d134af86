//! An API server that knows Events and nothing else. It grants what the shipped RBAC grants, and
//! takes what the real one takes: the rules of `events.k8s.io/v1` for a new Event and for a patch.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    thread::JoinHandle,
};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use kube::Config;
use serde_json::{Value, json};
use tokio::{net::TcpSocket, runtime, sync::oneshot};

/// `create` and `patch` on `events` of this group: the rule of the shipped `ClusterRole`.
const PREFIX: &str = "/apis/events.k8s.io/v1/namespaces/";

/// One request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub method: Method,
    pub path: String,
    pub query: Option<String>,
    pub content_type: String,
    pub authorization: Option<String>,
    pub body: Value,
    pub answer: u16,
}

/// What the server does with the next requests.
#[derive(Clone, Debug, Default)]
pub(super) enum Mood {
    /// Its work.
    #[default]
    Well,
    /// Answers so, with this body.
    Answers(u16, Value),
    /// Takes requests and never answers.
    Hangs,
}

#[derive(Default)]
struct Inner {
    seen: Vec<Seen>,
    mood: Mood,
    /// Namespaces that are there; any, when empty.
    namespaces: Vec<String>,
    events: HashMap<String, Value>,
}

/// The server, on a thread of its own: when it ends, all of its connections end.
pub(super) struct FakeApi {
    inner: Arc<Mutex<Inner>>,
    /// Bound and not listening while the server is dead: connections are refused, and nobody else
    /// gets the port.
    socket: Option<TcpSocket>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FakeApi {
    pub(super) fn start() -> Self {
        let socket = bind("127.0.0.1:0".parse().unwrap());
        let mut api = Self {
            inner: Arc::default(),
            address: socket.local_addr().unwrap(),
            socket: Some(socket),
            stop: None,
            thread: None,
        };
        api.come_back();
        api
    }

    /// Listens, at the same address as before.
    pub(super) fn come_back(&mut self) {
        let (ready, bound) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let inner = Arc::clone(&self.inner);
        let socket = self.socket.take().unwrap();
        self.thread = Some(std::thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = socket.listen(64).unwrap();
                ready.send(()).unwrap();
                let app = Router::new().fallback(answer).with_state(inner);
                tokio::select! {
                    served = axum::serve(listener, app) => served.unwrap(),
                    _ = stopped => {}
                }
            });
        }));
        self.stop = Some(stop);
        bound.recv().unwrap();
    }

    /// Ends, with its connections.
    pub(super) fn die(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
            self.socket = Some(bind(self.address));
        }
    }

    pub(super) fn config(&self) -> Config {
        Config::new(format!("http://{}", self.address).parse().unwrap())
    }

    pub(super) fn mood(&self, mood: Mood) {
        self.inner().mood = mood;
    }

    /// Only these namespaces are there.
    pub(super) fn namespaces(&self, namespaces: &[&str]) {
        self.inner().namespaces = namespaces.iter().map(ToString::to_string).collect();
    }

    /// As after the hour that Events live.
    pub(super) fn forget_events(&self) {
        self.inner().events.clear();
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.inner().seen.clone()
    }

    /// Of each request its verb and the code of its answer.
    pub(super) fn verbs(&self) -> Vec<(Method, u16)> {
        let seen = self.seen();
        seen.into_iter()
            .map(|seen| (seen.method, seen.answer))
            .collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        self.die();
    }
}

fn bind(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    // Connections that were closed may linger.
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let header = |name| {
        let value = parts.headers.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let mut seen = Seen {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        content_type: header(header::CONTENT_TYPE).unwrap_or_default(),
        authorization: header(header::AUTHORIZATION),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        answer: 0,
    };
    let answer = {
        let mut inner = inner.lock().unwrap();
        let answer = match inner.mood.clone() {
            Mood::Well => Some(inner.act(&seen)),
            Mood::Answers(code, body) => Some((code, body)),
            Mood::Hangs => None,
        };
        seen.answer = answer.as_ref().map_or(0, |(code, _)| *code);
        inner.seen.push(seen);
        answer
    };
    let Some((code, body)) = answer else {
        return std::future::pending().await;
    };
    let json = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::from_u16(code).unwrap(), json, body.to_string()).into_response()
}

/// A failure as the API server tells it.
pub(super) fn status(code: u16, reason: &str, message: &str) -> (u16, Value) {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    });
    (code, body)
}

impl Inner {
    fn act(&mut self, seen: &Seen) -> (u16, Value) {
        let forbidden = || status(403, "Forbidden", "not in the role that is shipped");
        let Some((namespace, rest)) = seen
            .path
            .strip_prefix(PREFIX)
            .and_then(|path| path.split_once('/'))
        else {
            return forbidden();
        };
        let name = rest.strip_prefix("events/");
        match (&seen.method, rest, name) {
            (&Method::POST, "events", _) => self.create(namespace, &seen.body),
            (&Method::PATCH, _, Some(name)) => self.patch(name, &seen.body, &seen.content_type),
            _ => forbidden(),
        }
    }

    fn create(&mut self, namespace: &str, event: &Value) -> (u16, Value) {
        if !self.namespaces.is_empty() && self.namespaces.iter().all(|known| known != namespace) {
            return status(404, "NotFound", "no such namespace");
        }
        if let Err(fault) = is_valid(namespace, event) {
            return status(422, "Invalid", fault);
        }
        let name = event["metadata"]["name"].as_str().unwrap().to_owned();
        self.events.insert(name, event.clone());
        (201, event.clone())
    }

    fn patch(&mut self, name: &str, patch: &Value, content_type: &str) -> (u16, Value) {
        if content_type != "application/merge-patch+json" {
            return status(415, "UnsupportedMediaType", "no merge patch");
        }
        let Some(event) = self.events.get_mut(name) else {
            return status(404, "NotFound", "no such event");
        };
        let is_other = |(key, value): (&String, &Value)| key != "series" && event[key] != *value;
        if patch.as_object().unwrap().iter().any(is_other) {
            return status(422, "Invalid", "field is immutable");
        }
        let before = event["series"]["count"].as_u64().unwrap_or(1);
        if patch["series"]["count"].as_u64() != Some(before + 1) {
            return status(422, "Invalid", "series.count: not one more");
        }
        event["series"] = patch["series"].clone();
        (200, event.clone())
    }
}

/// What `ValidateEventCreate` of the API server asks for.
fn is_valid(namespace: &str, event: &Value) -> Result<(), &'static str> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let is_text = |value: &Value, max: usize| (1..=max).contains(&text(value).len());
    for (ok, fault) in [
        (event["apiVersion"] == "events.k8s.io/v1", "apiVersion"),
        (event["kind"] == "Event", "kind"),
        (event["metadata"]["namespace"] == namespace, "namespace"),
        (event["regarding"]["namespace"] == namespace, "regarding"),
        (is_text(&event["metadata"]["name"], 253), "name"),
        (is_text(&event["eventTime"], 64), "eventTime"),
        (is_text(&event["reportingController"], 63), "controller"),
        (is_text(&event["reportingInstance"], 128), "instance"),
        (is_text(&event["action"], 128), "action"),
        (is_text(&event["reason"], 128), "reason"),
        (text(&event["note"]).len() <= 1024, "note"),
        (event["type"] == "Warning", "type"),
        (event["series"].is_null(), "series"),
    ] {
        if !ok {
            return Err(fault);
        }
    }
    Ok(())
}
