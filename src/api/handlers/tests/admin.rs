//! Changes that are made at one broker and seen at another.

use super::support::{Cluster, Node, allocate_id};
use crate::api::handlers::create_partitions::CreatePartitions;
use crate::api::handlers::create_topics::CreateTopics;
use crate::api::handlers::delete_topics::DeleteTopics;
use crate::api::handlers::describe_configs::DescribeConfigs;
use crate::api::handlers::incremental_alter_configs::IncrementalAlterConfigs;
use crate::api::handlers::metadata::Metadata;
use crate::protocol::ErrorCode;
use crate::protocol::messages::{
    create_partitions, create_topics, delete_topics, describe_configs, incremental_alter_configs, metadata,
};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const NAME: &str = "retention.ms";

async fn create(node: &Node, name: &str) -> i16 {
    let topic = create_topics::CreatableTopic {
        name: name.to_owned(),
        num_partitions: 1,
        replication_factor: 1,
        ..Default::default()
    };
    let request = create_topics::Request { topics: vec![topic], timeout_ms: 10_000, validate_only: false };
    node.ask::<CreateTopics>(7, request).await.topics[0].error_code
}

async fn delete(node: &Node, name: &str) -> i16 {
    let topic = delete_topics::DeleteTopicState { name: Some(name.to_owned()), ..Default::default() };
    let request = delete_topics::Request { topics: vec![topic], timeout_ms: 10_000, ..Default::default() };
    node.ask::<DeleteTopics>(6, request).await.responses[0].error_code
}

async fn grow(node: &Node, name: &str, count: i32) -> i16 {
    let topic = create_partitions::CreatePartitionsTopic { name: name.to_owned(), count, assignments: None };
    let request =
        create_partitions::Request { topics: vec![topic], timeout_ms: 10_000, validate_only: false };
    node.ask::<CreatePartitions>(3, request).await.results[0].error_code
}

async fn alter(node: &Node, kind: i8, name: &str, value: &str) -> (i16, Option<String>) {
    let config = incremental_alter_configs::AlterableConfig {
        name: NAME.to_owned(),
        config_operation: 0,
        value: Some(value.to_owned()),
    };
    let resource = incremental_alter_configs::AlterConfigsResource {
        resource_type: kind,
        resource_name: name.to_owned(),
        configs: vec![config],
    };
    let request = incremental_alter_configs::Request { resources: vec![resource], validate_only: false };
    let mut response = node.ask::<IncrementalAlterConfigs>(1, request).await;
    let answer = response.responses.remove(0);
    (answer.error_code, answer.error_message)
}

/// The error, and the value of the config if there is none.
async fn describe(node: &Node, kind: i8, name: &str) -> (i16, Option<String>) {
    let resource = describe_configs::DescribeConfigsResource {
        resource_type: kind,
        resource_name: name.to_owned(),
        configuration_keys: Some(vec![NAME.to_owned()]),
    };
    let request = describe_configs::Request { resources: vec![resource], ..Default::default() };
    let mut response = node.ask::<DescribeConfigs>(4, request).await;
    let mut result = response.results.remove(0);
    let value = result.configs.pop().and_then(|config| config.value);
    (result.error_code, value)
}

async fn is_known(node: &Node, name: &str) -> bool {
    let topic = metadata::MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
    let request = metadata::Request {
        topics: Some(vec![topic]),
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    node.ask::<Metadata>(9, request).await.topics[0].error_code == 0
}

#[tokio::test]
async fn each_change_is_seen_by_the_next_at_any_broker() {
    let cluster = Cluster::settled().await;
    let mut turn = (0..3).cycle();
    let mut next = || &cluster.brokers[turn.next().expect("endless")];
    for round in 0..10 {
        assert_eq!(create(next(), "made").await, 0, "in round {round}");
        assert_eq!(create(next(), "made").await, ErrorCode::TopicAlreadyExists.code());
        assert_eq!(grow(next(), "made", 2).await, 0);
        assert_eq!(grow(next(), "made", 3).await, 0);
        let value = (1_000 + round).to_string();
        assert_eq!(alter(next(), TOPIC, "made", &value).await, (0, None));
        assert_eq!(describe(next(), TOPIC, "made").await, (0, Some(value)));
        assert_eq!(delete(next(), "made").await, 0);
        assert_eq!(delete(next(), "made").await, ErrorCode::UnknownTopicOrPartition.code());
        let unknown = ErrorCode::UnknownTopicOrPartition.code();
        assert_eq!(describe(next(), TOPIC, "made").await.0, unknown);
    }
    cluster.end().await;
}

#[tokio::test]
async fn a_topic_that_another_broker_made_is_looked_for_once_in_a_while() {
    let cluster = Cluster::settled().await;
    let leader = cluster.leader();
    let others: Vec<&Node> =
        cluster.brokers.iter().filter(|node| node.id() != cluster.brokers[leader].id()).collect();
    for node in &others {
        assert!(!is_known(node, "absent").await);
    }
    assert_eq!(create(&cluster.brokers[leader], "made").await, 0);
    for node in others {
        node.runtime.clock.sleep(std::time::Duration::from_millis(150)).await;
        assert!(is_known(node, "made").await);
    }
    cluster.end().await;
}

#[tokio::test]
async fn configs_of_a_broker_are_asked_for_there() {
    let cluster = Cluster::settled().await;
    for node in &cluster.brokers {
        for other in 0..3 {
            let error = if other == node.id().0 { 0 } else { ErrorCode::InvalidRequest.code() };
            assert_eq!(describe(node, BROKER, &other.to_string()).await.0, error);
            if other != node.id().0 {
                let words = format!("Unexpected broker id, expected {}, but received {other}", node.id());
                assert_eq!(alter(node, BROKER, &other.to_string(), "1").await, (error, Some(words)));
            }
        }
    }
    cluster.end().await;
}

#[tokio::test]
async fn without_a_majority_changes_may_be_tried_again() {
    let cluster = Cluster::settled().await;
    let node = &cluster.brokers[0];
    cluster.switchboard.cut(1);
    cluster.switchboard.cut(2);
    let no_controller = ErrorCode::NotController.code();
    let (created, deleted, grown, altered, described, id, known) = tokio::join!(
        create(node, "new"),
        delete(node, "t"),
        grow(node, "t", 9),
        alter(node, TOPIC, "t", "1"),
        describe(node, TOPIC, "t"),
        allocate_id(node),
        is_known(node, "new"),
    );
    assert_eq!([created, deleted, grown, altered.0], [no_controller; 4]);
    assert_eq!((described.0, known), (0, false), "what is known is told");
    assert_eq!(id.0, ErrorCode::CoordinatorLoadInProgress.code());

    cluster.switchboard.mend(1);
    cluster.switchboard.mend(2);
    let mut code = create(node, "new").await;
    while code == no_controller {
        code = create(node, "new").await;
    }
    assert_eq!(code, 0);
    cluster.end().await;
}
