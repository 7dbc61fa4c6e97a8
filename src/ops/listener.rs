//! Bounds the connections of the operations port: their number, and how long each may live.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::runtime::Clock;

const MAX_CONNECTIONS: usize = 128;
/// Long enough for a scrape or two; one that sends a byte now and then is gone after it.
const LIFETIME: Duration = Duration::from_secs(60);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections while there is room.
pub(super) struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
    clock: Clock,
}

impl Bounded {
    pub fn new(listener: TcpListener, clock: Clock) -> Bounded {
        Bounded { listener, room: Arc::new(Semaphore::new(MAX_CONNECTIONS)), clock }
    }
}

impl axum::serve::Listener for Bounded {
    type Io = Mortal;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Mortal, SocketAddr) {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.room).acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    let clock = self.clock.clone();
                    let end = Box::pin(async move { clock.sleep(LIFETIME).await });
                    return (Mortal { stream, end, ended: false, _permit: permit }, address);
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot accept a connection of the operations port");
                    self.clock.sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that cannot be read from after its lifetime.
pub(super) struct Mortal {
    stream: TcpStream,
    end: BoxFuture<'static, ()>,
    ended: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

impl AsyncRead for Mortal {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(outcome) = Pin::new(&mut self.stream).poll_read(cx, buf) {
            return Poll::Ready(outcome);
        }
        if !self.ended {
            ready!(self.end.as_mut().poll(cx));
            self.ended = true;
        }
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Mortal {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
