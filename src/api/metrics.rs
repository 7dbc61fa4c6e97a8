//! Counters of requests, per API.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use crate::protocol::ApiKey;

/// Requests, refusals and latency by API.
#[derive(Clone)]
pub struct Metrics {
    requests: IntCounterVec,
    failed: IntCounterVec,
    seconds: HistogramVec,
}

impl Metrics {
    /// Fails if the registry has these names already.
    pub fn register(registry: &Registry) -> Result<Metrics, prometheus::Error> {
        let requests = Opts::new("kafkaesque_requests_total", "Requests taken, by API and version.");
        let failed = Opts::new("kafkaesque_requests_refused_total", "Requests not understood, by reason.");
        let seconds =
            HistogramOpts::new("kafkaesque_request_seconds", "Time from a request to its answer, by API.")
                .buckets(prometheus::exponential_buckets(0.000_1, 2.0, 18)?);
        let metrics = Metrics {
            requests: IntCounterVec::new(requests, &["api", "version"])?,
            failed: IntCounterVec::new(failed, &["reason"])?,
            seconds: HistogramVec::new(seconds, &["api"])?,
        };
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.failed.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        Ok(metrics)
    }

    pub fn taken(&self, key: ApiKey, version: i16) {
        self.requests.with_label_values(&[key.name(), &version.to_string()]).inc();
    }

    pub fn refused(&self, reason: &str) {
        self.failed.with_label_values(&[reason]).inc();
    }

    pub fn answered(&self, key: ApiKey, after: Duration) {
        self.seconds.with_label_values(&[key.name()]).observe(after.as_secs_f64());
    }
}
