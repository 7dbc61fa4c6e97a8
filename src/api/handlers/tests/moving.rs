//! Partitions that are at another broker, or go there.

use std::time::Duration;

use super::support::{Cluster, Node, fetch_one, is_waiting, produce_one};
use crate::api::handlers::delete_records::DeleteRecords;
use crate::api::handlers::fetch::Fetch;
use crate::api::handlers::list_offsets::ListOffsets;
use crate::api::handlers::offset_for_leader_epoch::OffsetForLeaderEpoch;
use crate::api::handlers::produce::Produce;
use crate::cluster::heartbeat::Reply;
use crate::metadata::{Applied, Command};
use crate::protocol::ErrorCode;
use crate::protocol::messages::{delete_records, fetch, list_offsets, offset_for_leader_epoch, produce};
use crate::types::{LeaderEpoch, ShardId};

const NOT_LEADER: i16 = ErrorCode::NotLeaderOrFollower.code();
const FENCED: i16 = ErrorCode::FencedLeaderEpoch.code();
const UNKNOWN: i16 = ErrorCode::UnknownLeaderEpoch.code();

/// Error, and the leader and its epoch, of the one partition of a response; and whose addresses it has.
type Told = (i16, (i32, i32), Vec<i32>);

fn told_by_fetch(response: &fetch::Response) -> Told {
    let partition = &response.responses[0].partitions[0];
    let leader = (partition.current_leader.leader_id, partition.current_leader.leader_epoch);
    let nodes = response.node_endpoints.iter().map(|node| node.node_id).collect();
    (partition.error_code, leader, nodes)
}

fn told_by_produce(response: &produce::Response) -> Told {
    let partition = &response.responses[0].partition_responses[0];
    let leader = (partition.current_leader.leader_id, partition.current_leader.leader_epoch);
    let nodes = response.node_endpoints.iter().map(|node| node.node_id).collect();
    (partition.error_code, leader, nodes)
}

fn list_one(current_leader_epoch: i32) -> list_offsets::Request {
    let partition =
        list_offsets::ListOffsetsPartition { partition_index: 1, current_leader_epoch, timestamp: -1 };
    let topic = list_offsets::ListOffsetsTopic { name: "t".to_owned(), partitions: vec![partition] };
    list_offsets::Request { topics: vec![topic], ..Default::default() }
}

fn end_of_epoch(current_leader_epoch: i32) -> offset_for_leader_epoch::Request {
    let partition = offset_for_leader_epoch::OffsetForLeaderPartition {
        partition: 1,
        current_leader_epoch,
        leader_epoch: 0,
    };
    let topic =
        offset_for_leader_epoch::OffsetForLeaderTopic { topic: "t".to_owned(), partitions: vec![partition] };
    offset_for_leader_epoch::Request { topics: vec![topic], ..Default::default() }
}

#[tokio::test]
async fn a_client_at_the_wrong_broker_is_told_the_right_one() {
    let cluster = Cluster::settled().await;
    let node = &cluster.brokers[0];
    let topic = node.host.image().topic_by_name("t").expect("there").id;
    let epoch = cluster.epoch(1);
    let there = (NOT_LEADER, (1, epoch), vec![1]);
    let untold = (NOT_LEADER, (-1, -1), Vec::new());

    let produced = node.ask::<Produce>(10, produce_one(1)).await;
    assert_eq!(told_by_produce(&produced), there);
    assert_eq!(told_by_produce(&node.ask::<Produce>(9, produce_one(1)).await), untold);
    assert_eq!(told_by_produce(&node.ask::<Produce>(10, produce_one(0)).await), (0, (-1, -1), Vec::new()));

    let fetched = node.ask::<Fetch>(16, fetch_one(topic, 1, -1, 0)).await;
    assert_eq!(told_by_fetch(&fetched), there);
    assert_eq!(told_by_fetch(&node.ask::<Fetch>(15, fetch_one(topic, 1, -1, 0)).await), untold);

    let asked = delete_records::DeleteRecordsPartition { partition_index: 1, offset: -1 };
    let asked = delete_records::DeleteRecordsTopic { name: "t".to_owned(), partitions: vec![asked] };
    let request = delete_records::Request { topics: vec![asked], ..Default::default() };
    let deleted = node.ask::<DeleteRecords>(2, request).await;
    assert_eq!(deleted.topics[0].partitions[0].error_code, NOT_LEADER);

    cluster.fence(1, true).await;
    let nowhere = (NOT_LEADER, (-1, epoch), Vec::new());
    assert_eq!(told_by_produce(&node.ask::<Produce>(13, by_id(produce_one(1), topic)).await), nowhere);
    assert_eq!(told_by_fetch(&node.ask::<Fetch>(17, fetch_one(topic, 1, -1, 0)).await), nowhere);
    cluster.end().await;
}

fn by_id(mut request: produce::Request, topic: crate::types::TopicId) -> produce::Request {
    request.topic_data[0].topic_id = topic.0;
    request
}

#[tokio::test]
async fn the_older_of_two_epochs_is_refused_at_any_broker() {
    let cluster = Cluster::settled().await;
    let topic = cluster.brokers[0].host.image().topic_by_name("t").expect("there").id;
    let epoch = cluster.epoch(1);
    for (broker, same) in [(0, NOT_LEADER), (1, 0)] {
        let node = &cluster.brokers[broker];
        for (client, code) in [(epoch, same), (epoch - 1, FENCED), (epoch + 1, UNKNOWN), (-1, same)] {
            let told = told_by_fetch(&node.ask::<Fetch>(17, fetch_one(topic, 1, client, 0)).await);
            let moved = [NOT_LEADER, FENCED].contains(&code);
            let (leader, nodes) = if moved { ((1, epoch), vec![1]) } else { ((-1, -1), Vec::new()) };
            assert_eq!(told, (code, leader, nodes), "fetch of {client} at {broker}");

            let listed = node.ask::<ListOffsets>(9, list_one(client)).await;
            assert_eq!(listed.topics[0].partitions[0].error_code, code, "list of {client} at {broker}");
            let ended = node.ask::<OffsetForLeaderEpoch>(4, end_of_epoch(client)).await;
            assert_eq!(ended.topics[0].partitions[0].error_code, code, "end of {client} at {broker}");
        }
    }
    cluster.end().await;
}

#[tokio::test]
async fn a_fetch_that_waits_where_the_partition_leaves_is_told_where_it_goes() {
    let cluster = Cluster::settled().await;
    let node = &cluster.brokers[0];
    let topic = node.host.image().topic_by_name("t").expect("there").id;
    let begun = node.runtime.clock.instant();
    let mut fetching = Box::pin(node.ask::<Fetch>(17, fetch_one(topic, 0, -1, 60_000)));
    assert!(is_waiting(node, &mut fetching).await);
    // Records that are still taken there have to wait: the fetch has not.
    node.faults.hold_puts(true);
    let mut producing = Box::pin(node.ask::<Produce>(13, by_id(produce_one(3), topic)));
    let (fetched, epoch) = tokio::join!(fetching, cluster.assign(0, 1));
    assert_eq!(told_by_fetch(&fetched), (NOT_LEADER, (1, epoch.0), vec![1]));
    assert!(node.runtime.clock.instant() < begun + std::time::Duration::from_secs(10));
    assert_eq!(told_by_produce(&producing.as_mut().await).0, NOT_LEADER);
    drop(producing);
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_fetch_waits_for_nothing_where_nobody_can_tell_who_owns_the_partition() {
    let cluster = Cluster::simulated().await;
    let (leader, cut_off) = (cluster.leader(), (cluster.leader() + 1) % 3);
    let (node, next) = (&cluster.brokers[cut_off], &cluster.brokers[leader]);
    let topic = node.host.image().topic_by_name("t").expect("there").id;
    let begun = node.runtime.clock.instant();
    let shard = ShardId(cut_off as u32);
    let mut fetching = Box::pin(node.ask::<Fetch>(17, fetch_one(topic, shard.0 as i32, -1, 600_000)));
    assert!(is_waiting(node, &mut fetching).await);
    cluster.switchboard.cut(cut_off as i32);
    // Its own manifest says that nobody else has opened the shard.
    let waits = node.runtime.clock.timeout(Duration::from_secs(30), &mut fetching).await;
    assert!(waits.is_err(), "it owns what nobody has taken from it");
    take_over(next, shard).await;
    assert_eq!(told_by_fetch(&fetching.await).0, NOT_LEADER);
    assert!(node.runtime.clock.instant() < begun + Duration::from_secs(60));
    cluster.switchboard.mend(cut_off as i32);
    cluster.end().await;
}

/// Assigns the shard to the broker, which leads, and returns once it is open there.
async fn take_over(next: &Node, shard: ShardId) {
    let owner = Some(next.metadata.owner());
    let assigned = next.metadata.propose(Command::AssignShard { shard, owner }).await.expect("an outcome");
    let Ok(Applied::Assigned { epoch }) = assigned else { panic!("not assigned: {assigned:?}") };
    next.host.caught_up(next.metadata.image().index).await;
    assert!(next.host.shard_soon(shard, epoch, Duration::from_secs(60)).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn fetches_that_wait_for_less_than_an_answer_takes_hear_it_one_after_another() {
    let cluster = Cluster::simulated().await;
    let (leader, cut_off) = (cluster.leader(), (cluster.leader() + 1) % 3);
    let (node, next) = (&cluster.brokers[cut_off], &cluster.brokers[leader]);
    let topic = node.host.image().topic_by_name("t").expect("there").id;
    let shard = ShardId(cut_off as u32);
    let fetch = || node.ask::<Fetch>(17, fetch_one(topic, shard.0 as i32, -1, 500));
    cluster.switchboard.cut(cut_off as i32);
    for _ in 0..20 {
        assert_eq!(told_by_fetch(&fetch().await).0, 0, "it owns what nobody has taken from it");
    }
    take_over(next, shard).await;
    let taken = node.runtime.clock.instant();
    while told_by_fetch(&fetch().await).0 == 0 {
        assert!(node.runtime.clock.instant() < taken + Duration::from_secs(6), "nobody was told");
    }
    for _ in 0..5 {
        let begun = node.runtime.clock.instant();
        assert_eq!(told_by_fetch(&fetch().await).0, NOT_LEADER);
        assert!(node.runtime.clock.instant() < begun + Duration::from_millis(100), "it is known");
        node.runtime.clock.sleep(Duration::from_millis(900)).await;
    }
    cluster.switchboard.mend(cut_off as i32);
    cluster.end().await;
}

#[tokio::test]
async fn a_produce_to_a_shard_that_is_being_given_away_hears_who_gets_it() {
    let cluster = Cluster::settled().await;
    let node = &cluster.brokers[0];
    let (shard, epoch) = (ShardId(0), LeaderEpoch(cluster.epoch(0)));
    let word =
        Reply { proof_age_ms: Some(0), owned: vec![], release: vec![(shard, epoch)], nobody_takes: false };
    node.host.take_word(node.runtime.clock.instant(), &word);
    while node.host.shard(shard, epoch).is_some() {
        node.runtime.clock.sleep(Duration::from_millis(1)).await;
    }
    let mut producing = Box::pin(node.ask::<Produce>(12, produce_one(0)));
    assert!(is_waiting(node, &mut producing).await);
    let next = cluster.assign(0, 1).await;
    assert_eq!(told_by_produce(&producing.await), (NOT_LEADER, (1, next.0), vec![1]));

    // Nobody gets it: the client is not kept for long.
    let word = Reply { release: vec![(ShardId(1), LeaderEpoch(cluster.epoch(1)))], ..word };
    let node = &cluster.brokers[1];
    node.host.take_word(node.runtime.clock.instant(), &word);
    while node.host.shard(ShardId(1), LeaderEpoch(cluster.epoch(1))).is_some() {
        node.runtime.clock.sleep(Duration::from_millis(1)).await;
    }
    let begun = node.runtime.clock.instant();
    assert_eq!(told_by_produce(&node.ask::<Produce>(12, produce_one(1)).await).0, NOT_LEADER);
    let waited = node.runtime.clock.instant() - begun;
    assert!((Duration::from_millis(500)..Duration::from_secs(1)).contains(&waited), "{waited:?}");
    cluster.end().await;
}
