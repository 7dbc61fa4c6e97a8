//! Metrics of topics, groups and errors.

use kafkaesque::protocol::messages::{delete_topics, offset_commit};

use crate::Running;
use crate::admin::{create, topic};
use crate::client::Client;
use crate::produce_fetch::{batch, bytes, produce};

async fn commit(client: &mut Client, group: &str, topic: &str, offset: i64) {
    let request = offset_commit::Request {
        group_id: group.to_owned(),
        generation_id_or_member_epoch: -1,
        topics: vec![offset_commit::OffsetCommitRequestTopic {
            name: topic.to_owned(),
            partitions: vec![offset_commit::OffsetCommitRequestPartition {
                partition_index: 0,
                committed_offset: offset,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..offset_commit::Request::default()
    };
    let answer = client.ask(&request, 8).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, 0);
}

/// The value of a metric whose labels have these values, in the order of their names.
fn value(running: &Running, name: &str, labels: &[&str]) -> Option<f64> {
    let families = running.runtime.metrics.gather();
    let family = families.iter().find(|family| family.name() == name)?;
    let metric = family.get_metric().iter().find(|metric| {
        let found: Vec<&str> = metric.get_label().iter().map(|label| label.value()).collect();
        found == labels
    })?;
    Some(metric.get_gauge().get_value() + metric.get_counter().get_value())
}

#[tokio::test]
async fn topics_groups_and_errors_are_measured() {
    let running = Running::with(&[("METRICS_MAX_TOPICS", "2"), ("AUTO_CREATE_TOPICS", "false")]).await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("a", 1, 1), topic("b", 2, 1), topic("c", 3, 1), topic("d", 4, 1)]).await;
    for name in ["a", "c", "d"] {
        assert_eq!(produce(&mut client, name, bytes(batch(&["x", "y", "z"]))).await.error_code, 0);
    }
    let missing = produce(&mut client, "none", bytes(batch(&["x"]))).await.error_code;
    assert_eq!(missing, 3);
    commit(&mut client, "readers", "a", 1).await;
    commit(&mut client, "readers", "c", 3).await;

    let of = |name: &str, labels: &[&str]| value(&running, name, labels);
    assert_eq!(of("kafkaesque_topic_end_offset", &["a"]), Some(3.0));
    assert_eq!(of("kafkaesque_topic_appended_records_total", &["a"]), Some(3.0));
    assert!(of("kafkaesque_topic_appended_bytes_total", &["a"]) > Some(60.0));
    assert_eq!(of("kafkaesque_topic_partitions", &["b"]), Some(2.0));
    assert_eq!(of("kafkaesque_topic_end_offset", &["b"]), None, "nobody has looked");
    assert_eq!(of("kafkaesque_topic_partitions", &["c"]), None, "it is one of the others");
    assert_eq!(of("kafkaesque_topic_partitions", &["(others)"]), Some(7.0));
    assert_eq!(of("kafkaesque_topic_appended_records_total", &["(others)"]), Some(6.0));
    assert_eq!(of("kafkaesque_group_lag", &["readers"]), Some(2.0));
    assert_eq!(of("kafkaesque_group_members", &["readers"]), Some(0.0));
    assert_eq!(of("kafkaesque_group_state", &["readers", "Empty"]), Some(1.0));
    assert_eq!(of("kafkaesque_groups", &["Empty"]), Some(1.0));
    assert_eq!(of("kafkaesque_errors_total", &["Produce", "UNKNOWN_TOPIC_OR_PARTITION"]), Some(1.0));
    assert_eq!(of("kafkaesque_errors_total", &["OffsetCommit", "UNKNOWN_TOPIC_OR_PARTITION"]), None);

    let request = delete_topics::Request {
        topic_names: vec!["a".to_owned()],
        timeout_ms: 10_000,
        ..Default::default()
    };
    assert_eq!(client.ask(&request, 5).await.responses[0].error_code, 0);
    assert_eq!(of("kafkaesque_topic_end_offset", &["a"]), None);
    assert!(of("kafkaesque_topic_partitions", &["c"]).is_some(), "there is room for another one");
    running.stop().await;
}
