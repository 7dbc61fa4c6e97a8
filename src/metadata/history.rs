//! The metadata's own past, as far as shards can hold it against the metadata: an older copy of it knows less than they saw.
//!
//! Numbers alone do not tell: an older copy goes on and gives the same ones out again. So every start of a broker's process
//! draws a random number, and says which entry was the last before it.

use std::sync::Arc;

use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};

use crate::types::{ShardId, WriterEpoch};

/// Lives that are remembered: shards that served under none of them are older than can be told.
const REMEMBERED: usize = 256;

/// A start of a broker's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    pub nonce: u128,
    /// The last entry of the log before it.
    pub after: u64,
}

/// The lives of brokers, and how far shards are known to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Oldest first.
    lives: Arc<Vec<Life>>,
    /// Older ones were forgotten.
    is_cut: bool,
    /// The writer epoch of each shard's newest opening that was told.
    opened: RedBlackTreeMapSync<ShardId, WriterEpoch>,
}

/// A point in the metadata's past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub cluster_id: Arc<str>,
    /// The last entry that was applied.
    pub index: u64,
    /// The newest life by then.
    pub nonce: u128,
}

impl History {
    pub(super) fn begin(&mut self, life: Life) {
        if self.lives.iter().any(|known| known.nonce == life.nonce) {
            return;
        }
        let lives = Arc::make_mut(&mut self.lives);
        lives.push(life);
        if lives.len() > REMEMBERED {
            lives.remove(0);
            self.is_cut = true;
        }
    }

    /// Takes these lives, and everything up to this entry, into the past; the newest life stays the newest.
    pub(super) fn accept(&mut self, nonces: &[u128], index: u64) {
        let known: Vec<u128> = self.lives.iter().map(|life| life.nonce).collect();
        let lives = Arc::make_mut(&mut self.lives);
        let newest = lives.len().saturating_sub(1);
        let unknown = nonces.iter().filter(|nonce| !known.contains(nonce));
        let unknown: Vec<Life> = unknown.map(|nonce| Life { nonce: *nonce, after: index }).collect();
        lives.splice(newest..newest, unknown);
        for life in lives.iter_mut() {
            life.after = life.after.max(index);
        }
    }

    pub(super) fn opened(&mut self, shard: ShardId, epoch: WriterEpoch) {
        if self.opened_epoch(shard) < epoch {
            self.opened.insert_mut(shard, epoch);
        }
    }

    /// The writer epoch of the shard's newest opening that was told.
    pub fn opened_epoch(&self, shard: ShardId) -> WriterEpoch {
        self.opened.get(&shard).copied().unwrap_or(WriterEpoch::NONE)
    }

    /// The newest life.
    pub(super) fn newest(&self) -> Option<&Life> {
        self.lives.last()
    }

    /// The last entry up to which this past and the one of `moment` are the same for certain, if the moment lies behind it.
    pub(super) fn departs(&self, moment: &Moment, newest: u64) -> Option<u64> {
        let known_to = match self.lives.iter().position(|life| life.nonce == moment.nonce) {
            Some(at) => self.lives.get(at + 1).map_or(newest, |next| next.after),
            None if self.is_cut => self.lives.first().map_or(newest, |oldest| oldest.after),
            None => 0,
        };
        (moment.index > known_to).then_some(known_to)
    }
}
