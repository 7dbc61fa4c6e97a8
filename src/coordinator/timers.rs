//! What is to happen later, by whom it happens to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::group::classic::Timer;
use crate::runtime::clock::Instant;

type Key = (Arc<str>, Timer);

/// Timers of groups. Each is set once at most: setting it again moves it.
#[derive(Default)]
pub(super) struct Timers {
    by_time: BTreeMap<(Instant, u64), Key>,
    by_key: HashMap<Key, (Instant, u64)>,
    /// Tells two timers of one instant apart.
    set: u64,
}

impl Timers {
    pub fn set(&mut self, group: &Arc<str>, timer: Timer, at: Instant) {
        let key = (Arc::clone(group), timer);
        self.set += 1;
        let place = (at, self.set);
        if let Some(before) = self.by_key.insert(key.clone(), place) {
            self.by_time.remove(&before);
        }
        self.by_time.insert(place, key);
    }

    pub fn cancel(&mut self, group: &Arc<str>, timer: Timer) {
        if let Some(place) = self.by_key.remove(&(Arc::clone(group), timer)) {
            self.by_time.remove(&place);
        }
    }

    /// When the next one runs out.
    pub fn next(&self) -> Option<Instant> {
        self.by_time.keys().next().map(|(at, _)| *at)
    }

    /// One that has run out, which is then gone.
    pub fn pop(&mut self, now: Instant) -> Option<Key> {
        let place = *self.by_time.keys().next().filter(|(at, _)| *at <= now)?;
        let key = self.by_time.remove(&place)?;
        self.by_key.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::runtime::clock::Clock;

    #[tokio::test]
    async fn a_timer_that_is_set_again_moves_and_a_cancelled_one_is_gone() {
        let start = Clock::system().instant();
        let at = |ms| start + Duration::from_millis(ms);
        let group: Arc<str> = "g".into();
        let mut timers = Timers::default();
        timers.set(&group, Timer::Join, at(5));
        timers.set(&group, Timer::Sync, at(5));
        timers.set(&group, Timer::Join, at(9));
        assert_eq!(timers.pop(at(4)), None);
        assert_eq!(timers.pop(at(8)), Some((Arc::clone(&group), Timer::Sync)));
        assert_eq!(timers.next(), Some(at(9)));
        timers.cancel(&group, Timer::Join);
        assert_eq!((timers.pop(at(100)), timers.next()), (None, None));
    }
}
