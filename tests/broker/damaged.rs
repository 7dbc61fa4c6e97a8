//! Stores that were damaged while the broker was away: what that concerns is refused at once, and named; the rest is served.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::{
    consumer_group_heartbeat, delete_records, delete_topics, describe_groups, fetch, find_coordinator,
    heartbeat, join_group, list_groups, list_offsets, offset_commit, offset_fetch, offset_for_leader_epoch,
};

use crate::admin::{create, topic};
use crate::client::Client;
use crate::metadata_damaged::Place;
use crate::produce_fetch::{batch, bytes, fetch_request, produce, produce_request};
use crate::{Running, free_port};

/// Codes by partition.
type Codes = BTreeMap<i32, i16>;

const REFUSED: i16 = ErrorCode::KafkaStorageError.code();

/// The answers of each API on both partitions of the topic `t`.
async fn ask_for_both(client: &mut Client) -> Vec<(&'static str, Codes)> {
    let mut produced = produce_request("t", bytes(batch(&["x"])), -1);
    let mut other = produced.topic_data[0].partition_data[0].clone();
    other.index = 1;
    produced.topic_data[0].partition_data.push(other);
    let mut fetched = fetch::Request { max_wait_ms: 30_000, ..fetch_request("t", 0) };
    let mut other = fetched.topics[0].partitions[0].clone();
    other.partition = 1;
    fetched.topics[0].partitions.push(other);
    let offsets = [0, 1].map(|partition_index| list_offsets::ListOffsetsPartition {
        partition_index,
        timestamp: -1,
        ..Default::default()
    });
    let offsets = list_offsets::ListOffsetsTopic { name: "t".to_owned(), partitions: offsets.to_vec() };
    let offsets = list_offsets::Request { replica_id: -1, topics: vec![offsets], ..Default::default() };
    let deleted = [0, 1]
        .map(|partition_index| delete_records::DeleteRecordsPartition { partition_index, offset: 0 })
        .to_vec();
    let deleted = delete_records::DeleteRecordsTopic { name: "t".to_owned(), partitions: deleted };
    let deleted = delete_records::Request { topics: vec![deleted], timeout_ms: 30_000 };
    let epochs = [0, 1].map(|partition| offset_for_leader_epoch::OffsetForLeaderPartition {
        partition,
        current_leader_epoch: -1,
        ..Default::default()
    });
    let epochs =
        offset_for_leader_epoch::OffsetForLeaderTopic { topic: "t".to_owned(), partitions: epochs.to_vec() };
    let epochs = offset_for_leader_epoch::Request { topics: vec![epochs], ..Default::default() };

    let produced = client.ask(&produced, 9).await.responses.remove(0).partition_responses;
    let fetched = client.ask(&fetched, 11).await.responses.remove(0).partitions;
    let offsets = client.ask(&offsets, 9).await.topics.remove(0).partitions;
    let deleted = client.ask(&deleted, 2).await.topics.remove(0).partitions;
    let epochs = client.ask(&epochs, 4).await.topics.remove(0).partitions;
    vec![
        ("Produce", produced.iter().map(|of| (of.index, of.error_code)).collect()),
        ("Fetch", fetched.iter().map(|of| (of.partition_index, of.error_code)).collect()),
        ("ListOffsets", offsets.iter().map(|of| (of.partition_index, of.error_code)).collect()),
        ("DeleteRecords", deleted.iter().map(|of| (of.partition_index, of.error_code)).collect()),
        ("OffsetForLeaderEpoch", epochs.iter().map(|of| (of.partition, of.error_code)).collect()),
    ]
}

/// The answers of the coordinator of a group, by API.
async fn ask_of_group(client: &mut Client, group: &str) -> Vec<(&'static str, i16)> {
    let group_id = || group.to_owned();
    let find = find_coordinator::Request { key: group_id(), ..Default::default() };
    let found = client.ask(&find, 3).await.error_code;
    let partition = offset_commit::OffsetCommitRequestPartition { committed_offset: 7, ..Default::default() };
    let commit = offset_commit::OffsetCommitRequestTopic {
        name: "t".to_owned(),
        partitions: vec![partition],
        ..Default::default()
    };
    let commit = offset_commit::Request {
        group_id: group_id(),
        generation_id_or_member_epoch: -1,
        topics: vec![commit],
        ..Default::default()
    };
    let committed = client.ask(&commit, 8).await.topics.remove(0).partitions.remove(0).error_code;
    let asked = offset_fetch::OffsetFetchRequestGroup { group_id: group_id(), ..Default::default() };
    let fetched = offset_fetch::Request { groups: vec![asked], ..Default::default() };
    let fetched = client.ask(&fetched, 9).await.groups.remove(0).error_code;
    let described = describe_groups::Request { groups: vec![group_id()], ..Default::default() };
    let described = client.ask(&described, 5).await.groups.remove(0).error_code;
    let beat = heartbeat::Request { group_id: group_id(), ..Default::default() };
    let beat = client.ask(&beat, 4).await.error_code;
    let protocol =
        join_group::JoinGroupRequestProtocol { name: "range".to_owned(), metadata: vec![1].into() };
    let join = join_group::Request {
        group_id: group_id(),
        session_timeout_ms: 6_000,
        rebalance_timeout_ms: 6_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![protocol],
        ..Default::default()
    };
    let joined = client.ask(&join, 9).await.error_code;
    let newer = consumer_group_heartbeat::Request {
        group_id: format!("{group}-newer"),
        member_id: "m".to_owned(),
        rebalance_timeout_ms: 6_000,
        subscribed_topic_names: Some(vec!["t".to_owned()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    let newer = client.ask(&newer, 1).await.error_code;
    vec![
        ("FindCoordinator", found),
        ("OffsetCommit", committed),
        ("OffsetFetch", fetched),
        ("DescribeGroups", described),
        ("Heartbeat", beat),
        ("JoinGroup", joined),
        ("ConsumerGroupHeartbeat", newer),
    ]
}

/// One of those that has clients look for the coordinator again, and try again.
fn is_tried_again(code: i16) -> bool {
    let codes =
        [ErrorCode::NotCoordinator, ErrorCode::CoordinatorNotAvailable, ErrorCode::CoordinatorLoadInProgress];
    codes.iter().any(|of| of.code() == code)
}

/// A store with two shards, a topic with a partition on each, and groups on both.
struct Two {
    place: Place,
    port: String,
}

const GROUPS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

impl Two {
    async fn new() -> Two {
        let two = Two { place: Place::new(), port: free_port().to_string() };
        let running = two.run().await;
        let mut client = running.client().await;
        create(&mut client, vec![topic("t", 2, 1)]).await;
        for (api, codes) in ask_for_both(&mut client).await {
            assert_eq!(codes, Codes::from([(0, 0), (1, 0)]), "{api}");
        }
        for group in GROUPS {
            assert_eq!(ask_of_group(&mut client, group).await[1], ("OffsetCommit", 0));
        }
        drop(client);
        running.stop().await;
        two
    }

    async fn run(&self) -> Running {
        Running::on(self.place.data.path(), &[("SHARDS", "2"), ("HEALTH_PORT", &self.port)]).await
    }

    fn damage(&self, shard: u32) {
        fs::remove_dir_all(self.place.path(&format!("shards/{shard}/index"))).expect("removed");
    }
}

#[tokio::test]
async fn a_damaged_shard_is_refused_at_once_and_the_one_beside_it_serves() {
    let two = Two::new().await;
    two.damage(1);
    let running = two.run().await;
    let mut client = running.client().await;
    let asked = Instant::now();
    let answers = ask_for_both(&mut client).await;
    let refused = answers[0].1.iter().find(|(_, code)| **code == REFUSED).map(|(index, _)| *index);
    let refused = refused.unwrap_or_else(|| panic!("{answers:?}"));
    for (api, codes) in answers {
        assert_eq!(codes, Codes::from([(refused, REFUSED), (1 - refused, 0)]), "{api}");
    }
    let mut served = Vec::new();
    for group in GROUPS {
        let answers = ask_of_group(&mut client, group).await;
        match answers[1] {
            ("OffsetCommit", 0) => {
                assert!(answers[..4].iter().all(|(_, code)| *code == 0), "{group}: {answers:?}");
                served.push(group);
            }
            _ => {
                let tried_again = |(_, code): &(&str, i16)| is_tried_again(*code);
                assert!(answers[1..6].iter().all(tried_again), "{group}: {answers:?}");
            }
        }
    }
    assert!(!served.is_empty() && served.len() < GROUPS.len(), "{served:?}");
    let listed = client.ask(&list_groups::Request::default(), 4).await;
    assert_eq!(listed.error_code, 0);
    assert!(served.iter().all(|group| listed.groups.iter().any(|listed| listed.group_id == *group)));
    // Time that no request gives itself, and that the broker waits for no write.
    assert!(asked.elapsed() < Duration::from_secs(10), "answered after {:?}", asked.elapsed());

    let (status, ready) = running.look("/ready").await;
    assert!(status == 200 && ready.contains("shard 1") && ready.contains("shards/1/index "), "{ready}");
    assert!(!ready.contains("shard 0"), "{ready}");
    let request = delete_topics::Request {
        topic_names: vec!["t".to_owned()],
        timeout_ms: 1_000,
        ..delete_topics::Request::default()
    };
    assert_eq!(client.ask(&request, 5).await.responses[0].error_code, 0, "it goes when the shard is back");
    drop(client);
    running.stop().await;
}

#[tokio::test]
async fn a_broker_whose_shards_are_all_damaged_is_not_ready_and_says_why() {
    let two = Two::new().await;
    for shard in [0, 1] {
        two.damage(shard);
    }
    let running = two.run().await;
    let mut client = running.client().await;
    for (api, codes) in ask_for_both(&mut client).await {
        assert_eq!(codes, Codes::from([(0, REFUSED), (1, REFUSED)]), "{api}");
    }
    for group in GROUPS {
        let answers = ask_of_group(&mut client, group).await;
        assert!(answers[1..].iter().all(|(_, code)| is_tried_again(*code)), "{group}: {answers:?}");
    }
    assert!(is_tried_again(client.ask(&list_groups::Request::default(), 4).await.error_code));
    let answer = produce(&mut client, "t", bytes(batch(&["d"]))).await;
    assert!(answer.error_message.clone().unwrap_or_default().contains("/index "), "{answer:?}");
    let (status, ready) = running.look("/ready").await;
    assert_eq!(status, 503);
    assert!(ready.contains("shards/0/index ") && ready.contains("shards/1/index "), "{ready}");
    drop(client);
    running.stop().await;
}
