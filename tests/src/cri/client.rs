//! Questions to a CRI socket, answered or failed within a deadline.

use std::{
    path::{Path, PathBuf},
    pin::pin,
    time::Duration,
};

use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::{
    net::UnixStream,
    runtime::{Builder, Runtime},
    time::timeout,
};
use tonic::{
    Request,
    client::Grpc,
    codegen::http::uri::{PathAndQuery, Uri},
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;
use tower::service_fn;

use crate::wait;

/// How often it is asked whether somebody still waits.
const LOOK: Duration = Duration::from_millis(20);

/// A client. It connects when it is first used, and again after the runtime's restart.
#[derive(Debug)]
pub(crate) struct Client {
    runtime: Runtime,
    channel: Channel,
}

impl Client {
    pub(crate) fn of(socket: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let socket = socket.to_owned();
        let connector = service_fn(move |_: Uri| connect(socket.clone()));
        let channel = {
            let _entered = runtime.enter();
            // The address is not used, and has to be there.
            Endpoint::from_static("http://localhost").connect_with_connector_lazy(connector)
        };
        Self { runtime, channel }
    }

    /// Calls a method of `runtime.v1`, such as `RuntimeService/Status`. May be called by several threads at once.
    pub(crate) fn call<Q, A>(&self, method: &str, request: Q, time: Duration) -> Result<A, String>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        self.call_until(method, request, time, || false)
    }

    /// The same by one who has gone when that is true, and does not wait for the answer any longer.
    pub(crate) fn call_until<Q, A>(
        &self,
        method: &str,
        request: Q,
        time: Duration,
        has_gone: impl Fn() -> bool,
    ) -> Result<A, String>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let time = wait::patient(time);
        let path: PathAndQuery = format!("/runtime.v1.{method}").parse().unwrap();
        let mut grpc = Grpc::new(self.channel.clone());
        let call = async move {
            grpc.ready().await.map_err(|error| format!("{error:?}"))?;
            let codec = ProstCodec::<Q, A>::default();
            let answer = grpc.unary(Request::new(request), path, codec).await;
            answer
                .map(tonic::Response::into_inner)
                .map_err(|status| status.to_string())
        };
        let call = async {
            let mut call = pin!(call);
            loop {
                match timeout(LOOK, &mut call).await {
                    Ok(answer) => break answer,
                    Err(_) if has_gone() => break Err("nobody waits for the answer".to_owned()),
                    Err(_) => {}
                }
            }
        };
        self.runtime
            .block_on(async { timeout(time, call).await })
            .unwrap_or_else(|_| Err(format!("no answer within {time:?}")))
            .map_err(|error| format!("{method}: {error}"))
    }
}

async fn connect(socket: PathBuf) -> std::io::Result<TokioIo<UnixStream>> {
    UnixStream::connect(socket).await.map(TokioIo::new)
}
