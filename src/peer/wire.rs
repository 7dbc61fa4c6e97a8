//! HTTP/2 in this process's world: its tasks, its clock, and any stream of bytes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::rt::{Executor, Sleep, Timer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::limits::MAX_MESSAGE_BYTES;
use crate::runtime::{Clock, Runtime, TaskKind};

/// A connection, whatever carries it.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// Starts the tasks of a connection.
#[derive(Clone)]
pub(super) struct Spawner(pub Runtime);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawner {
    fn execute(&self, future: F) {
        self.0.tasks.spawn(TaskKind::Peer, future);
    }
}

/// The injected clock.
pub(super) struct Time(pub Clock);

impl Timer for Time {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        let clock = self.0.clone();
        Box::pin(Pause(Box::pin(async move { clock.sleep(duration).await })))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }

    fn now(&self) -> Instant {
        self.0.instant().into_std()
    }
}

struct Pause(Pin<Box<dyn Future<Output = ()> + Send + Sync>>);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl Sleep for Pause {}

/// Why a message was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("a message of more than {MAX_MESSAGE_BYTES} bytes")]
    TooLarge,
    #[error("{0}")]
    Broken(#[from] hyper::Error),
}

/// Reads a message, and never keeps more of one than may be sent.
pub(super) async fn read(mut body: Incoming) -> Result<Bytes, ReadError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > MAX_MESSAGE_BYTES {
        return Err(ReadError::TooLarge);
    }
    let mut message = BytesMut::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if message.len() + data.len() > MAX_MESSAGE_BYTES {
            return Err(ReadError::TooLarge);
        }
        message.extend_from_slice(&data);
    }
    Ok(message.freeze())
}

/// Opens a stream of bytes to a place of the form `host:port`.
pub type Dial =
    Box<dyn Fn(String) -> BoxFuture<'static, Result<Box<dyn ByteStream>, DialError>> + Send + Sync>;

/// Nobody was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialError {
    /// Every address said that nobody listens there.
    pub is_refused: bool,
    pub reason: String,
}
