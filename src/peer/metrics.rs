//! Metrics of calls between brokers, and of connections that did not become one.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use super::Service;
use super::handshake::HandshakeError;
use super::hello::Refusal;
use crate::types::BrokerId;

/// From a local network to the longest that anybody waits.
const SECONDS: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// Cheap to clone; clones count together.
#[derive(Clone)]
pub(super) struct Metrics {
    calls: HistogramVec,
    failed: IntCounterVec,
    refused: IntCounterVec,
}

impl Metrics {
    /// A registry that has them already keeps the first ones.
    pub fn register(registry: &Registry) -> Metrics {
        let calls = HistogramOpts::new(
            "kafkaesque_peer_call_seconds",
            "Time from a call of another broker to its answer, by broker and purpose.",
        );
        let failed =
            Opts::new("kafkaesque_peer_calls_failed_total", "Calls of other brokers without an answer.");
        let refused = Opts::new(
            "kafkaesque_peer_refused_total",
            "Connections of strangers that did not become one between brokers, by reason.",
        );
        let metrics = Metrics {
            calls: HistogramVec::new(calls.buckets(SECONDS.to_vec()), &["broker", "service"])
                .expect("a valid metric"),
            failed: IntCounterVec::new(failed, &["broker", "service"]).expect("a valid metric"),
            refused: IntCounterVec::new(refused, &["reason"]).expect("a valid metric"),
        };
        for reason in ["proof", "cluster", "version", "identity", "garbled", "late"] {
            metrics.refused.with_label_values(&[reason]);
        }
        let _ = registry.register(Box::new(metrics.calls.clone()));
        let _ = registry.register(Box::new(metrics.failed.clone()));
        let _ = registry.register(Box::new(metrics.refused.clone()));
        metrics
    }

    pub fn answered(&self, peer: BrokerId, service: Service, seconds: f64) {
        let peer = peer.to_string();
        let labels = [peer.as_str(), service.name()];
        self.calls.with_label_values(&labels).observe(seconds);
        // Shown before the first one fails, so that it counts.
        self.failed.with_label_values(&labels);
    }

    pub fn failed(&self, peer: BrokerId, service: Service) {
        self.failed.with_label_values(&[peer.to_string().as_str(), service.name()]).inc();
    }

    pub fn refused(&self, error: &HandshakeError) {
        let reason = match error {
            HandshakeError::Proof | HandshakeError::Refuses(Refusal::Proof) => "proof",
            HandshakeError::Refuses(Refusal::Cluster) => "cluster",
            HandshakeError::Refuses(Refusal::Version(_)) => "version",
            HandshakeError::Refuses(_) | HandshakeError::Older { .. } => "identity",
            HandshakeError::Garbled | HandshakeError::Random(_) => "garbled",
            // The other side's own doing.
            HandshakeError::Broken(_) | HandshakeError::Refused(_) => return,
        };
        self.refused.with_label_values(&[reason]).inc();
    }

    /// A stranger proved nothing in time.
    pub fn late(&self) {
        self.refused.with_label_values(&["late"]).inc();
    }
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Service::Liveness => "liveness",
            Service::Controller => "controller",
            Service::Raft => "raft",
            Service::Metadata => "metadata",
        }
    }
}
