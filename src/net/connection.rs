//! One connection: a reader that admits requests in order, a writer that sends their answers in order. Both run in one
//! task, so that neither outlives the other.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWriteExt as _};
use tokio::sync::{Notify, Semaphore};

use super::budget::Budget;
use super::first_bytes::{self, TLS};
use super::frame::{FrameError, FrameLimits, FrameReader};
use super::handshake;
use super::limits::{Limits, Pace};
use super::metrics::{ListenerMetrics, Metrics};
use super::newcomers::{Newcomer, Newcomers};
use super::order::{InFlight, Turn};
use super::peer::Peer;
use super::service::{CloseReason, Closer, Frame, Service};
use super::strangers::{self, Stranger, Strangers};
use super::write::{Outlet, Output};
use crate::runtime::clock::Instant;
use crate::runtime::{Clock, Complaints, Runtime, Shutdown};

mod linger;
mod login;

/// Answers are gathered up to about this size before they are written.
const BATCH_BYTES: usize = 256 * 1024;

/// A hint for who configured the client.
const NO_TLS_HERE: &str = "this listener has no TLS: security.protocol has to be PLAINTEXT or SASL_PLAINTEXT";

/// The share of all connections of a server.
pub(super) struct Shared<S> {
    pub service: Arc<S>,
    pub limits: Limits,
    pub frames: FrameLimits,
    pub metrics: Metrics,
    /// Addresses that sent what is no request, and the protocols that they speak.
    pub complaints: Complaints<(IpAddr, Option<&'static str>)>,
    pub newcomers: Newcomers,
    pub strangers: Strangers,
    /// Frames of strangers.
    pub strange_frames: FrameLimits,
    /// Turns of TLS handshakes.
    pub handshakes: Arc<Semaphore>,
    pub clock: Clock,
    /// Asks connections to finish what they admitted.
    pub shutdown: Shutdown,
    /// Ends connections that did not finish in time.
    pub kill: Shutdown,
}

impl<S> Shared<S> {
    pub fn new(service: Arc<S>, limits: Limits, runtime: &Runtime) -> Shared<S> {
        let frames = |max_frame_bytes, memory_bytes, is_frugal| FrameLimits {
            max_frame_bytes,
            budget: Budget::new(memory_bytes, &runtime.clock),
            pace: limits.pace,
            clock: runtime.clock.clone(),
            is_frugal,
        };
        let strangers = limits.strangers;
        Shared {
            service,
            frames: frames(limits.max_frame_bytes, limits.request_memory_bytes, false),
            strange_frames: frames(strangers.max_frame_bytes, strangers.memory_bytes, true),
            metrics: Metrics::register(&runtime.metrics),
            complaints: Complaints::default(),
            newcomers: Newcomers::default(),
            strangers: Strangers::new(strangers.max_connections),
            handshakes: handshake::turns(),
            clock: runtime.clock.clone(),
            shutdown: runtime.shutdown.clone(),
            kill: Shutdown::new(),
            limits,
        }
    }
}

/// The other end of a connection, and what is counted of it.
pub(super) struct Client {
    pub peer: Peer,
    pub newcomer: Arc<Newcomer>,
    pub metrics: Arc<ListenerMetrics>,
}

/// The end of reading.
#[derive(Clone, Copy)]
enum End {
    /// There is nobody to answer any more.
    Gone(CloseReason),
    /// Admitted requests are still answered.
    Drain(CloseReason),
}

/// Serves one connection until it ends, and says why it did. `entered` is its place among the strangers, if it has one.
pub(super) async fn run<S, R, W>(
    shared: &Shared<S>,
    client: &Client,
    entered: Option<Stranger>,
    reader: R,
    writer: W,
) -> CloseReason
where
    S: Service,
    R: AsyncRead + Unpin + Send,
    W: Outlet,
{
    let Client { peer, newcomer, metrics } = client;
    let state = shared.service.connected(peer, newcomer.closer.clone());
    let stranger = if shared.service.is_stranger(&state) {
        Some(
            entered
                .unwrap_or_else(|| strangers::enter(&shared.strangers, peer.address.ip(), &newcomer.closer)),
        )
    } else {
        drop(entered);
        None
    };
    let connection = Connection {
        shared,
        peer,
        newcomer,
        metrics,
        closer: newcomer.closer.clone(),
        in_flight: Mutex::new(InFlight::default()),
        answered: Notify::new(),
        last_active: Mutex::new(shared.clock.instant()),
        is_strange: AtomicBool::new(stranger.is_some()),
    };
    connection.run(state, stranger, FrameReader::new(reader), writer).await
}

struct Connection<'a, S> {
    shared: &'a Shared<S>,
    peer: &'a Peer,
    newcomer: &'a Newcomer,
    metrics: &'a ListenerMetrics,
    closer: Closer,
    in_flight: Mutex<InFlight>,
    /// Something was answered: the reader may go on.
    answered: Notify,
    last_active: Mutex<Instant>,
    /// The client has not shown yet who it is.
    is_strange: AtomicBool,
}

impl<S: Service> Connection<'_, S> {
    async fn run<R, W>(
        &self,
        state: S::Connection,
        stranger: Option<Stranger>,
        mut reader: FrameReader<R>,
        mut writer: W,
    ) -> CloseReason
    where
        R: AsyncRead + Unpin + Send,
        W: Outlet,
    {
        let clock = &self.shared.clock;
        let end = {
            let mut write = pin!(self.write_answers(&mut writer));
            // The reader first: what it admits is then polled by the writer without another turn.
            let end = tokio::select! {
                biased;
                end = self.read_requests(state, stranger, &mut reader) => end,
                reason = &mut write => End::Gone(reason),
                () = self.shared.kill.requested() => End::Gone(CloseReason::Shutdown),
            };
            match end {
                End::Gone(_) => end,
                End::Drain(reason) => {
                    self.in_flight.lock().finish();
                    tokio::select! {
                        biased;
                        drained = clock.timeout(self.drain_time(reason), &mut write) => match drained {
                            Ok(_) => End::Drain(reason),
                            Err(_) => End::Gone(reason),
                        },
                        () = self.shared.kill.requested() => End::Gone(reason),
                    }
                }
            }
        };
        match end {
            End::Gone(reason) => {
                // An encrypted connection says that it ends, unless the client does not even take that.
                let _ = writer.shutdown().now_or_never();
                reason
            }
            End::Drain(reason) => {
                self.linger(&mut reader, &mut writer).await;
                reason
            }
        }
    }

    /// The longest wait for what was admitted. A client that said it sends no more may wait for its answers as long as one
    /// that says nothing.
    fn drain_time(&self, reason: CloseReason) -> Duration {
        match reason {
            CloseReason::Peer => self.shared.limits.idle,
            _ => self.shared.limits.drain,
        }
    }

    async fn read_requests<R>(
        &self,
        mut state: S::Connection,
        stranger: Option<Stranger>,
        reader: &mut FrameReader<R>,
    ) -> End
    where
        R: AsyncRead + Unpin + Send,
    {
        // Asked for once: each new wait would take the lock that all connections share.
        let mut stopping = pin!(self.stopping());
        if let Some(stranger) = stranger {
            // Boxed, as most connections never need its room.
            let meeting = Box::pin(self.meet(stranger, &mut state, reader, stopping.as_mut()));
            if let Err(end) = meeting.await {
                return end;
            }
        }
        loop {
            let mut frame = tokio::select! {
                biased;
                reason = &mut stopping => return stopped(reason),
                frame = self.next_frame(reader) => match frame {
                    Ok(frame) => frame,
                    Err(end) => return end,
                },
            };
            let class = self.shared.service.classify(&state, &frame.bytes);
            self.newcomer.asks();
            tokio::select! {
                biased;
                reason = &mut stopping => return End::Drain(reason),
                () = self.until_admissible(class) => {}
            }
            // A promise may have failed since, and its reason to close forbids what comes next.
            if let Some(reason) = self.closer.reason() {
                return End::Drain(reason);
            }
            frame.more_to_come = self.in_flight.lock().expects_more();
            let (bytes, permit) = (frame.bytes.len(), frame.permit.clone());
            let promise = self.shared.service.admit(&mut state, frame).await;
            self.in_flight.lock().push(class, promise, bytes, permit);
        }
    }

    async fn stopping(&self) -> CloseReason {
        tokio::select! {
            biased;
            reason = self.closer.closed() => reason,
            () = self.shared.shutdown.requested() => CloseReason::Shutdown,
        }
    }

    /// True if another frame may be read. If not, there are answers to wait for.
    fn has_room(&self) -> bool {
        let in_flight = self.in_flight.lock();
        in_flight.is_empty()
            || (in_flight.has_room(&self.shared.limits) && !self.shared.frames.budget.is_scarce())
    }

    async fn next_frame<R>(&self, reader: &mut FrameReader<R>) -> Result<Frame, End>
    where
        R: AsyncRead + Unpin + Send,
    {
        while !self.has_room() {
            self.answered.notified().await;
        }
        let begun = tokio::select! {
            biased;
            begun = reader.begin() => begun,
            () = self.until_idle() => return Err(End::Drain(CloseReason::Idle)),
        };
        let read = match begun {
            Ok(()) => reader.frame(&self.shared.frames).await,
            Err(error) => Err(error),
        };
        self.frame_or_end(reader, read)
    }

    fn frame_or_end<R>(
        &self,
        reader: &mut FrameReader<R>,
        read: Result<Frame, FrameError>,
    ) -> Result<Frame, End>
    where
        R: AsyncRead + Unpin + Send,
    {
        self.shared.metrics.bytes_in.inc_by(reader.take_read_bytes());
        match read {
            Ok(frame) => {
                *self.last_active.lock() = self.shared.clock.instant();
                Ok(frame)
            }
            Err(error) => Err(self.no_frame(&error)),
        }
    }

    fn no_frame(&self, error: &FrameError) -> End {
        match error {
            // Only the client's half of the connection ended, perhaps.
            FrameError::End => End::Drain(CloseReason::Peer),
            FrameError::Io(_) => End::Gone(CloseReason::Broken),
            FrameError::Slow => End::Drain(CloseReason::SlowRequest),
            FrameError::Length(length) => {
                self.complain(*length);
                End::Drain(CloseReason::Malformed)
            }
        }
    }

    fn complain(&self, length: i32) {
        let peer = self.peer.address;
        let now = self.shared.clock.instant();
        let protocol = first_bytes::protocol(length.to_be_bytes());
        let Some(left_out) = self.shared.complaints.due((peer.ip().to_canonical(), protocol), now) else {
            return;
        };
        let listener = &*self.peer.listener;
        let hint = (protocol == Some(TLS)).then_some(NO_TLS_HERE);
        match protocol {
            Some(protocol) => tracing::info!(
                %peer, listener, protocol, left_out, hint,
                "a client speaks another protocol, connection closed"
            ),
            None => tracing::info!(
                %peer, listener, length, left_out,
                "impossible request length, connection closed"
            ),
        }
    }

    /// Waits until no request came and none was unanswered for the idle time.
    async fn until_idle(&self) {
        loop {
            let deadline = *self.last_active.lock() + self.shared.limits.idle;
            self.shared.clock.sleep_until(deadline).await;
            let now = self.shared.clock.instant();
            let mut last_active = self.last_active.lock();
            if !self.in_flight.lock().is_empty() {
                *last_active = now;
            } else if *last_active + self.shared.limits.idle <= now {
                return;
            }
        }
    }

    async fn until_admissible(&self, class: super::Admission) {
        loop {
            self.poll_promises().await;
            let answered = self.answered.notified();
            let turn = self.in_flight.lock().turn(class, self.shared.clock.instant());
            match turn {
                Turn::Now => return,
                Turn::AfterAnswers => answered.await,
                Turn::At(time) => tokio::select! {
                    () = self.shared.clock.sleep_until(time) => {}
                    () = answered => {}
                },
            }
        }
    }

    async fn poll_promises(&self) {
        std::future::poll_fn(|cx| {
            if let Some(reason) = self.in_flight.lock().poll_promises(cx) {
                self.closer.close(reason);
            }
            std::task::Poll::Ready(())
        })
        .await;
    }

    /// The least speed at which the client has to take its answers. A stranger has little time for them.
    fn pace(&self) -> Pace {
        let limits = &self.shared.limits;
        match self.is_strange.load(Ordering::Relaxed) {
            true => Pace { grace: limits.strangers.login, ..limits.pace },
            false => limits.pace,
        }
    }

    /// Writes answers until there are no more, or until they cannot be written.
    async fn write_answers<W: Outlet>(&self, writer: &mut W) -> CloseReason {
        let mut output = Output::default();
        loop {
            let next = std::future::poll_fn(|cx| {
                let mut in_flight = self.in_flight.lock();
                if let Some(reason) = in_flight.poll_promises(cx) {
                    self.closer.close(reason);
                }
                in_flight.poll_answers(cx, BATCH_BYTES)
            });
            let Some(mut batch) = next.await else { return CloseReason::Peer };
            for answer in &mut batch.answers {
                if let Some(frame) = answer.frame.take()
                    && let Err(reason) = output.push(&frame)
                {
                    return reason;
                }
            }
            let share = batch.answers.iter().find_map(|answer| answer.share.as_ref());
            match output.write(writer, &self.pace(), &self.shared.clock, share).await {
                Ok(written) => self.shared.metrics.bytes_out.inc_by(written as u64),
                Err(reason) => return reason,
            }
            let now = self.shared.clock.instant();
            *self.last_active.lock() = now;
            self.in_flight.lock().answered(&batch, now);
            self.answered.notify_one();
        }
    }
}

/// The end of a connection that was told to.
fn stopped(reason: CloseReason) -> End {
    match reason {
        // It never sent a request, or never said who it is, and its place is wanted now.
        CloseReason::TooMany => End::Gone(reason),
        _ => End::Drain(reason),
    }
}
