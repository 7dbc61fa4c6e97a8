//! Times in buckets whose width is at most 1/64 of what they hold.

use serde_json::{Value, json};

/// Buckets per doubling.
const STEPS: u64 = 64;

#[derive(Clone, Debug, Default)]
pub struct Latencies {
    counts: Vec<u64>,
    max_us: u64,
}

impl Latencies {
    pub fn add(&mut self, us: u64) {
        let bucket = bucket(us);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.max_us = self.max_us.max(us);
    }

    pub fn merge(&mut self, other: &Latencies) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.max_us = self.max_us.max(other.max_us);
    }

    pub fn summary(&self) -> Value {
        json!({ "p50": self.at(0.5), "p99": self.at(0.99), "max": self.max_us as f64 / 1e3 })
    }

    /// Milliseconds that this share of all stayed within.
    fn at(&self, share: f64) -> Option<f64> {
        let all: u64 = self.counts.iter().sum();
        let wanted = ((all as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let within = |count: &u64| {
            seen += count;
            seen >= wanted
        };
        let bucket = self.counts.iter().position(within)?;
        Some((upper(bucket) - 1).min(self.max_us) as f64 / 1e3)
    }
}

fn bucket(us: u64) -> usize {
    if us < STEPS {
        return us as usize;
    }
    let doublings = u64::from(us.ilog2() - STEPS.ilog2());
    (doublings * STEPS + (us >> doublings)) as usize
}

/// The first microsecond after a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return bucket + 1;
    }
    let doublings = bucket / STEPS - 1;
    (bucket - doublings * STEPS + 1) << doublings
}
