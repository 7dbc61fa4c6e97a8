//! The coordinator of a group, found for a request, and the proof that it still is one.

use std::sync::Arc;
use std::time::Duration;

use super::{Broker, Context};
use crate::api::errors::Failure;
use crate::coordinator::group::Settings;
use crate::coordinator::{Coordinator, Gone};
use crate::log::Shard;
use crate::metadata::{self, Image};
use crate::protocol::ErrorCode;
use crate::types::{LeaderEpoch, ShardId};

/// The longest that a request waits in its place for groups to be loaded.
const LOADING_PATIENCE: Duration = Duration::from_secs(2);

/// The coordinator of a group, here.
pub struct Coordinating {
    broker: Arc<Broker>,
    pub coordinator: Arc<Coordinator>,
    epoch: LeaderEpoch,
}

impl Context {
    /// Settings that groups obey.
    pub fn group_settings(&self) -> &Settings {
        self.broker.coordinators.settings()
    }

    /// The coordinator of a group, if this broker is it: NOT_COORDINATOR otherwise, or INVALID_GROUP_ID for no name.
    pub async fn coordinator(&self, group: &str) -> Result<Coordinating, Failure> {
        if group.is_empty() {
            return Err(ErrorCode::InvalidGroupId.into());
        }
        self.coordinator_of_any(group).await
    }

    /// As above, but a group may have an empty name: offsets may be committed under it, and no member can join it.
    pub async fn coordinator_of_any(&self, group: &str) -> Result<Coordinating, Failure> {
        let image = self.image();
        let id = slot(&image, group)?;
        self.opens_soon(&image, id).await;
        let (shard, epoch) = self.coordinating_shard(&image, id)?;
        let coordinator = self.broker.coordinators.of(&shard).await?;
        Ok(Coordinating { broker: Arc::clone(&self.broker), coordinator, epoch })
    }

    /// As above, without waiting: for requests that must have their place at once.
    pub fn coordinator_now(&self, group: &str) -> Result<Coordinating, Failure> {
        let image = self.image();
        let (shard, epoch) = self.coordinating_shard(&image, slot(&image, group)?)?;
        let coordinator = self.broker.coordinators.now(&shard).ok_or(ErrorCode::CoordinatorLoadInProgress)?;
        Ok(Coordinating { broker: Arc::clone(&self.broker), coordinator, epoch })
    }

    /// The coordinators of all shards that are here. Those of damaged ones are as good as at no broker, unless that is all.
    pub async fn coordinators(&self) -> Result<Vec<Coordinating>, Failure> {
        let image = self.image();
        let mut all = Vec::new();
        let shards: Vec<_> = image.shards_of(self.broker.metadata().owner()).collect();
        let is_damaged =
            |(id, shard): &(ShardId, metadata::Shard)| self.broker.shards.damage(*id, shard.epoch).is_some();
        if !shards.is_empty() && shards.iter().all(is_damaged) {
            return Err(ErrorCode::CoordinatorNotAvailable.into());
        }
        for (id, _) in shards.into_iter().filter(|shard| !is_damaged(shard)) {
            self.opens_soon(&image, id).await;
            let no_leader = |_| Failure::from(ErrorCode::CoordinatorLoadInProgress);
            let (shard, epoch) = self.broker.open_shard(&image, id).map_err(no_leader)?;
            let coordinator = self.broker.coordinators.of(&shard).await?;
            all.push(Coordinating { broker: Arc::clone(&self.broker), coordinator, epoch });
        }
        Ok(all)
    }

    /// Waits for the shard of a group that is about to be coordinated here: before its place is taken by a request that must
    /// not wait afterwards.
    pub async fn coordinator_soon(&self, group: &str) {
        let image = self.image();
        let Ok(id) = slot(&image, group) else { return };
        if self.opens_soon(&image, id).await
            && let Ok((shard, _)) = self.broker.open_shard(&image, id)
        {
            // Whoever asks next hears what is wrong.
            let loading = self.broker.coordinators.of(&shard);
            let _ = self.broker.runtime.clock.timeout(LOADING_PATIENCE, loading).await;
        }
    }

    /// A shard that is assigned here and is not open yet has its groups here all the same.
    fn coordinating_shard(&self, image: &Image, id: ShardId) -> Result<(Shard, LeaderEpoch), Failure> {
        let broker = &self.broker;
        broker.open_shard(image, id).map_err(|refused| match broker.assigned(image, id) {
            Some(_) if refused.code == ErrorCode::NotLeaderOrFollower => {
                ErrorCode::CoordinatorLoadInProgress.into()
            }
            Some(_) | None => ErrorCode::NotCoordinator.into(),
        })
    }
}

/// The shard that has a group.
fn slot(image: &Image, group: &str) -> Result<ShardId, Failure> {
    image.coordinator(group).ok_or_else(|| ErrorCode::CoordinatorNotAvailable.into())
}

impl Coordinating {
    /// Passes an answer on, if this broker is still the one to give it.
    pub async fn answered<T>(&self, answer: Result<T, Gone>) -> Result<T, Failure> {
        let answer = answer?;
        match self.broker.shards.still_owns(self.coordinator.shard(), self.epoch).await {
            true => Ok(answer),
            false => Err(ErrorCode::NotCoordinator.into()),
        }
    }
}
