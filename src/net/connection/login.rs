//! Requests of a client that has not shown yet who it is: one at a time, small, and within a short time.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;

use tokio::io::AsyncRead;

use super::{Connection, End, stopped};
use crate::net::frame::{FrameError, FrameReader};
use crate::net::metrics::Dropped;
use crate::net::service::{CloseReason, Frame, Service};
use crate::net::strangers::Stranger;
use crate::runtime::clock::Instant;

impl<S: Service> Connection<'_, S> {
    /// Admits requests until the client is no stranger any more.
    pub(super) async fn meet<R, F>(
        &self,
        stranger: Stranger,
        state: &mut S::Connection,
        reader: &mut FrameReader<R>,
        mut stopping: Pin<&mut F>,
    ) -> Result<(), End>
    where
        R: AsyncRead + Unpin + Send,
        F: Future<Output = CloseReason>,
    {
        let clock = &self.shared.clock;
        let limits = &self.shared.limits.strangers;
        let mut deadline = clock.instant() + limits.login;
        // An encrypted connection has brought its first bytes.
        let mut first = if self.peer.is_encrypted { deadline } else { clock.instant() + limits.first_byte };
        reader.is_exact = true;
        while self.shared.service.is_stranger(state) {
            let frame = tokio::select! {
                biased;
                reason = &mut stopping => return Err(self.stopped_stranger(reason)),
                frame = self.strange_frame(reader, first, deadline) => frame?,
            };
            let asked = clock.instant();
            let class = self.shared.service.classify(state, &frame.bytes);
            self.newcomer.asks();
            tokio::select! {
                biased;
                reason = &mut stopping => return Err(self.stopped_stranger(reason)),
                () = self.until_admissible(class) => {}
            }
            if let Some(reason) = self.closer.reason() {
                return Err(self.stopped_stranger(reason));
            }
            let (bytes, permit) = (frame.bytes.len(), frame.permit.clone());
            let promise = tokio::select! {
                biased;
                end = self.turned_out() => return Err(end),
                promise = self.shared.service.admit(state, frame) => promise,
            };
            self.in_flight.lock().push(class, promise, bytes, permit);
            tokio::select! {
                biased;
                reason = &mut stopping => return Err(self.stopped_stranger(reason)),
                () = self.until_answered() => {}
            }
            // Our own time is not the client's slowness.
            deadline += clock.instant().duration_since(asked);
            first = deadline;
        }
        reader.is_exact = false;
        self.is_strange.store(false, Ordering::Relaxed);
        drop(stranger);
        Ok(())
    }

    async fn strange_frame<R>(
        &self,
        reader: &mut FrameReader<R>,
        first: Instant,
        deadline: Instant,
    ) -> Result<Frame, End>
    where
        R: AsyncRead + Unpin + Send,
    {
        let clock = &self.shared.clock;
        let read = match clock.timeout_at(first, reader.begin()).await {
            Ok(Ok(())) => clock.timeout_at(deadline, reader.frame(&self.shared.strange_frames)).await,
            Ok(Err(error)) => Ok(Err(error)),
            Err(late) => Err(late),
        };
        let Ok(read) = read else {
            let is_silent = first < deadline && reader.take_read_bytes() == 0;
            self.metrics.dropped(if is_silent { Dropped::Silent } else { Dropped::SlowLogin });
            return Err(End::Drain(CloseReason::Authentication));
        };
        match &read {
            Err(FrameError::Length(_)) => self.metrics.dropped(Dropped::Frame),
            Err(FrameError::Slow) => self.metrics.dropped(Dropped::SlowLogin),
            _ => {}
        }
        self.frame_or_end(reader, read)
    }

    /// Waits until the client has to make room for other strangers, which ends even an admission.
    async fn turned_out(&self) -> End {
        match self.closer.closed().await {
            CloseReason::TooMany => self.stopped_stranger(CloseReason::TooMany),
            _ => std::future::pending().await,
        }
    }

    fn stopped_stranger(&self, reason: CloseReason) -> End {
        if reason == CloseReason::TooMany {
            self.metrics.dropped(Dropped::Room);
        }
        stopped(reason)
    }

    async fn until_answered(&self) {
        while !self.in_flight.lock().is_empty() {
            self.answered.notified().await;
        }
    }
}
