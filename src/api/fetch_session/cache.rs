//! The bounded set of sessions, and which one goes when there is no room.

use std::collections::{BTreeSet, HashMap};

use super::NO_SESSION;
use super::session::Session;

/// Sessions of a broker (`max.incremental.fetch.session.cache.slots`).
pub const SLOTS: usize = 1_000;
/// The time for which a session is safe from being pushed out (Kafka: `KafkaServer.MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS`).
pub const EVICTION_MS: i64 = 120_000;
/// Partitions of all sessions together. Kafka has no such limit; a client beyond it fetches without a session.
const MOST_PARTITIONS: usize = 1_000_000;

/// Sessions by id. A new one pushes out the one that is unused for longest if that is longer than the eviction time;
/// else the smallest of those older than that, if it is smaller than the new one.
#[derive(Debug)]
pub(super) struct Cache {
    slots: usize,
    eviction_ms: i64,
    sessions: HashMap<i32, Cached>,
    /// By time of last use, and id.
    by_use: BTreeSet<(i64, i32)>,
    /// By size, and id: those that a larger session may push out.
    evictable: BTreeSet<(usize, i32)>,
    partitions: usize,
}

#[derive(Debug)]
struct Cached {
    session: Session,
    /// The size under which it is counted and listed.
    size: usize,
}

impl Cache {
    pub fn new(slots: usize, eviction_ms: i64) -> Cache {
        Cache {
            slots,
            eviction_ms,
            sessions: HashMap::new(),
            by_use: BTreeSet::new(),
            evictable: BTreeSet::new(),
            partitions: 0,
        }
    }

    /// Sessions, and partitions in all of them.
    #[cfg(test)]
    pub fn len(&self) -> (usize, usize) {
        (self.sessions.len(), self.partitions)
    }

    pub fn get_mut(&mut self, id: i32) -> Option<&mut Session> {
        self.sessions.get_mut(&id).map(|cached| &mut cached.session)
    }

    pub fn remove(&mut self, id: i32) {
        let Some(cached) = self.sessions.remove(&id) else { return };
        self.by_use.remove(&(cached.session.used_ms, id));
        self.evictable.remove(&(cached.size, id));
        self.partitions -= cached.size;
    }

    /// Puts a session of `size` partitions in, under the first free id that `random` gives. None if there is no room.
    pub fn create(
        &mut self,
        size: usize,
        now_ms: i64,
        mut random: impl FnMut() -> i32,
        session: impl FnOnce() -> Session,
    ) -> Option<i32> {
        if self.partitions + size > MOST_PARTITIONS {
            return None;
        }
        if self.sessions.len() >= self.slots && !self.evict_for(size, now_ms) {
            return None;
        }
        let id = loop {
            let id = random();
            if id > NO_SESSION && !self.sessions.contains_key(&id) {
                break id;
            }
        };
        self.sessions.insert(id, Cached { session: session(), size: 0 });
        self.touch(id, now_ms);
        Some(id)
    }

    /// Notes that a session was used now, and perhaps changed its size.
    pub fn touch(&mut self, id: i32, now_ms: i64) {
        let Some(cached) = self.sessions.get_mut(&id) else { return };
        self.by_use.remove(&(cached.session.used_ms, id));
        self.evictable.remove(&(cached.size, id));
        self.partitions -= cached.size;
        cached.session.used_ms = now_ms;
        cached.size = cached.session.len();
        self.partitions += cached.size;
        self.by_use.insert((now_ms, id));
        if now_ms - cached.session.created_ms > self.eviction_ms {
            self.evictable.insert((cached.size, id));
        }
    }

    fn evict_for(&mut self, size: usize, now_ms: i64) -> bool {
        let stale =
            self.by_use.first().filter(|(used_ms, _)| now_ms - used_ms > self.eviction_ms).map(|e| e.1);
        let smaller = || self.evictable.first().filter(|(least, _)| *least < size).map(|e| e.1);
        let Some(id) = stale.or_else(smaller) else { return false };
        self.remove(id);
        true
    }
}
