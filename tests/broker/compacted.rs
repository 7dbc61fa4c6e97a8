//! Compacted topics: every record has a key, and all are kept unless the policy says `delete` too.

use std::time::{Duration, Instant};

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::batch::{Builder, NewRecord};
use kafkaesque::protocol::messages::{create_topics, delete_records, incremental_alter_configs};

use crate::Running;
use crate::admin::{create, topic};
use crate::client::Client;
use crate::produce_fetch::{batch, bytes, fetch, produce};

const TOPIC: i8 = 2;
const PATIENCE: Duration = Duration::from_secs(30);

fn keyed(value: &str) -> Builder {
    let value = Some(value.as_bytes());
    Builder::new().record(&NewRecord { key: Some(b"k"), value, timestamp: 1_000, ..NewRecord::default() })
}

async fn delete_to(client: &mut Client, offset: i64) -> (i16, i64) {
    let partition = delete_records::DeleteRecordsPartition { partition_index: 0, offset };
    let topic = delete_records::DeleteRecordsTopic { name: "t".to_owned(), partitions: vec![partition] };
    let request = delete_records::Request { topics: vec![topic], timeout_ms: 1_000 };
    let answer = client.ask(&request, 2).await.topics.remove(0).partitions.remove(0);
    (answer.error_code, answer.low_watermark)
}

async fn set_policy(client: &mut Client, policy: &str) -> i16 {
    let config = incremental_alter_configs::AlterableConfig {
        name: "cleanup.policy".to_owned(),
        config_operation: 0,
        value: Some(policy.to_owned()),
    };
    let resource = incremental_alter_configs::AlterConfigsResource {
        resource_type: TOPIC,
        resource_name: "t".to_owned(),
        configs: vec![config],
    };
    let request = incremental_alter_configs::Request { resources: vec![resource], validate_only: false };
    client.ask(&request, 1).await.responses.remove(0).error_code
}

#[tokio::test]
async fn compacted_topics_want_keys_and_keep_everything_unless_they_delete_too() {
    let running = Running::with(&[("LOG_RETENTION_CHECK_INTERVAL_MS", "50")]).await;
    let mut client = running.client().await;
    let mut asked = topic("t", 1, 1);
    let config = |name: &str, value: &str| create_topics::CreatableTopicConfig {
        name: name.to_owned(),
        value: Some(value.to_owned()),
    };
    asked.configs = vec![config("cleanup.policy", "compact"), config("retention.ms", "1")];
    let created = create(&mut client, vec![asked]).await.remove(0);
    assert_eq!(created.error_code, 0, "{created:?}");

    let refused = produce(&mut client, "t", bytes(batch(&["without a key"]))).await;
    assert_eq!(refused.error_code, ErrorCode::InvalidRecord.code());
    assert_eq!(refused.record_errors.len(), 1, "{refused:?}");
    assert_eq!(refused.record_errors[0].batch_index, 0);
    for offset in 0..3 {
        let produced = produce(&mut client, "t", bytes(keyed("v"))).await;
        assert_eq!((produced.error_code, produced.base_offset), (0, offset));
    }
    assert_eq!(delete_to(&mut client, 1).await, (ErrorCode::PolicyViolation.code(), -1));
    // Several looks at what expired find nothing.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fetch(&mut client, "t", 0).await.log_start_offset, 0);

    assert_eq!(set_policy(&mut client, "compact,delete").await, 0);
    let since = Instant::now();
    while fetch(&mut client, "t", 3).await.log_start_offset < 3 {
        assert!(since.elapsed() < PATIENCE, "retention does not apply");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(delete_to(&mut client, 3).await, (0, 3));
    assert_eq!(set_policy(&mut client, "compact,shred").await, ErrorCode::InvalidConfig.code());
    running.stop().await;
}
