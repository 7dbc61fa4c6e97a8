//! A service whose answers the test gives, and a client that speaks frames of text.
//! It must not know Kafka: what it tests does not.
//! Entry point: [`World`], one connection in memory on a paused clock.
//! Invariant: memory of requests is given back, whatever ends the connection.

mod connections;
mod encrypted;
mod frames;
mod listeners;
mod order;
mod plain;
mod slow;
mod strangers;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::oneshot;

use super::budget::Budget;
use super::connection::{self, Client, Shared};
use super::frame::FrameLimits;
use super::write::Outlet;
use super::{Admission, Answer, CloseReason, Closer, Frame, Limits, Peer, Promise, Service};
use crate::runtime::{Runtime, Shutdown, TaskKind};

/// Answers when told to. The first letter of a request is its class: `p`ipelined, `f`etch, anything else alone. A request
/// that ends in `!` is echoed at once.
#[derive(Default)]
pub(super) struct Manual {
    admitted: Mutex<Vec<String>>,
    waiting: Mutex<HashMap<String, oneshot::Sender<Answer>>>,
    closers: Mutex<Vec<Closer>>,
    /// Clients are strangers until they send a request that begins with `login`.
    demands_login: bool,
}

impl Manual {
    fn admitted(&self) -> Vec<String> {
        self.admitted.lock().clone()
    }

    fn finish(&self, request: &str, answer: Answer) {
        let sender =
            self.waiting.lock().remove(request).unwrap_or_else(|| panic!("{request} is not admitted"));
        let _ = sender.send(answer);
    }

    fn echo(&self, request: &str) {
        self.finish(request, text(request));
    }

    /// True if the connection still waits for the answer of this request.
    fn is_awaited(&self, request: &str) -> bool {
        self.waiting.lock().get(request).is_some_and(|sender| !sender.is_closed())
    }
}

fn text(text: &str) -> Answer {
    Answer::frame(vec![Bytes::copy_from_slice(text.as_bytes())])
}

impl Service for Manual {
    /// The client is a stranger.
    type Connection = bool;

    fn connected(&self, _: &Peer, closer: Closer) -> bool {
        self.closers.lock().push(closer);
        self.demands_login
    }

    fn is_stranger(&self, is_stranger: &bool) -> bool {
        *is_stranger
    }

    fn classify(&self, _: &bool, frame: &Bytes) -> Admission {
        match frame.first() {
            Some(b'p') => Admission::Pipelined,
            Some(b'f') => Admission::AfterAnswers,
            _ => Admission::Alone,
        }
    }

    async fn admit(&self, is_stranger: &mut bool, frame: Frame) -> Promise {
        let request = String::from_utf8_lossy(&frame.bytes).into_owned();
        *is_stranger &= !request.starts_with("login");
        self.admitted.lock().push(request.clone());
        if request.ends_with('!') {
            return Promise::ready(Answer::frame(vec![frame.bytes]));
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().insert(request, sender);
        Promise::waiting(async move { receiver.await.unwrap_or_default() })
    }
}

/// One connection in memory, its service and its client.
pub(super) struct World {
    runtime: Runtime,
    service: Arc<Manual>,
    shutdown: Shutdown,
    client: DuplexStream,
    outcome: tokio::task::JoinHandle<()>,
    reason: Arc<Mutex<Option<CloseReason>>>,
    budget: Budget,
    request_memory_bytes: usize,
}

impl World {
    fn new(limits: Limits) -> World {
        World::with_buffer(limits, 1024 * 1024)
    }

    /// The socket buffers hold `buffer_bytes` in each direction.
    fn with_buffer(limits: Limits, buffer_bytes: usize) -> World {
        World::with_service(limits, buffer_bytes, Manual::default())
    }

    fn with_service(limits: Limits, buffer_bytes: usize, service: Manual) -> World {
        let runtime = Runtime::simulated(1);
        let (client, server) = tokio::io::duplex(buffer_bytes);
        let (reader, writer) = tokio::io::split(server);
        World::with_stream(limits, runtime, service, client, (reader, writer))
    }

    fn with_stream<R, W>(
        limits: Limits,
        runtime: Runtime,
        service: Manual,
        client: DuplexStream,
        (reader, writer): (R, W),
    ) -> World
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: Outlet + 'static,
    {
        let service = Arc::new(service);
        let request_memory_bytes = limits.request_memory_bytes;
        let shared = Shared::new(Arc::clone(&service), limits, &runtime);
        let budget = shared.frames.budget.clone();
        let reason = Arc::new(Mutex::new(None));
        let result = Arc::clone(&reason);
        let address = "127.0.0.1:1".parse().expect("an address");
        let listener: Arc<str> = "TEST".into();
        let client_of = Client {
            newcomer: shared.newcomers.add(&listener),
            metrics: Arc::new(shared.metrics.listener(&listener, false)),
            peer: Peer { address, local: address, listener, is_encrypted: false, certificate: None },
        };
        let outcome = runtime.tasks.spawn(TaskKind::Connection, async move {
            let reason = connection::run(&shared, &client_of, None, reader, writer).await;
            *result.lock() = Some(reason);
        });
        let shutdown = runtime.shutdown.clone();
        World { runtime, service, shutdown, client, outcome, reason, budget, request_memory_bytes }
    }

    async fn send(&mut self, requests: &[&str]) {
        for request in requests {
            self.client.write_all(&frame(request.as_bytes())).await.expect("is sent");
        }
        self.settle().await;
    }

    /// Lets everything happen that can happen now.
    async fn settle(&self) {
        self.runtime.clock.sleep(Duration::from_millis(1)).await;
    }

    async fn receive(&mut self) -> String {
        receive(&mut self.client).await.expect("a frame")
    }

    /// Nothing has come and the connection is open.
    async fn expect_silence(&mut self) {
        let mut byte = [0];
        let read = self.runtime.clock.timeout(Duration::from_millis(5), self.client.read(&mut byte)).await;
        assert!(read.is_err(), "got {read:?}");
    }

    /// The connection has been closed, after all that it sent was received.
    async fn expect_end(&mut self) {
        assert_eq!(self.client.read(&mut [0]).await.expect("reads"), 0, "more bytes, or none yet");
    }

    async fn reason(self) -> CloseReason {
        drop(self.client);
        self.outcome.await.expect("ends");
        assert_eq!(self.budget.free(), self.request_memory_bytes, "memory of requests is given back");
        self.reason.lock().take().expect("no panic")
    }
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    let mut frame = i32::try_from(bytes.len()).expect("a small frame").to_be_bytes().to_vec();
    frame.extend_from_slice(bytes);
    frame
}

async fn receive<R: AsyncRead + Unpin>(io: &mut R) -> std::io::Result<String> {
    let length = io.read_i32().await?;
    let mut bytes = vec![0; length as usize];
    io.read_exact(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
