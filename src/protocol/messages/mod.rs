//! Every request and response of Kafka 4.4 that clients, tools and brokers send, controllers' own left out.
//! Must never know: what a message is answered with.
//! Entry point: `messages::<api>::{Request, Response}`; [`APIS`] lists the declarations, `for_each_api!` the types.
//! Invariant: each declaration agrees with Kafka's own definition, field by field and byte by byte (`tests/protocol`).

use super::ApiKey;
use super::codec::{Message, MessageSchema};

/// Calls a macro with `module Name,` of every API, in the order of keys.
#[macro_export]
macro_rules! for_each_api {
    ($callback:ident) => {
        $callback! {
            produce Produce,
            fetch Fetch,
            list_offsets ListOffsets,
            metadata Metadata,
            offset_commit OffsetCommit,
            offset_fetch OffsetFetch,
            find_coordinator FindCoordinator,
            join_group JoinGroup,
            heartbeat Heartbeat,
            leave_group LeaveGroup,
            sync_group SyncGroup,
            describe_groups DescribeGroups,
            list_groups ListGroups,
            sasl_handshake SaslHandshake,
            api_versions ApiVersions,
            create_topics CreateTopics,
            delete_topics DeleteTopics,
            delete_records DeleteRecords,
            init_producer_id InitProducerId,
            offset_for_leader_epoch OffsetForLeaderEpoch,
            add_partitions_to_txn AddPartitionsToTxn,
            add_offsets_to_txn AddOffsetsToTxn,
            end_txn EndTxn,
            write_txn_markers WriteTxnMarkers,
            txn_offset_commit TxnOffsetCommit,
            describe_acls DescribeAcls,
            create_acls CreateAcls,
            delete_acls DeleteAcls,
            describe_configs DescribeConfigs,
            alter_configs AlterConfigs,
            alter_replica_log_dirs AlterReplicaLogDirs,
            describe_log_dirs DescribeLogDirs,
            sasl_authenticate SaslAuthenticate,
            create_partitions CreatePartitions,
            create_delegation_token CreateDelegationToken,
            renew_delegation_token RenewDelegationToken,
            expire_delegation_token ExpireDelegationToken,
            describe_delegation_token DescribeDelegationToken,
            delete_groups DeleteGroups,
            elect_leaders ElectLeaders,
            incremental_alter_configs IncrementalAlterConfigs,
            alter_partition_reassignments AlterPartitionReassignments,
            list_partition_reassignments ListPartitionReassignments,
            offset_delete OffsetDelete,
            describe_client_quotas DescribeClientQuotas,
            alter_client_quotas AlterClientQuotas,
            describe_user_scram_credentials DescribeUserScramCredentials,
            alter_user_scram_credentials AlterUserScramCredentials,
            describe_quorum DescribeQuorum,
            update_features UpdateFeatures,
            describe_cluster DescribeCluster,
            describe_producers DescribeProducers,
            unregister_broker UnregisterBroker,
            describe_transactions DescribeTransactions,
            list_transactions ListTransactions,
            consumer_group_heartbeat ConsumerGroupHeartbeat,
            consumer_group_describe ConsumerGroupDescribe,
            get_telemetry_subscriptions GetTelemetrySubscriptions,
            push_telemetry PushTelemetry,
            list_config_resources ListConfigResources,
            describe_topic_partitions DescribeTopicPartitions,
            share_group_heartbeat ShareGroupHeartbeat,
            share_group_describe ShareGroupDescribe,
            share_fetch ShareFetch,
            share_acknowledge ShareAcknowledge,
            add_raft_voter AddRaftVoter,
            remove_raft_voter RemoveRaftVoter,
            initialize_share_group_state InitializeShareGroupState,
            read_share_group_state ReadShareGroupState,
            write_share_group_state WriteShareGroupState,
            delete_share_group_state DeleteShareGroupState,
            read_share_group_state_summary ReadShareGroupStateSummary,
            streams_group_heartbeat StreamsGroupHeartbeat,
            streams_group_describe StreamsGroupDescribe,
            describe_share_group_offsets DescribeShareGroupOffsets,
            alter_share_group_offsets AlterShareGroupOffsets,
            delete_share_group_offsets DeleteShareGroupOffsets,
            streams_group_topology_description_update StreamsGroupTopologyDescriptionUpdate,
            unregister_controller UnregisterController,
        }
    };
}

/// The declarations of one API.
#[derive(Debug, Clone, Copy)]
pub struct Api {
    pub key: ApiKey,
    pub request: &'static MessageSchema,
    pub response: &'static MessageSchema,
}

/// The declarations of an API, when it is one of [`APIS`].
pub fn api(key: ApiKey) -> Option<&'static Api> {
    APIS.binary_search_by_key(&key, |api| api.key).ok().map(|at| &APIS[at])
}

macro_rules! declare {
    ($( $module:ident $name:ident, )*) => {
        $( pub mod $module; )*

        /// Every API declared here, in the order of keys.
        pub static APIS: &[Api] = &[$( Api {
            key: ApiKey::$name,
            request: $module::Request::MESSAGE,
            response: $module::Response::MESSAGE,
        }, )*];
    };
}

for_each_api!(declare);
