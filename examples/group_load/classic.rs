//! The classic protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup.

use std::time::{Duration, Instant};

use bytes::Bytes;
use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::consumer::{self, Assignment, Subscription, TopicPartition};
use kafkaesque::protocol::messages::{heartbeat, join_group, leave_group, sync_group};

use crate::member::{Place, Protocol, code};
use crate::wire::Connection;
use broker_usage::Outcome;

const STRATEGY: &str = "range";
const TYPE: &str = "consumer";
/// Of the messages that members send each other.
const PROTOCOL: i16 = 0;
const JOIN: i16 = 9;
const SYNC: i16 = 5;
const HEARTBEAT: i16 = 4;
const LEAVE: i16 = 5;
const REBALANCE_MS: i32 = 60_000;

pub struct Classic {
    id: String,
    generation: i32,
}

impl Classic {
    pub fn new() -> Classic {
        Classic { id: String::new(), generation: -1 }
    }

    /// The assignments of all members, from the one that leads.
    fn sync(
        &self,
        place: &Place,
        members: &[join_group::JoinGroupResponseMember],
    ) -> Outcome<sync_group::Request> {
        let assignments = members.iter().zip(0..).map(|(member, partition)| {
            let assignment = assignment(&place.shared.topic, partition % place.shared.partitions)?;
            Ok(sync_group::SyncGroupRequestAssignment { member_id: member.member_id.clone(), assignment })
        });
        Ok(sync_group::Request {
            group_id: place.group.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            protocol_type: Some(TYPE.to_owned()),
            protocol_name: Some(STRATEGY.to_owned()),
            assignments: assignments.collect::<Outcome<_>>()?,
            ..sync_group::Request::default()
        })
    }
}

impl Protocol for Classic {
    async fn join(&mut self, place: &Place, connection: &mut Connection) -> Outcome<ErrorCode> {
        let protocol = join_group::JoinGroupRequestProtocol {
            name: STRATEGY.to_owned(),
            metadata: subscription(&place.shared.topic)?,
        };
        let request = join_group::Request {
            group_id: place.group.clone(),
            session_timeout_ms: i32::try_from(place.shared.session.as_millis())?,
            rebalance_timeout_ms: REBALANCE_MS,
            member_id: self.id.clone(),
            protocol_type: TYPE.to_owned(),
            protocols: vec![protocol],
            ..join_group::Request::default()
        };
        let joined = connection.ask(&request, JOIN).await?;
        let refusal = code(joined.error_code)?;
        if matches!(refusal, ErrorCode::None | ErrorCode::MemberIdRequired) {
            (self.id, self.generation) = (joined.member_id, joined.generation_id);
        }
        if refusal != ErrorCode::None {
            return Ok(refusal);
        }
        let asked = Instant::now();
        let synced = connection.ask(&self.sync(place, &joined.members)?, SYNC).await?;
        place.shared.seen.syncs.add(asked.elapsed());
        match code(synced.error_code)? {
            ErrorCode::None if synced.assignment.is_empty() => Err("an empty assignment".into()),
            code => Ok(code),
        }
    }

    async fn beat(&mut self, place: &Place, connection: &mut Connection) -> Outcome<ErrorCode> {
        let request = heartbeat::Request {
            group_id: place.group.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            group_instance_id: None,
        };
        code(connection.ask(&request, HEARTBEAT).await?.error_code)
    }

    async fn leave(&mut self, place: &Place, connection: &mut Connection) -> Outcome<ErrorCode> {
        let member = leave_group::MemberIdentity {
            member_id: self.id.clone(),
            ..leave_group::MemberIdentity::default()
        };
        let request = leave_group::Request {
            group_id: place.group.clone(),
            members: vec![member],
            ..leave_group::Request::default()
        };
        code(connection.ask(&request, LEAVE).await?.error_code)
    }

    fn forget(&mut self) {
        *self = Classic::new();
    }

    fn identity(&self) -> (&str, i32) {
        (&self.id, self.generation)
    }

    fn heartbeat(&self, place: &Place) -> Duration {
        place.shared.heartbeat
    }
}

fn subscription(topic: &str) -> Outcome<Bytes> {
    let subscription = Subscription { topics: vec![topic.to_owned()], ..Subscription::default() };
    Ok(consumer::encode(&subscription, PROTOCOL)?)
}

/// One partition.
fn assignment(topic: &str, partition: i32) -> Outcome<Bytes> {
    let partitions = TopicPartition { topic: topic.to_owned(), partitions: vec![partition] };
    let assignment = Assignment { assigned_partitions: vec![partitions], ..Assignment::default() };
    Ok(consumer::encode(&assignment, PROTOCOL)?)
}
