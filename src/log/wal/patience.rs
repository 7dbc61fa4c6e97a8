//! The time that an attempt to store a segment may be silent: by the segment's size, and by what PUTs take of late.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// For reading a header.
pub const LOOK: Duration = Duration::from_secs(1);
const LEAST: Duration = Duration::from_secs(1);
/// Before a second attempt, whatever PUTs took: an outage in which they only became slow must not be remembered for long.
const MOST_USUAL: Duration = Duration::from_secs(10);
/// For one attempt, when nothing else ends it.
const LONGEST: Duration = Duration::from_secs(60);
/// Bytes per second of a link on which nothing is sent twice.
const USUAL: f64 = (4 << 20) as f64;
/// Bytes per second below which a link counts as none.
const SLOWEST: f64 = (128 << 10) as f64;

/// The patience with one segment.
pub struct Patience<'a> {
    pub bytes: usize,
    pub pace: &'a Pace,
}

impl Patience<'_> {
    /// Before another attempt is made beside the first, after so many in vain. It grows for large segments alone: if the
    /// link is what is slow, the first should have it to itself for longer each time.
    pub fn before_second(&self, seconds: u32) -> Duration {
        let transfer = Duration::from_secs_f64(self.bytes as f64 / USUAL) * (seconds + 1);
        LEAST.max((self.pace.usual() * 3).min(MOST_USUAL)) + transfer
    }

    /// For sending it the second time.
    pub fn of_second(&self, seconds: u32) -> Duration {
        self.before_second(seconds) * 2
    }

    pub fn longest(&self) -> Duration {
        LONGEST + Duration::from_secs_f64(self.bytes as f64 / SLOWEST)
    }
}

/// The time that PUTs of a shard take of late, so that one that hangs is told from one that is slow.
#[derive(Debug, Default)]
pub struct Pace {
    /// Microseconds. What takes longer or shorter counts by an eighth.
    usual_us: AtomicU64,
}

impl Pace {
    /// Takes note of a PUT that was answered.
    pub fn landed(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let weigh = |usual: u64| Some(usual - usual / 8 + took / 8);
        // It never refuses.
        let _ = self.usual_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, weigh);
    }

    fn usual(&self) -> Duration {
        Duration::from_micros(self.usual_us.load(Ordering::Relaxed))
    }
}
