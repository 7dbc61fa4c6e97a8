//! Promises, and what was seen of them: shared by all that ask brokers during a run. It knows nothing of the broker's code.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// More than anybody reads.
const MOST: usize = 100;

/// Broken promises, and the sign that a run is over. Cheap to clone.
#[derive(Clone, Default)]
pub struct Truth(Arc<Inner>);

#[derive(Default)]
struct Inner {
    broken: Mutex<Vec<String>>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    over: AtomicBool,
}

impl Truth {
    /// Notes a broken promise.
    pub fn broken(&self, promise: String) {
        let mut broken = self.0.broken.lock();
        if broken.len() < MOST && !broken.contains(&promise) {
            eprintln!("BROKEN: {promise}");
            broken.push(promise);
        }
    }

    /// Notes it unless `holds`.
    pub fn check(&self, holds: bool, promise: impl FnOnce() -> String) {
        if !holds {
            self.broken(promise());
        }
    }

    pub fn is_broken(&self) -> bool {
        !self.0.broken.lock().is_empty()
    }

    pub fn all_broken(&self) -> Vec<String> {
        self.0.broken.lock().clone()
    }

    /// One more of these has happened.
    pub fn count(&self, what: &'static str) {
        *self.0.counts.lock().entry(what).or_default() += 1;
    }

    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.counts.lock().clone()
    }

    pub fn end(&self) {
        self.0.over.store(true, Ordering::Relaxed);
    }

    pub fn is_over(&self) -> bool {
        self.0.over.load(Ordering::Relaxed)
    }
}
