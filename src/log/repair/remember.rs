//! A shard's memory of the metadata.

use std::collections::BTreeSet;

use super::survey::{live, overlay};
use super::{Repair, RepairError, partition};
use crate::log::stored::keys::{self, Extent, KeptTopic, LeaderEpochStart, PartitionSnapshot, Served, Tag};
use crate::types::{Partition, WriterEpoch};

/// A shard's memory of the metadata, with all that the metadata must not give out again.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    pub topics: Vec<KeptTopic>,
    pub served: Option<Served>,
    /// All partitions that have rows.
    pub partitions: BTreeSet<Partition>,
    /// The writer epoch of the index.
    pub epoch: WriterEpoch,
    /// The highest of any partition.
    pub leader_epoch: i32,
    pub producer_id: i64,
}

impl Repair {
    /// Reads what the shard remembers, as far as it can be read. Nothing is written.
    pub async fn remembered(&self) -> Result<Remembered, RepairError> {
        let index = self.index(&mut Vec::new()).await?;
        let replay_after = index.usable.as_ref().map_or(0, |(manifest, _)| manifest.replay_after_wal_id());
        let ids = self.log.ids(replay_after).await?;
        let log = self.log(ids.into_iter().filter(|id| *id > replay_after)).await?;
        let mut rows = index.usable.map(|(_, rows)| rows).unwrap_or_default();
        for id in live(&log) {
            overlay(&mut rows, &log.readable[&id].1);
        }
        let mut found = Remembered {
            partitions: partition::all(&rows)?,
            epoch: index.stored.map_or(WriterEpoch::NONE, |(_, epoch)| epoch),
            leader_epoch: -1,
            producer_id: -1,
            ..Remembered::default()
        };
        let served = Served::key();
        found.served = rows.get(&served).map(|value| Served::decode(&served, value)).transpose()?;
        for (key, value) in rows.range(keys::range(Tag::Topic)) {
            found.topics.push(KeptTopic::decode(key, value)?);
        }
        for (key, value) in rows.range(keys::range(Tag::LeaderEpoch)) {
            let (_, start) = LeaderEpochStart::decode(key, value)?;
            found.leader_epoch = found.leader_epoch.max(start.epoch.0);
        }
        for (key, value) in rows.range(keys::range(Tag::Snapshot)) {
            let (_, snapshot) = PartitionSnapshot::decode(key, value)?;
            let producers = snapshot.producers.iter().map(|producer| producer.producer_id);
            found.producer_id = producers.fold(found.producer_id, i64::max);
        }
        for (key, value) in rows.range(keys::range(Tag::Extent)) {
            let (_, extent) = Extent::decode(key, value)?;
            let producers = extent.producers.iter().map(|run| run.producer_id);
            found.producer_id = producers.fold(found.producer_id, i64::max);
            found.leader_epoch = found.leader_epoch.max(extent.leader_epoch.0);
        }
        Ok(found)
    }
}
