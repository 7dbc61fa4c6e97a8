//! What those who stand on a stage ask for.

use bytes::Bytes;
use kafkaesque::protocol::consumer::{self, Subscription};
use kafkaesque::protocol::messages::{
    consumer_group_describe, consumer_group_heartbeat, delete_groups, describe_groups, heartbeat, join_group,
    leave_group, list_groups, offset_commit, offset_delete, offset_fetch, sync_group,
};
use uuid::Uuid;

use super::{Age, Stage};
use crate::pair::Side;

/// From here on groups have several topics by id, or are asked for together.
const MANY_GROUPS: i16 = 8;

/// The requests to one broker, with the ids that it gave.
pub struct Own<'a> {
    pub side: &'a Side,
    pub group: &'a str,
    pub age: Age,
}

impl Own<'_> {
    /// The id that `who` was given; the name itself for one that was given none.
    pub fn id(&self, who: &str) -> String {
        self.given(who).unwrap_or_else(|| who.to_owned())
    }

    fn given(&self, who: &str) -> Option<String> {
        let known = self.side.names.members.iter().find(|(_, name)| *name == who);
        known.map(|(id, _)| id.clone())
    }

    pub fn topic(&self, name: &str) -> Uuid {
        self.side.id(name)
    }

    /// Of a consumer that subscribes to `topics`, with the id that it was given, if any was.
    pub fn join(&self, who: &str, topics: &[&str]) -> join_group::Request {
        let subscription =
            Subscription { topics: topics.iter().map(|&topic| topic.into()).collect(), ..Default::default() };
        let metadata = consumer::encode(&subscription, 0).expect("a subscription");
        let protocol = |name: &str| join_group::JoinGroupRequestProtocol {
            name: name.to_owned(),
            metadata: metadata.clone(),
        };
        join_group::Request {
            group_id: self.group.to_owned(),
            session_timeout_ms: 30_000,
            rebalance_timeout_ms: 30_000,
            member_id: self.given(who).unwrap_or_default(),
            protocol_type: "consumer".to_owned(),
            protocols: vec![protocol("range"), protocol("roundrobin")],
            ..Default::default()
        }
    }

    /// `shares` are members and what they get.
    pub fn sync(&self, who: &str, generation: i32, shares: &[(&str, Bytes)]) -> sync_group::Request {
        let share = |(who, assignment): &(&str, Bytes)| sync_group::SyncGroupRequestAssignment {
            member_id: self.id(who),
            assignment: assignment.clone(),
        };
        sync_group::Request {
            group_id: self.group.to_owned(),
            generation_id: generation,
            member_id: self.id(who),
            protocol_type: Some("consumer".to_owned()),
            protocol_name: Some("range".to_owned()),
            assignments: shares.iter().map(share).collect(),
            ..Default::default()
        }
    }

    pub fn heartbeat(&self, who: &str, generation: i32) -> heartbeat::Request {
        heartbeat::Request {
            group_id: self.group.to_owned(),
            generation_id: generation,
            member_id: self.id(who),
            ..Default::default()
        }
    }

    pub fn leave(&self, who: &str) -> leave_group::Request {
        let group_id = self.group.to_owned();
        match self.age.version::<leave_group::Request>() {
            0..=2 => leave_group::Request { group_id, member_id: self.id(who), ..Default::default() },
            _ => self.leave_all(&[(&self.id(who), None)]),
        }
    }

    /// Member ids as they are, and instances.
    pub fn leave_all(&self, members: &[(&str, Option<&str>)]) -> leave_group::Request {
        let member = |(id, instance): &(&str, Option<&str>)| leave_group::MemberIdentity {
            member_id: (*id).to_owned(),
            group_instance_id: instance.map(str::to_owned),
            reason: None,
        };
        leave_group::Request {
            group_id: self.group.to_owned(),
            members: members.iter().map(member).collect(),
            ..Default::default()
        }
    }

    pub fn commit(&self, who: &str, generation: i32, topic: &str) -> offset_commit::Request {
        let partition = offset_commit::OffsetCommitRequestPartition {
            committed_offset: 2,
            committed_metadata: Some("words".to_owned()),
            ..Default::default()
        };
        offset_commit::Request {
            group_id: self.group.to_owned(),
            generation_id_or_member_epoch: generation,
            member_id: self.id(who),
            topics: vec![offset_commit::OffsetCommitRequestTopic {
                name: topic.to_owned(),
                topic_id: self.topic(topic),
                partitions: vec![partition],
            }],
            ..Default::default()
        }
    }

    /// Of partitions 0 and 1 of `topics`, or of all that there are.
    pub fn fetch(&self, version: i16, topics: Option<&[&str]>) -> offset_fetch::Request {
        let partition_indexes = vec![0, 1];
        if version < MANY_GROUPS {
            let topic = |name: &&str| offset_fetch::OffsetFetchRequestTopic {
                name: (*name).to_owned(),
                partition_indexes: partition_indexes.clone(),
            };
            let topics = topics.map(|topics| topics.iter().map(topic).collect());
            return offset_fetch::Request { group_id: self.group.to_owned(), topics, ..Default::default() };
        }
        offset_fetch::Request { groups: vec![self.fetched_group(self.group, topics)], ..Default::default() }
    }

    pub fn fetched_group(
        &self,
        group: &str,
        topics: Option<&[&str]>,
    ) -> offset_fetch::OffsetFetchRequestGroup {
        let topic = |name: &&str| offset_fetch::OffsetFetchRequestTopics {
            name: (*name).to_owned(),
            topic_id: self.topic(name),
            partition_indexes: vec![0, 1],
        };
        let topics = topics.map(|topics| topics.iter().map(topic).collect());
        offset_fetch::OffsetFetchRequestGroup { group_id: group.to_owned(), topics, ..Default::default() }
    }

    pub fn delete_offsets(&self, topics: &[&str]) -> offset_delete::Request {
        let topic = |name: &&str| offset_delete::OffsetDeleteRequestTopic {
            name: (*name).to_owned(),
            partitions: vec![offset_delete::OffsetDeleteRequestPartition { partition_index: 0 }],
        };
        offset_delete::Request { group_id: self.group.to_owned(), topics: topics.iter().map(topic).collect() }
    }

    pub fn describe(&self) -> describe_groups::Request {
        describe_groups::Request { groups: vec![self.group.to_owned()], ..Default::default() }
    }

    pub fn describe_consumers(&self) -> consumer_group_describe::Request {
        consumer_group_describe::Request { group_ids: vec![self.group.to_owned()], ..Default::default() }
    }

    pub fn delete(&self) -> delete_groups::Request {
        delete_groups::Request { groups_names: vec![self.group.to_owned()] }
    }

    /// The first heartbeat of a member of the newer protocol.
    pub fn enter(&self, who: &str, topics: &[&str]) -> consumer_group_heartbeat::Request {
        consumer_group_heartbeat::Request {
            rebalance_timeout_ms: 30_000,
            subscribed_topic_names: Some(topics.iter().map(|&topic| topic.to_owned()).collect()),
            topic_partitions: Some(Vec::new()),
            ..self.beat(who, 0)
        }
    }

    /// One that says nothing new.
    pub fn beat(&self, who: &str, epoch: i32) -> consumer_group_heartbeat::Request {
        consumer_group_heartbeat::Request {
            group_id: self.group.to_owned(),
            member_id: self.id(who),
            member_epoch: epoch,
            ..Default::default()
        }
    }

    /// One that says what the member owns.
    pub fn owns(&self, who: &str, epoch: i32, owned: &[(&str, &[i32])]) -> consumer_group_heartbeat::Request {
        let topic =
            |(name, partitions): &(&str, &[i32])| consumer_group_heartbeat::request::TopicPartitions {
                topic_id: self.topic(name),
                partitions: partitions.to_vec(),
            };
        let topic_partitions = Some(owned.iter().map(topic).collect());
        consumer_group_heartbeat::Request { topic_partitions, ..self.beat(who, epoch) }
    }
}

/// Questions that every stage asks.
impl Stage<'_> {
    /// How operators see the group.
    #[track_caller]
    pub fn look(&mut self) {
        self.ask("operator", |own| own.describe());
        self.ask("operator", |own| consumer_group_describe::Request {
            include_authorized_operations: true,
            ..own.describe_consumers()
        });
        self.list(&[], &[]);
    }

    /// The group among all groups; the filters only where the version has them.
    #[track_caller]
    pub fn list(&mut self, states: &[&str], types: &[&str]) {
        let version = self.age.version::<list_groups::Request>();
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let mut request = list_groups::Request { states_filter: words(states), types_filter: words(types) };
        if version < 4 {
            request.states_filter.clear();
        }
        if version < 5 {
            request.types_filter.clear();
        }
        let group = self.group.clone();
        self.ask_of::<list_groups::Request>(
            version,
            "operator",
            |_| request.clone(),
            |answer| {
                answer.groups.retain(|row| row.group_id == group);
            },
        );
    }

    /// `who` joins alone, or as one whom all the others wait for.
    #[track_caller]
    pub fn joins(&mut self, who: &'static str, topics: &[&str]) {
        self.begins_to_join(who, topics);
        self.has_joined(who);
    }

    #[track_caller]
    pub fn begins_to_join(&mut self, who: &'static str, topics: &[&str]) {
        let version = self.age.version::<join_group::Request>();
        if version >= 4 && !self.has_id(who) {
            let [ours, theirs] = self.ask(who, |own| own.join(who, topics));
            self.name(who, [&ours.member_id, &theirs.member_id]);
        }
        self.start(version, who, |own| own.join(who, topics));
    }

    #[track_caller]
    pub fn has_joined(&mut self, who: &'static str) {
        let version = self.age.version::<join_group::Request>();
        let [ours, theirs] = self.finish::<join_group::Request>(version, who);
        self.name(who, [&ours.member_id, &theirs.member_id]);
    }

    /// Heartbeats until the answer is `code` at both.
    #[track_caller]
    pub fn beats_until(&mut self, who: &'static str, generation: i32, code: i16) {
        let version = self.age.version::<heartbeat::Request>();
        self.await_such(
            version,
            who,
            |own| own.heartbeat(who, generation),
            |answer| answer.error_code == code,
        );
    }

    #[track_caller]
    pub fn fetches(&mut self, who: &'static str, topics: Option<&[&str]>) {
        let version = self.age.version::<offset_fetch::Request>();
        self.ask(who, |own| own.fetch(version, topics));
    }

    #[track_caller]
    pub fn syncs(&mut self, who: &'static str, generation: i32, shares: &[(&str, Bytes)]) {
        self.ask(who, |own| own.sync(who, generation, shares));
    }
}
