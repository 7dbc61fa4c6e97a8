//! Parking: what rests on writes waits here until they are durable.

use std::collections::{BTreeSet, VecDeque};

/// An answer on its way to whoever waits for it.
pub type Notice = Box<dyn FnOnce() + Send>;

/// The writes of one machine, and the notices that wait for them. Writes may end in any order.
#[derive(Default)]
pub(super) struct Parking {
    /// Number of writes so far.
    written: u64,
    /// The numbers of those that are not durable.
    unsaved: BTreeSet<u64>,
    /// Notices, each with the number of writes that it rests on.
    parked: VecDeque<(u64, Notice)>,
}

impl Parking {
    /// True if nothing waits, and nothing is on its way.
    pub fn is_idle(&self) -> bool {
        self.is_saved() && self.parked.is_empty()
    }

    pub fn is_saved(&self) -> bool {
        self.unsaved.is_empty()
    }

    /// Counts a write, and gives its number.
    pub fn write(&mut self) -> u64 {
        self.written += 1;
        self.unsaved.insert(self.written);
        self.written
    }

    /// Sends a notice once all that was written so far is durable.
    pub fn park(&mut self, notice: Notice) {
        match self.is_saved() {
            true => notice(),
            false => self.parked.push_back((self.written, notice)),
        }
    }

    /// Notes that a write is durable.
    pub fn save(&mut self, write: u64) {
        self.unsaved.remove(&write);
        let first_unsaved = self.unsaved.first().copied().unwrap_or(u64::MAX);
        while self.parked.front().is_some_and(|(needed, _)| *needed < first_unsaved) {
            if let Some((_, notice)) = self.parked.pop_front() {
                notice();
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
    fn what_rests_on_writes_waits_until_all_of_them_are_durable() {
        let sent = Arc::new(AtomicU32::new(0));
        let notice = |bit: u32| -> Notice {
            let sent = Arc::clone(&sent);
            Box::new(move || {
                sent.fetch_or(bit, Ordering::Relaxed);
            })
        };
        let sent_now = || sent.load(Ordering::Relaxed);
        let mut parking = Parking::default();
        parking.park(notice(1));
        assert_eq!(sent_now(), 1);
        assert_eq!(parking.write(), 1);
        parking.park(notice(2));
        assert_eq!((parking.write(), parking.write()), (2, 3));
        parking.park(notice(4));
        assert_eq!(sent_now(), 1);
        parking.save(1);
        assert_eq!(sent_now(), 3);
        parking.save(3);
        assert_eq!((sent_now(), parking.is_saved()), (3, false), "the second write is still on its way");
        parking.save(2);
        assert_eq!((sent_now(), parking.is_idle()), (7, true));
    }
}
