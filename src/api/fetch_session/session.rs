//! One fetch session: its partitions, in the order in which they are served.

use std::collections::{BTreeMap, HashMap};

use super::{INITIAL_EPOCH, Key, Outcome, Params, next_epoch};

/// Partitions of a consumer, and what it was told of them last.
#[derive(Debug)]
pub(super) struct Session {
    /// The epoch of the next fetch.
    pub epoch: i32,
    pub uses_topic_ids: bool,
    pub created_ms: i64,
    pub used_ms: i64,
    /// By the position in the order of serving.
    entries: BTreeMap<u64, Entry>,
    positions: HashMap<Key, u64>,
    next_position: u64,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    params: Params,
    /// As told last; -1 is nothing, so that the next answer is told whatever it is.
    high_watermark: i64,
    log_start_offset: i64,
}

impl Session {
    pub fn new<'a>(
        uses_topic_ids: bool,
        answered: impl Iterator<Item = (&'a (Key, Params), Outcome)>,
        now_ms: i64,
    ) -> Session {
        let mut session = Session {
            epoch: next_epoch(INITIAL_EPOCH),
            uses_topic_ids,
            created_ms: now_ms,
            used_ms: now_ms,
            entries: BTreeMap::new(),
            positions: HashMap::new(),
            next_position: 0,
        };
        for ((key, params), outcome) in answered {
            session.push(Entry {
                key: key.clone(),
                params: *params,
                high_watermark: outcome.high_watermark,
                log_start_offset: outcome.log_start_offset,
            });
        }
        session
    }

    /// Takes in what the client adds, changes and forgets.
    pub fn update(&mut self, partitions: &[(Key, Params)], forgotten: &[Key]) {
        for (key, params) in partitions {
            match self.positions.get(key).and_then(|position| self.entries.get_mut(position)) {
                Some(entry) => entry.params = *params,
                None => {
                    let key = key.clone();
                    self.push(Entry { key, params: *params, high_watermark: -1, log_start_offset: -1 });
                }
            }
        }
        for key in forgotten {
            if let Some(position) = self.positions.remove(key) {
                self.entries.remove(&position);
            }
        }
    }

    /// All partitions in the order of serving.
    pub fn partitions(&self) -> Vec<(Key, Params)> {
        self.entries.values().map(|entry| (entry.key.clone(), entry.params)).collect()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Notes what became of a partition. True if the client has to be told. A partition that gave records is served last
    /// from now on, so that the budget of an answer comes round to all.
    pub fn note(&mut self, key: &Key, outcome: Outcome) -> bool {
        let Some(&position) = self.positions.get(key) else { return false };
        let Some(entry) = self.entries.get_mut(&position) else { return false };
        let changed = entry.high_watermark != outcome.high_watermark
            || entry.log_start_offset != outcome.log_start_offset;
        entry.high_watermark = outcome.high_watermark;
        entry.log_start_offset = outcome.log_start_offset;
        if outcome.is_error || outcome.diverges {
            // Once that is over, the partition is told of again.
            entry.high_watermark = -1;
        }
        if outcome.records_bytes > 0
            && let Some(entry) = self.entries.remove(&position)
        {
            self.push(entry);
        }
        changed || outcome.records_bytes > 0 || outcome.is_error || outcome.diverges
    }

    fn push(&mut self, entry: Entry) {
        self.positions.insert(entry.key.clone(), self.next_position);
        self.entries.insert(self.next_position, entry);
        self.next_position += 1;
    }
}
