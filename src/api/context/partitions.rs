//! Partitions that this broker leads, and their shards.

use std::collections::HashMap;

use futures::future::BoxFuture;

use super::Broker;
use crate::api::errors::Failure;
use crate::log::Shard;
use crate::metadata::{self, Image, Topic};
use crate::protocol::ErrorCode;
use crate::types::{LeaderEpoch, Partition, ShardId};

/// A partition that this broker leads, ready to be used.
pub struct Led {
    pub partition: Partition,
    pub shard: Shard,
    pub epoch: LeaderEpoch,
}

impl Led {
    /// Refuses if there is no recent proof that this broker owns the shard: before answers on which clients move their
    /// positions.
    pub async fn must_still_own(&self, broker: &Broker) -> Result<(), Failure> {
        match broker.shards.still_owns(&self.shard, self.epoch).await {
            true => Ok(()),
            false => Err(ErrorCode::NotLeaderOrFollower.into()),
        }
    }
}

impl Broker {
    /// This broker's own life, as the owner of shards.
    pub fn is_owner(&self, shard: &metadata::Shard) -> bool {
        shard.owner == Some(self.metadata.owner())
    }

    /// Has the shards load the partitions that a request is about to use, as far as they are here.
    pub fn prepare<'a>(
        &self,
        image: &Image,
        asked: impl Iterator<Item = (&'a Topic, i32)>,
    ) -> BoxFuture<'static, ()> {
        let mut wanted: HashMap<ShardId, Vec<Partition>> = HashMap::new();
        for (topic, index) in asked {
            if let Some(shard) = topic.shard(index) {
                wanted.entry(shard).or_default().push(Partition { topic: topic.id, index });
            }
        }
        let open = wanted.into_iter().filter_map(|(id, partitions)| {
            let (shard, _) = self.open_shard(image, id).ok()?;
            Some((shard, partitions))
        });
        let open: Vec<(Shard, Vec<Partition>)> = open.collect();
        Box::pin(async move {
            for (shard, partitions) in open {
                shard.prepare(&partitions).await;
            }
        })
    }

    /// The same of partitions by the names of their topics.
    pub fn prepare_named<'a>(
        &self,
        image: &Image,
        asked: impl Iterator<Item = (&'a str, i32)>,
    ) -> BoxFuture<'static, ()> {
        let known = asked.filter_map(|(name, index)| Some((&**image.topic_by_name(name)?, index)));
        self.prepare(image, known)
    }

    /// Finds partition `index` of `topic`, which must be led here.
    ///
    /// `client_epoch` is the leader epoch that the client knows, -1 for none (KIP-320).
    pub fn lead(&self, image: &Image, topic: &Topic, index: i32, client_epoch: i32) -> Result<Led, Failure> {
        let Some(id) = topic.shard(index) else {
            return Err(ErrorCode::UnknownTopicOrPartition.into());
        };
        let (shard, epoch) = self.open_shard(image, id)?;
        check_epoch(client_epoch, epoch)?;
        Ok(Led { partition: Partition { topic: topic.id, index }, shard, epoch })
    }

    /// A shard that is open here, with the epoch that it is assigned with.
    pub fn open_shard(&self, image: &Image, id: ShardId) -> Result<(Shard, LeaderEpoch), Failure> {
        let assigned = image.shard(id).filter(|shard| self.is_owner(shard));
        let epoch = assigned.ok_or(ErrorCode::NotLeaderOrFollower)?.epoch;
        if let Some(damage) = self.shards.damage(id, epoch) {
            return Err(damage.into());
        }
        let opened = self.shards.shard(id, epoch).ok_or(ErrorCode::NotLeaderOrFollower)?;
        Ok((opened, epoch))
    }
}

/// A client with an older epoch than ours must refresh its metadata; with a newer one, we must (KIP-320).
fn check_epoch(client: i32, ours: LeaderEpoch) -> Result<(), Failure> {
    match client {
        -1 => Ok(()),
        epoch if epoch < ours.0 => Err(ErrorCode::FencedLeaderEpoch.into()),
        epoch if epoch > ours.0 => Err(ErrorCode::UnknownLeaderEpoch.into()),
        _ => Ok(()),
    }
}
