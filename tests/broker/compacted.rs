//! Compacted topics: every record has a key, and all are kept unless the policy says `delete` too.

use std::time::Duration;

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::batch::{Builder, NewRecord};

use crate::Running;
use crate::client::Client;
use crate::configs::{SET, TOPIC, change};
use crate::produce_fetch::{batch, bytes, delete_to, fetch, produce};
use crate::retention::{create_with, until};

fn keyed(value: &str) -> Builder {
    let value = Some(value.as_bytes());
    Builder::new().record(&NewRecord { key: Some(b"k"), value, timestamp: 1_000, ..NewRecord::default() })
}

async fn set_policy(client: &mut Client, policy: &str) -> i16 {
    change(client, TOPIC, "t", &[("cleanup.policy", SET, Some(policy))]).await
}

#[tokio::test]
async fn compacted_topics_want_keys_and_keep_everything_unless_they_delete_too() {
    let running = Running::with(&[("LOG_RETENTION_CHECK_INTERVAL_MS", "50")]).await;
    let mut client = running.client().await;
    create_with(&mut client, "t", &[("cleanup.policy", "compact"), ("retention.ms", "1")]).await;

    let refused = produce(&mut client, "t", bytes(batch(&["without a key"]))).await;
    assert_eq!(refused.error_code, ErrorCode::InvalidRecord.code());
    assert_eq!(refused.record_errors.len(), 1, "{refused:?}");
    assert_eq!(refused.record_errors[0].batch_index, 0);
    for offset in 0..3 {
        let produced = produce(&mut client, "t", bytes(keyed("v"))).await;
        assert_eq!((produced.error_code, produced.base_offset), (0, offset));
    }
    assert_eq!(delete_to(&mut client, "t", 1).await, (ErrorCode::PolicyViolation.code(), -1));
    // Several looks at what expired find nothing.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fetch(&mut client, "t", 0).await.log_start_offset, 0);

    assert_eq!(set_policy(&mut client, "compact,delete").await, 0);
    until("retention does not apply", async || fetch(&mut client, "t", 3).await.log_start_offset >= 3).await;
    assert_eq!(delete_to(&mut client, "t", 3).await, (0, 3));
    assert_eq!(set_policy(&mut client, "compact,shred").await, ErrorCode::InvalidConfig.code());
    running.stop().await;
}
