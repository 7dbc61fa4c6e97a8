//! What is to happen later, by whom it happens to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::group::{classic, consumer};
use crate::runtime::clock::Instant;

/// What a group waits for, by its protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Timer {
    Classic(classic::Timer),
    Consumer(consumer::Timer),
}

/// A change of the timers. Setting one that is set already moves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TimerChange {
    Set { timer: Timer, after_ms: i32 },
    Cancel(Timer),
}

impl From<classic::TimerChange> for TimerChange {
    fn from(change: classic::TimerChange) -> TimerChange {
        match change {
            classic::TimerChange::Set { timer, after_ms } => {
                TimerChange::Set { timer: Timer::Classic(timer), after_ms }
            }
            classic::TimerChange::Cancel(timer) => TimerChange::Cancel(Timer::Classic(timer)),
        }
    }
}

impl From<consumer::TimerChange> for TimerChange {
    fn from(change: consumer::TimerChange) -> TimerChange {
        match change {
            consumer::TimerChange::Set { timer, after_ms } => {
                TimerChange::Set { timer: Timer::Consumer(timer), after_ms }
            }
            consumer::TimerChange::Cancel(timer) => TimerChange::Cancel(Timer::Consumer(timer)),
        }
    }
}

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
        let (join, sync) = (Timer::Classic(classic::Timer::Join), Timer::Classic(classic::Timer::Sync));
        let mut timers = Timers::default();
        timers.set(&group, join.clone(), at(5));
        timers.set(&group, sync.clone(), at(5));
        timers.set(&group, join.clone(), at(9));
        assert_eq!(timers.pop(at(4)), None);
        assert_eq!(timers.pop(at(8)), Some((Arc::clone(&group), sync)));
        assert_eq!(timers.next(), Some(at(9)));
        timers.cancel(&group, join);
        assert_eq!((timers.pop(at(100)), timers.next()), (None, None));
    }
}
