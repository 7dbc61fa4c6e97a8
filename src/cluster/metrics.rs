//! Metrics of the shards that a broker hosts, and of what the controller sees go.

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::liveness::Cause;
use super::losses::Lost;
use crate::types::BrokerId;

/// From 20 ms to what no client waits for any more.
const SECONDS: &[f64] = &[0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0];

/// Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    /// Answers that found no recent proof of ownership.
    pub unproven: IntCounter,
    /// Shards that others were given though the metadata counts on this broker, which had not released them.
    pub taken: IntCounter,
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
        let metrics = Metrics {
            unproven: IntCounter::new(
                "kafkaesque_ownership_unproven_total",
                "Answers that found no recent proof that this broker owns the shard, and waited for one.",
            )
            .expect("a valid metric"),
            taken: IntCounter::new(
                "kafkaesque_shards_taken_total",
                "Shards given to another broker before this one, which lived, released them: a fault.",
            )
            .expect("a valid metric"),
            opening_seconds: Histogram::with_opts(seconds.buckets(SECONDS.to_vec())).expect("a valid metric"),
        };
        let _ = registry.register(Box::new(metrics.unproven.clone()));
        let _ = registry.register(Box::new(metrics.taken.clone()));
        let _ = registry.register(Box::new(metrics.opening_seconds.clone()));
        metrics
    }
}

/// Metrics of the broker that leads the metadata; on others they are 0. Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    ended: IntCounterVec,
    detected_seconds: Histogram,
    assigned_seconds: Histogram,
    orphaned: IntGauge,
    lag: IntGaugeVec,
}

impl Sessions {
    /// A registry that has them already keeps the first ones.
    pub fn register(registry: &Registry) -> Sessions {
        let ended = Opts::new(
            "kafkaesque_broker_sessions_ended_total",
            "Processes of brokers that this one, as the leader, saw end or gave up, by cause.",
        );
        let detected = HistogramOpts::new(
            "kafkaesque_takeover_detected_seconds",
            "Time from the last word of a broker until the leader gave it up.",
        );
        let assigned = HistogramOpts::new(
            "kafkaesque_takeover_assigned_seconds",
            "Time from the end of an owner's session until the shard had another owner.",
        );
        let lag = Opts::new(
            "kafkaesque_image_lag_entries",
            "Entries of the metadata that a broker's image lacked at its last word, as the leader sees it.",
        );
        let seconds = |options: HistogramOpts| Histogram::with_opts(options.buckets(SECONDS.to_vec()));
        let metrics = Sessions {
            ended: IntCounterVec::new(ended, &["cause"]).expect("a valid metric"),
            detected_seconds: seconds(detected).expect("a valid metric"),
            assigned_seconds: seconds(assigned).expect("a valid metric"),
            orphaned: IntGauge::new(
                "kafkaesque_shards_orphaned",
                "Shards without a living owner, as the leader sees it.",
            )
            .expect("a valid metric"),
            lag: IntGaugeVec::new(lag, &["broker"]).expect("a valid metric"),
        };
        for cause in [Cause::Left, Cause::Refused, Cause::Silent, Cause::Stuck, Cause::Replaced] {
            metrics.ended.with_label_values(&[cause.word()]);
        }
        let _ = registry.register(Box::new(metrics.ended.clone()));
        let _ = registry.register(Box::new(metrics.detected_seconds.clone()));
        let _ = registry.register(Box::new(metrics.assigned_seconds.clone()));
        let _ = registry.register(Box::new(metrics.orphaned.clone()));
        let _ = registry.register(Box::new(metrics.lag.clone()));
        metrics
    }

    /// Brokers without a lag are not followed any more.
    pub fn show(&self, lost: &Lost, lags: impl Iterator<Item = (BrokerId, Option<u64>)>) {
        for (cause, silence) in &lost.ended {
            self.ended.with_label_values(&[cause.word()]).inc();
            silence.iter().for_each(|silence| self.detected_seconds.observe(silence.as_secs_f64()));
        }
        lost.assigned.iter().for_each(|took| self.assigned_seconds.observe(took.as_secs_f64()));
        self.orphaned.set(i64::try_from(lost.orphaned).unwrap_or(i64::MAX));
        for (broker, entries) in lags {
            let broker = broker.to_string();
            let Some(entries) = entries else {
                // It may never have been shown.
                let _ = self.lag.remove_label_values(&[broker.as_str()]);
                continue;
            };
            self.lag.with_label_values(&[broker.as_str()]).set(i64::try_from(entries).unwrap_or(i64::MAX));
        }
    }

    /// Somebody else leads: what this broker saw says nothing any more.
    pub fn forget(&self) {
        self.orphaned.set(0);
        self.lag.reset();
    }
}
