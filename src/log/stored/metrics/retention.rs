//! Metrics of retention and of the objects that go.

use super::table::metrics;

metrics! {
    /// Retention of all shards.
    RetentionMetrics,
    /// Retention of one shard.
    ShardRetentionMetrics;

    deleted_objects: IntCounter = "kafkaesque_deleted_objects_total",
        "Objects of a shard's log deleted because nothing refers to them.";
    deleted_bytes: IntCounter = "kafkaesque_deleted_bytes_total", "Bytes of those objects.";
    retained_bytes: IntGauge = "kafkaesque_retained_bytes", "Bytes of record batches that are kept.";
    log_objects: IntGauge = "kafkaesque_log_objects",
        "Objects in a shard's log when garbage was last collected.";
    log_object_bytes: IntGauge = "kafkaesque_log_object_bytes", "Bytes of those objects.";
    index_extents: IntGauge = "kafkaesque_index_extents",
        "Extents in a shard's index when garbage was last collected.";
    loaded_partitions: IntGauge = "kafkaesque_loaded_partitions",
        "Partitions whose state is in memory, as of the last retention pass.";
    lag_seconds: Gauge = "kafkaesque_retention_lag_seconds",
        "How long the oldest record that the last retention pass found had outlived its retention.ms.";
}
