//! Counters of requests, per API.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use crate::protocol::{ApiKey, ErrorCode};

/// Requests, refusals and latency by API.
#[derive(Clone)]
pub struct Metrics {
    requests: IntCounterVec,
    failed: IntCounterVec,
    errors: IntCounterVec,
    seconds: HistogramVec,
}

impl Metrics {
    /// Fails if the registry has these names already.
    pub fn register(registry: &Registry) -> Result<Metrics, prometheus::Error> {
        let requests = Opts::new("kafkaesque_requests_total", "Requests taken, by API and version.");
        let failed = Opts::new("kafkaesque_requests_refused_total", "Requests not understood, by reason.");
        let errors = Opts::new("kafkaesque_errors_total", "Error codes in answers, by API and code.");
        let seconds =
            HistogramOpts::new("kafkaesque_request_seconds", "Time from a request to its answer, by API.")
                .buckets(prometheus::exponential_buckets(0.000_1, 2.0, 18)?);
        let metrics = Metrics {
            requests: IntCounterVec::new(requests, &["api", "version"])?,
            failed: IntCounterVec::new(failed, &["reason"])?,
            errors: IntCounterVec::new(errors, &["api", "code"])?,
            seconds: HistogramVec::new(seconds, &["api"])?,
        };
        // Shown from the beginning, so that a rise from nothing is one.
        for reason in ["unknown_api", "unsupported_version", "malformed"] {
            metrics.failed.with_label_values(&[reason]);
        }
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.failed.clone()))?;
        registry.register(Box::new(metrics.errors.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        Ok(metrics)
    }

    pub fn taken(&self, key: ApiKey, version: i16) {
        self.requests.with_label_values(&[key.name(), &version.to_string()]).inc();
    }

    pub fn refused(&self, reason: &str) {
        self.failed.with_label_values(&[reason]).inc();
    }

    /// Counts the error codes of an answer, each as often as it is in there.
    pub fn answered_with(&self, key: ApiKey, errors: &[i16]) {
        for error in errors {
            let code = ErrorCode::from_code(*error).map_or_else(|| error.to_string(), kafka_name);
            self.errors.with_label_values(&[key.name(), &code]).inc();
        }
    }

    pub fn answered(&self, key: ApiKey, after: Duration) {
        self.seconds.with_label_values(&[key.name()]).observe(after.as_secs_f64());
    }
}

/// The name of an error as Kafka spells it: `NOT_LEADER_OR_FOLLOWER`.
fn kafka_name(code: ErrorCode) -> String {
    let mut name = String::new();
    for letter in code.name().chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_by_the_names_that_kafka_gives_them() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).expect("registers");
        metrics.answered_with(ApiKey::Produce, &[6, 6, 3, 1_000]);
        let count = |code: &str| metrics.errors.with_label_values(&["Produce", code]).get();
        assert_eq!(count("NOT_LEADER_OR_FOLLOWER"), 2);
        assert_eq!(count("UNKNOWN_TOPIC_OR_PARTITION"), 1);
        assert_eq!(count("1000"), 1);
    }
}
