//! The time for which something has waited to become durable.

use parking_lot::Mutex;

use crate::runtime::clock::Instant;

/// Since when something waits to become durable without anything having done so.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Option<Instant>>);

impl Progress {
    pub fn waiting_since(&self) -> Option<Instant> {
        *self.0.lock()
    }

    /// Something was taken.
    pub fn taken(&self, now: impl FnOnce() -> Instant) {
        self.0.lock().get_or_insert_with(now);
    }

    /// Something became durable, or was refused; `more` if there is more that was taken.
    pub fn made(&self, now: Instant, more: bool) {
        *self.0.lock() = more.then_some(now);
    }
}
