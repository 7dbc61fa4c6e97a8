//! Metrics of the keys of issuers.

use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Opts, Registry};

use super::source::Source;

/// Tells how old the keys are when somebody scrapes.
struct Ages {
    sources: Vec<Arc<Source>>,
    seconds: GaugeVec,
}

/// A second set of issuers in one registry goes unseen.
pub(super) fn register(registry: &Registry, sources: Vec<Arc<Source>>) {
    let options = Opts::new(
        "kafkaesque_oauth_keys_age_seconds",
        "Time since the keys of an issuer of tokens were read, or since the start if they never were.",
    );
    let seconds = GaugeVec::new(options, &["issuer"]).expect("a valid metric");
    let _ = registry.register(Box::new(Ages { sources, seconds }));
}

impl Collector for Ages {
    fn desc(&self) -> Vec<&Desc> {
        self.seconds.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        for source in &self.sources {
            let (issuer, age) = source.age();
            self.seconds.with_label_values(&[issuer]).set(age.as_secs_f64());
        }
        self.seconds.collect()
    }
}
