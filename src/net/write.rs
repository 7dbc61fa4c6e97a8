//! Writes answers: frames gathered from pieces, the large ones never copied.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::limits::Pace;
use super::service::CloseReason;
use crate::runtime::Clock;
use crate::runtime::memory::Share;

/// Pieces up to this size are gathered into one: a system call takes a limited number of them, each at a price.
const COPIED_BYTES: usize = 1024;
/// Pieces per system call.
const SLICES: usize = 64;

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

    /// Writes all of it, unless the client takes it too slowly, or stands still while others need the memory of `share`.
    /// Says how many bytes that was.
    pub async fn write<W: AsyncWrite + Unpin>(
        &mut self,
        io: &mut W,
        pace: &Pace,
        clock: &Clock,
        share: Option<&Share>,
    ) -> Result<usize, CloseReason> {
        self.gather();
        let total = std::mem::take(&mut self.bytes);
        let started = clock.instant();
        let mut written = 0;
        while !self.pieces.is_empty() {
            let deadline = pace.deadline(started, written);
            let write = clock.timeout_at(deadline, self.write_some(io));
            let outcome = tokio::select! {
                biased;
                outcome = write => outcome,
                () = wanted_back(share) => return Err(CloseReason::SlowReader),
            };
            let count = match outcome {
                Err(_) => return Err(CloseReason::SlowReader),
                Ok(Err(_) | Ok(0)) => return Err(CloseReason::Broken),
                Ok(Ok(count)) => count,
            };
            written += count;
            if let Some(share) = share {
                share.moved(count);
            }
            self.advance(count);
        }
        // Keeps no memory while the connection is quiet.
        self.small = BytesMut::new();
        Ok(total)
    }

    async fn write_some<W: AsyncWrite + Unpin>(&self, io: &mut W) -> std::io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = self.pieces.len().min(SLICES);
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(piece);
        }
        io.write_vectored(&slices[..count]).await
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

async fn wanted_back(share: Option<&Share>) {
    match share {
        Some(share) => share.wanted_back().await,
        None => std::future::pending().await,
    }
}
