//! The offsets that a group has committed: who may commit and delete them, and when they expire.
//! It must never know storage, topics or the clock: names and times are arguments, rows are made of what it decides.
//! Entry points: [`commit`], [`delete`], [`expire`]; [`Offsets`] is what they change.
//! Invariant: deciding changes nothing; what is decided is applied whole, and loading is the same [`Offsets::apply`].

mod commit;
mod delete;
mod expire;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::log::keys::CommittedOffset;
use crate::types::Partition;

pub use commit::{Commit, CommitRefusal, Committed, TooLarge, commit};
pub use delete::{DeleteRefusal, Deleted, delete};
pub use expire::{Expired, Topics, expire};

/// What is set for the offsets of all groups.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most characters, as Java counts them, of a client's own words about an offset (`offset.metadata.max.bytes`).
    pub max_metadata_len: usize,
    /// How long offsets are kept that no member uses (`offsets.retention.minutes`).
    pub retention_ms: i64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { max_metadata_len: 4096, retention_ms: 7 * 24 * 60 * 60 * 1000 }
    }
}

/// What becomes of the offset of a partition: another one, or none.
pub type Change = (Partition, Option<CommittedOffset>);

/// The offsets of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    committed: BTreeMap<Partition, CommittedOffset>,
    /// Somebody has committed. A group of nothing but offsets outlives the last of them until it is next found useless,
    /// or loaded.
    are_known: bool,
}

impl Offsets {
    pub fn apply(&mut self, (partition, committed): Change) {
        match committed {
            Some(committed) => {
                self.are_known = true;
                self.committed.insert(partition, committed);
            }
            None => {
                self.committed.remove(&partition);
            }
        }
    }

    pub fn get(&self, partition: Partition) -> Option<&CommittedOffset> {
        self.committed.get(&partition)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Partition, &CommittedOffset)> {
        self.committed.iter().map(|(partition, committed)| (*partition, committed))
    }

    /// Whether they alone make a group.
    pub fn are_known(&self) -> bool {
        self.are_known
    }

    /// What deletes them all.
    pub fn none(&self) -> Vec<Change> {
        self.committed.keys().map(|partition| (*partition, None)).collect()
    }
}
