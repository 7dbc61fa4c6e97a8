//! An encrypted stream, and the bytes of it that have left.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};
use tokio_rustls::server::TlsStream;

/// The server's side of an encrypted connection.
///
/// Writing hands bytes to the encryption, which may keep them: only flushing sees them off.
pub struct Stream<S> {
    tls: TlsStream<Counted<S>>,
    departed: Arc<AtomicU64>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    /// Of a connection whose handshake is done: that had its bound.
    pub(super) fn new(mut tls: TlsStream<Counted<S>>) -> Stream<S> {
        tls.get_mut().0.may_read = None;
        let departed = Arc::clone(&tls.get_ref().0.departed);
        Stream { tls, departed }
    }

    /// The client's own certificate, if it showed one: it counts, and the client has its key.
    pub fn certificate(&self) -> Option<CertificateDer<'static>> {
        self.tls.get_ref().1.peer_certificates().and_then(<[_]>::first).cloned()
    }

    /// Both halves, which have to be used by one task.
    pub fn into_split(self) -> (ReadHalf<Stream<S>>, Writer<S>) {
        let departed = Arc::clone(&self.departed);
        let (reader, half) = tokio::io::split(self);
        (reader, Writer { half, departed })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Clients close without a word, and frames tell their lengths: nothing can be cut off unseen.
        match ready!(Pin::new(&mut self.tls).poll_read(cx, buf)) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            read => Poll::Ready(read),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}

/// The writing half of a [`Stream`]. Shutting it down tells the client that nothing follows.
pub struct Writer<S> {
    half: WriteHalf<Stream<S>>,
    departed: Arc<AtomicU64>,
}

impl<S> Writer<S> {
    /// Bytes that have left, as they were encrypted.
    pub fn departed(&self) -> u64 {
        self.departed.load(Ordering::Relaxed)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Writer<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.half).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.half).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.half.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.half).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.half).poll_shutdown(cx)
    }
}

/// Connections that bring more than this are read in parts of this size: the encryption itself reads 4 KiB at a time.
/// Others keep no memory for it.
const AHEAD_AFTER_BYTES: u64 = 1024 * 1024;
const AHEAD_BYTES: usize = 64 * 1024;

/// Asked before more is read within a handshake, with the bytes that have arrived: false ends it.
pub(super) type MayRead = Box<dyn FnMut(u64) -> bool + Send + Sync>;

/// The stream below the encryption, whose bytes are counted.
pub(super) struct Counted<S> {
    stream: S,
    departed: Arc<AtomicU64>,
    arrived: u64,
    /// The bound of a handshake. None once that is done.
    may_read: Option<MayRead>,
    /// Bytes that were read ahead. Without memory while nothing comes.
    ahead: Vec<u8>,
    /// So many of them were given on.
    given: usize,
}

impl<S> Counted<S> {
    pub fn new(stream: S, may_read: MayRead) -> Counted<S> {
        let may_read = Some(may_read);
        Counted { stream, departed: Arc::default(), arrived: 0, may_read, ahead: Vec::new(), given: 0 }
    }

    pub fn into_inner(self) -> S {
        self.stream
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.departed.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> Counted<S> {
    fn poll_read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.ahead.clear();
        self.given = 0;
        self.ahead.reserve_exact(AHEAD_BYTES);
        let polled = pin!(self.stream.read_buf(&mut self.ahead)).poll(cx);
        if polled.is_pending() {
            self.ahead = Vec::new();
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(may_read) = &mut this.may_read
            && !may_read(this.arrived)
        {
            return Poll::Ready(Err(ErrorKind::QuotaExceeded.into()));
        }
        if this.arrived < AHEAD_AFTER_BYTES {
            let before = buf.filled().len();
            let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
            this.arrived += (buf.filled().len() - before) as u64;
            return polled;
        }
        if this.given == this.ahead.len() {
            ready!(this.poll_read_ahead(cx))?;
        }
        let rest = &this.ahead[this.given..];
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        this.given += count;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
