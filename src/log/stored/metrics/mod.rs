//! Metrics of the shards of a broker.
//! They know nothing of who counts: tasks are given their counters.
//! Entry point: [`LogMetrics::register`].
//! Invariant: every metric of a shard has the label `shard` and nothing else.

mod retention;
mod table;

use prometheus::Registry;

use crate::types::ShardId;
use table::metrics;

pub use retention::{RetentionMetrics, ShardRetentionMetrics};

/// The metrics of all shards of a broker. Cheap to clone.
#[derive(Clone)]
pub struct LogMetrics {
    commits: CommitMetrics,
    retention: RetentionMetrics,
}

impl LogMetrics {
    pub fn register(registry: &Registry) -> LogMetrics {
        LogMetrics {
            commits: CommitMetrics::register(registry),
            retention: RetentionMetrics::register(registry),
        }
    }

    /// The counters of retention.
    pub fn retention(&self) -> &RetentionMetrics {
        &self.retention
    }

    pub fn shard(&self, id: ShardId) -> ShardMetrics {
        self.commits.shard(id)
    }

    /// Gauges of a shard that is not open here any more show nothing.
    pub fn rest(&self, id: ShardId) {
        self.commits.shard(id).rest();
        self.retention.shard(id).rest();
    }
}

const SECONDS: &[f64] =
    &[0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

const BYTES: &[f64] =
    &[256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 8388608.0, 16777216.0];

metrics! {
    /// Openings and commits of all shards.
    CommitMetrics,
    /// Openings and commits of one shard.
    ShardMetrics;

    commit_seconds: Histogram [SECONDS] = "kafkaesque_commit_seconds",
        "Time from the taking of a commit's appends to their acknowledgement.";
    segment_bytes: Histogram [BYTES] = "kafkaesque_commit_bytes", "Payload bytes of a commit.";
    segment_put_seconds: Histogram [SECONDS] = "kafkaesque_segment_put_seconds",
        "Time until a segment was in the object store, retries included.";
    segment_put_retries: IntCounter = "kafkaesque_segment_put_retries_total",
        "PUTs of segments that were tried again.";
    appended_bytes: IntCounter = "kafkaesque_appended_bytes_total", "Bytes of record batches made durable.";
    appended_records: IntCounter = "kafkaesque_appended_records_total", "Records made durable.";
    appended_batches: IntCounter = "kafkaesque_appended_batches_total", "Record batches made durable.";
    fetched_bytes: IntCounter = "kafkaesque_fetched_bytes_total",
        "Bytes of record batches read for clients.";
    queued_bytes: IntGauge = "kafkaesque_commit_queue_bytes", "Bytes of appends that wait for a commit.";
    high_watermark: IntGauge = "kafkaesque_high_watermark",
        "Sum of the high watermarks of a shard's loaded partitions.";
    index_flushes: IntCounter = "kafkaesque_index_flushes_total", "Flushes of a shard's index.";
    replayed_segments: IntGauge = "kafkaesque_replayed_segments",
        "Segments that the last opening of a shard replayed.";
    fence_seconds: Gauge = "kafkaesque_fence_seconds",
        "Time that the last opening of a shard took to fence the owner before.";
    replay_seconds: Gauge = "kafkaesque_replay_seconds",
        "Time that the last opening of a shard took to fence and replay.";
    first_append_seconds: Gauge = "kafkaesque_first_append_seconds",
        "Time from the last opening of a shard until its first records were durable.";
}
