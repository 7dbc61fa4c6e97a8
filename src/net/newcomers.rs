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
#[derive(Debug)]
pub(super) struct Newcomer {
    pub closer: Closer,
    listener: Arc<str>,
    has_asked: AtomicBool,
}

impl Newcomer {
    /// It has sent a request: it stays.
    pub fn asks(&self) {
        self.has_asked.store(true, Ordering::Relaxed);
    }
}

impl Newcomers {
    pub fn add(&self, listener: &Arc<str>) -> Arc<Newcomer> {
        let newcomer = Arc::new(Newcomer {
            closer: Closer::new(),
            listener: Arc::clone(listener),
            has_asked: AtomicBool::new(false),
        });
        let mut queue = self.0.lock();
        if queue.waiting.len() > 2 * queue.looked_through + 64 {
            queue.waiting.retain(|waiting| still_waits(waiting).is_some());
            queue.looked_through = queue.waiting.len();
        }
        queue.waiting.push_back(Arc::downgrade(&newcomer));
        newcomer
    }

    /// Closes the one that has waited longest, of all or of a listener. False if all have sent requests.
    pub fn make_room(&self, listener: Option<&str>) -> bool {
        let mut queue = self.0.lock();
        let mut at = 0;
        while let Some(waiting) = queue.waiting.get(at) {
            match still_waits(waiting) {
                Some(newcomer) if listener.is_none_or(|listener| *newcomer.listener == *listener) => {
                    queue.waiting.remove(at);
                    newcomer.closer.close(CloseReason::TooMany);
                    return true;
                }
                Some(_) => at += 1,
                None => drop(queue.waiting.remove(at)),
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
        let listeners: [Arc<str>; 2] = ["INSIDE".into(), "OUTSIDE".into()];
        let all: Vec<_> = (0..6).map(|number| newcomers.add(&listeners[number % 2])).collect();
        all[0].asks();
        assert!(newcomers.make_room(None) && newcomers.make_room(Some("INSIDE")));
        let closed = || all.iter().map(|newcomer| newcomer.closer.reason().is_some()).collect::<Vec<_>>();
        assert_eq!(closed(), [false, true, true, false, false, false]);
        all[4].asks();
        assert!(!newcomers.make_room(Some("INSIDE")));
        assert!(newcomers.make_room(None) && newcomers.make_room(None));
        assert_eq!(closed(), [false, true, true, true, false, true]);
        assert!(!newcomers.make_room(None));
    }

    #[test]
    fn connections_that_come_and_go_are_not_remembered() {
        let newcomers = Newcomers::default();
        let listener = "PLAINTEXT".into();
        let _silent = newcomers.add(&listener);
        for _ in 0..10_000 {
            newcomers.add(&listener).asks();
        }
        assert!(newcomers.0.lock().waiting.len() < 200);
    }
}
