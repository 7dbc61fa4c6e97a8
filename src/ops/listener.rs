//! Bounds the connections of the operations port: their number, and how long each may live. A newcomer is always let in:
//! for its sake the connection goes that has been quiet for longest, so that strangers never keep a probe waiting.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::wire::Wire;
use crate::runtime::Clock;
use crate::runtime::clock::Instant;
use crate::tls::Acceptor;

pub(super) const MAX_CONNECTIONS: usize = 64;
/// Long enough for a scrape or two; one that sends a byte now and then is gone after it.
const LIFETIME: Duration = Duration::from_secs(60);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts every connection, and has a bounded number of them.
pub(super) struct Bounded {
    listener: TcpListener,
    tls: Option<Acceptor>,
    open: Vec<Weak<Open>>,
    clock: Clock,
}

impl Bounded {
    pub fn new(listener: TcpListener, tls: Option<Acceptor>, clock: Clock) -> Bounded {
        Bounded { listener, tls, open: Vec::new(), clock }
    }

    fn admit(&mut self, stream: TcpStream) -> Mortal {
        self.open.retain(|open| open.strong_count() > 0);
        if self.open.len() >= MAX_CONNECTIONS {
            let quietest =
                (0..self.open.len()).min_by_key(|n| self.open[*n].upgrade().map(|open| *open.heard.lock()));
            if let Some(open) = quietest.and_then(|n| self.open.swap_remove(n).upgrade()) {
                open.close();
            }
        }
        let open = Arc::new(Open {
            heard: Mutex::new(self.clock.instant()),
            is_closed: AtomicBool::new(false),
            task: AtomicWaker::new(),
        });
        self.open.push(Arc::downgrade(&open));
        let clock = self.clock.clone();
        let end = Box::pin(async move { clock.sleep(LIFETIME).await });
        let stream = Wire::new(stream, self.tls.as_ref(), &self.clock);
        Mortal { stream, open, end, ended: false, clock: self.clock.clone() }
    }
}

impl axum::serve::Listener for Bounded {
    type Io = Mortal;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Mortal, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => return (self.admit(stream), address),
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

/// An open connection, as the listener knows it.
struct Open {
    /// When something came last.
    heard: Mutex<Instant>,
    is_closed: AtomicBool,
    task: AtomicWaker,
}

impl Open {
    fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.task.wake();
    }

    /// An error from the moment on that the connection has to make room.
    fn check(&self, cx: &Context<'_>) -> io::Result<()> {
        self.task.register(cx.waker());
        match self.is_closed.load(Ordering::Acquire) {
            true => Err(ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    }
}

/// A connection that cannot be used after its lifetime, or once it has to make room.
pub(super) struct Mortal {
    stream: Wire,
    open: Arc<Open>,
    end: BoxFuture<'static, ()>,
    ended: bool,
    clock: Clock,
}

impl AsyncRead for Mortal {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.open.check(cx)?;
        if let Poll::Ready(outcome) = Pin::new(&mut self.stream).poll_read(cx, buf) {
            *self.open.heard.lock() = self.clock.instant();
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
        self.open.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
