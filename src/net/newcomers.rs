//! Connections that have not sent a request yet: when there are too many connections, they are the ones to go.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::service::{CloseReason, Closer};

/// Connections in the order of their arrival. Those that have sent a request are forgotten.
#[derive(Debug, Default)]
pub(super) struct Newcomers(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Weak<Newcomer>>,
    /// Its length when it was last looked through.
    looked_through: usize,
}

/// A connection from its beginning.
#[derive(Debug, Default)]
pub(super) struct Newcomer {
    pub closer: Closer,
    has_asked: AtomicBool,
}

impl Newcomer {
    /// It has sent a request: it stays.
    pub fn asks(&self) {
        self.has_asked.store(true, Ordering::Relaxed);
    }
}

impl Newcomers {
    pub fn add(&self) -> Arc<Newcomer> {
        let newcomer = Arc::new(Newcomer::default());
        let mut queue = self.0.lock();
        if queue.waiting.len() > 2 * queue.looked_through + 64 {
            queue.waiting.retain(|waiting| still_waits(waiting).is_some());
            queue.looked_through = queue.waiting.len();
        }
        queue.waiting.push_back(Arc::downgrade(&newcomer));
        newcomer
    }

    /// Closes the one that has waited longest. False if all have sent requests.
    pub fn make_room(&self) -> bool {
        let mut queue = self.0.lock();
        while let Some(waiting) = queue.waiting.pop_front() {
            if let Some(newcomer) = still_waits(&waiting) {
                newcomer.closer.close(CloseReason::TooMany);
                return true;
            }
        }
        false
    }
}

fn still_waits(waiting: &Weak<Newcomer>) -> Option<Arc<Newcomer>> {
    waiting.upgrade().filter(|newcomer| !newcomer.has_asked.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_that_sent_nothing_goes_first() {
        let newcomers = Newcomers::default();
        let all: Vec<_> = (0..4).map(|_| newcomers.add()).collect();
        all[0].asks();
        assert!(newcomers.make_room() && newcomers.make_room());
        let closed: Vec<bool> = all.iter().map(|newcomer| newcomer.closer.reason().is_some()).collect();
        assert_eq!(closed, [false, true, true, false]);
        all[3].asks();
        assert!(!newcomers.make_room());
    }

    #[test]
    fn connections_that_come_and_go_are_not_remembered() {
        let newcomers = Newcomers::default();
        let _silent = newcomers.add();
        for _ in 0..10_000 {
            newcomers.add().asks();
        }
        assert!(newcomers.0.lock().waiting.len() < 200);
    }
}
