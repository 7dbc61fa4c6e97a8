//! The Kafka APIs: one file each, and the table of them.
//! It must never know how bytes reach the store, or how metadata is agreed on: a handler asks one layer and answers.
//! Entry point: [`Service`], to which the network layer gives frames.
//! Invariant: what ApiVersions announces is what this table serves.
#![allow(refining_impl_trait, reason = "a handler's own answer is what the dispatcher turns into a reply")]

mod alter_client_quotas;
mod alter_configs;
mod alter_partition_reassignments;
mod alter_replica_log_dirs;
mod alter_user_scram_credentials;
mod api_versions;
mod changes;
mod config_changes;
mod configs;
mod consumer_group_describe;
mod consumer_group_heartbeat;
mod context;
mod create_acls;
mod create_delegation_token;
mod create_partitions;
mod create_topics;
mod delete_acls;
mod delete_groups;
mod delete_records;
mod delete_topics;
mod describe_acls;
mod describe_client_quotas;
mod describe_cluster;
mod describe_configs;
mod describe_delegation_token;
mod describe_groups;
mod describe_log_dirs;
mod describe_producers;
mod describe_quorum;
mod describe_topic_partitions;
mod describe_transactions;
mod describe_user_scram_credentials;
mod dispatch;
mod elect_leaders;
mod errors;
mod expire_delegation_token;
mod fetch;
pub mod fetch_session;
mod find_coordinator;
mod groups;
mod handler;
mod heartbeat;
mod incremental_alter_configs;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_config_resources;
mod list_groups;
mod list_offsets;
mod list_partition_reassignments;
mod list_transactions;
mod metadata;
mod metrics;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod operations;
mod produce;
mod renew_delegation_token;
mod rules;
mod sasl_authenticate;
mod sasl_handshake;
mod sync_group;
mod together;
mod topics;
mod unregister_broker;
mod update_features;

pub use context::{Broker, Options};
pub use dispatch::Service;
use handler::Entry;

/// Every API that is served, by its key.
static TABLE: &[Entry] = &[
    Entry::of::<produce::Produce>(),
    Entry::of::<fetch::Fetch>(),
    Entry::of::<list_offsets::ListOffsets>(),
    Entry::of::<metadata::Metadata>(),
    Entry::of::<offset_commit::OffsetCommit>(),
    Entry::of::<offset_fetch::OffsetFetch>(),
    Entry::of::<find_coordinator::FindCoordinator>(),
    Entry::of::<join_group::JoinGroup>(),
    Entry::of::<heartbeat::Heartbeat>(),
    Entry::of::<leave_group::LeaveGroup>(),
    Entry::of::<sync_group::SyncGroup>(),
    Entry::of::<describe_groups::DescribeGroups>(),
    Entry::of::<list_groups::ListGroups>(),
    Entry::of::<sasl_handshake::SaslHandshake>(),
    Entry::of::<api_versions::ApiVersions>(),
    Entry::of::<create_topics::CreateTopics>(),
    Entry::of::<delete_topics::DeleteTopics>(),
    Entry::of::<delete_records::DeleteRecords>(),
    Entry::of::<init_producer_id::InitProducerId>(),
    Entry::of::<offset_for_leader_epoch::OffsetForLeaderEpoch>(),
    Entry::of::<describe_acls::DescribeAcls>(),
    Entry::of::<create_acls::CreateAcls>(),
    Entry::of::<delete_acls::DeleteAcls>(),
    Entry::of::<describe_configs::DescribeConfigs>(),
    Entry::of::<alter_configs::AlterConfigs>(),
    Entry::of::<alter_replica_log_dirs::AlterReplicaLogDirs>(),
    Entry::of::<describe_log_dirs::DescribeLogDirs>(),
    Entry::of::<sasl_authenticate::SaslAuthenticate>(),
    Entry::of::<create_partitions::CreatePartitions>(),
    Entry::of::<create_delegation_token::CreateDelegationToken>(),
    Entry::of::<renew_delegation_token::RenewDelegationToken>(),
    Entry::of::<expire_delegation_token::ExpireDelegationToken>(),
    Entry::of::<describe_delegation_token::DescribeDelegationToken>(),
    Entry::of::<delete_groups::DeleteGroups>(),
    Entry::of::<elect_leaders::ElectLeaders>(),
    Entry::of::<incremental_alter_configs::IncrementalAlterConfigs>(),
    Entry::of::<alter_partition_reassignments::AlterPartitionReassignments>(),
    Entry::of::<list_partition_reassignments::ListPartitionReassignments>(),
    Entry::of::<offset_delete::OffsetDelete>(),
    Entry::of::<describe_client_quotas::DescribeClientQuotas>(),
    Entry::of::<alter_client_quotas::AlterClientQuotas>(),
    Entry::of::<describe_user_scram_credentials::DescribeUserScramCredentials>(),
    Entry::of::<alter_user_scram_credentials::AlterUserScramCredentials>(),
    Entry::of::<describe_quorum::DescribeQuorum>(),
    Entry::of::<update_features::UpdateFeatures>(),
    Entry::of::<describe_cluster::DescribeCluster>(),
    Entry::of::<describe_producers::DescribeProducers>(),
    Entry::of::<unregister_broker::UnregisterBroker>(),
    Entry::of::<describe_transactions::DescribeTransactions>(),
    Entry::of::<list_transactions::ListTransactions>(),
    Entry::of::<list_config_resources::ListConfigResources>(),
    Entry::of::<consumer_group_heartbeat::ConsumerGroupHeartbeat>(),
    Entry::of::<consumer_group_describe::ConsumerGroupDescribe>(),
    Entry::of::<describe_topic_partitions::DescribeTopicPartitions>(),
];

/// The APIs served, each with the versions announced.
pub fn announced() -> impl Iterator<Item = (crate::protocol::ApiKey, std::ops::RangeInclusive<i16>)> {
    TABLE.iter().map(|entry| (entry.key, entry.announced.clone()))
}
