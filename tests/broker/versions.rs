//! Every version of every announced API gets an answer, and what is not announced is refused on an open connection.

use kafkaesque::api;
use kafkaesque::protocol::codec::{Message as _, Request};
use kafkaesque::protocol::messages::*;
use kafkaesque::protocol::{ApiKey, ErrorCode};

use crate::Running;
use crate::client::Client;

/// Asks for a request's answer at every version from lowest to highest, on one connection.
async fn every_version<R: Request>(client: &mut Client, request: R, versions: std::ops::RangeInclusive<i16>) {
    for version in versions {
        client.ask(&request, version).await;
    }
}

macro_rules! ask_every_version {
    ($client:ident, $key:ident, $versions:ident; $($api:ident => $module:ident),* $(,)?) => {
        match $key {
            $( ApiKey::$api => every_version(&mut $client, $module::Request::default(), $versions).await, )*
            other => panic!("{other:?} is announced, but this test does not know it"),
        }
    };
}

#[tokio::test]
async fn every_announced_version_is_answered() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let announced = client.ask(&api_versions::Request { ..software() }, 4).await;
    assert_eq!(announced.api_keys.len(), api::announced().count());
    for announced in announced.api_keys {
        let key = ApiKey::from_key(announced.api_key).expect("a key of Kafka's");
        let versions = announced.min_version..=announced.max_version;
        if key == ApiKey::Produce {
            // Announced from 0 for old librdkafka; refused below 3, as by Kafka. Without acks there is no answer.
            assert_eq!(versions, 0..=13);
            every_version(&mut client, produce::Request { acks: -1, ..Default::default() }, 3..=13).await;
            continue;
        }
        ask_every_version!(client, key, versions;
            FindCoordinator => find_coordinator, JoinGroup => join_group, SyncGroup => sync_group,
            Heartbeat => heartbeat, LeaveGroup => leave_group, ConsumerGroupHeartbeat => consumer_group_heartbeat,
            ConsumerGroupDescribe => consumer_group_describe,
            OffsetCommit => offset_commit,
            OffsetFetch => offset_fetch, OffsetDelete => offset_delete, DescribeGroups => describe_groups,
            ListGroups => list_groups, DeleteGroups => delete_groups,
            Fetch => fetch, ListOffsets => list_offsets, Metadata => metadata,
            ApiVersions => api_versions, CreateTopics => create_topics, DeleteTopics => delete_topics,
            DeleteRecords => delete_records, InitProducerId => init_producer_id,
            OffsetForLeaderEpoch => offset_for_leader_epoch, DescribeConfigs => describe_configs,
            AlterConfigs => alter_configs, DescribeLogDirs => describe_log_dirs,
            CreatePartitions => create_partitions, IncrementalAlterConfigs => incremental_alter_configs,
            DescribeCluster => describe_cluster, ListConfigResources => list_config_resources,
            DescribeTopicPartitions => describe_topic_partitions,
            DescribeAcls => describe_acls,
            CreateAcls => create_acls,
            DeleteAcls => delete_acls,
            DescribeProducers => describe_producers,
            DescribeTransactions => describe_transactions,
            ListTransactions => list_transactions,
            ListPartitionReassignments => list_partition_reassignments,
            AlterPartitionReassignments => alter_partition_reassignments,
            ElectLeaders => elect_leaders,
            UnregisterBroker => unregister_broker,
            AlterReplicaLogDirs => alter_replica_log_dirs,
            DescribeQuorum => describe_quorum,
            DescribeClientQuotas => describe_client_quotas,
            AlterClientQuotas => alter_client_quotas,
            DescribeUserScramCredentials => describe_user_scram_credentials,
            AlterUserScramCredentials => alter_user_scram_credentials,
            CreateDelegationToken => create_delegation_token,
            RenewDelegationToken => renew_delegation_token,
            ExpireDelegationToken => expire_delegation_token,
            DescribeDelegationToken => describe_delegation_token,
            SaslHandshake => sasl_handshake,
            SaslAuthenticate => sasl_authenticate,
            UpdateFeatures => update_features,
        );
    }
    running.stop().await;
}

fn software() -> api_versions::Request {
    api_versions::Request {
        client_software_name: "test".to_owned(),
        client_software_version: "1.0".to_owned(),
        ..api_versions::Request::default()
    }
}

/// The header of a request with an empty client id, and a body of zeros.
fn frame(key: i16, version: i16, correlation_id: i32) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend_from_slice(&key.to_be_bytes());
    frame.extend_from_slice(&version.to_be_bytes());
    frame.extend_from_slice(&correlation_id.to_be_bytes());
    frame.extend_from_slice(&0i16.to_be_bytes());
    frame.extend_from_slice(&[0; 8]);
    let length = frame.len() as i32;
    [length.to_be_bytes().to_vec(), frame].concat()
}

#[tokio::test]
async fn what_is_not_announced_is_refused_on_an_open_connection() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let announced: std::collections::BTreeMap<i16, i16> =
        api::announced().map(|(key, versions)| (key.key(), *versions.end())).collect();
    for key in -1..=200i16 {
        if key == ApiKey::ApiVersions.key() {
            continue;
        }
        let version = announced.get(&key).map_or(0, |highest| highest + 1);
        client.raw(&frame(key, version, 1000 + i32::from(key))).await;
        let answer = client.frame().await.expect("an answer");
        assert_eq!(answer[..4], (1000 + i32::from(key)).to_be_bytes(), "key {key}");
        assert_eq!(answer[4..6], ErrorCode::UnsupportedVersion.code().to_be_bytes(), "key {key}");
    }
    client.raw(&frame(ApiKey::Produce.key(), 2, 7)).await;
    let answer = client.frame().await.expect("an answer");
    assert_eq!(answer[4..6], ErrorCode::UnsupportedVersion.code().to_be_bytes());
    client.ask(&metadata::Request::default(), 12).await;
    running.stop().await;
}

#[tokio::test]
async fn a_newer_client_learns_the_version_of_api_versions() {
    let running = Running::start().await;
    let mut client = running.client().await;
    client.raw(&frame(ApiKey::ApiVersions.key(), 77, 5)).await;
    let answer = client.frame().await.expect("an answer");
    assert_eq!(answer[..4], 5i32.to_be_bytes());
    let body = answer.slice(4..);
    let response = api_versions::Response::decode(&body, 0).expect("version 0");
    assert_eq!(response.error_code, ErrorCode::UnsupportedVersion.code());
    let ranges: Vec<_> =
        response.api_keys.iter().map(|k| (k.api_key, k.min_version, k.max_version)).collect();
    assert_eq!(ranges, [(18, 0, 5)]);
    client.ask(&software(), 3).await;
    running.stop().await;
}

#[tokio::test]
async fn the_wrong_cluster_or_node_is_told_to_rebootstrap() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let ask = |cluster: &str, node: i32| api_versions::Request {
        cluster_id: Some(cluster.to_owned()),
        node_id: node,
        ..software()
    };
    for (cluster, node, expected) in [
        ("kafkaesque", 0, ErrorCode::None),
        ("another", 0, ErrorCode::RebootstrapRequired),
        ("kafkaesque", 9, ErrorCode::RebootstrapRequired),
    ] {
        let response = client.ask(&ask(cluster, node), 5).await;
        assert_eq!(response.error_code, expected.code(), "{cluster} {node}");
        assert_eq!(response.api_keys.is_empty(), expected != ErrorCode::None);
    }
    let nameless = api_versions::Request { client_software_name: "-no-".to_owned(), ..software() };
    assert_eq!(client.ask(&nameless, 3).await.error_code, ErrorCode::InvalidRequest.code());
    running.stop().await;
}
