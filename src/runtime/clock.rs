//! Time: the wall clock, a monotone clock, and waiting.
#![expect(clippy::disallowed_methods, reason = "the one place that reads clocks")]

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use tokio::time::Instant;
pub use tokio::time::error::Elapsed;

/// Reads and waits for time. The simulated kind follows tokio's clock, which a test may pause.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System,
    Simulated { start: Instant, epoch_ms: i64 },
}

impl Clock {
    /// The operating system's clock.
    pub fn system() -> Clock {
        Clock(Kind::System)
    }

    /// A wall clock that starts at `epoch_ms` now and advances with tokio's clock.
    pub fn simulated(epoch_ms: i64) -> Clock {
        Clock(Kind::Simulated { start: Instant::now(), epoch_ms })
    }

    /// Milliseconds since the Unix epoch. May go backwards when the system's clock is set.
    pub fn now_ms(&self) -> i64 {
        match &self.0 {
            Kind::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }
            Kind::Simulated { start, epoch_ms } => {
                epoch_ms + i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX)
            }
        }
    }

    /// A monotone instant, for durations and deadlines.
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Waits for `duration`.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Waits until `deadline`.
    pub async fn sleep_until(&self, deadline: Instant) {
        tokio::time::sleep_until(deadline).await;
    }

    /// Waits until a time that may be past, or may be none: then for ever.
    pub async fn reach(&self, time: Option<Instant>) {
        match time {
            // A timer would round up to its next tick.
            Some(time) if time <= self.instant() => {}
            Some(time) => self.sleep_until(time).await,
            None => std::future::pending().await,
        }
    }

    /// Runs `future` for at most `duration`.
    pub fn timeout<F: Future>(
        &self,
        duration: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> + use<F> {
        // No async function: it would keep room for the future twice.
        tokio::time::timeout(duration, future)
    }

    /// Runs `future` until `deadline` at the latest.
    pub fn timeout_at<F: Future>(
        &self,
        deadline: Instant,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> + use<F> {
        tokio::time::timeout_at(deadline, future)
    }
}
