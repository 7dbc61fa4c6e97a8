//! The time that an opening may take: more after each one that ran out of it, so that on a store which is slow, rather than
//! silent, one comes to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::log::stored::error::OpenError;

const FIRST: Duration = Duration::from_secs(30);
/// The time is doubled this often at most: sixteen minutes.
const MOST_DOUBLINGS: u32 = 5;

/// The time for one shard's openings. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct OpeningTime(Arc<AtomicU32>);

impl OpeningTime {
    /// Time for the next opening, retries included.
    pub fn limit(&self) -> Duration {
        FIRST * 2_u32.pow(self.0.load(Ordering::Relaxed))
    }

    /// Notes how an opening ended, and what it took. What is tried again gives up somewhat before the time is over.
    pub fn note(&self, error: Option<&OpenError>, took: Duration) {
        let doublings = self.0.load(Ordering::Relaxed);
        let now = match error {
            None => 0,
            Some(OpenError::Store(_) | OpenError::TimedOut(_)) if took > self.limit() / 2 => doublings + 1,
            Some(_) => doublings,
        };
        self.0.store(now.min(MOST_DOUBLINGS), Ordering::Relaxed);
    }
}
