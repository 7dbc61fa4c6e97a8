//! Counters of the caches.

use prometheus::{IntCounter, IntGauge, Opts, Registry};

/// Counters of one cache.
#[derive(Clone, Debug)]
pub struct CacheMetrics {
    pub hits: IntCounter,
    pub misses: IntCounter,
    pub bytes: IntGauge,
}

impl CacheMetrics {
    /// Registers the counters of `cache` and of others, which are told apart by a label.
    pub fn register(registry: &Registry, cache: &str) -> CacheMetrics {
        let labels = |outcome: &str| {
            let help = "Reads of a cache: of recent batches in the tail cache, of blocks of objects in the \
                        block cache.";
            let opts = Opts::new("kafkaesque_cache_reads_total", help);
            opts.const_label("cache", cache).const_label("outcome", outcome)
        };
        let bytes = Opts::new("kafkaesque_cache_bytes", "Bytes in a cache.").const_label("cache", cache);
        let metrics = CacheMetrics {
            hits: IntCounter::with_opts(labels("hit")).expect("a valid metric"),
            misses: IntCounter::with_opts(labels("miss")).expect("a valid metric"),
            bytes: IntGauge::with_opts(bytes).expect("a valid metric"),
        };
        let _ = registry.register(Box::new(metrics.hits.clone()));
        let _ = registry.register(Box::new(metrics.misses.clone()));
        let _ = registry.register(Box::new(metrics.bytes.clone()));
        metrics
    }
}
