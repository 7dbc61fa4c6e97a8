//! Records that are kept no longer: by the topic's own settings, by the cluster's, and with the topic.

use std::path::Path;
use std::time::{Duration, Instant};

use kafkaesque::protocol::messages::{create_topics, delete_topics};

use crate::Running;
use crate::admin::{create, topic};
use crate::client::Client;
use crate::configs::{BROKER, SET, change};
use crate::produce_fetch::{batch, bytes, fetch, produce, read_all};

const PATIENCE: Duration = Duration::from_secs(30);
const OFTEN: (&str, &str) = ("LOG_RETENTION_CHECK_INTERVAL_MS", "50");

/// Asks again and again until `is_so`.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !is_so().await {
        assert!(since.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// With one partition.
pub async fn create_with(client: &mut Client, name: &str, configs: &[(&str, &str)]) {
    let mut asked = topic(name, 1, 1);
    let config = |(name, value): &(&str, &str)| create_topics::CreatableTopicConfig {
        name: (*name).to_owned(),
        value: Some((*value).to_owned()),
    };
    asked.configs = configs.iter().map(config).collect();
    let created = create(client, vec![asked]).await.remove(0);
    assert_eq!(created.error_code, 0, "{created:?}");
}

/// Bytes of all files below a folder.
fn stored_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let bytes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(data) if data.is_dir() => stored_bytes(&entry.path()),
        Ok(data) => data.len(),
        // It went meanwhile.
        Err(_) => 0,
    });
    bytes.sum()
}

/// The records have a timestamp of long ago.
#[tokio::test]
async fn the_finest_setting_of_the_cluster_counts_unless_the_topic_has_its_own() {
    let data = tempfile::tempdir().expect("a directory");
    let hours = [OFTEN, ("LOG_RETENTION_HOURS", "2147483647"), ("LOG_RETENTION_MINUTES", "-1")];
    let running = Running::on(data.path(), &hours).await;
    let mut client = running.client().await;
    create_with(&mut client, "own", &[("retention.ms", "-1")]).await;
    create_with(&mut client, "of-all", &[]).await;
    for name in ["own", "of-all"] {
        for value in ["a", "b"] {
            assert_eq!(produce(&mut client, name, bytes(batch(&[value]))).await.error_code, 0);
        }
    }
    // Several looks find nothing.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(read_all(&mut client, "of-all", 0).await.len(), 2);
    assert_eq!(change(&mut client, BROKER, "", &[("log.retention.ms", SET, Some("60000"))]).await, 0);
    until("they stay", async || fetch(&mut client, "of-all", 2).await.log_start_offset == 2).await;
    running.stop().await;

    let running = Running::on(data.path(), &[]).await;
    let mut client = running.client().await;
    assert_eq!(fetch(&mut client, "of-all", 2).await.log_start_offset, 2, "it never goes back");
    assert_eq!(produce(&mut client, "of-all", bytes(batch(&["c"]))).await.base_offset, 2);
    assert_eq!(read_all(&mut client, "own", 0).await.len(), 2);
    running.stop().await;
}

#[tokio::test]
async fn what_is_too_much_goes_and_a_deleted_topic_goes_with_its_objects() {
    let data = tempfile::tempdir().expect("a directory");
    let running = Running::on(data.path(), &[OFTEN]).await;
    let mut client = running.client().await;
    create_with(&mut client, "big", &[("retention.ms", "-1"), ("retention.bytes", "300000")]).await;
    create_with(&mut client, "other", &[("retention.ms", "-1")]).await;
    assert_eq!(produce(&mut client, "other", bytes(batch(&["stays"]))).await.error_code, 0);
    let fat = "x".repeat(100_000);
    for _ in 0..20 {
        assert_eq!(produce(&mut client, "big", bytes(batch(&[&fat]))).await.error_code, 0);
    }
    until("all of it stays", async || stored_bytes(data.path()) < 700_000).await;
    // Of a pass that came before the last record, too much may have stayed until the next one.
    let log_start = async || fetch(&mut client, "big", 20).await.log_start_offset == 17;
    until("the log start is another", log_start).await;
    assert_eq!(read_all(&mut client, "big", 17).await.len(), 3);
    let request = delete_topics::Request {
        topics: vec![delete_topics::DeleteTopicState {
            name: Some("big".to_owned()),
            ..delete_topics::DeleteTopicState::default()
        }],
        timeout_ms: 10_000,
        ..delete_topics::Request::default()
    };
    assert_eq!(client.ask(&request, 6).await.responses.remove(0).error_code, 0);
    until("its objects stay", async || stored_bytes(data.path()) < 100_000).await;
    assert_eq!(read_all(&mut client, "other", 0).await.len(), 1);
    running.stop().await;
}
