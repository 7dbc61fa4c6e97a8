//! Consumer groups of KIP-848 over a socket: members that come to their targets, and what is left of them after a restart.

use std::collections::{BTreeMap, BTreeSet};

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::consumer_group_heartbeat::{self as heartbeat, request};
use kafkaesque::protocol::messages::{
    api_versions, consumer_group_describe, create_partitions, delete_groups, describe_groups, list_groups,
    offset_commit, offset_fetch,
};
use uuid::Uuid;

use crate::Running;
use crate::admin::{create, topic};
use crate::client::Client;
use crate::configs::{SET, change};
use crate::retention::until;

type Assignment = BTreeMap<Uuid, BTreeSet<i32>>;

/// A member that takes what it is given, and gives up at once what it is told to.
pub struct Member {
    pub client: Client,
    id: String,
    epoch: i32,
    topics: Option<Vec<String>>,
    pattern: Option<String>,
    owned: Assignment,
}

impl Member {
    pub async fn of(running: &Running, id: &str, topics: &[&str]) -> Member {
        Member {
            client: running.client().await,
            id: id.to_owned(),
            epoch: 0,
            topics: Some(topics.iter().map(|topic| (*topic).to_owned()).collect()),
            pattern: None,
            owned: Assignment::new(),
        }
    }

    pub fn request(&self) -> heartbeat::Request {
        let topic = |(topic_id, partitions): (&Uuid, &BTreeSet<i32>)| request::TopicPartitions {
            topic_id: *topic_id,
            partitions: partitions.iter().copied().collect(),
        };
        heartbeat::Request {
            group_id: "g".to_owned(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            rebalance_timeout_ms: 60_000,
            subscribed_topic_names: self.topics.clone(),
            subscribed_topic_regex: self.pattern.clone(),
            topic_partitions: Some(self.owned.iter().map(topic).collect()),
            ..heartbeat::Request::default()
        }
    }

    pub async fn beat(&mut self) -> heartbeat::Response {
        let request = self.request();
        let answer = self.client.ask(&request, 1).await;
        assert_eq!(answer.error_code, 0, "{answer:?}");
        assert_eq!(answer.member_id.as_deref(), Some(&*self.id));
        self.epoch = answer.member_epoch;
        if let Some(assignment) = &answer.assignment {
            let topics = assignment.topic_partitions.iter();
            self.owned =
                topics.map(|topic| (topic.topic_id, topic.partitions.iter().copied().collect())).collect();
        }
        answer
    }

    pub fn owns(&self, topic: Uuid) -> Vec<i32> {
        self.owned.get(&topic).into_iter().flatten().copied().collect()
    }

    pub async fn leave(&mut self) {
        self.epoch = -1;
        assert_eq!(self.beat().await.member_epoch, -1);
    }

    async fn commits(&mut self, topic: Uuid, epoch: i32, member_id: &str) -> i16 {
        let partition = offset_commit::OffsetCommitRequestPartition {
            committed_offset: 7,
            ..offset_commit::OffsetCommitRequestPartition::default()
        };
        let request = offset_commit::Request {
            group_id: "g".to_owned(),
            generation_id_or_member_epoch: epoch,
            member_id: member_id.to_owned(),
            topics: vec![offset_commit::OffsetCommitRequestTopic {
                topic_id: topic,
                partitions: vec![partition],
                ..offset_commit::OffsetCommitRequestTopic::default()
            }],
            ..offset_commit::Request::default()
        };
        self.client.ask(&request, 10).await.topics[0].partitions[0].error_code
    }
}

pub async fn create_topic(running: &Running, name: &str, partitions: i32) -> Uuid {
    let created = create(&mut running.client().await, vec![topic(name, partitions, 1)]).await.remove(0);
    assert_eq!(created.error_code, 0, "{created:?}");
    created.topic_id
}

#[tokio::test]
async fn two_members_share_a_topic_commit_with_their_epochs_and_go() {
    let running = Running::start().await;
    let id = create_topic(&running, "t", 2).await;
    let mut one = Member::of(&running, "one", &["t"]).await;
    let joined = one.beat().await;
    assert_eq!((joined.member_epoch, joined.heartbeat_interval_ms), (2, 5000));
    assert_eq!(one.owns(id), [0, 1]);
    assert_eq!(one.commits(id, 2, "one").await, 0);
    assert_eq!(one.commits(id, 3, "one").await, ErrorCode::StaleMemberEpoch.code());
    assert_eq!(one.commits(id, 2, "other").await, ErrorCode::UnknownMemberId.code());
    assert_eq!(one.commits(id, -1, "").await, ErrorCode::UnknownMemberId.code());

    let mut two = Member::of(&running, "two", &["t"]).await;
    two.beat().await;
    until("the first learns what to give up", async || {
        one.beat().await;
        one.owns(id).len() == 1
    })
    .await;
    let request = consumer_group_describe::Request { group_ids: vec!["g".to_owned()], ..Default::default() };
    let described = two.client.ask(&request, 1).await.groups.remove(0);
    let yet = described.members.iter().find(|member| member.member_id == "one").expect("the first member");
    assert_eq!(yet.assignment.topic_partitions[0].partitions, [0, 1], "what it has not given up is its own");
    until("both have a share", async || {
        one.beat().await;
        two.beat().await;
        assert!(one.owns(id).iter().all(|index| !two.owns(id).contains(index)), "nothing is owned twice");
        one.owns(id).len() == 1 && two.owns(id).len() == 1
    })
    .await;
    assert_eq!((one.epoch, two.epoch), (3, 3));
    let late = one.commits(id, 2, "one").await;
    let held_since = if one.owns(id) == [0] { 0 } else { ErrorCode::StaleMemberEpoch.code() };
    assert_eq!(late, held_since, "an older epoch commits only what the member has held since then");

    two.leave().await;
    until("one has both again", async || {
        one.beat().await;
        one.owns(id) == [0, 1]
    })
    .await;
    assert_eq!(two.commits(id, 2, "two").await, ErrorCode::UnknownMemberId.code());
    one.leave().await;
    assert_eq!(one.commits(id, -1, "").await, 0, "an empty group takes the offsets of anybody");
    running.stop().await;
}

#[tokio::test]
async fn members_and_their_epochs_outlive_a_restart() {
    let data = tempfile::tempdir().expect("a directory");
    let running = Running::on(data.path(), &[]).await;
    let id = create_topic(&running, "t", 3).await;
    let mut member = Member::of(&running, "m", &["t"]).await;
    member.beat().await;
    assert_eq!(member.owns(id), [0, 1, 2]);
    running.stop().await;

    let running = Running::on(data.path(), &[]).await;
    member.client = running.client().await;
    let brief = heartbeat::Request {
        member_epoch: 2,
        rebalance_timeout_ms: -1,
        subscribed_topic_names: None,
        topic_partitions: None,
        ..member.request()
    };
    let answer = member.client.ask(&brief, 1).await;
    assert_eq!((answer.error_code, answer.member_epoch), (0, 2));
    assert!(answer.assignment.is_none(), "nothing has changed");
    let fenced = heartbeat::Request { member_epoch: 3, ..brief.clone() };
    let answer = member.client.ask(&fenced, 1).await;
    assert_eq!(answer.error_code, ErrorCode::FencedMemberEpoch.code());
    let stranger = heartbeat::Request { member_id: "stranger".to_owned(), ..brief };
    let answer = member.client.ask(&stranger, 1).await;
    assert_eq!(answer.error_code, ErrorCode::UnknownMemberId.code());
    running.stop().await;
}

#[tokio::test]
async fn new_topics_and_partitions_reach_those_who_subscribe_to_them() {
    let running = Running::start().await;
    let first = create_topic(&running, "orders-eu", 1).await;
    let mut named = Member::of(&running, "named", &["orders-eu", "orders-us"]).await;
    named.beat().await;
    assert_eq!(named.owns(first), [0]);
    let second = create_topic(&running, "orders-us", 1).await;
    let request = create_partitions::Request {
        topics: vec![create_partitions::CreatePartitionsTopic {
            name: "orders-eu".to_owned(),
            count: 3,
            assignments: None,
        }],
        timeout_ms: 10_000,
        ..Default::default()
    };
    assert_eq!(named.client.ask(&request, 3).await.results[0].error_code, 0);
    until("all is assigned", async || {
        named.beat().await;
        named.owns(first) == [0, 1, 2] && named.owns(second) == [0]
    })
    .await;
    named.leave().await;

    let mut matching = Member::of(&running, "matching", &[]).await;
    (matching.topics, matching.pattern) = (None, Some("orders-.*".to_owned()));
    until("all that match are assigned", async || {
        matching.beat().await;
        matching.owns(first) == [0, 1, 2] && matching.owns(second) == [0]
    })
    .await;
    let broken = heartbeat::Request {
        member_id: "broken".to_owned(),
        member_epoch: 0,
        subscribed_topic_regex: Some("(".to_owned()),
        topic_partitions: Some(Vec::new()),
        ..matching.request()
    };
    let refused = matching.client.ask(&broken, 1).await;
    assert_eq!(refused.error_code, ErrorCode::InvalidRegularExpression.code());
    running.stop().await;
}

#[tokio::test]
async fn heartbeats_that_make_no_sense_are_refused() {
    let running = Running::start().await;
    let mut member = Member::of(&running, "m", &["t"]).await;
    let good = member.request();
    let bad = [
        heartbeat::Request { member_id: " ".to_owned(), ..good.clone() },
        heartbeat::Request { group_id: String::new(), ..good.clone() },
        heartbeat::Request { instance_id: Some(String::new()), ..good.clone() },
        heartbeat::Request { rack_id: Some(String::new()), ..good.clone() },
        heartbeat::Request { rebalance_timeout_ms: -1, ..good.clone() },
        heartbeat::Request { topic_partitions: None, ..good.clone() },
        heartbeat::Request { subscribed_topic_names: None, ..good.clone() },
        heartbeat::Request { member_epoch: -2, ..good.clone() },
        heartbeat::Request { member_epoch: -3, ..good.clone() },
    ];
    for request in bad {
        let refused = member.client.ask(&request, 1).await;
        assert_eq!(refused.error_code, ErrorCode::InvalidRequest.code(), "{request:?}");
        assert!(refused.error_message.is_some());
    }
    let odd = heartbeat::Request { server_assignor: Some("sticky".to_owned()), ..good.clone() };
    let refused = member.client.ask(&odd, 1).await;
    assert_eq!(refused.error_code, ErrorCode::UnsupportedAssignor.code());
    let nobody = heartbeat::Request { member_epoch: 5, ..good.clone() };
    let refused = member.client.ask(&nobody, 1).await;
    assert_eq!(refused.error_code, ErrorCode::GroupIdNotFound.code());
    let nameless = heartbeat::Request { member_id: String::new(), ..good };
    let named = member.client.ask(&nameless, 0).await;
    assert_eq!(named.error_code, 0);
    assert!(named.member_id.is_some_and(|id| !id.is_empty()), "version 0 is given an id");
    running.stop().await;
}

#[tokio::test]
async fn consumer_groups_are_a_finalised_feature() {
    let running = Running::start().await;
    let software = api_versions::Request {
        client_software_name: "test".to_owned(),
        client_software_version: "1.0".to_owned(),
        ..api_versions::Request::default()
    };
    let announced = running.client().await.ask(&software, 4).await;
    let feature = announced.finalized_features.iter().find(|feature| feature.name == "group.version");
    assert_eq!(feature.map(|feature| feature.max_version_level), Some(1));
    let feature = announced.supported_features.iter().find(|feature| feature.name == "group.version");
    assert_eq!(feature.map(|feature| (feature.min_version, feature.max_version)), Some((0, 1)));
    running.stop().await;
}

#[tokio::test]
async fn operators_see_a_consumer_group_and_delete_it_once_it_is_empty() {
    let running = Running::start().await;
    let id = create_topic(&running, "t", 1).await;
    let mut member = Member::of(&running, "m", &["t"]).await;
    member.beat().await;
    assert_eq!(member.commits(id, 2, "m").await, 0);
    let mut client = running.client().await;
    let wanted = consumer_group_describe::Request {
        group_ids: vec!["g".to_owned(), "none".to_owned()],
        include_authorized_operations: true,
    };
    for version in [0, 1] {
        let described = client.ask(&wanted, version).await.groups;
        let group = &described[0];
        assert_eq!((group.error_code, &*group.group_state, &*group.assignor_name), (0, "Stable", "uniform"));
        assert_eq!((group.group_epoch, group.assignment_epoch), (2, 2));
        assert_ne!(group.authorized_operations, i32::MIN);
        let member = &group.members[0];
        assert_eq!((&*member.member_id, member.member_epoch, &*member.client_id), ("m", 2, "test"));
        assert_eq!(member.subscribed_topic_names, ["t"]);
        assert_eq!(member.subscribed_topic_regex.as_deref(), Some(""));
        let owned = &member.assignment.topic_partitions[0];
        assert_eq!((owned.topic_id, &*owned.topic_name, &owned.partitions[..]), (id, "t", &[0][..]));
        assert_eq!(member.assignment, member.target_assignment);
        assert_eq!(member.member_type, if version == 0 { -1 } else { 1 });
        assert_eq!(described[1].error_code, ErrorCode::GroupIdNotFound.code());
    }
    let request = describe_groups::Request { groups: vec!["g".to_owned()], ..Default::default() };
    let described = client.ask(&request, 6).await.groups.remove(0);
    assert_eq!(described.error_code, ErrorCode::GroupIdNotFound.code());
    assert_eq!(described.error_message.as_deref(), Some("Group g is not a classic group."));
    let list = |kind: &str| list_groups::Request {
        states_filter: vec!["stable".to_owned()],
        types_filter: vec![kind.to_owned()],
    };
    let listed = client.ask(&list("consumer"), 5).await.groups.remove(0);
    assert_eq!((&*listed.protocol_type, &*listed.group_state), ("consumer", "Stable"));
    assert_eq!((&*listed.group_type, &*listed.group_id), ("consumer", "g"));
    assert!(client.ask(&list("classic"), 5).await.groups.is_empty());

    for (epoch, code) in [(2, ErrorCode::None), (3, ErrorCode::StaleMemberEpoch)] {
        assert_eq!(fetched(&mut client, Some("m"), epoch).await, code);
    }
    assert_eq!(fetched(&mut client, Some("x"), 2).await, ErrorCode::UnknownMemberId);
    assert_eq!(fetched(&mut client, None, -1).await, ErrorCode::None);
    let delete = delete_groups::Request { groups_names: vec!["g".to_owned()] };
    let refused = client.ask(&delete, 2).await.results[0].error_code;
    assert_eq!(refused, ErrorCode::NonEmptyGroup.code());
    member.leave().await;
    assert_eq!(client.ask(&delete, 2).await.results[0].error_code, 0);
    let described = client.ask(&wanted, 1).await.groups.remove(0);
    assert_eq!(described.error_code, ErrorCode::GroupIdNotFound.code());
    running.stop().await;
}

/// What a reader of offsets is told.
async fn fetched(client: &mut Client, member_id: Option<&str>, member_epoch: i32) -> ErrorCode {
    let group = offset_fetch::OffsetFetchRequestGroup {
        group_id: "g".to_owned(),
        member_id: member_id.map(str::to_owned),
        member_epoch,
        topics: None,
    };
    let request = offset_fetch::Request { groups: vec![group], ..Default::default() };
    let code = client.ask(&request, 9).await.groups[0].error_code;
    ErrorCode::from_code(code).expect("a code of Kafka's")
}

const QUICK: [(&str, &str); 4] = [
    ("GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS", "100"),
    ("GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS", "100"),
    ("GROUP_CONSUMER_SESSION_TIMEOUT_MS", "400"),
    ("GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS", "200"),
];

#[tokio::test]
async fn a_silent_member_is_removed_after_its_session_and_a_static_one_comes_back() {
    let running = Running::with(&QUICK).await;
    let id = create_topic(&running, "t", 1).await;
    let mut silent = Member::of(&running, "silent", &["t"]).await;
    assert_eq!(silent.beat().await.heartbeat_interval_ms, 100);
    assert_eq!(silent.owns(id), [0]);
    let mut client = running.client().await;
    let of = |member: &str, epoch| {
        let instance = heartbeat::Request { instance_id: Some("i".to_owned()), ..silent.request() };
        let owned = (epoch == 0).then(Vec::new);
        let member_id = member.to_owned();
        heartbeat::Request { member_id, member_epoch: epoch, topic_partitions: owned, ..instance }
    };
    until("the other's session is over", async || {
        let answer = client.ask(&of("first", 0), 1).await;
        answer.assignment.is_some_and(|assignment| !assignment.topic_partitions.is_empty())
    })
    .await;
    let left = client.ask(&of("first", -2), 1).await;
    assert_eq!((left.error_code, left.member_epoch), (0, -2));
    let back = client.ask(&of("second", 0), 1).await;
    assert_eq!(back.error_code, 0);
    assert!(back.assignment.is_some_and(|assignment| assignment.topic_partitions[0].partitions == [0]));
    let fenced = client.ask(&of("first", back.member_epoch), 1).await;
    assert_eq!(fenced.error_code, ErrorCode::FencedInstanceId.code());
    let taken = client.ask(&of("third", 0), 1).await;
    assert_eq!(taken.error_code, ErrorCode::UnreleasedInstanceId.code());
    running.stop().await;
}

#[tokio::test]
async fn a_group_obeys_its_own_configs_from_the_next_heartbeat_on() {
    const GROUP: i8 = 32;
    let running = Running::start().await;
    let mut member = Member::of(&running, "m", &[]).await;
    assert_eq!(member.beat().await.heartbeat_interval_ms, 5000);
    let mut client = running.client().await;
    let config = "consumer.heartbeat.interval.ms";
    assert_eq!(change(&mut client, GROUP, "g", &[(config, SET, Some("7000"))]).await, 0);
    assert_eq!(member.beat().await.heartbeat_interval_ms, 7000);
    assert_eq!(change(&mut client, GROUP, "h", &[(config, SET, Some("8000"))]).await, 0);
    assert_eq!(member.beat().await.heartbeat_interval_ms, 7000, "another group's are not its own");
    running.stop().await;
}
