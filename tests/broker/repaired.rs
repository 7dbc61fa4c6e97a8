//! `storage repair`: a damaged shard serves again what is left of it, and gives no offset out twice.

use std::fs;
use std::path::PathBuf;

use kafkaesque::config::{Config, Given};
use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::delete_topics;
use kafkaesque::protocol::messages::metadata::MetadataResponseTopic as Topic;
use kafkaesque::runtime::Runtime;
use kafkaesque::storage::{self, Part, Report};
use kafkaesque::types::ShardId;

use crate::Running;
use crate::admin::{create, describe, topic};
use crate::configs::change;

use crate::client::Client;
use crate::metadata_damaged::{Place, copy};
use crate::produce_fetch::{batch, bytes, fetch, produce, read_all};

/// By so much offsets rise where nobody can say what is missing.
const UNKNOWN: i64 = 1 << 40;

async fn repair(place: &Place, accept_loss: bool) -> Result<Report, String> {
    repair_part(place, Part::Shard(ShardId(0)), accept_loss).await
}

async fn repair_part(place: &Place, part: Part, accept_loss: bool) -> Result<Report, String> {
    let given = Given::nothing()
        .with("LOCAL_FSYNC", "false")
        .with("LOCAL_RESERVE_BYTES", "0")
        .with("DATA_PATH", place.data.path().display().to_string());
    let config = Config::load(&given).expect("settings");
    storage::run(&config, part, accept_loss, &Runtime::system()).await
}

/// Hears what is lost, which changes nothing, then gives it up.
async fn give_up(place: &Place) -> String {
    let told = repair(place, false).await.expect("a survey");
    assert!(!told.is_sound);
    place.refusal("t").await;
    let repaired = repair(place, true).await.expect("a repair");
    assert!(repaired.is_sound);
    let again = repair(place, true).await.expect("a survey");
    assert_eq!(again.lines, ["shard 0 is sound"]);
    told.lines.join("\n")
}

async fn append(client: &mut Client, value: &str) -> i64 {
    let answer = produce(client, "t", bytes(batch(&[value]))).await;
    assert_eq!(answer.error_code, 0, "{answer:?}");
    answer.base_offset
}

/// A store as it was when a broker with these records, each in a segment of its own, was killed.
async fn killed(values: &[&str]) -> Place {
    let place = Place::new();
    let running = place.run().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("t", 1, 1)]).await;
    for value in values {
        append(&mut client, value).await;
    }
    for part in ["shards", "raft"] {
        place.keep(part, part);
    }
    drop(client);
    running.stop().await;
    for part in ["shards", "raft"] {
        place.put_back(part, part);
    }
    place
}

/// The segments with records, oldest first: fences are small.
fn segments(place: &Place) -> Vec<PathBuf> {
    let log = fs::read_dir(place.path("shards/0/log")).expect("a log");
    let mut found: Vec<PathBuf> = log.map(|entry| entry.expect("an entry").path()).collect();
    found.retain(|path| fs::metadata(path).expect("a size").len() > 200);
    found.sort();
    found
}

fn numbered(values: &[(i64, &str)]) -> Vec<(i64, String)> {
    values.iter().map(|(offset, value)| (*offset, (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_tail_segment_that_is_missing_costs_its_records_alone() {
    let place = killed(&["a", "b", "c", "d"]).await;
    fs::remove_file(&segments(&place)[2]).expect("removed");
    let told = give_up(&place).await;
    assert!(
        told.contains("topic t, partition 0: lost: offset 2, whatever was acknowledged from offset 4 on"),
        "{told}"
    );
    let mut next = 0;
    for round in 0..2 {
        let running = place.run().await;
        let mut client = running.client().await;
        // Up to the end there may be nothing, and that is no error.
        if round == 0 {
            let nothing = fetch(&mut client, "t", 4).await;
            assert_eq!(nothing.error_code, 0);
            assert!(nothing.records.is_none_or(|records| records.into_bytes().is_empty()));
        }
        let offset = append(&mut client, "new").await;
        assert!(offset > next.max(4 + 1_000_000), "{offset} is not above {next}");
        next = offset;
        let found = read_all(&mut client, "t", 0).await;
        let expected = numbered(&[(0, "a"), (1, "b"), (3, "d")]);
        assert_eq!(found[..3], expected, "{found:?}");
        assert_eq!(found.len(), 4 + round);
        assert_eq!(read_all(&mut client, "t", 5).await.len(), 1 + round);
        drop(client);
        running.stop().await;
    }
}

#[tokio::test]
async fn a_tail_segment_that_is_damaged_is_moved_aside() {
    let place = killed(&["a", "b", "c"]).await;
    let damaged = segments(&place).remove(1);
    let mut object = fs::read(&damaged).expect("read");
    object[150] ^= 1;
    fs::write(&damaged, &object).expect("written");
    let told = give_up(&place).await;
    assert!(told.contains("lost: offset 1,"), "{told}");
    let aside = fs::read_dir(place.path("shards/0/damaged")).expect("a folder").next().expect("a repair");
    let aside = aside.expect("an entry").path().join("log").join(damaged.file_name().expect("a name"));
    assert_eq!(fs::read(aside).expect("it is there"), object);
    let running = place.run().await;
    let mut client = running.client().await;
    append(&mut client, "new").await;
    let found = read_all(&mut client, "t", 0).await;
    assert_eq!(found[..2], numbered(&[(0, "a"), (2, "c")]), "{found:?}");
    drop(client);
    running.stop().await;
}

#[tokio::test]
async fn an_index_that_is_gone_is_made_anew_from_the_log() {
    for of_a_crash in [false, true] {
        let place = match of_a_crash {
            true => killed(&["a", "b"]).await,
            false => {
                let place = Place::new();
                place.live("t", &["a", "b"]).await;
                place
            }
        };
        let part = if of_a_crash { "shards/0/index" } else { "shards/0/index/manifest" };
        fs::remove_dir_all(place.path(part)).expect("removed");
        give_up(&place).await;
        let running = place.run().await;
        let mut client = running.client().await;
        let offset = append(&mut client, "c").await;
        assert!(offset >= UNKNOWN, "{offset}");
        let found = read_all(&mut client, "t", 0).await;
        assert_eq!(found, numbered(&[(0, "a"), (1, "b"), (offset, "c")]));
        drop(client);
        running.stop().await;
    }
}

#[tokio::test]
async fn a_shard_that_is_gone_begins_anew_above_every_offset_that_it_gave_out() {
    let place = Place::new();
    for _ in 0..3 {
        place.live("t", &["a"]).await;
    }
    fs::remove_dir_all(place.path("shards/0")).expect("removed");
    let told = give_up(&place).await;
    assert!(
        told.contains("topic t, partition 0: lost: whatever was acknowledged from offset 0 on"),
        "{told}"
    );
    for round in 0..2 {
        let running = place.run().await;
        let mut client = running.client().await;
        assert_eq!(append(&mut client, "new").await, UNKNOWN + round);
        let old = fetch(&mut client, "t", 0).await;
        assert_eq!(old.error_code, ErrorCode::OffsetOutOfRange.code());
        assert_eq!(read_all(&mut client, "t", UNKNOWN).await.len(), 1 + round as usize);
        drop(client);
        running.stop().await;
    }
}

#[tokio::test]
async fn a_shard_that_is_an_older_copy_serves_what_it_has() {
    let place = Place::new();
    place.live("t", &["a"]).await;
    place.keep("shards", "older");
    place.live("t", &["b"]).await;
    place.put_back("shards", "older");
    give_up(&place).await;
    let running = place.run().await;
    let mut client = running.client().await;
    let offset = append(&mut client, "c").await;
    assert_eq!(offset, UNKNOWN + 1);
    assert_eq!(read_all(&mut client, "t", 0).await, numbered(&[(0, "a"), (offset, "c")]));
    drop(client);
    running.stop().await;
}

#[tokio::test]
async fn a_shard_that_is_sound_is_left_alone() {
    let place = Place::new();
    place.live("t", &["a"]).await;
    place.keep("shards", "before");
    let report = repair(&place, true).await.expect("a survey");
    assert_eq!(report.lines, ["shard 0 is sound"]);
    assert!(!place.path("shards/0/damaged").exists());
    assert_eq!(segments(&place).len(), {
        place.put_back("shards", "before");
        segments(&place).len()
    });
}

#[tokio::test]
async fn a_shard_that_a_broker_writes_to_is_not_repaired() {
    let place = killed(&["a", "b", "c"]).await;
    let running = place.run().await;
    let mut client = running.client().await;
    append(&mut client, "d").await;
    copy(&place.path("shards"), &place.path("kept"));
    fs::remove_file(&segments(&place)[1]).expect("removed");
    let writing = async {
        loop {
            append(&mut client, "e").await;
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
    };
    let refused = tokio::select! {
        refused = repair(&place, true) => refused.expect_err("a broker holds it"),
        () = writing => unreachable!("it writes until then"),
    };
    assert!(refused.contains("a broker holds the shard"), "{refused}");
    assert!(!place.path("shards/0/damaged").exists());
    drop(client);
    running.stop().await;
}

/// A store of four shards with topics, their configs, and records in each partition; one topic is deleted, one has nothing yet.
async fn with_topics(place: &Place) -> Vec<Topic> {
    let running = four_shards(place).await;
    let mut client = running.client().await;
    let names = ["t0", "t1", "t2", "gone", "empty"];
    create(&mut client, names.map(|name| topic(name, 3, 1)).to_vec()).await;
    assert_eq!(change(&mut client, 2, "t1", &[("max.message.bytes", 0, Some("4711"))]).await, 0);
    for name in &names[..4] {
        assert_eq!(produce(&mut client, name, bytes(batch(&[name]))).await.error_code, 0);
    }
    let request = delete_topics::Request {
        topic_names: vec!["gone".to_owned()],
        timeout_ms: 1_000,
        ..delete_topics::Request::default()
    };
    assert_eq!(client.ask(&request, 5).await.responses[0].error_code, 0);
    let mut topics = Vec::new();
    for name in ["t0", "t1", "t2", "empty"] {
        topics.push(describe(&mut client, name, false).await);
    }
    // Its shards have removed it by then.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    drop(client);
    running.stop().await;
    topics
}

async fn four_shards(place: &Place) -> Running {
    Running::on(place.data.path(), &[("SHARDS", "4")]).await
}

/// All of them are as they were, and go on.
async fn check_topics(place: &Place, topics: &[Topic], round: i64) {
    let running = four_shards(place).await;
    let mut client = running.client().await;
    for before in topics {
        let name = before.name.clone().expect("a name");
        let now = describe(&mut client, &name, false).await;
        assert_eq!((now.error_code, now.topic_id), (0, before.topic_id), "{name}");
        assert_eq!(now.partitions.len(), 3);
        let epochs = now.partitions.iter().zip(&before.partitions);
        assert!(epochs.into_iter().all(|(now, before)| now.leader_epoch > before.leader_epoch), "{name}");
        let answer = produce(&mut client, &name, bytes(batch(&["new"]))).await;
        let had = i64::from(name != "empty");
        assert_eq!((answer.error_code, answer.base_offset), (0, had + round), "{name}");
        let found = read_all(&mut client, &name, 0).await;
        assert_eq!(found.len() as i64, had + round + 1, "{name}");
    }
    let gone = describe(&mut client, "gone", false).await;
    assert_eq!(gone.error_code, ErrorCode::UnknownTopicOrPartition.code());
    let large = "x".repeat(8_000);
    let refused = produce(&mut client, "t1", bytes(batch(&[&large]))).await;
    assert_eq!(refused.error_code, ErrorCode::MessageTooLarge.code());
    drop(client);
    running.stop().await;
}

#[tokio::test]
async fn metadata_that_is_gone_is_made_anew_from_what_the_shards_remember() {
    let place = Place::new();
    let topics = with_topics(&place).await;
    fs::remove_dir_all(place.path("raft")).expect("removed");
    let told = repair_part(&place, Part::Metadata, false).await.expect("a look");
    assert!(!told.is_sound && !place.path("raft").exists());
    assert!(told.lines.contains(&"topic t1, 3 partitions: comes back".to_owned()), "{told:?}");
    assert!(repair_part(&place, Part::Metadata, true).await.expect("a repair").is_sound);
    for round in 0..3 {
        check_topics(&place, &topics, round).await;
        let again = repair_part(&place, Part::Metadata, true).await.expect("a look");
        assert_eq!(again.lines, ["no shard knows more than the metadata"]);
    }
}

#[tokio::test]
async fn metadata_that_is_an_older_copy_learns_what_the_shards_remember() {
    let place = Place::new();
    four_shards(&place).await.stop().await;
    place.keep("raft", "older");
    let topics = with_topics(&place).await;
    place.put_back("raft", "older");
    assert!(repair_part(&place, Part::Metadata, true).await.expect("a repair").is_sound);
    for round in 0..2 {
        check_topics(&place, &topics, round).await;
    }
}
