//! What the APIs of groups share: the way to a group's coordinator, and the proof that it still is one.

use std::sync::Arc;

use super::context::{Broker, Context};
use super::errors::Failure;
use crate::coordinator::{Coordinator, Gone};
use crate::protocol::ErrorCode;
use crate::types::LeaderEpoch;

/// The coordinator of a group, here.
pub struct Coordinating {
    broker: Arc<Broker>,
    pub coordinator: Arc<Coordinator>,
    epoch: LeaderEpoch,
}

impl Context {
    /// The coordinator of a group, if this broker is it: NOT_COORDINATOR otherwise, or INVALID_GROUP_ID for no name.
    pub async fn coordinator(&self, group: &str) -> Result<Coordinating, Failure> {
        if group.is_empty() {
            return Err(ErrorCode::InvalidGroupId.into());
        }
        let image = self.image();
        let shard = image.coordinator(group).ok_or(ErrorCode::CoordinatorNotAvailable)?;
        let no_leader = |_| Failure::from(ErrorCode::NotCoordinator);
        let (shard, epoch) = self.broker.open_shard(&image, shard).map_err(no_leader)?;
        let coordinator = self.broker.coordinators.of(&shard).await?;
        Ok(Coordinating { broker: Arc::clone(&self.broker), coordinator, epoch })
    }
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
