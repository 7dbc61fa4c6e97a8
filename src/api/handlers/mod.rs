//! The Kafka APIs that are served: a file or a folder each, and the one list of them.
//! They must never know how bytes reach the store, or how metadata is agreed on: a handler asks one layer and answers.
//! Entry point: [`TABLE`]; `for_each_served_api!` lists the names.
//! Invariant: what is listed is served. An API is added by its line in the list and its file.

use super::handler::Entry;

/// Calls a macro with `module Name,` of every API that is served, in the order of keys.
#[macro_export]
macro_rules! for_each_served_api {
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
            list_config_resources ListConfigResources,
            consumer_group_heartbeat ConsumerGroupHeartbeat,
            consumer_group_describe ConsumerGroupDescribe,
            describe_topic_partitions DescribeTopicPartitions,
            add_raft_voter AddRaftVoter,
            remove_raft_voter RemoveRaftVoter,
        }
    };
}

macro_rules! declare {
    ($( $module:ident $name:ident, )*) => {
        $( mod $module; )*

        /// Every API that is served, in the order of keys.
        pub static TABLE: &[Entry] = &[$( Entry::of::<$module::$name>(), )*];
    };
}

for_each_served_api!(declare);

pub use api_versions::{ApiVersions, SOFTWARE_SINCE, software_is_valid};

#[cfg(test)]
mod tests;
