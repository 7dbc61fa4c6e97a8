//! The time that an opening may take: more after each one that ran out of it, so that on a store which is slow, rather than
//! silent, one comes to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(30);
/// The time is doubled this often at most: sixteen minutes.
const MOST_DOUBLINGS: u32 = 5;

/// The patience with one shard's openings. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Patience(Arc<AtomicU32>);

impl Patience {
    /// Time for the next opening, retries included.
    pub fn limit(&self) -> Duration {
        FIRST * 2_u32.pow(self.0.load(Ordering::Relaxed))
    }

    /// Notes that an opening did not come to its end in this time.
    pub fn ran_out(&self) {
        let doublings = self.0.load(Ordering::Relaxed) + 1;
        self.0.store(doublings.min(MOST_DOUBLINGS), Ordering::Relaxed);
    }

    /// Notes that an opening came to its end.
    pub fn renew(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}
