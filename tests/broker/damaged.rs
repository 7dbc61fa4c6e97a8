//! A store that was damaged while the broker was away: what it concerns is refused at once, and named.

use std::time::{Duration, Instant};

use kafkaesque::protocol::ErrorCode;

use crate::Running;
use crate::admin::{create, topic};
use crate::produce_fetch::{batch, bytes, fetch_request, produce};

#[tokio::test]
async fn partitions_of_a_damaged_shard_answer_with_a_storage_error_at_once() {
    let data = tempfile::tempdir().expect("a directory");
    let running = Running::on(data.path(), &[]).await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("t", 1, 1)]).await;
    for value in ["a", "b", "c"] {
        assert_eq!(produce(&mut client, "t", bytes(batch(&[value]))).await.error_code, 0);
    }
    drop(client);
    running.stop().await;
    let shards = std::fs::read_dir(data.path().join("shards")).expect("shards");
    for shard in shards {
        std::fs::remove_dir_all(shard.expect("a shard").path().join("index")).expect("removed");
    }

    let running = Running::on(data.path(), &[]).await;
    let mut client = running.client().await;
    let asked = Instant::now();
    let answer = produce(&mut client, "t", bytes(batch(&["d"]))).await;
    assert_eq!(answer.error_code, ErrorCode::KafkaStorageError.code());
    assert!(answer.error_message.clone().unwrap_or_default().contains("/index "), "{answer:?}");
    let fetched = client.ask(&fetch_request("t", 0), 11).await.responses.remove(0).partitions.remove(0);
    assert_eq!(fetched.error_code, ErrorCode::KafkaStorageError.code());
    assert!(asked.elapsed() < Duration::from_secs(5), "answered after {:?}", asked.elapsed());
    running.stop().await;
}
