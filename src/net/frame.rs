//! Cuts the bytes of a connection into frames: a length of four bytes, big-endian, and that many bytes.
//!
//! A small frame is read with one system call, into the stack, and copied once into a buffer of its own size; an idle
//! connection holds no buffer. A large frame is read into room of its own, which is what the service gets: its first
//! bytes, up to [`FILL_BYTES`], are copied, the rest is not. That room grows with what has arrived, by few steps, since
//! each is a copy: a stranger who announces 100 MiB and sends nothing costs nothing, and a produce request of the usual size,
//! up to 1 MiB, is moved at most once, when 64 KiB of it are there.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, ReadBuf};

use super::budget::{Budget, Share};
use super::limits::Pace;
use super::room::Room;
use super::service::{Frame, Permit};
use crate::runtime::Clock;
use crate::runtime::clock::Instant;
use crate::runtime::transfers::Transfer;

/// The number of bytes that are read without knowing how many will come.
const FILL_BYTES: usize = 64 * 1024;
/// The same where large frames come, whose first bytes would only be copied.
const FILL_BYTES_OF_LARGE: usize = 16 * 1024;
const LENGTH_BYTES: usize = 4;
/// A large frame draws on the memory for requests by these steps, each when the one before it has arrived.
const FIRST_STEP_BYTES: usize = 64 * 1024;
const STEP_BYTES: usize = 256 * 1024;
/// The first step where memory is not given away easily; each that follows doubles it.
const FRUGAL_STEP_BYTES: usize = 4 * 1024;

/// Why there is no next frame.
#[derive(Debug, Error)]
pub(super) enum FrameError {
    #[error("the client closed the connection")]
    End,
    #[error("a frame of {0} bytes was announced")]
    Length(i32),
    #[error("the frame came in too slowly")]
    Slow,
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Tools that frames are cut with.
pub(super) struct FrameLimits {
    pub max_frame_bytes: usize,
    pub budget: Budget,
    pub pace: Pace,
    pub clock: Clock,
    /// Memory is taken for little more than what has arrived. For strangers: it costs copies.
    pub is_frugal: bool,
}

/// The reading half of a connection.
pub(super) struct FrameReader<R> {
    io: R,
    /// Bytes that were read and belong to no frame yet. Without memory when there are none.
    pending: BytesMut,
    /// Bytes read so far.
    read_bytes: u64,
    /// The last frame did not fit into a fill.
    large: bool,
    /// Nothing is read of what follows a frame.
    pub is_exact: bool,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub fn new(io: R) -> FrameReader<R> {
        FrameReader { io, pending: BytesMut::new(), read_bytes: 0, large: false, is_exact: false }
    }

    /// Bytes read since the last call.
    pub fn take_read_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.read_bytes)
    }

    /// Waits until a frame has begun. Nothing is lost if this is dropped.
    pub async fn begin(&mut self) -> Result<(), FrameError> {
        if self.pending.is_empty() { self.fill().await } else { Ok(()) }
    }

    /// Reads the frame that has begun. If this is dropped, so is the frame.
    pub async fn frame(&mut self, limits: &FrameLimits) -> Result<Frame, FrameError> {
        let started = limits.clock.instant();
        while self.pending.len() < LENGTH_BYTES {
            let deadline = limits.pace.deadline(started, 0);
            within(&limits.clock, deadline, self.fill()).await?;
        }
        let announced = (&self.pending[..LENGTH_BYTES]).get_i32();
        let length = match usize::try_from(announced) {
            Ok(length) if length <= limits.max_frame_bytes => length,
            _ => return Err(FrameError::Length(announced)),
        };
        self.pending.advance(LENGTH_BYTES);
        self.large = length > FILL_BYTES;
        let mut share = Share::default();
        let (bytes, pages) = if self.pending.len() >= length {
            limits.budget.grow(&mut share, length, length).await;
            (self.cut(length), None)
        } else {
            self.read_rest(length, limits, &mut share, started).await?
        };
        Ok(Frame { bytes, permit: Permit::new(share), more_to_come: false, pages })
    }

    /// A frame that is there already.
    fn cut(&mut self, length: usize) -> Bytes {
        if self.pending.len() == length {
            return std::mem::take(&mut self.pending).freeze();
        }
        // Others follow it. A copy, so that a small batch that is kept does not keep them all.
        let frame = Bytes::copy_from_slice(&self.pending[..length]);
        self.pending.advance(length);
        frame
    }

    /// A frame whose first bytes are there.
    async fn read_rest(
        &mut self,
        length: usize,
        limits: &FrameLimits,
        share: &mut Share,
        mut started: Instant,
    ) -> Result<(Bytes, Option<Weak<()>>), FrameError> {
        let begun = std::mem::take(&mut self.pending);
        let transfer = limits.budget.arriving.begin(limits.clock.instant());
        let mut paid = 0;
        started += pay(&mut paid, length, limits, share, &transfer).await;
        let mut room = Room::new(&begun, length, limits.is_frugal.then_some(paid))?;
        drop(begun);
        while room.len() < length {
            if room.len() >= paid {
                // Waiting for memory is not the client's slowness.
                started += pay(&mut paid, length, limits, share, &transfer).await;
                continue;
            }
            room.grow(length, limits.is_frugal.then_some(paid))?;
            let deadline = limits.pace.deadline(started, room.len());
            let read = async {
                tokio::select! {
                    biased;
                    read = room.read(&mut self.io, paid) => read.map_err(FrameError::Io),
                    () = transfer.dropped() => Err(FrameError::Slow),
                }
            };
            let read = within(&limits.clock, deadline, read).await?;
            if read == 0 {
                return Err(FrameError::End);
            }
            transfer.moved(read, limits.clock.instant());
            self.read_bytes += read as u64;
        }
        Ok(room.into_bytes())
    }

    /// Reads what is there, at least a byte.
    async fn fill(&mut self) -> Result<(), FrameError> {
        match std::future::poll_fn(|cx| self.poll_fill(cx)).await? {
            0 => Err(FrameError::End),
            _ => Ok(()),
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let mut space = [MaybeUninit::<u8>::uninit(); FILL_BYTES];
        let most = match self.large {
            _ if self.is_exact => LENGTH_BYTES.saturating_sub(self.pending.len()).max(1),
            true => FILL_BYTES_OF_LARGE,
            false => FILL_BYTES,
        };
        let mut buffer = ReadBuf::uninit(&mut space[..most]);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
        self.read_bytes += buffer.filled().len() as u64;
        if self.pending.is_empty() {
            self.pending = BytesMut::from(buffer.filled());
        } else {
            self.pending.extend_from_slice(buffer.filled());
        }
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Reads on without keeping anything, until the client closes, or that were `most` bytes.
    pub async fn discard(&mut self, most: u64) {
        let end = self.read_bytes.saturating_add(most);
        self.is_exact = false;
        while self.read_bytes < end {
            self.pending = BytesMut::new();
            if self.fill().await.is_err() {
                return;
            }
        }
    }
}

/// Memory for the next bytes of a frame of which `paid` have theirs. Says how long it was waited for.
async fn pay(
    paid: &mut usize,
    length: usize,
    limits: &FrameLimits,
    share: &mut Share,
    transfer: &Transfer,
) -> Duration {
    let before = limits.clock.instant();
    let step = match *paid {
        paid if limits.is_frugal => paid.max(FRUGAL_STEP_BYTES),
        0 => FIRST_STEP_BYTES,
        _ => STEP_BYTES,
    };
    let step = step.min(length - *paid);
    transfer.wait();
    limits.budget.grow(share, step, length).await;
    *paid += step;
    let now = limits.clock.instant();
    transfer.go_on(*paid, now);
    now.duration_since(before)
}

async fn within<T>(
    clock: &Clock,
    deadline: Instant,
    work: impl Future<Output = Result<T, FrameError>>,
) -> Result<T, FrameError> {
    clock.timeout_at(deadline, work).await.unwrap_or(Err(FrameError::Slow))
}
