//! The Kafka APIs: one file each, and the table of them.
//! It must never know how bytes reach the store, or how metadata is agreed on: a handler asks one layer and answers.
//! Entry point: [`Service`], to which the network layer gives frames.
//! Invariant: what ApiVersions announces is what this table serves.
#![allow(refining_impl_trait, reason = "a handler's own answer is what the dispatcher turns into a reply")]

mod alter_configs;
mod api_versions;
mod configs;
mod context;
mod create_partitions;
mod create_topics;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_log_dirs;
mod describe_topic_partitions;
mod dispatch;
mod errors;
mod fetch;
pub mod fetch_session;
mod handler;
mod incremental_alter_configs;
mod init_producer_id;
mod list_config_resources;
mod list_offsets;
mod metadata;
mod metrics;
mod offset_for_leader_epoch;
mod operations;
mod produce;
mod rules;
mod topics;

pub use context::{Broker, Options};
pub use dispatch::Service;
use handler::Entry;

/// Every API that is served, by its key.
static TABLE: &[Entry] = &[
    Entry::of::<produce::Produce>(),
    Entry::of::<fetch::Fetch>(),
    Entry::of::<list_offsets::ListOffsets>(),
    Entry::of::<metadata::Metadata>(),
    Entry::of::<api_versions::ApiVersions>(),
    Entry::of::<create_topics::CreateTopics>(),
    Entry::of::<delete_topics::DeleteTopics>(),
    Entry::of::<delete_records::DeleteRecords>(),
    Entry::of::<init_producer_id::InitProducerId>(),
    Entry::of::<offset_for_leader_epoch::OffsetForLeaderEpoch>(),
    Entry::of::<describe_configs::DescribeConfigs>(),
    Entry::of::<alter_configs::AlterConfigs>(),
    Entry::of::<describe_log_dirs::DescribeLogDirs>(),
    Entry::of::<create_partitions::CreatePartitions>(),
    Entry::of::<incremental_alter_configs::IncrementalAlterConfigs>(),
    Entry::of::<describe_cluster::DescribeCluster>(),
    Entry::of::<list_config_resources::ListConfigResources>(),
    Entry::of::<describe_topic_partitions::DescribeTopicPartitions>(),
];

/// The APIs served, each with the versions announced.
pub fn announced() -> impl Iterator<Item = (crate::protocol::ApiKey, std::ops::RangeInclusive<i16>)> {
    TABLE.iter().map(|entry| (entry.key, entry.announced.clone()))
}
