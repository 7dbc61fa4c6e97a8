//! Connections that have not proven yet who they are: a bounded number, of which the oldest goes first.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::runtime::Shutdown;

/// Those that are still strangers, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Strangers {
    most: usize,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    last_id: u64,
    all: VecDeque<(u64, Shutdown)>,
}

/// One of them, until this is dropped.
#[derive(Debug)]
pub(super) struct Stranger {
    strangers: Strangers,
    id: u64,
    /// Requested when it has to make room.
    pub leave: Shutdown,
}

impl Strangers {
    pub fn new(most: usize) -> Strangers {
        Strangers { most, waiting: Arc::default() }
    }

    /// A newcomer is always let in; with too many of them the oldest has to leave.
    pub fn enter(&self) -> Stranger {
        let waiting = &mut *self.waiting.lock();
        while waiting.all.len() >= self.most.max(1) {
            if let Some((_, oldest)) = waiting.all.pop_front() {
                oldest.request();
            }
        }
        waiting.last_id += 1;
        let leave = Shutdown::new();
        waiting.all.push_back((waiting.last_id, leave.clone()));
        Stranger { strangers: self.clone(), id: waiting.last_id, leave }
    }

    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.waiting.lock().all.len()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let waiting = &mut *self.strangers.waiting.lock();
        // They are in the order of their ids.
        if let Ok(at) = waiting.all.binary_search_by_key(&self.id, |(id, _)| *id) {
            waiting.all.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_too_many_strangers_the_oldest_leaves() {
        let strangers = Strangers::new(3);
        let mut all: Vec<Stranger> = (0..3).map(|_| strangers.enter()).collect();
        drop(all.remove(1));
        all.push(strangers.enter());
        assert!(all.iter().all(|stranger| !stranger.leave.is_requested()));
        all.push(strangers.enter());
        let left: Vec<bool> = all.iter().map(|stranger| stranger.leave.is_requested()).collect();
        assert_eq!(left, [true, false, false, false]);
        assert_eq!(strangers.count(), 3);
        drop(all);
        assert_eq!(strangers.count(), 0);
    }
}
