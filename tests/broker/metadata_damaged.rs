//! Metadata and shards that do not fit together: one of them is an older copy, another's, or gone.

use std::fs;
use std::path::{Path, PathBuf};

use kafkaesque::broker::Broker;
use kafkaesque::config::{Config, Given};
use kafkaesque::protocol::ErrorCode;
use kafkaesque::runtime::Runtime;

use crate::Running;
use crate::admin::{create, topic};
use crate::produce_fetch::{batch, bytes, fetch, produce, read_all};

/// One shard, so that it is clear which has what.
const ONE_SHARD: &[(&str, &str)] = &[("SHARDS", "1")];

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

/// A store, and copies of parts of it.
pub struct Place {
    pub data: tempfile::TempDir,
    copies: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Place {
        let folder = || tempfile::tempdir().expect("a directory");
        Place { data: folder(), copies: folder() }
    }

    pub fn path(&self, part: &str) -> PathBuf {
        self.data.path().join(part)
    }

    pub fn keep(&self, part: &str, name: &str) {
        copy(&self.path(part), &self.copies.path().join(name));
    }

    pub fn put_back(&self, part: &str, name: &str) {
        fs::remove_dir_all(self.path(part)).expect("removed");
        copy(&self.copies.path().join(name), &self.path(part));
    }

    pub async fn run(&self) -> Running {
        Running::on(self.data.path(), ONE_SHARD).await
    }

    /// Starts it, creates a topic, produces to it, and stops it.
    pub async fn live(&self, name: &str, values: &[&str]) {
        let running = self.run().await;
        let mut client = running.client().await;
        create(&mut client, vec![topic(name, 1, 1)]).await;
        for value in values {
            assert_eq!(produce(&mut client, name, bytes(batch(&[value]))).await.error_code, 0);
        }
        drop(client);
        running.stop().await;
    }

    /// What a producer to `name` hears after a start: always a storage error.
    pub async fn refusal(&self, name: &str) -> String {
        let running = self.run().await;
        let mut client = running.client().await;
        let answer = produce(&mut client, name, bytes(batch(&["x"]))).await;
        assert_eq!(answer.error_code, ErrorCode::KafkaStorageError.code(), "{answer:?}");
        assert_eq!(fetch(&mut client, name, 0).await.error_code, ErrorCode::KafkaStorageError.code());
        drop(client);
        running.stop().await;
        answer.error_message.unwrap_or_default()
    }

    async fn values(&self, name: &str) -> Vec<String> {
        let running = self.run().await;
        let mut client = running.client().await;
        let values = read_all(&mut client, name, 0).await.into_iter().map(|(_, value)| value).collect();
        drop(client);
        running.stop().await;
        values
    }

    async fn start_error(&self) -> String {
        let given = Given::nothing()
            .with("HOST", "127.0.0.1")
            .with("PORT", "0")
            .with("HEALTH_PORT", "0")
            .with("LOCAL_RESERVE_BYTES", "0")
            .with("DATA_PATH", self.data.path().display().to_string());
        let config = Config::load(&given).expect("settings");
        Broker::start(&config, &Runtime::system()).await.err().expect("it does not start").to_string()
    }
}

#[tokio::test]
async fn metadata_that_is_an_older_copy_is_refused_until_it_is_put_back() {
    let place = Place::new();
    place.live("first", &["a"]).await;
    place.keep("raft", "older");
    place.live("second", &["b"]).await;
    place.keep("raft", "newest");
    let shards = "shards/0/log";
    let segments = || fs::read_dir(place.path(shards)).expect("a log").count();
    place.put_back("raft", "older");
    for _ in 0..3 {
        // However often it is started, and though it writes entries of its own at every start.
        let said = place.refusal("first").await;
        assert!(said.contains("raft/0 is older than the shard saw it"), "{said}");
    }
    assert!(segments() > 2, "nothing is deleted");
    place.put_back("raft", "newest");
    assert_eq!(place.values("first").await, ["a"]);
    assert_eq!(place.values("second").await, ["b"]);
}

#[tokio::test]
async fn a_newest_entry_of_the_metadata_that_is_gone_is_missed() {
    let place = Place::new();
    place.live("first", &["a"]).await;
    let running = place.run().await;
    let mut client = running.client().await;
    place.keep("raft", "one-less");
    create(&mut client, vec![topic("second", 1, 1)]).await;
    assert_eq!(produce(&mut client, "second", bytes(batch(&["b"]))).await.error_code, 0);
    place.keep("raft", "newest");
    // Neither of them has heard of the other's end.
    drop(client);
    running.stop().await;
    place.put_back("raft", "one-less");
    for _ in 0..2 {
        let said = place.refusal("first").await;
        assert!(said.contains("raft/0 is older"), "{said}");
    }
    place.put_back("raft", "newest");
    assert_eq!(place.values("second").await, ["b"]);
}

/// What one shard saw holds for all: the others would go on with what is not what happened, and could not go back.
#[tokio::test]
async fn metadata_that_one_shard_finds_older_is_served_by_none() {
    let place = Place::new();
    let run = || Running::on(place.data.path(), &[("SHARDS", "4")]);
    let names = ["t0", "t1", "t2", "t3"];
    let running = run().await;
    let mut client = running.client().await;
    create(&mut client, names.map(|name| topic(name, 1, 1)).to_vec()).await;
    for name in names {
        assert_eq!(produce(&mut client, name, bytes(batch(&["a"]))).await.error_code, 0);
    }
    drop(client);
    running.stop().await;
    place.keep("raft", "older");
    let running = run().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("late", 1, 1)]).await;
    assert_eq!(produce(&mut client, "late", bytes(batch(&["b"]))).await.error_code, 0);
    drop(client);
    running.stop().await;
    place.keep("raft", "newest");
    place.put_back("raft", "older");
    for _ in 0..2 {
        let running = run().await;
        let mut client = running.client().await;
        for name in names {
            let answer = produce(&mut client, name, bytes(batch(&["x"]))).await;
            assert_eq!(answer.error_code, ErrorCode::KafkaStorageError.code(), "{name}: {answer:?}");
        }
        drop(client);
        running.stop().await;
    }
    place.put_back("raft", "newest");
    let running = run().await;
    let mut client = running.client().await;
    for name in names {
        assert_eq!(produce(&mut client, name, bytes(batch(&["y"]))).await.base_offset, 1);
    }
    assert_eq!(read_all(&mut client, "late", 0).await, [(0, "b".to_owned())]);
    drop(client);
    running.stop().await;
}

#[tokio::test]
async fn metadata_that_is_gone_or_empty_is_not_made_anew() {
    let place = Place::new();
    place.live("t", &["a"]).await;
    place.keep("raft", "newest");
    fs::remove_dir_all(place.path("raft")).expect("removed");
    for _ in 0..2 {
        let said = place.start_error().await;
        assert!(said.contains("raft/0"), "{said}");
    }
    copy(&place.copies.path().join("newest"), &place.path("raft"));
    assert_eq!(place.values("t").await, ["a"]);
}

#[tokio::test]
async fn a_shard_that_is_gone_is_missed() {
    let place = Place::new();
    place.live("t", &["a"]).await;
    place.keep("shards", "newest");
    fs::remove_dir_all(place.path("shards/0")).expect("removed");
    for _ in 0..2 {
        let said = place.refusal("t").await;
        assert!(said.contains("shards/0/index has no manifest"), "{said}");
    }
    place.put_back("shards", "newest");
    assert_eq!(place.values("t").await, ["a"]);
}

#[tokio::test]
async fn a_shard_that_is_an_older_copy_is_refused() {
    let place = Place::new();
    place.live("t", &["a"]).await;
    place.keep("shards", "older");
    place.live("t", &["b"]).await;
    place.keep("shards", "newest");
    place.put_back("shards", "older");
    for _ in 0..2 {
        let said = place.refusal("t").await;
        assert!(said.contains("shards/0/index is an older copy"), "{said}");
    }
    place.put_back("shards", "newest");
    assert_eq!(place.values("t").await, ["a", "b"]);
}

#[tokio::test]
async fn metadata_of_another_cluster_is_refused() {
    let (place, other) = (Place::new(), Place::new());
    other.live("t", &["b"]).await;
    for _ in 0..3 {
        place.live("t", &["a"]).await;
    }
    copy(&other.path("raft"), &place.copies.path().join("other"));
    place.put_back("raft", "other");
    let said = place.refusal("t").await;
    assert!(said.contains("raft/0 is older than the shard saw it"), "{said}");
}

#[tokio::test]
async fn a_description_of_the_cluster_that_is_gone_is_made_anew_as_it_was() {
    let place = Place::new();
    place.live("t", &["a"]).await;
    fs::remove_file(place.path("cluster.json")).expect("removed");
    assert_eq!(place.values("t").await, ["a"]);
}
