//! Metrics of the certificates of one acceptor.

use prometheus::{GaugeVec, IntCounter, IntGauge, Opts, Registry};

use super::certificate::Facts;

/// Each acceptor has its own, told apart by the listener's name.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    days_left: GaugeVec,
    reloads: IntCounter,
    refused: IntGauge,
}

impl Metrics {
    pub fn register(registry: &Registry, listener: &str) -> Metrics {
        let options = |name: &str, help: &str| Opts::new(name, help).const_label("listener", listener);
        let days_left = options(
            "kafkaesque_tls_certificate_days_left",
            "Days until a certificate expires; less than nothing once it has.",
        );
        let reloads = options(
            "kafkaesque_tls_reloads_total",
            "Times that changed TLS files took the place of those in use.",
        );
        let refused = options(
            "kafkaesque_tls_files_refused",
            "1 while the TLS files that are there cannot be used, so that older ones still are.",
        );
        let metrics = Metrics {
            days_left: GaugeVec::new(days_left, &["certificate"]).expect("a valid metric"),
            reloads: IntCounter::with_opts(reloads).expect("a valid metric"),
            refused: IntGauge::with_opts(refused).expect("a valid metric"),
        };
        let _ = registry.register(Box::new(metrics.days_left.clone()));
        let _ = registry.register(Box::new(metrics.reloads.clone()));
        let _ = registry.register(Box::new(metrics.refused.clone()));
        metrics
    }

    pub fn reloaded(&self) {
        self.reloads.inc();
        // Fewer certificates may have come in the place of more.
        self.days_left.reset();
    }

    pub fn show(&self, certificates: &[(String, Facts)], is_refused: bool, now_ms: i64) {
        for (name, facts) in certificates {
            self.days_left.with_label_values(&[name]).set(facts.days_left(now_ms));
        }
        self.refused.set(is_refused.into());
    }
}
