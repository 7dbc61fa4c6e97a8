//! The way back for a shard that was damaged: what can be read is kept, what is lost is told, and given up if somebody says so.
//! It never deletes an object: what is damaged is moved aside.
//! Entry points: [`Repair::survey`] and [`Repair::remembered`], which only read, and [`Repair::accept`].
//! Invariant: no offset that may have been given out is given out again.
//!
//! The index takes what every readable segment of the log says, as replay does, and the next offset of each partition rises over
//! what may have been in those that are missing. Readers pass over it by a row of its own ([`Lost`](crate::log::stored::keys::Lost)).

mod accept;
mod partition;
mod remember;
mod survey;

use thiserror::Error;

use crate::log::stored::damage::Damage;
use crate::log::stored::paths::ShardPaths;
use crate::log::wal::{Found, LogStore};
use crate::runtime::Runtime;
use crate::store::Store;
use crate::store::database::Databases;
use crate::types::{LeaderEpoch, Partition, ShardId, WriterEpoch};

pub use partition::Loss;
pub use remember::Remembered;

/// The metadata's word on the shard: what it should have, were nothing damaged.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The writer epoch of the newest opening that is known.
    pub opened_epoch: WriterEpoch,
    pub leader_epoch: LeaderEpoch,
    pub partitions: Vec<Partition>,
}

/// Why a shard was not repaired. Nothing was lost by the try.
#[derive(Debug, Error)]
pub enum RepairError {
    #[error("the store failed: {0}")]
    Store(#[from] object_store::Error),
    #[error("the index failed: {0}")]
    Index(#[from] slatedb::Error),
    #[error(transparent)]
    Malformed(#[from] crate::log::stored::keys::RowError),
    #[error("a broker holds the shard: it changed while it was looked at")]
    Busy,
    #[error("the shard is still damaged: {0}")]
    StillDamaged(Damage),
    #[error("{0}")]
    Other(String),
}

/// A damaged shard, looked at.
#[derive(Debug)]
pub struct Survey {
    /// None if the index is sound, and is to be kept.
    pub damage: Vec<Damage>,
    /// The loss, by partition.
    pub losses: Vec<Loss>,
    /// The index is rebuilt from the log alone: what only the index had is lost as well.
    pub index_is_gone: bool,
    stored: Option<(u64, WriterEpoch)>,
    newest: u64,
    found: Found,
    /// Segments that are there and cannot be used.
    broken: Vec<u64>,
    rows: Vec<(bytes::Bytes, Option<bytes::Bytes>)>,
}

/// Looks at one shard, and repairs it.
pub struct Repair {
    log: LogStore,
    databases: Databases,
    runtime: Runtime,
    paths: ShardPaths,
    expected: Expected,
}

impl Repair {
    pub fn new(
        shard: ShardId,
        expected: Expected,
        store: &Store,
        databases: &Databases,
        runtime: &Runtime,
    ) -> Repair {
        let paths = ShardPaths::new(store, shard);
        Repair {
            log: LogStore::new(store, &paths),
            databases: databases.clone(),
            runtime: runtime.clone(),
            paths,
            expected,
        }
    }
}

impl Survey {
    /// Nothing is wrong with the shard.
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty()
    }
}
