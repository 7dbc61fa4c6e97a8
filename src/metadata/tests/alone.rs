//! A broker that is alone.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::TryStreamExt as _;
use futures::future::join_all;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use super::support::{Bucket, settings};
use crate::metadata::{
    Applied, Command, ConfigChange, ConfigOp, ConfigResource, MetadataSettings, Outcome, ProposeError,
    Refused, StartError,
};
use crate::runtime::Clock;
use crate::types::{BrokerId, LeaderEpoch, ShardId};

fn assign(process: &super::support::Process) -> Command {
    Command::AssignShard { shard: ShardId(0), owner: Some(process.metadata.owner()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_forms_the_cluster_and_registers_the_broker() {
    let bucket = Bucket::new();
    let process = bucket.start().await;
    let image = process.metadata.image();
    assert_eq!(&*image.cluster_id, "test");
    assert_eq!(image.shards.size(), 1);
    assert_eq!(image.slots.len(), 1024);
    let broker = image.broker(BrokerId(0)).expect("registered");
    assert_eq!(broker.incarnation, process.metadata.incarnation());
    assert_eq!(image.features.levels["metadata.version"], 33);
    let quorum = process.metadata.quorum();
    assert_eq!(quorum.leader, Some(BrokerId(0)));
    assert_eq!(quorum.voters.len(), 1);
    process.metadata.close().await;
}

/// A voter that is alone waits for no election. The clock is paused, so only waiting counts.
#[tokio::test(start_paused = true)]
async fn a_start_waits_for_nothing() {
    let bucket = Bucket::new();
    for _ in 0..3 {
        let clock = Clock::system();
        let begin = clock.instant();
        let process = bucket.start().await;
        let took = clock.instant() - begin;
        assert!(took < Duration::from_millis(50), "{took:?}");
        process.metadata.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let bucket = Bucket::new();
    let first = bucket.start().await;
    let mut ids = BTreeSet::new();
    for n in 0..20 {
        ids.insert(first.create(&format!("t{n}")).await);
    }
    let outcome = first.metadata.propose(assign(&first)).await;
    assert_eq!(outcome, Ok(Ok(Applied::Assigned { epoch: LeaderEpoch(0) })));
    let before = first.metadata.image();

    // Not closed: the second process opens the database under its feet.
    let second = bucket.start().await;
    let after = second.metadata.image();
    assert_eq!(after.topics, before.topics);
    assert_eq!(after.topics.iter().map(|topic| topic.id).collect::<BTreeSet<_>>(), ids);
    assert_eq!(after.counters, before.counters);
    assert!(second.metadata.incarnation() > first.metadata.incarnation());
    assert_eq!(after.shards_of(second.metadata.owner()).count(), 0, "the old process is another owner");

    let outcome = second.metadata.propose(assign(&second)).await;
    assert_eq!(outcome, Ok(Ok(Applied::Assigned { epoch: LeaderEpoch(1) })));
    second.metadata.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_of_a_broker_ends_the_first() {
    let bucket = Bucket::new();
    let first = bucket.start().await;
    let second = bucket.start().await;
    assert_eq!(first.metadata.sync().await.err(), Some(ProposeError::Stopped), "its word counts no more");
    let ended =
        first.runtime.clock.timeout(Duration::from_secs(10), first.runtime.shutdown.requested()).await;
    assert!(ended.is_ok());
    let reason = first.runtime.tasks.failure().expect("a failure");
    assert!(reason.contains("another process was started as broker 0"), "{reason}");
    assert!(first.metadata.propose(assign(&first)).await.is_err());
    second.create("t").await;
    second.metadata.sync().await.expect("the newest process is the leader");
    first.metadata.close().await;
    second.metadata.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_proposals_at_once_take_few_entries() {
    let bucket = Bucket::new();
    let process = bucket.start().await;
    let before = process.metadata.quorum().index;
    let created = join_all((0..1000).map(|n| {
        let topic = process.topic(&format!("t-{n}"));
        let metadata = process.metadata.clone();
        async move { metadata.propose(Command::CreateTopic(topic)).await }
    }));
    for outcome in created.await {
        assert!(matches!(outcome, Ok(Ok(Applied::Topic { created: true, .. }))), "{outcome:?}");
    }
    let entries = process.metadata.quorum().index - before;
    assert!(entries <= 20, "{entries} entries");
    assert_eq!(process.metadata.image().topics.len(), 1000);
    process.metadata.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_one_proposal_succeed_and_fail_alone() {
    let bucket = Bucket::new();
    let process = bucket.start().await;
    let (good, twice, bad) = (process.topic("good"), process.topic("good"), process.topic("not good"));
    let index = process.metadata.image().index;
    let refused = process.metadata.propose(Command::CreateTopic(bad.clone())).await.expect("an outcome");
    assert!(matches!(refused, Err(Refused::InvalidTopicName(_))));
    assert_eq!(process.metadata.image().index, index, "a refusal takes no entry");

    let all =
        vec![Command::CreateTopic(good.clone()), Command::CreateTopic(twice), Command::CreateTopic(bad)];
    let dry = process.metadata.validate(all.clone()).await.expect("outcomes");
    assert!(process.metadata.image().topics.is_empty(), "validation changes nothing");
    let outcomes: Vec<Outcome> = process.metadata.propose_many(all).await.expect("outcomes");
    assert_eq!(dry, outcomes);
    assert_eq!(outcomes[0], Ok(Applied::Topic { id: good.id, created: true }));
    assert_eq!(outcomes[1], Err(Refused::TopicExists("good".to_owned())));
    assert!(matches!(outcomes[2], Err(Refused::InvalidTopicName(_))));
    process.metadata.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn config_values_are_checked_before_they_enter_the_log() {
    let bucket = Bucket::new();
    let process = bucket.start().await;
    let id = process.create("t").await;
    let set = |name: &str, value: &str| Command::IncrementalAlterConfigs {
        resource: ConfigResource::Topic(id),
        changes: vec![ConfigChange { name: name.to_owned(), op: ConfigOp::Set(value.to_owned()) }],
    };
    for (name, value) in [("no.such.config", "1"), ("max.message.bytes", "many")] {
        let outcome = process.metadata.propose(set(name, value)).await.expect("an outcome");
        assert!(matches!(outcome, Err(Refused::InvalidConfig(_))), "{name}: {outcome:?}");
    }
    let outcome = process.metadata.propose(set("max.message.bytes", "1000")).await;
    assert_eq!(outcome, Ok(Ok(Applied::Done)));
    let image = process.metadata.image();
    assert_eq!(image.topic(id).expect("the topic").configs["max.message.bytes"], "1000");
    process.metadata.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_becomes_a_snapshot_and_both_are_read_at_the_next_start() {
    let bucket = Bucket::new();
    let settings = MetadataSettings { snapshot_log_bytes: 4096, ..settings(0) };
    let first = bucket.try_start(&settings).await.expect("a start");
    for n in 0..200 {
        first.create(&format!("before-{n}")).await;
    }
    let clock = &first.runtime.clock;
    let deadline = clock.instant() + Duration::from_secs(10);
    while first.metadata.snapshot_index() == 0 {
        assert!(clock.instant() < deadline, "no snapshot was taken");
        clock.sleep(Duration::from_millis(20)).await;
    }
    for n in 0..3 {
        first.create(&format!("after-{n}")).await;
    }
    let before = first.metadata.image();

    let second = bucket.try_start(&settings).await.expect("a start");
    let after = second.metadata.image();
    assert_eq!(after.topics, before.topics);
    assert!(second.metadata.snapshot_index() > 0);
    second.create("more").await;
    second.metadata.close().await;
    let third = bucket.try_start(&settings).await.expect("a start after a clean end");
    assert_eq!(third.metadata.image().topics.len(), 204);
    third.metadata.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn producer_ids_never_repeat() {
    let bucket = Bucket::new();
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let process = bucket.start().await;
        let ids = join_all((0..1700).map(|_| process.metadata.allocate_producer_id())).await;
        for id in ids {
            assert!(seen.insert(id.expect("an id")));
        }
    }
    assert_eq!(seen.len(), 3400);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_contradict_the_stored_cluster_stop_the_start() {
    let bucket = Bucket::new();
    bucket.start().await.metadata.close().await;
    let other = MetadataSettings { cluster_id: Some("other".to_owned()), ..settings(0) };
    let error = bucket.try_start(&other).await.err();
    assert!(matches!(error, Some(StartError::OtherCluster { .. })), "{error:?}");
    let error = bucket.try_start(&settings(7)).await.err();
    assert!(matches!(error, Some(StartError::NotAMember { .. })), "{error:?}");

    let any = MetadataSettings { cluster_id: None, shards: 5, ..settings(0) };
    let process = bucket.try_start(&any).await.expect("the stored settings are obeyed");
    assert_eq!(&*process.metadata.image().cluster_id, "test");
    assert_eq!(process.metadata.image().shards.size(), 1);
    process.metadata.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_too_large_is_refused() {
    let bucket = Bucket::new();
    let process = bucket.start().await;
    let topics = (0..200).map(|n| {
        let placement = vec![ShardId(0); 9000];
        Command::CreateTopic(crate::metadata::NewTopic { placement, ..process.topic(&format!("t{n}")) })
    });
    let outcome = process.metadata.propose_many(topics.collect()).await;
    assert!(matches!(outcome, Err(ProposeError::TooLarge { .. })), "{outcome:?}");
    process.metadata.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_is_gone_is_not_begun_anew_where_there_are_shards() {
    let bucket = Bucket::new();
    let process = bucket.start().await;
    process.create("t").await;
    process.metadata.close().await;
    let shard = Path::from("data/shards/0/log/00000000000000000001.seg");
    bucket.objects().put(&shard, "a fence".into()).await.expect("stored");
    let listed: Vec<_> =
        bucket.objects().list(Some(&Path::from("data/raft"))).try_collect().await.expect("lists");
    for meta in listed {
        bucket.objects().delete(&meta.location).await.expect("deleted");
    }
    for _ in 0..2 {
        let refused = bucket.try_start(&settings(0)).await.err();
        assert!(matches!(refused, Some(StartError::Gone { .. })), "{refused:?}");
    }
    bucket.objects().delete(&shard).await.expect("deleted");
    bucket.start().await.metadata.close().await;
}
