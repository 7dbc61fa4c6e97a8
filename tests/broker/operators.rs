//! What operators' tools ask beside topics and configs: producers, replicas, the quorum, features, security that is off.

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::messages::*;

use crate::Running;
use crate::admin::{create, topic};
use crate::produce_fetch::{batch, bytes, produce};

#[tokio::test]
async fn the_producers_of_a_partition_are_described_by_their_last_batch() {
    let running = Running::start().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("t", 1, 1)]).await;
    let idempotent = init_producer_id::Request { transactional_id: None, ..Default::default() };
    let id = client.ask(&idempotent, 4).await.producer_id;
    for sequence in [0, 2] {
        let stored =
            produce(&mut client, "t", bytes(batch(&["a", "b"]).producer(id, 0, sequence))).await.error_code;
        assert_eq!(stored, 0);
    }
    let asked = describe_producers::TopicRequest { name: "t".to_owned(), partition_indexes: vec![0, 1] };
    let request = describe_producers::Request { topics: vec![asked] };
    let partitions = client.ask(&request, 0).await.topics.remove(0).partitions;
    let [known, unknown] = partitions.as_slice() else { panic!("{partitions:?}") };
    let expected = describe_producers::ProducerState {
        producer_id: id,
        producer_epoch: 0,
        last_sequence: 3,
        last_timestamp: 1_000,
        coordinator_epoch: -1,
        current_txn_start_offset: -1,
    };
    assert_eq!(known.active_producers, [expected]);
    assert_eq!(unknown.error_code, ErrorCode::UnknownTopicOrPartition.code());
    running.stop().await;
}

#[tokio::test]
async fn a_partition_stays_with_the_owner_of_its_shard() {
    use alter_partition_reassignments::{ReassignablePartition, ReassignableTopic, Request};
    let running = Running::start().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("t", 1, 1)]).await;
    for (index, replicas, expected) in [
        (0, Some(vec![0]), ErrorCode::None),
        (0, Some(vec![1]), ErrorCode::InvalidReplicaAssignment),
        (0, Some(vec![0, 0]), ErrorCode::InvalidReplicaAssignment),
        (0, Some(vec![]), ErrorCode::InvalidReplicaAssignment),
        (0, None, ErrorCode::NoReassignmentInProgress),
        (7, Some(vec![0]), ErrorCode::UnknownTopicOrPartition),
    ] {
        let partition = ReassignablePartition { partition_index: index, replicas: replicas.clone() };
        let asked = ReassignableTopic { name: "t".to_owned(), partitions: vec![partition] };
        let mut answer = client.ask(&Request { topics: vec![asked], ..Request::default() }, 1).await;
        let code = answer.responses.remove(0).partitions[0].error_code;
        assert_eq!(code, expected.code(), "{index} {replicas:?}");
    }
    let under_way = client.ask(&list_partition_reassignments::Request::default(), 0).await;
    assert_eq!((under_way.error_code, under_way.topics.len()), (0, 0));

    let asked = elect_leaders::TopicPartitions { topic: "t".to_owned(), partitions: vec![0] };
    let request =
        elect_leaders::Request { topic_partitions: Some(vec![asked]), ..elect_leaders::Request::default() };
    let elected = client.ask(&request, 2).await.replica_election_results.remove(0);
    assert_eq!(elected.partition_result[0].error_code, ErrorCode::ElectionNotNeeded.code());
    running.stop().await;
}

#[tokio::test]
async fn the_quorum_is_this_broker_and_grows_with_the_metadata() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let partitions = vec![describe_quorum::request::PartitionData { partition_index: 0 }];
    let asked =
        describe_quorum::request::TopicData { topic_name: "__cluster_metadata".to_owned(), partitions };
    let request = describe_quorum::Request { topics: vec![asked] };
    let before = client.ask(&request, 2).await;
    create(&mut client, vec![topic("t", 1, 1)]).await;
    let after = client.ask(&request, 2).await;
    let [before, after] = [before, after].map(|answer| {
        assert_eq!((answer.error_code, answer.nodes.len()), (0, 1));
        let partition = answer.topics[0].partitions[0].clone();
        assert_eq!((partition.error_code, partition.leader_id, partition.current_voters.len()), (0, 0, 1));
        assert_eq!(partition.current_voters[0].log_end_offset, partition.high_watermark);
        partition.high_watermark
    });
    assert!(after > before, "{before} {after}");
    running.stop().await;
}

#[tokio::test]
async fn features_change_only_to_what_is_supported() {
    use update_features::{FeatureUpdateKey, Request};
    let running = Running::start().await;
    let mut client = running.client().await;
    for (feature, level, kind, expected) in [
        ("metadata.version", 33, 1, ErrorCode::None),
        ("metadata.version", 34, 1, ErrorCode::InvalidUpdateVersion),
        ("metadata.version", 20, 1, ErrorCode::InvalidUpdateVersion),
        ("metadata.version", 33, 9, ErrorCode::InvalidUpdateVersion),
        ("kafkaesque.version", 1, 1, ErrorCode::InvalidUpdateVersion),
        ("kafkaesque.version", 1, 2, ErrorCode::InvalidUpdateVersion),
        ("kafkaesque.version", 99, 1, ErrorCode::InvalidUpdateVersion),
        ("nothing.version", 1, 1, ErrorCode::InvalidUpdateVersion),
    ] {
        let update = FeatureUpdateKey {
            feature: feature.to_owned(),
            max_version_level: level,
            upgrade_type: kind,
            ..FeatureUpdateKey::default()
        };
        let request = Request { feature_updates: vec![update], ..Request::default() };
        let answer = client.ask(&request, 2).await;
        assert_eq!(answer.error_code, expected.code(), "{feature} {level} {kind}: {answer:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn what_needs_security_says_that_there_is_none() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let acls = client.ask(&describe_acls::Request::default(), 3).await;
    assert_eq!(acls.error_code, ErrorCode::SecurityDisabled.code());
    let creation = create_acls::AclCreation::default();
    let created = client.ask(&create_acls::Request { creations: vec![creation; 2] }, 3).await.results;
    assert!(created.len() == 2 && created.iter().all(|r| r.error_code == ErrorCode::SecurityDisabled.code()));
    let token = client.ask(&describe_delegation_token::Request::default(), 3).await;
    assert_eq!(token.error_code, ErrorCode::DelegationTokenRequestNotAllowed.code());
    let sasl = client.ask(&sasl_handshake::Request { mechanism: "PLAIN".to_owned() }, 1).await;
    assert_eq!(sasl.error_code, ErrorCode::IllegalSaslState.code());

    let quotas = client.ask(&describe_client_quotas::Request::default(), 1).await;
    assert_eq!((quotas.error_code, quotas.entries), (0, Some(Vec::new())));
    let users =
        ["a", "b", "b"].map(|name| describe_user_scram_credentials::UserName { name: name.to_owned() });
    let request = describe_user_scram_credentials::Request { users: Some(users.to_vec()) };
    let codes: Vec<_> =
        client.ask(&request, 0).await.results.into_iter().map(|r| (r.user, r.error_code)).collect();
    let expected = [("a", ErrorCode::ResourceNotFound), ("b", ErrorCode::DuplicateResource)];
    assert_eq!(codes, expected.map(|(user, code)| (user.to_owned(), code.code())));
    running.stop().await;
}

#[tokio::test]
async fn replicas_are_where_they_are() {
    use alter_replica_log_dirs::{AlterReplicaLogDir, AlterReplicaLogDirTopic, Request};
    let running = Running::start().await;
    let mut client = running.client().await;
    create(&mut client, vec![topic("t", 1, 1)]).await;
    let dirs = client.ask(&describe_log_dirs::Request::default(), 4).await;
    let here = dirs.results[0].log_dir.clone();
    for (path, index, expected) in [
        (here.as_str(), 0, ErrorCode::None),
        (here.as_str(), 5, ErrorCode::UnknownTopicOrPartition),
        ("/elsewhere", 0, ErrorCode::LogDirNotFound),
    ] {
        let topics = vec![AlterReplicaLogDirTopic { name: "t".to_owned(), partitions: vec![index] }];
        let request = Request { dirs: vec![AlterReplicaLogDir { path: path.to_owned(), topics }] };
        let code = client.ask(&request, 2).await.results[0].partitions[0].error_code;
        assert_eq!(code, expected.code(), "{path} {index}");
    }
    let unknown = client.ask(&unregister_broker::Request { broker_id: 9 }, 0).await;
    assert_eq!(unknown.error_code, ErrorCode::BrokerIdNotRegistered.code());
    running.stop().await;
}
