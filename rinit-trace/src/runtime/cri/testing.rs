//! For tests: a socket that answers like containerd's CRI, or as badly as a test wants.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use h2::server::{SendResponse, handshake};
use prost::{Message, bytes::Bytes};
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt,
    net::{UnixListener, UnixStream},
    task::JoinSet,
};
use tonic::codegen::http::{HeaderMap, HeaderValue, Request, Response};

use super::messages::{
    Container, ContainerMetadata, Image, ImageAnswer, Items, Sandbox, SandboxMetadata, Status,
    StatusAnswer,
};
use crate::runtime::testing::{DB, WEB};

/// The sandbox of the pod with the container [`WEB`].
pub(in crate::runtime) const SANDBOX: &str = DB;
/// The pod's uid.
pub(in crate::runtime) const UID: &str = "2f9c1b0e-8a6d-4b61-9d1c-0e6f6b1c2d3e";
/// The pod's name; a Deployment `web` made it.
pub(in crate::runtime) const POD: &str = "web-7d9f6c5b8-x2k4p";

/// How a question is answered.
#[derive(Clone, Debug)]
pub(in crate::runtime) enum Reply {
    Message(Vec<u8>),
    /// A status of gRPC that is not OK.
    Status(i32),
    /// These bytes in place of a frame of gRPC.
    Frame(Vec<u8>),
    Hang,
    /// The stream is reset.
    Reset,
}

type Answers = dyn Fn(&str, &[u8]) -> Reply + Send + Sync;

/// Its questions are kept by the names of their methods.
pub(in crate::runtime) struct FakeCri {
    dir: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
    answers: Arc<Answers>,
    server: JoinSet<()>,
}

impl FakeCri {
    pub(in crate::runtime) fn new(
        answers: impl Fn(&str, &[u8]) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let mut fake = Self {
            dir: tempfile::tempdir().unwrap(),
            asked: Arc::default(),
            answers: Arc::new(answers),
            server: JoinSet::new(),
        };
        fake.serve();
        fake
    }

    /// With the pod that the constants speak of; its image asks for SIGUSR1.
    pub(in crate::runtime) fn with_pod() -> Self {
        Self::new(pod_answers)
    }

    /// Ends every connection, and serves at the same path again.
    pub(in crate::runtime) fn restart(&mut self) {
        self.server = JoinSet::new();
        std::fs::remove_file(self.socket()).unwrap();
        self.serve();
    }

    fn serve(&mut self) {
        let listener = UnixListener::bind(self.socket()).unwrap();
        let (asked, answers) = (Arc::clone(&self.asked), Arc::clone(&self.answers));
        self.server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(converse(stream, Arc::clone(&asked), Arc::clone(&answers)));
            }
        });
    }

    pub(in crate::runtime) fn socket(&self) -> PathBuf {
        self.dir.path().join("cri.sock")
    }

    /// How often a method was asked for.
    pub(in crate::runtime) fn asked(&self, method: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|other| *other == method).count()
    }
}

async fn converse(stream: UnixStream, asked: Arc<Mutex<Vec<String>>>, answers: Arc<Answers>) {
    let Ok(mut connection) = handshake(stream).await else {
        return;
    };
    let mut streams = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        streams.spawn(reply(
            request,
            respond,
            Arc::clone(&asked),
            Arc::clone(&answers),
        ));
    }
}

async fn reply(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    asked: Arc<Mutex<Vec<String>>>,
    answers: Arc<Answers>,
) {
    let path = request.uri().path().to_owned();
    let method = path.rsplit('/').next().unwrap().to_owned();
    let mut body = request.into_body();
    let mut question = Vec::new();
    while let Some(Ok(data)) = body.data().await {
        question.extend(data);
    }
    asked.lock().unwrap().push(method.clone());
    // A flag and the length stand before a message.
    let reply = answers(&method, question.get(5..).unwrap_or_default());
    let (frame, status) = match reply {
        Reply::Message(message) => {
            let length = u32::try_from(message.len()).unwrap();
            ([&[0][..], &length.to_be_bytes(), &message].concat(), 0)
        }
        Reply::Frame(frame) => (frame, 0),
        Reply::Status(status) => (Vec::new(), status),
        Reply::Hang => std::future::pending().await,
        Reply::Reset => return respond.send_reset(h2::Reason::INTERNAL_ERROR),
    };
    let head = Response::builder()
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    // The client may have gone away.
    let Ok(mut send) = respond.send_response(head, false) else {
        return;
    };
    if send.send_data(frame.into(), false).is_ok() {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from(status));
        let _ = send.send_trailers(trailers);
    }
}

/// A server that sends these bytes to whoever connects, and hangs up.
pub(in crate::runtime) fn serve_garbage(bytes: &'static [u8]) -> (TempDir, PathBuf, JoinSet<()>) {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("cri.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(bytes).await;
        }
    });
    (dir, socket, server)
}

fn map(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

pub(super) fn list(items: &[impl Message]) -> Reply {
    let items = items.iter().map(|item| item.encode_to_vec().into());
    let items = Items {
        items: items.collect(),
    };
    Reply::Message(items.encode_to_vec())
}

pub(super) fn container(id: &str) -> Container {
    Container {
        id: id.to_owned(),
        pod_sandbox_id: SANDBOX.to_owned(),
        metadata: Some(ContainerMetadata {
            name: "app".to_owned(),
        }),
        image: Some(Image {
            image: "shop/web:1.4".to_owned(),
            ..Image::default()
        }),
        image_ref: "sha256:1".to_owned(),
        labels: HashMap::new(),
        annotations: map(&[
            ("io.kubernetes.pod.terminationGracePeriod", "45"),
            (
                "io.kubernetes.container.preStopHandler",
                r#"{"exec":{"command":["sleep","5"]}}"#,
            ),
        ]),
    }
}

pub(super) fn sandbox() -> Sandbox {
    Sandbox {
        id: SANDBOX.to_owned(),
        metadata: Some(SandboxMetadata {
            name: POD.to_owned(),
            uid: UID.to_owned(),
            namespace: "shop".to_owned(),
        }),
        created_at: 1_736_046_425_000_000_000,
        labels: map(&[("app", "web"), ("pod-template-hash", "7d9f6c5b8")]),
    }
}

pub(in crate::runtime) fn pod_answers(method: &str, _question: &[u8]) -> Reply {
    match method {
        "ListContainers" => list(&[container(WEB)]),
        "ListPodSandbox" => list(&[sandbox()]),
        "ContainerStatus" => status(0),
        "ImageStatus" => image(r#"{"imageSpec":{"config":{"StopSignal":"SIGUSR1"}}}"#),
        _ => Reply::Status(12),
    }
}

/// A status with CRI's number of a stop signal.
pub(in crate::runtime) fn status(stop_signal: i32) -> Reply {
    let status = StatusAnswer {
        status: Some(Status {
            image: None,
            stop_signal,
        }),
    };
    Reply::Message(status.encode_to_vec())
}

pub(super) fn image(info: &str) -> Reply {
    let answer = ImageAnswer {
        info: map(&[("info", info)]),
    };
    Reply::Message(answer.encode_to_vec())
}
