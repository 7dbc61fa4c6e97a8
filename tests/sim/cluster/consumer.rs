//! Members of consumer groups (KIP-848): they beat, take and give up partitions as they are told, commit, leave, and vanish.

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::consumer_group_heartbeat::request::{Request, TopicPartitions};
use kafkaesque::protocol::messages::consumer_group_heartbeat::response::Response;
use std::collections::BTreeMap;

use super::clients::TOPIC;
use super::coordinated::{Committed, Coordinated, Identity};
use super::world::{Phase, World};

const VERSION: i16 = 1;
const REBALANCE_MS: i32 = 3_000;
const LEAVES: i32 = -1;

/// A member with its positions in the partitions that it owns.
struct Member {
    at: Coordinated,
    identity: Identity,
    owned: BTreeMap<i32, i64>,
    topic: Option<uuid::Uuid>,
}

/// The end of a member.
struct Ended;

/// One member after the other of one group.
pub async fn belong(world: World, group: String, who: u64) {
    let mut life = 0;
    while world.phase() == Phase::Working {
        life += 1;
        let identity = Identity { member: format!("member-{who}-{life}"), generation: 0 };
        let at = Coordinated::new(&world, &group);
        let mut member = Member { at, identity, owned: BTreeMap::new(), topic: None };
        while world.phase() == Phase::Working && member.step().await.is_ok() {
            world.sleep_ms(200 + world.below(400)).await;
        }
        world.sleep_ms(world.below(3_000)).await;
    }
}

impl Member {
    async fn step(&mut self) -> Result<(), Ended> {
        match self.at.world.below(100) {
            0..2 => Err(Ended),
            2..6 => {
                self.owned.clear();
                self.identity.generation = LEAVES;
                // Without an answer the member is taken for dead in time.
                drop(self.at.ask(self.heartbeat(), VERSION).await);
                Err(Ended)
            }
            6..40 if !self.owned.is_empty() => self.commit().await,
            _ => self.beat().await,
        }
    }

    fn heartbeat(&self) -> Request {
        let partitions: Vec<i32> = self.owned.keys().copied().collect();
        let owned = self.topic.filter(|_| !partitions.is_empty());
        let owned = owned.map(|topic_id| TopicPartitions { topic_id, partitions });
        let Identity { member, generation } = &self.identity;
        Request {
            group_id: self.at.group.clone(),
            member_id: member.clone(),
            member_epoch: *generation,
            rebalance_timeout_ms: REBALANCE_MS,
            subscribed_topic_names: (*generation == 0).then(|| vec![TOPIC.to_owned()]),
            topic_partitions: (*generation != LEAVES).then(|| owned.into_iter().collect()),
            ..Default::default()
        }
    }

    async fn beat(&mut self) -> Result<(), Ended> {
        let world = self.at.world.clone();
        let least = world.told(|told| told.groups.generation(&self.at.group));
        let sent = self.at.now();
        let Some(answer) = self.at.ask(self.heartbeat(), VERSION).await else { return Ok(()) };
        if answer.error_code != 0 {
            let gone = [ErrorCode::FencedMemberEpoch, ErrorCode::UnknownMemberId].map(ErrorCode::code);
            if gone.contains(&answer.error_code) {
                self.owned.clear();
                self.identity.generation = 0;
            } else {
                self.at.look_again();
            }
            return Ok(());
        }
        let owned: Vec<i32> = self.owned.keys().copied().collect();
        let (group, member) = (self.at.group.clone(), self.identity.member.clone());
        let before = self.identity.generation;
        let check = world.told(|told| {
            told.groups.is_in(&group, answer.member_epoch);
            told.groups.owns(&group, &member, &owned, sent)?;
            match before {
                0 => told.groups.joins(&group, answer.member_epoch, least),
                _ => told.groups.goes_on(&group, answer.member_epoch, before),
            }
        });
        world.judge(check);
        self.identity.generation = answer.member_epoch;
        self.take(answer).await;
        Ok(())
    }

    /// Owns what it is told to own from now on.
    async fn take(&mut self, answer: Response) {
        let Some(assignment) = answer.assignment else { return };
        let topic = assignment.topic_partitions.into_iter().next();
        let target = topic.as_ref().map_or(Vec::new(), |topic| topic.partitions.clone());
        self.topic = topic.map(|topic| topic.topic_id).or(self.topic);
        self.owned.retain(|partition, _| target.contains(partition));
        let new: Vec<i32> =
            target.into_iter().filter(|partition| !self.owned.contains_key(partition)).collect();
        let now = self.at.now();
        self.at.world.note(format!(
            "{} has {:?} of {} and takes {new:?} in {}",
            self.identity.member, self.owned, self.at.group, self.identity.generation
        ));
        self.at.world.told(|told| told.groups.takes(&self.at.group, &self.identity.member, &new, now));
        for partition in new {
            // Not known yet: then it is asked for before the first commit.
            self.owned.insert(partition, -2);
        }
    }

    async fn commit(&mut self) -> Result<(), Ended> {
        let which = self.at.world.below(self.owned.len() as u64) as usize;
        let Some((partition, position)) = self.owned.iter().nth(which).map(|(at, position)| (*at, *position))
        else {
            return Ok(());
        };
        if position < -1 {
            if let Some(committed) = self.at.committed(&self.identity, partition).await {
                self.owned.insert(partition, committed);
            }
            return Ok(());
        }
        self.owned.insert(partition, position + 1);
        match self.at.commit(&self.identity, partition, position + 1).await {
            Committed::Yes => Ok(()),
            Committed::No(code) if code == ErrorCode::UnknownMemberId.code() => Err(Ended),
            Committed::No(_) => {
                self.at.look_again();
                Ok(())
            }
            // It may be done later, but only as long as this member is one.
            Committed::Unknown => Err(Ended),
        }
    }
}
