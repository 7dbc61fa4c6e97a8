//! Metrics of connections.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::CloseReason;

/// Counters of a [`Server`](super::Server). Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    pub open: IntGauge,
    pub accepted: IntCounter,
    pub malformed: IntCounter,
    pub bytes_in: IntCounter,
    pub bytes_out: IntCounter,
    closed: IntCounterVec,
}

impl Metrics {
    /// Makes the counters and shows them in `registry`. A second server of one registry counts for itself, unseen.
    pub fn register(registry: &Registry) -> Metrics {
        let counters = |name: &str, help: &str, label: &str| {
            let vec = IntCounterVec::new(Opts::new(name, help), &[label]).expect("a valid metric");
            let _ = registry.register(Box::new(vec.clone()));
            vec
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help).expect("a valid metric");
            let _ = registry.register(Box::new(counter.clone()));
            counter
        };
        let open =
            IntGauge::new("kafkaesque_connections_open", "Open client connections.").expect("a valid metric");
        let _ = registry.register(Box::new(open.clone()));
        let bytes =
            counters("kafkaesque_network_bytes_total", "Bytes from and to client connections.", "direction");
        Metrics {
            open,
            accepted: counter("kafkaesque_connections_accepted_total", "Client connections accepted."),
            malformed: counter(
                "kafkaesque_frames_malformed_total",
                "Requests with a negative or too large length, or that are none.",
            ),
            bytes_in: bytes.with_label_values(&["in"]),
            bytes_out: bytes.with_label_values(&["out"]),
            closed: counters(
                "kafkaesque_connections_closed_total",
                "Client connections closed, by reason.",
                "reason",
            ),
        }
    }

    pub fn closed(&self, reason: CloseReason) {
        self.closed.with_label_values(&[reason.label()]).inc();
        if reason == CloseReason::Malformed {
            self.malformed.inc();
        }
    }
}

impl CloseReason {
    fn label(self) -> &'static str {
        match self {
            CloseReason::Peer => "peer",
            CloseReason::Broken => "broken",
            CloseReason::Malformed => "malformed",
            CloseReason::Idle => "idle",
            CloseReason::SlowRequest => "slow_request",
            CloseReason::SlowReader => "slow_reader",
            CloseReason::NoAnswer => "no_answer",
            CloseReason::OutcomeUnknown => "outcome_unknown",
            CloseReason::Authentication => "authentication",
            CloseReason::Shutdown => "shutdown",
            CloseReason::TooMany => "too_many",
        }
    }
}
