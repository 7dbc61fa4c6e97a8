//! One request of every API, the error codes that it is answered with, and what else its answer must say.
//!
//! The requests meet a broker with id 0, whose only topic `t` has one empty partition.

use std::fmt::Debug;
use std::ops::RangeInclusive;

use kafkaesque::protocol::codec::{Request, error_codes};
use kafkaesque::protocol::messages::*;
use kafkaesque::protocol::{ApiKey, ErrorCode};
use uuid::Uuid;

use crate::client::Client;

/// The only topic.
pub const TOPIC: &str = "t";
/// A group that has committed an offset once OffsetCommit was probed.
const GROUP: &str = "offsets";

/// Asks at one version, and says what is wrong with the answer: it must carry these error codes, and be right.
async fn ask<R: Request>(
    client: &mut Client,
    request: &R,
    version: i16,
    expected: &[ErrorCode],
    is_right: impl Fn(&R::Response) -> bool,
) -> Option<String>
where
    R::Response: Debug,
{
    let answer = client.ask(request, version).await;
    let mut codes = Vec::new();
    error_codes(&answer, version, |code| codes.push(code));
    let expected: Vec<i16> = expected.iter().map(|code| code.code()).collect();
    let is_right = codes == expected && is_right(&answer);
    (!is_right).then(|| format!("{:?} version {version}: {answer:?}", R::KEY))
}

macro_rules! probes {
    ($topic_id:ident, $version:ident, $answer:ident; $(
        $name:ident { $request:expr } => $codes:tt $(where $is_right:expr)?;
    )*) => {
        /// Asks the probe of an API at every version, and says which answers are wrong.
        pub async fn probe(
            client: &mut Client,
            key: ApiKey,
            versions: RangeInclusive<i16>,
            $topic_id: Uuid,
        ) -> Vec<String> {
            let mut wrong = Vec::new();
            match key {
                $( ApiKey::$name => for $version in versions {
                    let expected: Vec<ErrorCode> = probes!(@codes $codes);
                    wrong.extend(ask(client, &$request, $version, &expected, |$answer| {
                        let _ = $answer;
                        true $( && $is_right )?
                    }).await);
                }, )*
                other => panic!("{other:?} is announced, but there is no probe of it"),
            }
            wrong
        }
    };
    (@codes [$($code:ident)?]) => { vec![$( ErrorCode::$code )?] };
    (@codes { $codes:expr }) => { $codes };
}

fn of_topic<T>(of: impl FnOnce(String) -> T) -> Vec<T> {
    vec![of(TOPIC.to_owned())]
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

probes! { topic_id, version, answer;
    Produce { produce::Request {
        acks: -1,
        topic_data: of_topic(|name| produce::TopicProduceData {
            name,
            topic_id,
            partition_data: vec![produce::PartitionProduceData::default()],
        }),
        ..Default::default()
    } } => [InvalidRecord] where answer.responses[0].partition_responses[0].base_offset == -1;
    Fetch { fetch::Request {
        topics: of_topic(|topic| fetch::FetchTopic {
            topic,
            topic_id,
            partitions: vec![fetch::FetchPartition { partition_max_bytes: 1, ..Default::default() }],
        }),
        ..Default::default()
    } } => [] where {
        let partition = &answer.responses[0].partitions[0];
        let log_start = if version >= 5 { 0 } else { -1 };
        (partition.high_watermark, partition.last_stable_offset, partition.log_start_offset) == (0, 0, log_start)
    };
    ListOffsets { list_offsets::Request {
        topics: of_topic(|name| list_offsets::ListOffsetsTopic {
            name,
            partitions: vec![list_offsets::ListOffsetsPartition { timestamp: -1, ..Default::default() }],
        }),
        ..Default::default()
    } } => [] where answer.topics[0].partitions[0].offset == 0;
    Metadata { metadata::Request {
        topics: Some(of_topic(|name| metadata::MetadataRequestTopic {
            name: Some(name),
            ..Default::default()
        })),
        ..Default::default()
    } } => [] where {
        let topic = &answer.topics[0];
        (answer.brokers[0].node_id, answer.brokers[0].host.as_str()) == (0, "127.0.0.1")
            && topic.name.as_deref() == Some(TOPIC)
            && (version < 10 || topic.topic_id == topic_id)
            && (topic.partitions[0].leader_id, &topic.partitions[0].isr_nodes[..]) == (0, &[0][..])
    };
    OffsetCommit { offset_commit::Request {
        group_id: GROUP.to_owned(),
        topics: of_topic(|name| offset_commit::OffsetCommitRequestTopic {
            name,
            topic_id,
            partitions: vec![offset_commit::OffsetCommitRequestPartition {
                committed_offset: 7,
                ..Default::default()
            }],
        }),
        ..Default::default()
    } } => [] where answer.topics[0].partitions.len() == 1;
    OffsetFetch { match version {
        ..8 => offset_fetch::Request {
            group_id: GROUP.to_owned(),
            topics: Some(of_topic(|name| offset_fetch::OffsetFetchRequestTopic {
                name,
                partition_indexes: vec![0],
            })),
            ..Default::default()
        },
        _ => offset_fetch::Request {
            groups: vec![offset_fetch::OffsetFetchRequestGroup {
                group_id: GROUP.to_owned(),
                topics: Some(of_topic(|name| offset_fetch::OffsetFetchRequestTopics {
                    name,
                    topic_id,
                    partition_indexes: vec![0],
                })),
                ..Default::default()
            }],
            ..Default::default()
        },
    } } => [] where 7 == match version {
        ..8 => answer.topics[0].partitions[0].committed_offset,
        _ => answer.groups[0].topics[0].partitions[0].committed_offset,
    };
    FindCoordinator { find_coordinator::Request {
        key: if version < 4 { "g".to_owned() } else { String::new() },
        coordinator_keys: if version < 4 { Vec::new() } else { names(&["g"]) },
        ..Default::default()
    } } => [] where (0, "127.0.0.1") == match version {
        ..4 => (answer.node_id, answer.host.as_str()),
        _ => (answer.coordinators[0].node_id, answer.coordinators[0].host.as_str()),
    };
    JoinGroup { join_group::Request {
        group_id: "g".to_owned(),
        member_id: "nobody".to_owned(),
        session_timeout_ms: 10_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![join_group::JoinGroupRequestProtocol { name: "range".to_owned(), ..Default::default() }],
        ..Default::default()
    } } => [UnknownMemberId] where answer.member_id == "nobody";
    Heartbeat { heartbeat::Request {
        group_id: "g".to_owned(),
        member_id: "nobody".to_owned(),
        ..Default::default()
    } } => [UnknownMemberId];
    LeaveGroup { leave_group::Request {
        group_id: "g".to_owned(),
        member_id: if version < 3 { "nobody".to_owned() } else { String::new() },
        members: match version {
            ..3 => Vec::new(),
            _ => vec![leave_group::MemberIdentity { member_id: "nobody".to_owned(), ..Default::default() }],
        },
    } } => [UnknownMemberId] where answer.members.iter().all(|member| member.member_id == "nobody");
    SyncGroup { sync_group::Request {
        group_id: "g".to_owned(),
        member_id: "nobody".to_owned(),
        protocol_type: Some("consumer".to_owned()),
        protocol_name: Some("range".to_owned()),
        ..Default::default()
    } } => [UnknownMemberId];
    DescribeGroups { describe_groups::Request { groups: names(&["nothing"]), ..Default::default() } } => {
        if version >= 6 { vec![ErrorCode::GroupIdNotFound] } else { Vec::new() }
    } where answer.groups[0].group_state == "Dead";
    ListGroups { list_groups::Request::default() } => []
        where answer.groups.iter().any(|group| group.group_id == GROUP);
    SaslHandshake { sasl_handshake::Request::default() } => [IllegalSaslState];
    ApiVersions { software() } => [] where answer.api_keys.len() == kafkaesque::api::announced().count();
    CreateTopics { create_topics::Request {
        topics: of_topic(|name| create_topics::CreatableTopic {
            name,
            num_partitions: 1,
            replication_factor: 1,
            ..Default::default()
        }),
        ..Default::default()
    } } => [TopicAlreadyExists] where answer.topics[0].error_message.is_some();
    DeleteTopics { delete_topics::Request {
        topics: match version {
            ..6 => Vec::new(),
            _ => vec![delete_topics::DeleteTopicState { name: Some("gone".to_owned()), ..Default::default() }],
        },
        topic_names: names(&["gone"]),
        timeout_ms: 1_000,
    } } => [UnknownTopicOrPartition] where answer.responses[0].name.as_deref() == Some("gone");
    DeleteRecords { delete_records::Request {
        topics: of_topic(|name| delete_records::DeleteRecordsTopic {
            name,
            partitions: vec![delete_records::DeleteRecordsPartition::default()],
        }),
        timeout_ms: 1_000,
    } } => [] where answer.topics[0].partitions[0].low_watermark == 0;
    InitProducerId { init_producer_id::Request { transactional_id: None, ..Default::default() } } => []
        where answer.producer_id >= 0 && answer.producer_epoch == 0;
    OffsetForLeaderEpoch { offset_for_leader_epoch::Request {
        topics: of_topic(|topic| offset_for_leader_epoch::OffsetForLeaderTopic {
            topic,
            partitions: vec![offset_for_leader_epoch::OffsetForLeaderPartition {
                current_leader_epoch: i32::MAX,
                ..Default::default()
            }],
        }),
        ..Default::default()
    } } => [UnknownLeaderEpoch] where answer.topics[0].partitions[0].end_offset == -1;
    DescribeAcls { describe_acls::Request::default() } => [SecurityDisabled]
        where answer.error_message.as_deref() == Some("No Authorizer is configured on the broker");
    CreateAcls { create_acls::Request { creations: vec![create_acls::AclCreation::default()] } }
        => [SecurityDisabled];
    DeleteAcls { delete_acls::Request { filters: vec![delete_acls::DeleteAclsFilter::default()] } }
        => [SecurityDisabled];
    DescribeConfigs { describe_configs::Request {
        resources: of_topic(|resource_name| describe_configs::DescribeConfigsResource {
            resource_type: 2,
            resource_name,
            configuration_keys: Some(names(&["retention.ms"])),
        }),
        ..Default::default()
    } } => [] where answer.results[0].configs[0].value.as_deref() == Some("604800000");
    AlterConfigs { alter_configs::Request {
        resources: of_topic(|resource_name| alter_configs::AlterConfigsResource {
            resource_type: 2,
            resource_name,
            configs: vec![alter_configs::AlterableConfig {
                name: "retention.ms".to_owned(),
                value: Some("soon".to_owned()),
            }],
        }),
        ..Default::default()
    } } => [InvalidConfig] where answer.responses[0].resource_name == TOPIC;
    AlterReplicaLogDirs { alter_replica_log_dirs::Request {
        dirs: vec![alter_replica_log_dirs::AlterReplicaLogDir {
            path: "/nowhere".to_owned(),
            topics: of_topic(|name| alter_replica_log_dirs::AlterReplicaLogDirTopic { name, partitions: vec![0] }),
        }],
    } } => [LogDirNotFound];
    DescribeLogDirs { describe_log_dirs::Request { topics: None } } => []
        where answer.results[0].topics[0].name == TOPIC;
    SaslAuthenticate { sasl_authenticate::Request::default() } => [IllegalSaslState]
        where answer.error_message.is_some();
    CreatePartitions { create_partitions::Request {
        topics: of_topic(|name| create_partitions::CreatePartitionsTopic { name, count: 1, assignments: None }),
        timeout_ms: 1_000,
        ..Default::default()
    } } => [InvalidPartitions]
        where answer.results[0].error_message.as_deref() == Some("Topic already has 1 partition(s).");
    CreateDelegationToken { create_delegation_token::Request::default() } => [DelegationTokenRequestNotAllowed]
        where answer.issue_timestamp_ms == -1;
    RenewDelegationToken { renew_delegation_token::Request::default() } => [DelegationTokenRequestNotAllowed]
        where answer.expiry_timestamp_ms == -1;
    ExpireDelegationToken { expire_delegation_token::Request::default() } => [DelegationTokenRequestNotAllowed]
        where answer.expiry_timestamp_ms == -1;
    DescribeDelegationToken { describe_delegation_token::Request::default() }
        => [DelegationTokenRequestNotAllowed] where answer.tokens.is_empty();
    DeleteGroups { delete_groups::Request { groups_names: names(&["nothing"]) } } => [GroupIdNotFound]
        where answer.results[0].group_id == "nothing";
    ElectLeaders { elect_leaders::Request {
        topic_partitions: Some(of_topic(|topic| elect_leaders::TopicPartitions { topic, partitions: vec![0] })),
        ..Default::default()
    } } => [ElectionNotNeeded];
    IncrementalAlterConfigs { incremental_alter_configs::Request {
        resources: of_topic(|resource_name| incremental_alter_configs::AlterConfigsResource {
            resource_type: 2,
            resource_name,
            configs: vec![incremental_alter_configs::AlterableConfig {
                name: "retention.ms".to_owned(),
                config_operation: 9,
                value: Some("1".to_owned()),
            }],
        }),
        ..Default::default()
    } } => [InvalidRequest] where answer.responses[0].resource_name == TOPIC;
    AlterPartitionReassignments { alter_partition_reassignments::Request {
        topics: of_topic(|name| alter_partition_reassignments::ReassignableTopic {
            name,
            partitions: vec![alter_partition_reassignments::ReassignablePartition::default()],
        }),
        ..Default::default()
    } } => [NoReassignmentInProgress];
    ListPartitionReassignments { list_partition_reassignments::Request::default() } => []
        where answer.topics.is_empty();
    OffsetDelete { offset_delete::Request {
        group_id: GROUP.to_owned(),
        topics: vec![offset_delete::OffsetDeleteRequestTopic {
            name: "gone".to_owned(),
            partitions: vec![offset_delete::OffsetDeleteRequestPartition::default()],
        }],
    } } => [UnknownTopicOrPartition] where answer.topics[0].name == "gone";
    DescribeClientQuotas { describe_client_quotas::Request::default() } => []
        where answer.entries.as_ref().is_some_and(Vec::is_empty);
    AlterClientQuotas { alter_client_quotas::Request {
        entries: vec![alter_client_quotas::request::EntryData::default()],
        ..Default::default()
    } } => [InvalidRequest];
    DescribeUserScramCredentials { describe_user_scram_credentials::Request {
        users: Some(vec![describe_user_scram_credentials::UserName { name: "u".to_owned() }]),
    } } => [ResourceNotFound] where answer.results[0].user == "u";
    AlterUserScramCredentials { alter_user_scram_credentials::Request {
        deletions: vec![alter_user_scram_credentials::ScramCredentialDeletion {
            name: "u".to_owned(),
            mechanism: 1,
        }],
        ..Default::default()
    } } => [ResourceNotFound] where answer.results[0].user == "u";
    DescribeQuorum { describe_quorum::Request {
        topics: vec![describe_quorum::request::TopicData {
            topic_name: "__cluster_metadata".to_owned(),
            partitions: vec![describe_quorum::request::PartitionData::default()],
        }],
    } } => [] where {
        let partition = &answer.topics[0].partitions[0];
        partition.leader_id == 0
            && partition.current_voters[0].replica_id == 0
            && answer.nodes.len() == usize::from(version >= 2)
    };
    UpdateFeatures { update_features::Request {
        feature_updates: vec![update_features::FeatureUpdateKey {
            feature: "no.such".to_owned(),
            max_version_level: 1,
            ..Default::default()
        }],
        ..Default::default()
    } } => [InvalidUpdateVersion] where answer.error_message.as_ref().is_some_and(|why| why.contains("no.such"));
    DescribeCluster { describe_cluster::Request::default() } => []
        where answer.cluster_id == "kafkaesque" && answer.brokers[0].broker_id == 0;
    DescribeProducers { describe_producers::Request {
        topics: of_topic(|name| describe_producers::TopicRequest { name, partition_indexes: vec![0] }),
    } } => [] where answer.topics[0].partitions[0].active_producers.is_empty();
    UnregisterBroker { unregister_broker::Request { broker_id: 77 } } => [BrokerIdNotRegistered]
        where answer.error_message.is_some();
    AddRaftVoter { add_raft_voter::Request {
        cluster_id: None,
        timeout_ms: 10_000,
        listeners: vec![add_raft_voter::Listener { name: "A".to_owned(), host: "h".to_owned(), port: 1 }],
        ..Default::default()
    } } => [DuplicateVoter] where answer.error_message.is_some();
    RemoveRaftVoter { remove_raft_voter::Request { cluster_id: None, ..Default::default() } } => [VoterNotFound]
        where answer.error_message.is_some();
    DescribeTransactions { describe_transactions::Request { transactional_ids: names(&["x"]) } }
        => [TransactionalIdNotFound] where answer.transaction_states[0].transactional_id == "x";
    ListTransactions { list_transactions::Request { state_filters: names(&["Odd"]), ..Default::default() } } => []
        where answer.unknown_state_filters == ["Odd"];
    ListConfigResources { list_config_resources::Request::default() } => []
        where (version == 1) == answer.config_resources.iter().any(|one| one.resource_name == TOPIC);
    ConsumerGroupHeartbeat { consumer_group_heartbeat::Request {
        group_id: "g".to_owned(),
        member_id: "m".to_owned(),
        member_epoch: 5,
        ..Default::default()
    } } => [GroupIdNotFound] where answer.error_message.is_some();
    ConsumerGroupDescribe { consumer_group_describe::Request {
        group_ids: names(&["nothing"]),
        ..Default::default()
    } } => [GroupIdNotFound] where answer.groups[0].group_id == "nothing";
    DescribeTopicPartitions { describe_topic_partitions::Request {
        topics: of_topic(|name| describe_topic_partitions::TopicRequest { name }),
        ..Default::default()
    } } => [] where answer.topics[0].topic_id == topic_id && answer.topics[0].partitions[0].leader_id == 0;
}

/// A request that says which software asks, as newer versions must.
pub fn software() -> api_versions::Request {
    api_versions::Request {
        client_software_name: "test".to_owned(),
        client_software_version: "1.0".to_owned(),
        ..api_versions::Request::default()
    }
}
