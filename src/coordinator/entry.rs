//! All that a coordinator holds of one group.

use std::collections::VecDeque;

use super::Settings;
use super::group::offsets::Offsets;
use super::group::{Members, classic, consumer};
use super::timers::Timer;

/// Something to be told to somebody.
pub(super) type Telling = Box<dyn FnOnce() + Send>;

/// The members of a group, by the machine that decides on them.
#[derive(Default)]
pub(super) enum Membership {
    /// The group only keeps offsets.
    #[default]
    Nobody,
    Classic(classic::Group),
    Consumer(consumer::Group),
}

/// A group: its members, its offsets, and what waits until they are durable.
#[derive(Default)]
pub(super) struct Entry {
    pub membership: Membership,
    pub offsets: Offsets,
    /// Number of writes so far.
    written: u64,
    /// Number of writes that are durable, all before them included.
    saved: u64,
    /// What is told once as many writes are durable.
    parked: VecDeque<(u64, Telling)>,
    /// Timers that ran out while something was not durable: the members could not be answered, so it is not theirs.
    pub held: Vec<Timer>,
}

impl Entry {
    pub fn exists(&self) -> bool {
        !matches!(self.membership, Membership::Nobody) || self.offsets.are_known()
    }

    pub fn members(&self) -> Members<'_> {
        match &self.membership {
            Membership::Nobody => Members::Nobody,
            Membership::Classic(group) => Members::Classic(group),
            Membership::Consumer(group) => Members::Consumer(group),
        }
    }

    /// What a stored row of a consumer group makes of it.
    pub fn apply(&mut self, row: &consumer::Row) {
        match &mut self.membership {
            Membership::Consumer(group) => group.apply(row),
            membership @ (Membership::Nobody | Membership::Classic(_)) => {
                let mut group = consumer::Group::default();
                group.apply(row);
                *membership = Membership::Consumer(group);
            }
        }
    }

    /// How long a timer of the group runs that begins anew.
    pub fn full_time_ms(&self, timer: &Timer, settings: &Settings, own: &consumer::Settings) -> i32 {
        match (timer, &self.membership) {
            (Timer::Classic(timer), Membership::Classic(group)) => {
                group.full_time_ms(timer, &settings.classic)
            }
            (Timer::Consumer(timer), Membership::Consumer(group)) => group.full_time_ms(timer, own),
            // It was that of members that the group has no more: it runs out to no effect.
            (Timer::Classic(_) | Timer::Consumer(_), _) => 0,
        }
    }

    /// Whether nothing would be lost with it.
    pub fn is_idle(&self) -> bool {
        !self.exists() && self.is_saved() && self.parked.is_empty()
    }

    pub fn is_saved(&self) -> bool {
        self.written == self.saved
    }

    /// Counts a write, and gives its number.
    pub fn write(&mut self) -> u64 {
        self.written += 1;
        self.written
    }

    /// Tells once all that was written so far is durable.
    pub fn tell(&mut self, telling: Telling) {
        match self.is_saved() {
            true => telling(),
            false => self.parked.push_back((self.written, telling)),
        }
    }

    /// Write number `write` and all before it are durable.
    pub fn save(&mut self, write: u64) {
        self.saved = self.saved.max(write);
        while self.parked.front().is_some_and(|(needs, _)| *needs <= self.saved) {
            if let Some((_, telling)) = self.parked.pop_front() {
                telling();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn what_rests_on_a_write_is_told_when_that_is_durable() {
        let told = Arc::new(AtomicU32::new(0));
        let telling = |bit: u32| -> Telling {
            let told = Arc::clone(&told);
            Box::new(move || {
                told.fetch_or(bit, Ordering::Relaxed);
            })
        };
        let mut entry = Entry::default();
        entry.tell(telling(1));
        assert_eq!(told.load(Ordering::Relaxed), 1);
        assert_eq!(entry.write(), 1);
        entry.tell(telling(2));
        assert_eq!(entry.write(), 2);
        entry.tell(telling(4));
        assert_eq!(told.load(Ordering::Relaxed), 1);
        entry.save(1);
        assert_eq!(told.load(Ordering::Relaxed), 3);
        assert!(!entry.is_saved());
        entry.save(2);
        entry.save(1);
        assert_eq!((told.load(Ordering::Relaxed), entry.is_saved()), (7, true));
    }
}
