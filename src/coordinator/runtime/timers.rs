//! Timers of machines.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use crate::runtime::clock::Instant;

/// A change of the timers. Setting one that is set already moves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange<T> {
    Set { timer: T, after_ms: i32 },
    Cancel(T),
}

/// Timers by their keys. Each is set once at most: setting it again moves it.
pub(super) struct Timers<K> {
    by_time: BTreeMap<(Instant, u64), K>,
    by_key: HashMap<K, (Instant, u64)>,
    /// Tells two timers of one instant apart.
    set: u64,
}

impl<K> Default for Timers<K> {
    fn default() -> Timers<K> {
        Timers { by_time: BTreeMap::new(), by_key: HashMap::new(), set: 0 }
    }
}

impl<K: Clone + Eq + Hash> Timers<K> {
    pub fn set(&mut self, key: K, at: Instant) {
        self.set += 1;
        let turn = (at, self.set);
        if let Some(before) = self.by_key.insert(key.clone(), turn) {
            self.by_time.remove(&before);
        }
        self.by_time.insert(turn, key);
    }

    pub fn cancel(&mut self, key: &K) {
        if let Some(turn) = self.by_key.remove(key) {
            self.by_time.remove(&turn);
        }
    }

    /// The time at which the next one runs out.
    pub fn next(&self) -> Option<Instant> {
        self.by_time.keys().next().map(|(at, _)| *at)
    }

    /// Takes one that has run out.
    pub fn pop(&mut self, now: Instant) -> Option<K> {
        let turn = *self.by_time.keys().next().filter(|(at, _)| *at <= now)?;
        let key = self.by_time.remove(&turn)?;
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
        let mut timers = Timers::default();
        timers.set("join", at(5));
        timers.set("sync", at(5));
        timers.set("join", at(9));
        assert_eq!(timers.pop(at(4)), None);
        assert_eq!(timers.pop(at(8)), Some("sync"));
        assert_eq!(timers.next(), Some(at(9)));
        timers.cancel(&"join");
        assert_eq!((timers.pop(at(100)), timers.next()), (None, None));
    }
}
