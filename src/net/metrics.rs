//! Metrics of connections. Nothing that a client chooses is a label.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::CloseReason;

/// Counters of a [`Server`](super::Server). Cheap to clone; clones count together.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    pub bytes_in: IntCounter,
    pub bytes_out: IntCounter,
    malformed: IntCounter,
    open: IntGaugeVec,
    accepted: IntCounterVec,
    closed: IntCounterVec,
    handshakes: IntCounterVec,
    handshake_seconds: HistogramVec,
    dropped: IntCounterVec,
}

impl Metrics {
    /// Makes the counters and shows them in `registry`. A second server of one registry counts for itself, unseen.
    pub fn register(registry: &Registry) -> Metrics {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let vec = IntCounterVec::new(Opts::new(name, help), labels).expect("a valid metric");
            let _ = registry.register(Box::new(vec.clone()));
            vec
        };
        let help = "Requests with a negative or too large length, or that are none.";
        let malformed = IntCounter::new("kafkaesque_frames_malformed_total", help).expect("a valid metric");
        let open = Opts::new("kafkaesque_connections_open", "Open client connections.");
        let open = IntGaugeVec::new(open, &["listener"]).expect("a valid metric");
        let seconds = HistogramOpts::new(
            "kafkaesque_tls_handshake_seconds",
            "Time of a TLS handshake, from the connection's beginning until it succeeded.",
        );
        let seconds =
            seconds.buckets(vec![0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]);
        let handshake_seconds = HistogramVec::new(seconds, &["listener"]).expect("a valid metric");
        let _ = registry.register(Box::new(malformed.clone()));
        let _ = registry.register(Box::new(open.clone()));
        let _ = registry.register(Box::new(handshake_seconds.clone()));
        let help = "Bytes from and to client connections.";
        let bytes = counters("kafkaesque_network_bytes_total", help, &["direction"]);
        Metrics {
            bytes_in: bytes.with_label_values(&["in"]),
            bytes_out: bytes.with_label_values(&["out"]),
            malformed,
            open,
            accepted: counters(
                "kafkaesque_connections_accepted_total",
                "Client connections accepted.",
                &["listener"],
            ),
            closed: counters(
                "kafkaesque_connections_closed_total",
                "Client connections closed, by reason.",
                &["listener", "reason"],
            ),
            handshakes: counters(
                "kafkaesque_tls_handshakes_total",
                "TLS handshakes of client connections, by outcome.",
                &["listener", "outcome"],
            ),
            handshake_seconds,
            dropped: counters(
                "kafkaesque_strangers_dropped_total",
                "Client connections closed before they had shown who they are, by cause.",
                &["listener", "cause"],
            ),
        }
    }

    /// The metrics of a listener. One without TLS shows none of handshakes.
    pub fn listener(&self, name: &Arc<str>, has_tls: bool) -> ListenerMetrics {
        if has_tls {
            for outcome in [true, false] {
                self.handshakes.with_label_values(&[name, outcome_label(outcome)]);
            }
        }
        ListenerMetrics {
            open: self.open.with_label_values(&[name]),
            accepted: self.accepted.with_label_values(&[name]),
            name: Arc::clone(name),
            all: self.clone(),
        }
    }
}

/// Counters of one listener.
#[derive(Debug)]
pub(super) struct ListenerMetrics {
    pub open: IntGauge,
    pub accepted: IntCounter,
    name: Arc<str>,
    all: Metrics,
}

impl ListenerMetrics {
    pub fn closed(&self, reason: CloseReason) {
        self.all.closed.with_label_values(&[&*self.name, reason.label()]).inc();
        if reason == CloseReason::Malformed {
            self.all.malformed.inc();
        }
    }

    pub fn handshake(&self, is_done: bool, took: Duration) {
        self.all.handshakes.with_label_values(&[&*self.name, outcome_label(is_done)]).inc();
        if is_done {
            self.all.handshake_seconds.with_label_values(&[&*self.name]).observe(took.as_secs_f64());
        }
    }

    pub fn dropped(&self, cause: Dropped) {
        self.all.dropped.with_label_values(&[&*self.name, cause.label()]).inc();
    }
}

fn outcome_label(is_done: bool) -> &'static str {
    if is_done { "ok" } else { "failed" }
}

/// Why a connection was closed whose client had not shown yet who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    /// It sent nothing.
    Silent,
    /// It took too long for its TLS handshake ..
    SlowHandshake,
    /// .. or left within it, or one side refused the other.
    FailedHandshake,
    /// It spoke without TLS.
    Protocol,
    /// It took too long to authenticate.
    SlowLogin,
    /// It announced a request that is too large, or none ..
    Frame,
    /// .. or had a long handshake when there was no memory for that.
    Memory,
    /// There were too many of them.
    Room,
}

impl Dropped {
    fn label(self) -> &'static str {
        match self {
            Dropped::Silent => "silent",
            Dropped::SlowHandshake => "slow_handshake",
            Dropped::FailedHandshake => "failed_handshake",
            Dropped::Protocol => "protocol",
            Dropped::SlowLogin => "slow_login",
            Dropped::Frame => "frame",
            Dropped::Memory => "memory",
            Dropped::Room => "room",
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
            CloseReason::Handshake => "handshake",
            CloseReason::Shutdown => "shutdown",
            CloseReason::TooMany => "too_many",
        }
    }
}
