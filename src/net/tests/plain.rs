//! The price of a connection without encryption, in calls of its socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncWrite, ReadBuf, ReadHalf, WriteHalf};

use super::*;

/// Calls of one half of a stream.
#[derive(Default)]
struct Calls {
    readings: AtomicUsize,
    writings: AtomicUsize,
    flushes: AtomicUsize,
}

struct Reading(ReadHalf<DuplexStream>, Arc<Calls>);

impl AsyncRead for Reading {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.0).poll_read(cx, buf);
        self.1.readings.fetch_add(usize::from(polled.is_ready()), Ordering::Relaxed);
        polled
    }
}

struct Writing(WriteHalf<DuplexStream>, Arc<Calls>);

impl AsyncWrite for Writing {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.1.writings.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.1.flushes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Outlet for Writing {}

/// One reading for each request, one writing for each answer, and no more.
#[tokio::test(start_paused = true)]
async fn a_plain_request_and_its_answer_take_one_call_each() {
    let (client, server) = tokio::io::duplex(1024 * 1024);
    let (reader, writer) = tokio::io::split(server);
    let calls = Arc::new(Calls::default());
    let halves = (Reading(reader, Arc::clone(&calls)), Writing(writer, Arc::clone(&calls)));
    let runtime = Runtime::simulated(1);
    let mut world = World::with_stream(Limits::default(), runtime, Manual::default(), client, halves);
    let large = "a".repeat(50_000) + "!";
    for request in ["a1!", "a2!", &large, "a3!"] {
        world.send(&[request]).await;
        assert_eq!(world.receive().await, request);
    }
    let count = |calls: &AtomicUsize| calls.load(Ordering::Relaxed);
    assert_eq!((count(&calls.readings), count(&calls.writings), count(&calls.flushes)), (4, 4, 0));
}
