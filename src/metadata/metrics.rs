//! Metrics of the metadata.

use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts, Registry};

use super::outcome::Outcome;

/// Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    commands: IntCounterVec,
    commit_seconds: Histogram,
}

impl Metrics {
    /// A registry that has them already keeps the first ones.
    pub(super) fn register(registry: &Registry) -> Metrics {
        let commands = Opts::new(
            "kafkaesque_metadata_commands_total",
            "Changes of the metadata that this broker decided as the leader.",
        );
        let seconds = HistogramOpts::new(
            "kafkaesque_metadata_commit_seconds",
            "Time from writing an entry of the metadata log until it is committed and applied.",
        );
        let buckets = vec![0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
        let metrics = Metrics {
            commands: IntCounterVec::new(commands, &["outcome"]).expect("a valid metric"),
            commit_seconds: Histogram::with_opts(seconds.buckets(buckets)).expect("a valid metric"),
        };
        for outcome in ["applied", "refused"] {
            metrics.commands.with_label_values(&[outcome]);
        }
        let _ = registry.register(Box::new(metrics.commands.clone()));
        let _ = registry.register(Box::new(metrics.commit_seconds.clone()));
        metrics
    }

    pub(super) fn committed(&self, seconds: f64) {
        self.commit_seconds.observe(seconds);
    }

    pub(super) fn decided(&self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let label = if outcome.is_ok() { "applied" } else { "refused" };
            self.commands.with_label_values(&[label]).inc();
        }
    }
}
