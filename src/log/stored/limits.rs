//! Sizes and times that bound a shard.

use std::time::Duration;

/// Sizes and times of a shard.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Greatest length of a segment's payload, in bytes. A batch that is larger gets a segment of its own.
    pub segment_max_bytes: usize,
    /// Least time between the starts of two commits, unless a full segment waits.
    pub commit_interval: Duration,
    /// Segments in flight at a time.
    pub window: u16,
    /// The index is flushed after this many segments, so that opening need not replay more.
    pub flush_every_segments: u64,
    /// The index is flushed this long after the first segment that it misses.
    pub flush_interval: Duration,
    /// A producer that was silent for so long is forgotten, until `Shard::set_producer_expiration` says otherwise.
    pub producer_expiration: Duration,
    /// Time between two looks at what has expired (`log.retention.check.interval.ms`).
    pub retention_check_interval: Duration,
    /// Time for making durable what was taken, when closing.
    pub close_timeout: Duration,
}

impl Limits {
    /// Greatest window of any owner.
    pub const MOST_WINDOW: u16 = 64;
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            segment_max_bytes: 8 * 1024 * 1024,
            commit_interval: Duration::ZERO,
            window: 1,
            flush_every_segments: 512,
            flush_interval: Duration::from_secs(60),
            producer_expiration: Duration::from_secs(24 * 3600),
            retention_check_interval: Duration::from_secs(300),
            close_timeout: Duration::from_secs(20),
        }
    }
}
