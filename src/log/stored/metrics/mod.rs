//! Metrics of the shards of a broker.
//! They know nothing of who counts: tasks are given their counters.
//! Entry point: [`LogMetrics::register`].
//! Invariant: every metric of a shard has the label `shard` and nothing else.

mod retention;

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

use crate::types::ShardId;

pub use retention::{RetentionMetrics, ShardRetentionMetrics};

/// The metrics of all shards of a broker. Cheap to clone.
#[derive(Clone)]
pub struct LogMetrics {
    commit_seconds: HistogramVec,
    segment_bytes: HistogramVec,
    segment_put_seconds: HistogramVec,
    segment_put_retries: IntCounterVec,
    appended_bytes: IntCounterVec,
    appended_records: IntCounterVec,
    appended_batches: IntCounterVec,
    queued_bytes: IntGaugeVec,
    high_watermark: IntGaugeVec,
    index_flushes: IntCounterVec,
    /// Segments that the last opening replayed, and how long that took.
    replay: (IntGaugeVec, GaugeVec),
    retention: RetentionMetrics,
}

/// The metrics of one shard.
pub struct ShardMetrics {
    /// From the taking of a commit's appends to their acknowledgement.
    pub commit_seconds: Histogram,
    pub segment_bytes: Histogram,
    pub segment_put_seconds: Histogram,
    pub segment_put_retries: IntCounter,
    pub appended_bytes: IntCounter,
    pub appended_records: IntCounter,
    pub appended_batches: IntCounter,
    /// Bytes of appends that are not taken yet.
    pub queued_bytes: IntGauge,
    /// Sum of the high watermarks of the partitions that are loaded.
    pub high_watermark: IntGauge,
    pub index_flushes: IntCounter,
    pub replayed_segments: IntGauge,
    pub replay_seconds: Gauge,
}

const SECONDS: &[f64] =
    &[0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

impl LogMetrics {
    /// Makes the metrics and shows them in `registry`. Metrics made again for one registry count for themselves, unseen.
    pub fn register(registry: &Registry) -> LogMetrics {
        let make = Maker(registry);
        LogMetrics {
            commit_seconds: make.histogram(
                "kafkaesque_commit_seconds",
                "Time from the taking of a commit's appends to their acknowledgement.",
                SECONDS,
            ),
            segment_bytes: make.histogram(
                "kafkaesque_commit_bytes",
                "Payload bytes of a commit.",
                &[
                    256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 8388608.0,
                    16777216.0,
                ],
            ),
            segment_put_seconds: make.histogram(
                "kafkaesque_segment_put_seconds",
                "Time until a segment was in the object store, retries included.",
                SECONDS,
            ),
            segment_put_retries: make
                .counter("kafkaesque_segment_put_retries_total", "PUTs of segments that were tried again."),
            appended_bytes: make
                .counter("kafkaesque_appended_bytes_total", "Bytes of record batches made durable."),
            appended_records: make.counter("kafkaesque_appended_records_total", "Records made durable."),
            appended_batches: make
                .counter("kafkaesque_appended_batches_total", "Record batches made durable."),
            queued_bytes: make
                .gauge("kafkaesque_commit_queue_bytes", "Bytes of appends that wait for a commit."),
            high_watermark: make.gauge(
                "kafkaesque_high_watermark",
                "Sum of the high watermarks of a shard's loaded partitions.",
            ),
            index_flushes: make.counter("kafkaesque_index_flushes_total", "Flushes of a shard's index."),
            replay: (
                make.gauge(
                    "kafkaesque_replayed_segments",
                    "Segments that the last opening of a shard replayed.",
                ),
                make.gauge_float(
                    "kafkaesque_replay_seconds",
                    "Time that the last opening of a shard took to fence and replay.",
                ),
            ),
            retention: RetentionMetrics::register(registry),
        }
    }

    /// What retention counts.
    pub fn retention(&self) -> &RetentionMetrics {
        &self.retention
    }

    /// The metrics of one shard.
    pub fn shard(&self, id: ShardId) -> ShardMetrics {
        let id = id.to_string();
        let label = &[id.as_str()];
        ShardMetrics {
            commit_seconds: self.commit_seconds.with_label_values(label),
            segment_bytes: self.segment_bytes.with_label_values(label),
            segment_put_seconds: self.segment_put_seconds.with_label_values(label),
            segment_put_retries: self.segment_put_retries.with_label_values(label),
            appended_bytes: self.appended_bytes.with_label_values(label),
            appended_records: self.appended_records.with_label_values(label),
            appended_batches: self.appended_batches.with_label_values(label),
            queued_bytes: self.queued_bytes.with_label_values(label),
            high_watermark: self.high_watermark.with_label_values(label),
            index_flushes: self.index_flushes.with_label_values(label),
            replayed_segments: self.replay.0.with_label_values(label),
            replay_seconds: self.replay.1.with_label_values(label),
        }
    }
}

/// Makes metrics with the shard as their label.
struct Maker<'a>(&'a Registry);

impl Maker<'_> {
    const LABELS: &'static [&'static str] = &["shard"];

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.show(HistogramVec::new(options, Maker::LABELS))
    }

    fn counter(&self, name: &str, help: &str) -> IntCounterVec {
        self.show(IntCounterVec::new(Opts::new(name, help), Maker::LABELS))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGaugeVec {
        self.show(IntGaugeVec::new(Opts::new(name, help), Maker::LABELS))
    }

    fn gauge_float(&self, name: &str, help: &str) -> GaugeVec {
        self.show(GaugeVec::new(Opts::new(name, help), Maker::LABELS))
    }

    fn show<M: prometheus::core::Collector + Clone + 'static>(&self, made: prometheus::Result<M>) -> M {
        let metric = made.expect("names and labels are valid");
        let _ = self.0.register(Box::new(metric.clone()));
        metric
    }
}
