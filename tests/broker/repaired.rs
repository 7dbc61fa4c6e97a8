//! `storage repair`: a damaged shard serves again what is left of it, and gives no offset out twice.

use std::fs;
use std::path::PathBuf;

use kafkaesque::config::{Config, Given};
use kafkaesque::protocol::ErrorCode;
use kafkaesque::runtime::Runtime;
use kafkaesque::storage::{self, Report};
use kafkaesque::types::ShardId;

use crate::admin::{create, topic};
use crate::client::Client;
use crate::metadata_damaged::{Place, copy};
use crate::produce_fetch::{batch, bytes, fetch, produce, read_all};

/// By so much offsets rise where nobody can say what is missing.
const UNKNOWN: i64 = 1 << 40;

async fn repair(place: &Place, accept_loss: bool) -> Result<Report, String> {
    let given = Given::nothing()
        .with("LOCAL_FSYNC", "false")
        .with("LOCAL_RESERVE_BYTES", "0")
        .with("DATA_PATH", place.data.path().display().to_string());
    let config = Config::load(&given).expect("settings");
    storage::run(&config, ShardId(0), accept_loss, &Runtime::system()).await
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
        for _ in 0..20 {
            append(&mut client, "e").await;
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
    };
    let (refused, ()) = tokio::join!(repair(&place, true), writing);
    let refused = refused.expect_err("a broker holds it");
    assert!(refused.contains("a broker holds the shard"), "{refused}");
    assert!(!place.path("shards/0/damaged").exists());
    drop(client);
    running.stop().await;
}
