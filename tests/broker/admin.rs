//! Topics: made, listed, enlarged, deleted, made anew.

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::{
    create_partitions, create_topics, delete_topics, describe_cluster, describe_log_dirs,
    describe_topic_partitions, elect_leaders, metadata,
};
use uuid::Uuid;

use crate::Running;
use crate::client::Client;

pub fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> create_topics::CreatableTopic {
    create_topics::CreatableTopic {
        name: name.to_owned(),
        num_partitions,
        replication_factor,
        ..create_topics::CreatableTopic::default()
    }
}

pub async fn create(
    client: &mut Client,
    topics: Vec<create_topics::CreatableTopic>,
) -> Vec<create_topics::CreatableTopicResult> {
    let request = create_topics::Request { topics, ..create_topics::Request::default() };
    client.ask(&request, 7).await.topics
}

pub async fn describe(client: &mut Client, name: &str, create: bool) -> metadata::MetadataResponseTopic {
    let asked = metadata::MetadataRequestTopic { name: Some(name.to_owned()), ..Default::default() };
    let request = metadata::Request {
        topics: Some(vec![asked]),
        allow_auto_topic_creation: create,
        ..metadata::Request::default()
    };
    client.ask(&request, 12).await.topics.remove(0)
}

#[tokio::test]
async fn any_replication_factor_is_taken_and_one_reported() {
    let running = Running::with(&[("DEFAULT_NUM_PARTITIONS", "4")]).await;
    let mut client = running.client().await;
    for (name, partitions, factor) in [("a", 1, 1), ("b", 3, 3), ("c", -1, -1)] {
        let created = create(&mut client, vec![topic(name, partitions, factor)]).await.remove(0);
        assert_eq!(created.error_code, 0, "{created:?}");
        assert_eq!(created.replication_factor, 1);
        assert_eq!(created.num_partitions, if partitions == -1 { 4 } else { partitions });
        let described = describe(&mut client, name, false).await;
        assert_eq!(described.topic_id, created.topic_id);
        assert_eq!(described.partitions.len() as i32, created.num_partitions);
        for partition in described.partitions {
            assert_eq!((partition.leader_id, &partition.replica_nodes[..]), (0, &[0][..]));
            assert!(partition.leader_epoch >= 0);
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn bad_topics_are_refused_with_kafkas_codes() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let long = "x".repeat(250);
    let cases = [
        (topic("", 1, 1), ErrorCode::InvalidTopicException),
        (topic("..", 1, 1), ErrorCode::InvalidTopicException),
        (topic("no spaces", 1, 1), ErrorCode::InvalidTopicException),
        (topic(&long, 1, 1), ErrorCode::InvalidTopicException),
        (topic("t", 0, 1), ErrorCode::InvalidPartitions),
        (topic("t", -2, 1), ErrorCode::InvalidPartitions),
        (topic("t", 1, 0), ErrorCode::InvalidReplicationFactor),
        (topic("__cluster_metadata", 1, 1), ErrorCode::InvalidRequest),
    ];
    for (asked, expected) in cases {
        let name = asked.name.clone();
        let refused = create(&mut client, vec![asked]).await.remove(0);
        assert_eq!(refused.error_code, expected.code(), "{name}: {refused:?}");
    }
    let twice = create(&mut client, vec![topic("t", 1, 1), topic("t", 1, 1), topic("u", 1, 1)]).await;
    let codes: Vec<_> = twice.iter().map(|t| (t.name.as_str(), t.error_code)).collect();
    assert_eq!(codes, [("u", 0), ("t", ErrorCode::InvalidRequest.code())]);
    assert_eq!(
        create(&mut client, vec![topic("u", 1, 1)]).await[0].error_code,
        ErrorCode::TopicAlreadyExists.code()
    );
    assert_eq!(
        create(&mut client, vec![topic("a.b", 1, 1), topic("a_b", 1, 1)])
            .await
            .iter()
            .filter(|t| t.error_code != 0)
            .count(),
        1,
        "names that differ in a dot and an underscore collide"
    );
    running.stop().await;
}

#[tokio::test]
async fn validation_alone_creates_nothing() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let request = create_topics::Request {
        topics: vec![topic("t", 3, 1)],
        validate_only: true,
        ..create_topics::Request::default()
    };
    let answer = client.ask(&request, 7).await.topics.remove(0);
    assert_eq!((answer.error_code, answer.num_partitions), (0, 3));
    assert_eq!(describe(&mut client, "t", false).await.error_code, ErrorCode::UnknownTopicOrPartition.code());
    running.stop().await;
}

#[tokio::test]
async fn asking_creates_a_topic_unless_told_not_to() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let absent = describe(&mut client, "auto", false).await;
    assert_eq!(absent.error_code, ErrorCode::UnknownTopicOrPartition.code());
    let made = describe(&mut client, "auto", true).await;
    assert_eq!((made.error_code, made.partitions.len()), (0, 1));
    assert_ne!(made.topic_id, Uuid::nil());
    assert_eq!(
        describe(&mut client, "bad name", true).await.error_code,
        ErrorCode::InvalidTopicException.code()
    );
    running.stop().await;

    let running = Running::with(&[("AUTO_CREATE_TOPICS", "false")]).await;
    let mut client = running.client().await;
    assert_eq!(
        describe(&mut client, "auto", true).await.error_code,
        ErrorCode::UnknownTopicOrPartition.code()
    );
    running.stop().await;
}

#[tokio::test]
async fn a_topic_made_anew_has_another_id() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let first = create(&mut client, vec![topic("t", 1, 1)]).await.remove(0).topic_id;
    let by_id = delete_topics::DeleteTopicState { topic_id: first, ..Default::default() };
    let request =
        delete_topics::Request { topics: vec![by_id.clone()], timeout_ms: 10_000, ..Default::default() };
    let deleted = client.ask(&request, 6).await.responses.remove(0);
    assert_eq!((deleted.error_code, deleted.name.as_deref()), (0, Some("t")));
    let again = client.ask(&request, 6).await.responses.remove(0);
    assert_eq!(again.error_code, ErrorCode::UnknownTopicId.code());
    let second = create(&mut client, vec![topic("t", 1, 1)]).await.remove(0).topic_id;
    assert_ne!(first, second);
    let by_name = delete_topics::Request {
        topic_names: vec!["t".to_owned()],
        timeout_ms: 10_000,
        ..Default::default()
    };
    assert_eq!(client.ask(&by_name, 3).await.responses[0].error_code, 0);
    assert_eq!(
        client.ask(&by_name, 3).await.responses[0].error_code,
        ErrorCode::UnknownTopicOrPartition.code()
    );
    running.stop().await;
}

#[tokio::test]
async fn partitions_can_only_be_added() {
    let running = Running::start().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("t", 2, 1)]).await;
    for (name, count, expected) in [
        ("t", 2, ErrorCode::InvalidPartitions),
        ("t", 1, ErrorCode::InvalidPartitions),
        ("t", 5, ErrorCode::None),
        ("none", 5, ErrorCode::UnknownTopicOrPartition),
    ] {
        let asked =
            create_partitions::CreatePartitionsTopic { name: name.to_owned(), count, assignments: None };
        let request =
            create_partitions::Request { topics: vec![asked], timeout_ms: 10_000, ..Default::default() };
        let result = client.ask(&request, 3).await.results.remove(0);
        assert_eq!(result.error_code, expected.code(), "{name} {count}: {result:?}");
    }
    assert_eq!(describe(&mut client, "t", false).await.partitions.len(), 5);
    running.stop().await;
}

#[tokio::test]
async fn pages_of_partitions_cover_every_topic_once() {
    let running = Running::start().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("a", 3, 1), topic("b", 1, 1), topic("c", 4, 1)]).await;
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let request = describe_topic_partitions::Request {
            response_partition_limit: 2,
            cursor: cursor.take(),
            ..describe_topic_partitions::Request::default()
        };
        let page = client.ask(&request, 0).await;
        assert!(page.topics.iter().map(|t| t.partitions.len()).sum::<usize>() <= 2);
        for topic in page.topics {
            let name = topic.name.expect("a name");
            seen.extend(topic.partitions.iter().map(|p| (name.clone(), p.partition_index)));
        }
        let Some(next) = page.next_cursor else { break };
        cursor = Some(describe_topic_partitions::request::Cursor {
            topic_name: next.topic_name,
            partition_index: next.partition_index,
        });
    }
    let all = |name: &str, count| (0..count).map(|i| (name.to_owned(), i)).collect::<Vec<_>>();
    assert_eq!(seen, [all("a", 3), all("b", 1), all("c", 4)].concat());
    running.stop().await;
}

#[tokio::test]
async fn metadata_tells_authorized_operations_to_who_asks() {
    let running = Running::start().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("t", 1, 1)]).await;
    for asks in [false, true] {
        let request = metadata::Request {
            topics: None,
            include_cluster_authorized_operations: asks,
            include_topic_authorized_operations: asks,
            ..metadata::Request::default()
        };
        let told = client.ask(&request, 10).await;
        for operations in [told.cluster_authorized_operations, told.topics[0].topic_authorized_operations] {
            assert_eq!(operations > 0, asks);
            assert_eq!(operations == i32::MIN, !asks);
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn the_cluster_and_its_data_are_described() {
    let running = Running::with(&[("RACK", "r1"), ("BROKER_ID", "7")]).await;
    let mut client = running.client().await;
    let request = describe_cluster::Request {
        include_cluster_authorized_operations: true,
        endpoint_type: 1,
        ..describe_cluster::Request::default()
    };
    let cluster = client.ask(&request, 1).await;
    assert_eq!(
        (cluster.error_code, cluster.cluster_id.as_str(), cluster.controller_id),
        (0, "kafkaesque", 7)
    );
    assert_eq!(cluster.brokers[0].rack.as_deref(), Some("r1"));
    assert_eq!(cluster.brokers[0].port, i32::from(running.broker.address().port()));
    assert!(cluster.cluster_authorized_operations > 0);
    create(&mut client, vec![topic("t", 2, 1)]).await;
    let dirs = client.ask(&describe_log_dirs::Request::default(), 4).await;
    assert!(!dirs.results[0].log_dir.is_empty());
    assert_eq!(dirs.results[0].topics.len(), 0, "an empty list of topics asks for none");
    let all = describe_log_dirs::Request { topics: None };
    assert_eq!(client.ask(&all, 4).await.results[0].topics[0].partitions.len(), 2);
    running.stop().await;
}

#[tokio::test]
async fn a_change_that_gives_itself_no_time_is_not_begun() {
    let running = Running::start().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("t", 1, 1)]).await;
    let late = ErrorCode::RequestTimedOut.code();
    for timeout_ms in [0, -1, i32::MIN] {
        let request =
            create_topics::Request { topics: vec![topic("new", 1, 1)], timeout_ms, ..Default::default() };
        assert_eq!(client.ask(&request, 7).await.topics[0].error_code, late);
        assert_eq!(
            describe(&mut client, "new", false).await.error_code,
            ErrorCode::UnknownTopicOrPartition.code()
        );
        let grown = create_partitions::CreatePartitionsTopic {
            name: "t".to_owned(),
            count: 2,
            ..create_partitions::CreatePartitionsTopic::default()
        };
        let request = create_partitions::Request { topics: vec![grown], timeout_ms, ..Default::default() };
        assert_eq!(client.ask(&request, 3).await.results[0].error_code, late);
        let request =
            delete_topics::Request { topic_names: vec!["t".to_owned()], timeout_ms, ..Default::default() };
        assert_eq!(client.ask(&request, 4).await.responses[0].error_code, late);
        let led = elect_leaders::TopicPartitions { topic: "t".to_owned(), partitions: vec![0] };
        let request =
            elect_leaders::Request { topic_partitions: Some(vec![led]), timeout_ms, ..Default::default() };
        for version in 0..=2 {
            let answer = client.ask(&request, version).await.replica_election_results.remove(0);
            assert_eq!(answer.partition_result[0].error_code, late, "version {version}");
        }
    }
    assert_eq!(describe(&mut client, "t", false).await.partitions.len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn a_request_for_too_many_partitions_is_refused_before_they_are_built() {
    let running = Running::start().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("t", 1, 1), topic("u", 1, 1)]).await;
    let refused = ErrorCode::PolicyViolation.code();
    for (validate_only, counts) in
        [(true, [i32::MAX, 1]), (false, [i32::MAX, i32::MAX]), (false, [5000, 5001])]
    {
        let topics = counts.iter().enumerate().map(|(n, count)| topic(&format!("new-{n}"), *count, 1));
        let request =
            create_topics::Request { topics: topics.collect(), validate_only, ..Default::default() };
        let codes: Vec<i16> = client.ask(&request, 7).await.topics.iter().map(|t| t.error_code).collect();
        assert_eq!(codes, [refused; 2], "{counts:?}");
        let grown =
            ["t", "u"].iter().zip(counts).map(|(name, count)| create_partitions::CreatePartitionsTopic {
                name: (*name).to_owned(),
                // One more: those that are there do not count.
                count: count.saturating_add(1),
                ..create_partitions::CreatePartitionsTopic::default()
            });
        let request =
            create_partitions::Request { topics: grown.collect(), validate_only, timeout_ms: 10_000 };
        let codes: Vec<i16> = client.ask(&request, 3).await.results.iter().map(|t| t.error_code).collect();
        assert_eq!(codes, [refused; 2], "{counts:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn as_many_topics_as_a_request_may_name_are_all_made_and_all_deleted() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let names: Vec<String> = (0..9000).map(|n| format!("t{n}")).collect();
    let made = create(&mut client, names.iter().map(|name| topic(name, 1, 1)).collect()).await;
    assert_eq!(made.len(), names.len());
    assert!(made.iter().all(|topic| topic.error_code == 0), "{:?}", made.iter().find(|t| t.error_code != 0));
    let request = delete_topics::Request { topic_names: names, timeout_ms: 60_000, ..Default::default() };
    let deleted = client.ask(&request, 4).await.responses;
    assert!(deleted.iter().all(|topic| topic.error_code == 0));
    running.stop().await;
}
