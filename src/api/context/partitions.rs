//! Partitions that this broker leads, and their shards.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures::future::BoxFuture;

use super::{Broker, Context};
use crate::api::errors::Failure;
use crate::log::Shard;
use crate::metadata::{self, Image, Topic};
use crate::protocol::ErrorCode;
use crate::types::{LeaderEpoch, Partition, ShardId};

/// The longest that an opening may have taken for requests to wait for it: then clients are better served by their own
/// patience, and what their connections have for other shards goes on.
const OPENING_PATIENCE: Duration = Duration::from_secs(2);

/// The age of an opening up to which produces wait for it. What their connections have for other shards waits behind them, and
/// whoever is refused asks again sooner than most openings end.
const PRODUCE_PATIENCE: Duration = Duration::from_millis(250);

/// The longest that requests wait to hear who has a shard that this broker has just let go of: told nobody, clients take
/// longer to ask again.
const MOVING_PATIENCE: Duration = Duration::from_millis(500);

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
        shard.owner == Some(self.metadata().owner())
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
        let opened = self.open_shard(image, id);
        // Kafka compares epochs before it looks who leads, unless the partition cannot be read at any epoch.
        if opened.as_ref().err().is_none_or(|refused| refused.code == ErrorCode::NotLeaderOrFollower)
            && let Some(assigned) = image.shard(id)
        {
            check_epoch(client_epoch, assigned.epoch)?;
        }
        let (shard, epoch) = opened?;
        Ok(Led { partition: Partition { topic: topic.id, index }, shard, epoch })
    }

    /// A shard that is open here, with the epoch that it is assigned with.
    pub fn open_shard(&self, image: &Image, id: ShardId) -> Result<(Shard, LeaderEpoch), Failure> {
        let epoch = self.assigned(image, id).ok_or(ErrorCode::NotLeaderOrFollower)?;
        if let Some(damage) = self.shards.damage(id, epoch) {
            return Err(damage.into());
        }
        let opened = self.shards.shard(id, epoch).ok_or(ErrorCode::NotLeaderOrFollower)?;
        Ok((opened, epoch))
    }

    /// Returns one of these shards, each with its epoch, once this broker can no longer tell that it is its own.
    pub async fn unproven(&self, owned: &BTreeMap<ShardId, (Shard, LeaderEpoch)>) -> ShardId {
        self.shards.unproven(owned).await
    }

    /// The epoch with which a shard is assigned to this broker, if it is.
    pub fn assigned(&self, image: &Image, id: ShardId) -> Option<LeaderEpoch> {
        image.shard(id).filter(|shard| self.is_owner(shard)).map(|shard| shard.epoch)
    }
}

impl Context {
    /// Waits for a shard that is assigned to this broker and is still being opened. False if there is nothing to wait for:
    /// it is open, refused, at another broker, or takes too long, or the connection is closing, so that nothing of it may be
    /// taken any more.
    pub async fn opens_soon(&self, image: &Image, id: ShardId) -> bool {
        self.opens_within(OPENING_PATIENCE, image, id).await
    }

    /// The same for a produce, which waits for less.
    pub async fn opens_at_once(&self, image: &Image, id: ShardId) -> bool {
        self.opens_within(PRODUCE_PATIENCE, image, id).await
    }

    async fn opens_within(&self, patience: Duration, image: &Image, id: ShardId) -> bool {
        let broker = &self.broker;
        let Some(epoch) = broker.assigned(image, id) else { return false };
        if broker.shards.shard(id, epoch).is_some() {
            return false;
        }
        let opened = broker.shards.shard_soon(id, epoch, patience).await;
        // Those that the connection has asked before are looked at first: one that failed forbids this one.
        tokio::task::yield_now().await;
        opened.is_some() && self.closer.reason().is_none()
    }

    /// Waits for the next owner of a shard, if this broker is giving it away.
    pub async fn until_given_away(&self, image: &Image, id: ShardId) {
        if let Some(epoch) = self.broker.assigned(image, id) {
            self.broker.shards.given_away(id, epoch, MOVING_PATIENCE).await;
        }
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
