//! Declarations of metrics of shards.
//!
//! ```text
//! metrics! { AllShards, OneShard;
//!     name: TYPE [BUCKETS] = "name as shown", "what it is.";
//! }
//! ```
//!
//! `TYPE` is one of `IntCounter`, `IntGauge`, `Gauge`, and `Histogram`, which alone has buckets.

use prometheus::Registry;
use prometheus::core::Collector;

pub(super) const LABELS: &[&str] = &["shard"];

/// Declares the metrics of all shards, and those of one; see the module.
macro_rules! metrics {
    (
        $(#[$meta:meta])*
        $all:ident, $(#[$one_meta:meta])* $one:ident;
        $( $(#[$doc:meta])* $field:ident: $kind:ident $([$buckets:expr])? = $name:literal, $help:literal; )+
    ) => {
        $(#[$meta])*
        #[derive(Clone)]
        pub struct $all { $( $field: $crate::log::stored::metrics::table::vector!($kind), )+ }

        $(#[$one_meta])*
        pub struct $one { $( $(#[$doc])* pub $field: prometheus::$kind, )+ }

        impl $one {
            /// Shows nothing where a gauge would tell of what is open; counters and histograms keep what they have.
            pub fn rest(&self) {
                $( $crate::log::stored::metrics::table::rest!($kind, self.$field); )+
            }
        }

        impl $all {
            /// Makes the metrics and shows them in `registry`. Metrics made again for one registry count for
            /// themselves, unseen.
            pub fn register(registry: &prometheus::Registry) -> $all {
                $( let $field = <$crate::log::stored::metrics::table::vector!($kind)>::new(
                    $crate::log::stored::metrics::table::options!($name, $help $(, $buckets)?),
                    $crate::log::stored::metrics::table::LABELS,
                ); )+
                $all { $( $field: $crate::log::stored::metrics::table::show(registry, $field), )+ }
            }

            /// The metrics of one shard.
            pub fn shard(&self, id: $crate::types::ShardId) -> $one {
                let id = id.to_string();
                $one { $( $field: self.$field.with_label_values(&[id.as_str()]), )+ }
            }
        }
    };
}

/// The type of one metric for all shards.
macro_rules! vector {
    (IntCounter) => {
        prometheus::IntCounterVec
    };
    (IntGauge) => {
        prometheus::IntGaugeVec
    };
    (Gauge) => {
        prometheus::GaugeVec
    };
    (Histogram) => {
        prometheus::HistogramVec
    };
}

macro_rules! rest {
    (IntGauge, $metric:expr) => {
        $metric.set(0)
    };
    (Gauge, $metric:expr) => {
        $metric.set(0.0)
    };
    ($kind:ident, $metric:expr) => {};
}

macro_rules! options {
    ($name:literal, $help:literal) => {
        prometheus::Opts::new($name, $help)
    };
    ($name:literal, $help:literal, $buckets:expr) => {
        prometheus::HistogramOpts::new($name, $help).buckets($buckets.to_vec())
    };
}

pub(super) use {metrics, options, rest, vector};

pub(super) fn show<M: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<M>) -> M {
    let metric = made.expect("names and labels are valid");
    let _ = registry.register(Box::new(metric.clone()));
    metric
}
