//! Writes answers: frames gathered from pieces, the large ones never copied.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::Poll;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, WriteHalf};
use tokio::net::tcp::OwnedWriteHalf;

use super::limits::Pace;
use super::service::CloseReason;
use crate::runtime::Clock;
use crate::runtime::memory::Share;
use crate::tls;

/// Pieces up to this size are gathered into one: a system call takes a limited number of them, each at a price.
const COPIED_BYTES: usize = 1024;
/// Pieces per system call.
const SLICES: usize = 64;

/// The way out to a client.
pub(super) trait Outlet: AsyncWrite + Unpin + Send {
    /// Bytes that have left so far, where being taken is less than that: encryption keeps some back until it is flushed.
    fn departed(&self) -> Option<u64> {
        None
    }
}

impl Outlet for OwnedWriteHalf {}

impl<S: AsyncWrite + Send> Outlet for WriteHalf<S> {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Outlet for tls::Writer<S> {
    fn departed(&self) -> Option<u64> {
        Some(self.departed())
    }
}

/// Pieces that are to be written.
#[derive(Debug, Default)]
pub(super) struct Output {
    pieces: VecDeque<Bytes>,
    small: BytesMut,
    bytes: usize,
}

impl Output {
    /// Adds a frame of these pieces, its length in front.
    pub fn push(&mut self, frame: &[Bytes]) -> Result<(), CloseReason> {
        let length: usize = frame.iter().map(Bytes::len).sum();
        let length = i32::try_from(length).map_err(|_| CloseReason::Broken)?;
        self.small.put_i32(length);
        self.bytes += 4 + length as usize;
        for piece in frame {
            if piece.len() <= COPIED_BYTES {
                self.small.extend_from_slice(piece);
            } else {
                self.gather();
                self.pieces.push_back(piece.clone());
            }
        }
        Ok(())
    }

    fn gather(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push_back(self.small.split().freeze());
        }
    }

    /// Writes all of it and sees it off, unless the client takes it too slowly, or stands still while others need the memory
    /// of `share`. Says how many bytes that was.
    pub async fn write<W: Outlet>(
        &mut self,
        io: &mut W,
        pace: &Pace,
        clock: &Clock,
        share: Option<&Share>,
    ) -> Result<usize, CloseReason> {
        self.gather();
        let total = std::mem::take(&mut self.bytes);
        let started = clock.instant();
        let (mut taken, mut left, began) = (0, 0, io.departed());
        while !self.pieces.is_empty() || began.is_some() {
            let deadline = pace.deadline(started, left);
            let step = clock.timeout_at(deadline, self.step(io));
            let outcome = tokio::select! {
                biased;
                outcome = step => outcome,
                () = wanted_back(share) => return Err(CloseReason::SlowReader),
            };
            let step = match outcome {
                Err(_) => return Err(CloseReason::SlowReader),
                Ok(Err(_) | Ok(Step::Taken(0))) => return Err(CloseReason::Broken),
                Ok(Ok(step)) => step,
            };
            if let Step::Taken(count) = step {
                taken += count;
                self.advance(count);
            }
            let before = std::mem::replace(&mut left, departed(io, began).unwrap_or(taken));
            if let Some(share) = share {
                share.moved(left - before);
            }
            if let Step::Flushed = step {
                break;
            }
        }
        // Keeps no memory while the connection is quiet.
        self.small = BytesMut::new();
        Ok(total)
    }

    /// Hands over some, or has what was handed over leave once that was all.
    async fn step<W: Outlet>(&self, io: &mut W) -> std::io::Result<Step> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = self.pieces.len().min(SLICES);
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(piece);
        }
        let began = io.departed();
        std::future::poll_fn(|cx| {
            let polled = match count {
                0 => Pin::new(&mut *io).poll_flush(cx).map_ok(|()| Step::Flushed),
                _ => Pin::new(&mut *io).poll_write_vectored(cx, &slices[..count]).map_ok(Step::Taken),
            };
            match polled {
                Poll::Pending if io.departed() != began => Poll::Ready(Ok(Step::Moved)),
                polled => polled,
            }
        })
        .await
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(first) = self.pieces.front_mut() {
            if count < first.len() {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.pieces.pop_front();
        }
    }
}

/// One step of writing.
enum Step {
    /// So many bytes were taken, though they may not have left.
    Taken(usize),
    /// None was taken, but some left that had been.
    Moved,
    /// All that were taken have left.
    Flushed,
}

/// Bytes that have left since there were `began` of them.
fn departed<W: Outlet>(io: &W, began: Option<u64>) -> Option<usize> {
    let departed = io.departed()?.saturating_sub(began?);
    usize::try_from(departed).ok()
}

async fn wanted_back(share: Option<&Share>) {
    match share {
        Some(share) => share.wanted_back().await,
        None => std::future::pending().await,
    }
}
