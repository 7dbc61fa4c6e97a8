//! A value that requests wait on. They go on in the order in which they came, so that a seed replays: tokio's watch channel
//! wakes in random order.

use parking_lot::Mutex;
use tokio::sync::Notify;

pub(super) struct Gate<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T: Copy> Gate<T> {
    pub fn new(value: T) -> Gate<T> {
        Gate { value: Mutex::new(value), changed: Notify::new() }
    }

    pub fn set(&self, value: T) {
        *self.value.lock() = value;
        self.changed.notify_waiters();
    }

    /// Returns once the value is one that `passes`.
    pub async fn until(&self, passes: impl Fn(T) -> bool) {
        loop {
            // Created before the look at the value: a change after the look is not missed.
            let changed = self.changed.notified();
            if passes(*self.value.lock()) {
                return;
            }
            changed.await;
        }
    }
}
