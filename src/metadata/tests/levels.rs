//! The level of the cluster: what brokers of several versions may write.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;

use super::support::{Bucket, Switchboard, close, eventually, member, register, settings};
use crate::metadata::{
    Command, FEATURES, Feature, Image, LEVEL, MetadataSettings, Placing, ProposeError, Refused, StartError,
    snapshot,
};
use crate::types::{BrokerId, Incarnation, ShardId};

const LATEST: u16 = Command::LATEST;
/// A program that knows of users, and not of levels.
const OLD: u16 = 4;

async fn names(bucket: &Bucket, folder: &str) -> Vec<String> {
    let listed = bucket.objects().list(Some(&Path::from(format!("data/{folder}"))));
    let mut names: Vec<String> = listed
        .map_ok(|object| object.location.to_string())
        .try_collect()
        .await
        .expect("a list of what is stored");
    names.sort_unstable();
    names
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_that_the_oldest_broker_cannot_read_and_the_level_rises_after_it() {
    let bucket = Bucket::new();
    let process = bucket.start_beside(BrokerId(9), OLD).await;
    let metadata = &process.metadata;
    process.create("by-a-new-broker").await;
    assert_eq!((metadata.image().level(), metadata.image().next_level()), (Some(OLD), None));
    let own = Command::Unregister { broker: BrokerId(0), incarnation: metadata.incarnation() };
    let refused = metadata.propose(own).await;
    assert_eq!(refused, Err(ProposeError::NotSupported { needed: 5, known: OLD }));
    let raised = metadata.propose(Command::finalize(LEVEL, LATEST as i16)).await.expect("an outcome");
    let said = raised.expect_err("broker 9 does not know it").to_string();
    assert!(said.ends_with("Broker 9 only supports versions 1-4."), "{said}");
    let format = |image: &Image| snapshot::encode(image).expect("it can be encoded")[0];
    assert_eq!(format(&metadata.image()), 4, "the last one that an old program reads");
    assert!(names(&bucket, "levels").await.is_empty());

    // The old program itself is what may leave without knowing how.
    let old = Command::Unregister { broker: BrokerId(9), incarnation: Incarnation(1) };
    metadata.propose(old).await.expect("an outcome").expect("it is gone");
    let is_raised = || (metadata.image().level() == Some(LATEST)).then_some(());
    eventually(&process, "the rise of the level", is_raised).await;
    assert_eq!(format(&metadata.image()), 5);
    assert_eq!(names(&bucket, "levels").await, [format!("data/levels/{LATEST}")]);
    let late = metadata.propose(register(BrokerId(9), LATEST - 1)).await.expect("an outcome");
    assert_eq!(late, Err(Refused::TooOld { broker: BrokerId(9), known: LATEST - 1, level: LATEST }));
    // One that could do more writes what the others can read.
    metadata.propose(register(BrokerId(9), LATEST + 1)).await.expect("an outcome").expect("it may join");
    assert_eq!((metadata.image().level(), metadata.image().next_level()), (Some(LATEST), None));
    metadata.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_cluster_is_at_the_newest_level_and_a_program_that_is_too_old_touches_nothing() {
    let bucket = Bucket::new();
    let process = bucket.start().await;
    assert_eq!(process.metadata.image().finalized_level(), Some(LATEST));
    process.metadata.close().await;
    bucket.start().await.metadata.close().await;
    let later = Path::from(format!("data/levels/{}", LATEST + 1));
    bucket.objects().put(&later, "{}".into()).await.expect("put");
    let before = names(&bucket, "raft").await;
    let error = bucket.try_start(&settings(0)).await.err();
    let Some(StartError::TooOld { level, latest }) = error else { panic!("{error:?}") };
    assert_eq!((level, latest), (LATEST + 1, LATEST));
    assert_eq!(names(&bucket, "raft").await, before);
}

#[test]
fn the_level_is_a_feature_of_its_own() {
    let level: Vec<&Feature> = FEATURES.iter().filter(|feature| feature.name == LEVEL).collect();
    assert_eq!(level.len(), 1);
    assert_eq!((level[0].max, level[0].at_birth), (LATEST as i16, LATEST as i16));
    assert_eq!(Command::finalize(LEVEL, 6), Command::RaiseLevel { level: 6 });
    assert_eq!(
        Command::finalize("group.version", 1),
        Command::SetFeature { name: "group.version".to_owned(), level: 1 }
    );
}

#[tokio::test(start_paused = true)]
async fn settings_that_differ_are_known_to_all() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let hours = ["168", "168", "24"];
    let start = async |id: i32| {
        let agreed = BTreeMap::from([("LOG_RETENTION_HOURS".to_owned(), hours[id as usize].to_owned())]);
        let settings = MetadataSettings { agreed: Arc::new(agreed), ..member(id, &[0, 1, 2]) };
        bucket.start_as(bucket.runtime(), &settings, &switchboard).await
    };
    let mut brokers = futures::future::join_all((0..3).map(&start)).await;
    let told = |broker: usize| {
        let differences = brokers[broker].metadata.image().configs.declared.differences();
        differences.first().map(ToString::to_string)
    };
    for broker in 0..3 {
        let expected = "LOG_RETENTION_HOURS is not the same on all brokers: 168 on 0 and 1, 24 on 2";
        eventually(&brokers[0], "word of it", || (told(broker).as_deref() == Some(expected)).then_some(()))
            .await;
    }
    switchboard.hang_up(2);
    brokers[2].metadata.close().await;
    let agreed = Arc::new(BTreeMap::from([("LOG_RETENTION_HOURS".to_owned(), "168".to_owned())]));
    let same = MetadataSettings { agreed, ..member(2, &[0, 1, 2]) };
    brokers[2] = bucket.start_as(bucket.runtime(), &same, &switchboard).await;
    let metadata = &brokers[0].metadata;
    let is_settled = || metadata.image().configs.declared.differences().is_empty().then_some(());
    eventually(&brokers[0], "an agreement", is_settled).await;
    close(&brokers).await;
}

#[tokio::test(start_paused = true)]
async fn shards_are_added_and_take_what_is_new() {
    let bucket = Bucket::new();
    let process = bucket.start().await;
    let metadata = &process.metadata;
    let topic = process.create("before").await;
    let slots = metadata.image().slots.clone();
    let add = async |shards| metadata.propose(Command::AddShards { shards }).await.expect("an outcome");
    add(3).await.expect("added");
    let image = metadata.image();
    assert_eq!(image.shards.keys().copied().collect::<Vec<_>>(), [ShardId(0), ShardId(1), ShardId(2)]);
    assert_eq!(image.slots, slots);
    let kept = image.topic(topic).expect("the topic").partitions.iter().map(|partition| partition.shard);
    assert_eq!(kept.collect::<Vec<_>>(), [ShardId(0), ShardId(0)]);
    let placed = Placing::of(&image).place(4, 0);
    assert_eq!(placed, [ShardId(1), ShardId(2), ShardId(1), ShardId(2)]);
    let lower = add(2).await.expect_err("refused").to_string();
    assert!(lower.starts_with("the cluster has 3 shards, and their number is never lowered"), "{lower}");
    assert!(add(1025).await.is_err());
    metadata.close().await;
    assert_eq!(bucket.start().await.metadata.image().shards.size(), 3);
}
