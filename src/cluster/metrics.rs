//! Metrics of the shards that a broker hosts.

use prometheus::{Histogram, HistogramOpts, IntCounter, Registry};

/// Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    /// Answers that found no recent proof of ownership.
    pub unproven: IntCounter,
    /// From the assignment of a shard, as its new owner sees it, until it is open there.
    pub opening_seconds: Histogram,
}

impl Metrics {
    /// A registry that has them already keeps the first ones.
    pub fn register(registry: &Registry) -> Metrics {
        let seconds = HistogramOpts::new(
            "kafkaesque_shard_opening_seconds",
            "Time from the assignment of a shard to this broker until it is open.",
        );
        let buckets = vec![0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0];
        let metrics = Metrics {
            unproven: IntCounter::new(
                "kafkaesque_ownership_unproven_total",
                "Answers that found no recent proof that this broker owns the shard, and waited for one.",
            )
            .expect("a valid metric"),
            opening_seconds: Histogram::with_opts(seconds.buckets(buckets)).expect("a valid metric"),
        };
        let _ = registry.register(Box::new(metrics.unproven.clone()));
        let _ = registry.register(Box::new(metrics.opening_seconds.clone()));
        metrics
    }
}
