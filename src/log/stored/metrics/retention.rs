//! What is counted of retention and of the objects that go.

use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// The metrics of all shards of a broker. Cheap to clone.
#[derive(Clone)]
pub struct RetentionMetrics {
    deleted_objects: IntCounterVec,
    deleted_bytes: IntCounterVec,
    retained_bytes: IntGaugeVec,
    log_objects: IntGaugeVec,
    log_object_bytes: IntGaugeVec,
    index_extents: IntGaugeVec,
    loaded_partitions: IntGaugeVec,
    lag_seconds: GaugeVec,
}

/// The metrics of one shard.
pub struct ShardRetentionMetrics {
    pub deleted_objects: IntCounter,
    pub deleted_bytes: IntCounter,
    /// Of all extents whose rows are there.
    pub retained_bytes: IntGauge,
    pub log_objects: IntGauge,
    pub log_object_bytes: IntGauge,
    pub index_extents: IntGauge,
    pub loaded_partitions: IntGauge,
    /// By how much the oldest record that the last pass found had outlived its time.
    pub lag_seconds: Gauge,
}

impl RetentionMetrics {
    /// Makes the metrics and shows them in `registry`. Metrics made again for one registry count for themselves, unseen.
    pub fn register(registry: &Registry) -> RetentionMetrics {
        let gauge =
            |name: &str, help: &str| show(registry, IntGaugeVec::new(Opts::new(name, help), &["shard"]));
        let counter =
            |name: &str, help: &str| show(registry, IntCounterVec::new(Opts::new(name, help), &["shard"]));
        RetentionMetrics {
            deleted_objects: counter(
                "kafkaesque_deleted_objects_total",
                "Objects of a shard's log deleted because nothing refers to them.",
            ),
            deleted_bytes: counter("kafkaesque_deleted_bytes_total", "Bytes of those objects."),
            retained_bytes: gauge("kafkaesque_retained_bytes", "Bytes of record batches that are kept."),
            log_objects: gauge(
                "kafkaesque_log_objects",
                "Objects in a shard's log when garbage was last collected.",
            ),
            log_object_bytes: gauge("kafkaesque_log_object_bytes", "Bytes of those objects."),
            index_extents: gauge(
                "kafkaesque_index_extents",
                "Extents in a shard's index when garbage was last collected.",
            ),
            loaded_partitions: gauge(
                "kafkaesque_loaded_partitions",
                "Partitions whose state is in memory, as of the last retention pass.",
            ),
            lag_seconds: show(
                registry,
                GaugeVec::new(
                    Opts::new(
                        "kafkaesque_retention_lag_seconds",
                        "How long the oldest record that the last retention pass found had outlived its retention.ms.",
                    ),
                    &["shard"],
                ),
            ),
        }
    }

    /// The metrics of the shard that is called `label`.
    pub fn shard(&self, label: &str) -> ShardRetentionMetrics {
        let label = &[label];
        ShardRetentionMetrics {
            deleted_objects: self.deleted_objects.with_label_values(label),
            deleted_bytes: self.deleted_bytes.with_label_values(label),
            retained_bytes: self.retained_bytes.with_label_values(label),
            log_objects: self.log_objects.with_label_values(label),
            log_object_bytes: self.log_object_bytes.with_label_values(label),
            index_extents: self.index_extents.with_label_values(label),
            loaded_partitions: self.loaded_partitions.with_label_values(label),
            lag_seconds: self.lag_seconds.with_label_values(label),
        }
    }
}

fn show<M: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<M>) -> M {
    let metric = made.expect("names and labels are valid");
    let _ = registry.register(Box::new(metric.clone()));
    metric
}
