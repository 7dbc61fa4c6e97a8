//! The last that was heard of the store: an answer, or failures since a time.

use std::sync::Arc;

use parking_lot::Mutex;

use super::trouble::cause;
use crate::runtime::clock::Instant;

/// Kept up to date by every request, so asking costs the store nothing. Cheap to clone; clones are one.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Option<Failing>>>);

/// A store that has answered nothing since a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    pub since: Instant,
    /// Of the newest failure, in one line.
    pub cause: String,
}

impl Health {
    /// `None` if the last request was answered, or there was none.
    pub fn failing(&self) -> Option<Failing> {
        self.0.lock().clone()
    }

    pub(super) fn answered(&self) {
        *self.0.lock() = None;
    }

    pub(super) fn failed(&self, now: Instant, error: &object_store::Error) {
        let cause = cause(error);
        let mut failing = self.0.lock();
        let since = failing.as_ref().map_or(now, |failing| failing.since);
        *failing = Some(Failing { since, cause });
    }
}
