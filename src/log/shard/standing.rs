//! The metadata's word on a shard, and the shard's word on the metadata: neither is trusted alone.
//! The log compares nothing of the metadata itself: it is given the answer, and a way to ask.

use std::fmt;
use std::sync::Arc;

use slatedb::DbReadOps;

use crate::log::stored::damage::Damage;
use crate::log::stored::error::PartitionError;
use crate::log::stored::keys::Served;
use crate::log::stored::paths::ShardPaths;
use crate::types::WriterEpoch;

/// Compares what a shard keeps of the metadata with the metadata. What contradicts it is the damage.
pub type Compare = Arc<dyn Fn(&Served) -> Result<(), Damage> + Send + Sync>;

/// The metadata's word on a shard, asked linearizably.
#[derive(Clone)]
pub struct Standing {
    /// True if the shard is this broker's.
    pub is_owner: bool,
    /// The writer epoch of the shard's newest opening that the metadata was told of. It may be late.
    pub opened_epoch: WriterEpoch,
    /// Damage that was found before, and is still there.
    pub damage: Option<Damage>,
    pub compare: Compare,
}

impl Standing {
    /// The word of somebody who knows no more than the owner.
    pub fn of(is_owner: bool) -> Standing {
        Standing { is_owner, opened_epoch: WriterEpoch::NONE, damage: None, compare: Arc::new(|_| Ok(())) }
    }

    /// Compares the writer epoch that is stored with the one that is known.
    pub(in crate::log) fn judge_epoch(&self, stored: WriterEpoch, paths: &ShardPaths) -> Result<(), Damage> {
        let known = self.opened_epoch;
        match stored {
            _ if stored >= known => Ok(()),
            WriterEpoch::NONE => Err(Damage::new(
                paths.index(),
                format!(
                    "has no manifest, although the metadata knows that the shard was opened with epoch \
                     {known}"
                ),
            )),
            _ => Err(Damage::new(
                paths.index(),
                format!("is an older copy: it has epoch {stored}, and the metadata knows of epoch {known}"),
            )),
        }
    }

    /// Compares what the shard keeps of the metadata.
    pub(in crate::log) fn judge_served(&self, served: &Served, paths: &ShardPaths) -> Result<(), Damage> {
        if served.shard != paths.shard() {
            return Err(Damage::new(paths.index(), format!("is that of shard {}", served.shard)));
        }
        (self.compare)(served)
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Standing { is_owner, opened_epoch, damage, .. } = self;
        write!(f, "Standing {{ is_owner: {is_owner}, opened_epoch: {opened_epoch}, damage: {damage:?} }}")
    }
}

/// The metadata that the shard served under, as far as it is stored.
pub(in crate::log) async fn read(db: &(impl DbReadOps + Sync)) -> Result<Option<Served>, PartitionError> {
    let key = Served::key();
    let value = db.get(&key).await.map_err(|error| PartitionError::Index(Arc::new(error)))?;
    Ok(value.map(|value| Served::decode(&key, &value)).transpose()?)
}
