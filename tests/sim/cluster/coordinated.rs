//! A member's way to the coordinator of its group, and what members of every kind do there: commit, and ask how far the group is.

use std::time::Duration;

use kafkaesque::protocol::codec::Request;
use kafkaesque::protocol::messages::{find_coordinator, offset_commit, offset_fetch};

use super::clients::TOPIC;
use super::offsets::committing;
use super::world::World;
use crate::truth::Violation;

/// The longest wait for an answer: a group waits for its members.
const PATIENCE: Duration = Duration::from_secs(8);
const COMMIT: i16 = 9;
const FETCH: i16 = 9;

/// A member's identity: none yet in a group that it has not joined.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    pub member: String,
    /// Generation, or the member's epoch.
    pub generation: i32,
}

/// The outcome of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    Yes,
    /// An error code.
    No(i16),
    /// It may come later.
    Unknown,
}

/// One member's way to its coordinator.
pub struct Coordinated {
    pub world: World,
    pub group: String,
    coordinator: Option<i32>,
}

impl Coordinated {
    pub fn new(world: &World, group: &str) -> Coordinated {
        Coordinated { world: world.clone(), group: group.to_owned(), coordinator: None }
    }

    pub fn now(&self) -> Duration {
        Duration::from_millis(self.world.runtime().clock.now_ms() as u64)
    }

    /// The coordinator may be another one.
    pub fn look_again(&mut self) {
        self.coordinator = None;
    }

    /// The answer of the coordinator, or of who seems to be it.
    pub async fn ask<R: Request>(&mut self, request: R, version: i16) -> Option<R::Response>
    where
        R::Response: Send + 'static,
    {
        if self.coordinator.is_none() {
            self.find().await;
        }
        let process = self.coordinator.and_then(|id| self.world.process(id));
        let process = process.filter(|process| !self.world.is_shunned(process.id));
        let answer = match process {
            Some(process) => self.world.ask_for(&process, request, version, PATIENCE).await,
            None => None,
        };
        if answer.is_none() {
            self.look_again();
        }
        answer
    }

    async fn find(&mut self) {
        self.world.sleep_ms(50 + self.world.below(100)).await;
        let Some(process) = self.world.somebody() else { return };
        let request = find_coordinator::Request { key: self.group.clone(), ..Default::default() };
        let Some(answer) = self.world.ask(&process, request, 3).await else { return };
        self.coordinator = Some(answer.node_id).filter(|_| answer.error_code == 0);
    }

    pub async fn commit(&mut self, identity: &Identity, partition: i32, offset: i64) -> Committed {
        let request = offset_commit::Request {
            generation_id_or_member_epoch: identity.generation,
            member_id: identity.member.clone(),
            ..committing(&self.group, partition, offset)
        };
        let Some(answer) = self.ask(request, COMMIT).await else { return Committed::Unknown };
        match answer.topics[0].partitions[0].error_code {
            0 => {
                self.world
                    .note(format!("{} committed {offset} at {partition} in {}", identity.member, self.group));
                self.world.told(|told| told.groups.committed(&self.group, partition, offset));
                Committed::Yes
            }
            code => Committed::No(code),
        }
    }

    /// The offset that the group has committed, or -1; none if the coordinator does not say.
    pub async fn committed(&mut self, identity: &Identity, partition: i32) -> Option<i64> {
        let least = self.world.told(|told| told.groups.least(&self.group, partition));
        let topic = offset_fetch::OffsetFetchRequestTopics {
            name: TOPIC.to_owned(),
            partition_indexes: vec![partition],
            ..Default::default()
        };
        let group = offset_fetch::OffsetFetchRequestGroup {
            group_id: self.group.clone(),
            member_id: Some(identity.member.clone()),
            member_epoch: identity.generation,
            topics: Some(vec![topic]),
        };
        let request = offset_fetch::Request { groups: vec![group], ..Default::default() };
        let answer = self.ask(request, FETCH).await?.groups.pop()?;
        let found = answer.topics.first().and_then(|topic| topic.partitions.first());
        let Some(found) = found.filter(|found| answer.error_code == 0 && found.error_code == 0) else {
            self.look_again();
            return None;
        };
        if found.committed_offset < least {
            let problem = format!(
                "{} is told that {} is at {} of {partition}, but {least} was committed",
                identity.member, self.group, found.committed_offset
            );
            self.world.judge(Err(Violation::Promise(problem)));
        }
        Some(found.committed_offset)
    }
}
