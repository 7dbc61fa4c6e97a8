//! Connections that have not shown yet who they are: there is room for a number of them, whoever they are.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Shutdown;

/// The end of a connection that somebody else asks for.
pub trait SendAway: Clone {
    /// Has the connection make room for another.
    fn send_away(&self);
}

impl SendAway for Shutdown {
    fn send_away(&self) {
        self.request();
    }
}

/// All of a port's, by the source that they come from.
#[derive(Clone, Debug)]
pub struct Strangers<K, E> {
    most: usize,
    waiting: Arc<Mutex<Waiting<K, E>>>,
}

#[derive(Debug)]
struct Waiting<K, E> {
    last_id: u64,
    count: usize,
    by_source: HashMap<K, BTreeMap<u64, E>>,
}

/// One of them, until this is dropped.
#[derive(Debug)]
pub struct Stranger<K: Copy + Eq + Hash, E> {
    strangers: Strangers<K, E>,
    source: K,
    id: u64,
    /// Asked for when it has to make room.
    pub end: E,
}

impl<K: Copy + Eq + Hash, E: SendAway> Strangers<K, E> {
    pub fn new(most: usize) -> Strangers<K, E> {
        let waiting = Waiting { last_id: 0, count: 0, by_source: HashMap::new() };
        Strangers { most: most.max(1), waiting: Arc::new(Mutex::new(waiting)) }
    }

    /// A newcomer is always let in. With too many of them, the oldest of the source goes that has most.
    pub fn enter(&self, source: K, end: E) -> Stranger<K, E> {
        let mut waiting = self.waiting.lock();
        let gone = if waiting.count >= self.most { waiting.remove_one() } else { None };
        waiting.last_id += 1;
        waiting.count += 1;
        let id = waiting.last_id;
        waiting.by_source.entry(source).or_default().insert(id, end.clone());
        drop(waiting);
        if let Some(gone) = gone {
            gone.send_away();
        }
        Stranger { strangers: self.clone(), source, id, end }
    }

    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.waiting.lock().count
    }

    /// True if nothing is remembered of any source.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.waiting.lock().by_source.is_empty()
    }
}

impl<K: Copy + Eq + Hash, E> Waiting<K, E> {
    fn remove_one(&mut self) -> Option<E> {
        let rank = |of_one: &BTreeMap<u64, E>| {
            (of_one.len(), std::cmp::Reverse(of_one.first_key_value().map(|(id, _)| *id)))
        };
        let (source, of_one) = self.by_source.iter().max_by_key(|(_, of_one)| rank(of_one))?;
        let (source, id) = (*source, *of_one.first_key_value()?.0);
        self.remove(source, id)
    }

    fn remove(&mut self, source: K, id: u64) -> Option<E> {
        let of_one = self.by_source.get_mut(&source)?;
        let end = of_one.remove(&id)?;
        if of_one.is_empty() {
            self.by_source.remove(&source);
        }
        self.count -= 1;
        Some(end)
    }
}

impl<K: Copy + Eq + Hash, E> Drop for Stranger<K, E> {
    fn drop(&mut self) {
        self.strangers.waiting.lock().remove(self.source, self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_too_many_strangers_the_oldest_leaves() {
        let strangers = Strangers::new(3);
        let enter = || strangers.enter((), Shutdown::new());
        let mut all: Vec<Stranger<(), Shutdown>> = (0..3).map(|_| enter()).collect();
        drop(all.remove(1));
        all.push(enter());
        assert!(all.iter().all(|stranger| !stranger.end.is_requested()));
        all.push(enter());
        let left: Vec<bool> = all.iter().map(|stranger| stranger.end.is_requested()).collect();
        assert_eq!(left, [true, false, false, false]);
        assert_eq!(strangers.count(), 3);
        drop(all);
        assert_eq!(strangers.count(), 0);
    }
}
