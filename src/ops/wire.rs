//! The stream of a connection of the operations port, encrypted or not. Its TLS handshake is a part of its first reading,
//! so that whoever is slow with it keeps nobody else from being accepted.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::runtime::Clock;
use crate::tls::{Acceptor, Stream};

/// The time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The stream of one connection.
pub(super) enum Wire {
    Plain(TcpStream),
    Shaking(BoxFuture<'static, io::Result<Stream<TcpStream>>>),
    Encrypted(Box<Stream<TcpStream>>),
    /// Its handshake failed.
    Broken,
}

impl Wire {
    pub fn new(stream: TcpStream, tls: Option<&Acceptor>, clock: &Clock) -> Wire {
        let Some(acceptor) = tls.cloned() else { return Wire::Plain(stream) };
        let clock = clock.clone();
        Wire::Shaking(Box::pin(async move {
            match clock.timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(accepted) => accepted.map_err(|(error, _)| error),
                Err(late) => Err(late.into()),
            }
        }))
    }

    /// The stream, once its handshake is done.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pin<&mut dyn Bytes>>> {
        if let Wire::Shaking(shaking) = self {
            *self = match ready!(shaking.as_mut().poll(cx)) {
                Ok(stream) => Wire::Encrypted(Box::new(stream)),
                Err(error) => {
                    tracing::debug!(%error, "a TLS handshake of the operations port failed");
                    Wire::Broken
                }
            };
        }
        match self {
            Wire::Plain(stream) => Poll::Ready(Ok(Pin::new(stream))),
            Wire::Encrypted(stream) => Poll::Ready(Ok(Pin::new(&mut **stream))),
            Wire::Shaking(_) | Wire::Broken => Poll::Ready(Err(ErrorKind::ConnectionAborted.into())),
        }
    }
}

/// Bytes in both directions.
trait Bytes: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Bytes for S {}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(cx))?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_stream(cx))?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(cx))?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &*self {
            // There is nobody to say good-bye to.
            Wire::Shaking(_) | Wire::Broken => Poll::Ready(Ok(())),
            _ => ready!(self.poll_stream(cx))?.poll_shutdown(cx),
        }
    }
}
