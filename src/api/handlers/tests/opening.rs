//! Shards that are still being opened.

use std::time::Duration;

use super::support::{Cluster, Node, answer, is_waiting, produce_batch, produce_one};
use crate::api::context::Context;
use crate::api::handlers::heartbeat::Heartbeat;
use crate::api::handlers::list_groups::ListGroups;
use crate::api::handlers::offset_commit::OffsetCommit;
use crate::api::handlers::produce::Produce;
use crate::api::refusals::Refusals;
use crate::net::CloseReason;
use crate::protocol::ErrorCode;
use crate::protocol::batch::Builder;
use crate::protocol::messages::{heartbeat, list_groups, offset_commit, produce};
use crate::runtime::Runtime;
use crate::types::Partition;

/// Nobody's broker opens shard 0, all at once; topic `t` has a partition there.
async fn opening() -> Cluster {
    let cluster = Cluster::new_in(Runtime::simulated).await;
    cluster.create("t", &[0, 1]).await;
    cluster.assign(1, 0).await;
    cluster.opened().await;
    cluster.brokers[0].faults.hold_puts(true);
    cluster.assign(0, 0).await;
    cluster
}

fn outcome(response: &produce::Response) -> (i16, i64) {
    let partition = &response.responses[0].partition_responses[0];
    (partition.error_code, partition.base_offset)
}

fn group_here(node: &Node) -> String {
    let image = node.host.image();
    let mut names = (0..).map(|number| format!("group-{number}"));
    names.find(|name| image.coordinator(name).is_some_and(|found| found.0 == 0)).expect("a name")
}

fn commit_one(group_id: &str) -> offset_commit::Request {
    let partition = offset_commit::OffsetCommitRequestPartition { committed_offset: 5, ..Default::default() };
    let topic = offset_commit::OffsetCommitRequestTopic {
        name: "t".to_owned(),
        partitions: vec![partition],
        ..Default::default()
    };
    offset_commit::Request {
        group_id: group_id.to_owned(),
        generation_id_or_member_epoch: -1,
        retention_time_ms: -1,
        topics: vec![topic],
        ..Default::default()
    }
}

fn committed(response: &offset_commit::Response) -> i16 {
    response.topics[0].partitions[0].error_code
}

async fn beat(node: &Node, group_id: &str) -> i16 {
    let request = heartbeat::Request { group_id: group_id.to_owned(), ..Default::default() };
    node.ask::<Heartbeat>(4, request).await.error_code
}

#[tokio::test(start_paused = true)]
async fn requests_wait_in_their_place_until_the_shard_is_open() {
    let cluster = opening().await;
    let node = &cluster.brokers[0];
    let group = group_here(node);
    let mut committing = Box::pin(node.ask::<OffsetCommit>(9, commit_one(&group)));
    assert!(is_waiting(node, &mut committing).await);
    let mut beating = Box::pin(beat(node, &group));
    assert!(is_waiting(node, &mut beating).await);
    let mut listing = Box::pin(node.ask::<ListGroups>(5, list_groups::Request::default()));
    assert!(is_waiting(node, &mut listing).await);

    node.faults.hold_puts(false);
    assert_eq!(committed(&committing.await), 0);
    assert_eq!(beating.await, ErrorCode::UnknownMemberId.code());
    assert_eq!(listing.await.error_code, 0);
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_produce_waits_in_its_place_until_the_shard_is_open() {
    let cluster = opening().await;
    let node = &cluster.brokers[0];
    let mut producing = Box::pin(node.ask::<Produce>(12, produce_one(0)));
    assert!(is_waiting(node, &mut producing).await);
    node.faults.hold_puts(false);
    assert_eq!(outcome(&producing.await), (0, 0));
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_takes_too_long_holds_up_nobody() {
    let cluster = opening().await;
    let node = &cluster.brokers[0];
    let group = group_here(node);
    let clock = &node.runtime.clock;
    let begun = clock.instant();
    assert_eq!(
        outcome(&node.ask::<Produce>(12, produce_one(0)).await).0,
        ErrorCode::NotLeaderOrFollower.code()
    );
    let waited = clock.instant() - begun;
    assert!(waited < Duration::from_millis(300), "other shards' records wait behind it: {waited:?}");
    clock.sleep_until(begun + Duration::from_millis(2_100)).await;

    let late = clock.instant();
    assert_eq!(
        outcome(&node.ask::<Produce>(12, produce_one(0)).await).0,
        ErrorCode::NotLeaderOrFollower.code()
    );
    let loading = ErrorCode::CoordinatorLoadInProgress.code();
    assert_eq!(committed(&node.ask::<OffsetCommit>(9, commit_one(&group)).await), loading);
    assert_eq!(beat(node, &group).await, loading);
    assert!(clock.instant() < late + Duration::from_secs(1));
    cluster.end().await;
}

/// Taken, it would be out of order, and one that was refused would count as stored with its client (librdkafka).
#[tokio::test(start_paused = true)]
async fn a_batch_behind_a_refused_one_is_not_taken_before_it() {
    let cluster = opening().await;
    let node = &cluster.brokers[0];
    let refusals = Refusals::default();
    let send = async |sequence| {
        let batch = Builder::new().producer(7, 0, sequence);
        let context = Context { refusals: refusals.clone(), ..node.context(12) };
        outcome(&answer::<Produce>(context, produce_batch(0, batch)).await)
    };
    let refused = (ErrorCode::NotLeaderOrFollower.code(), -1);
    assert_eq!(send(0).await, refused);
    node.faults.hold_puts(false);
    cluster.opened().await;
    assert_eq!(send(1).await, refused);
    assert_eq!(send(0).await, (0, 0));
    assert_eq!(send(2).await, refused);
    assert_eq!((send(1).await, send(2).await), ((0, 1), (0, 2)));
    node.runtime.clock.sleep(Duration::from_secs(10)).await;
    assert_eq!(send(4).await, (ErrorCode::OutOfOrderSequenceNumber.code(), -1), "a gap for good");
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_goes_elsewhere_is_not_waited_for() {
    let cluster = opening().await;
    let node = &cluster.brokers[0];
    let mut producing = Box::pin(node.ask::<Produce>(12, produce_one(0)));
    assert!(is_waiting(node, &mut producing).await);
    let (produced, epoch) = tokio::join!(producing, cluster.assign(0, 1));
    let partition = &produced.responses[0].partition_responses[0];
    assert_eq!(partition.error_code, ErrorCode::NotLeaderOrFollower.code());
    assert_eq!((partition.current_leader.leader_id, partition.current_leader.leader_epoch), (1, epoch.0));
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_any_more_of_a_connection_that_closed_meanwhile() {
    let cluster = opening().await;
    let node = &cluster.brokers[0];
    let context = node.context(12);
    let closer = context.closer.clone();
    let mut producing = Box::pin(answer::<Produce>(context, produce_one(0)));
    assert!(is_waiting(node, &mut producing).await);
    closer.close(CloseReason::OutcomeUnknown);
    node.faults.hold_puts(false);
    assert_eq!(outcome(&producing.await).0, ErrorCode::NotLeaderOrFollower.code());

    let image = node.host.image();
    let partition = Partition { topic: image.topic_by_name("t").expect("there").id, index: 0 };
    let (_, shard) = image.partition(partition).expect("there");
    let open = node.host.shard_soon(crate::types::ShardId(0), shard.epoch, Duration::from_secs(60)).await;
    let log = open.expect("open").partition(partition).await.expect("loads");
    assert_eq!(log.high_watermark(), 0);
    cluster.end().await;
}
