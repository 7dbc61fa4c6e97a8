//! Settings of each layer, out of those of the process.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::ShardHost;
use crate::config::{self, Config, Validation};
use crate::coordinator::group::{self, classic, consumer, offsets};
use crate::log::Limits;
use crate::log::ReadLimits;
use crate::metadata::{self, MetadataSettings, Timeouts, Voter};
use crate::protocol::batch::Depth;
use crate::store::Store;
use crate::{api, net};

/// Bytes of records in one Fetch response (Kafka's `fetch.max.bytes`).
const FETCH_MAX_BYTES: usize = 55 * 1024 * 1024;

/// `bound_ports` are those of the listeners, in their order.
pub(crate) fn metadata_settings(config: &Config, bound_ports: &[u16], store: &Store) -> MetadataSettings {
    let timeouts = if config.store.backend.is_remote() { Timeouts::cloud() } else { Timeouts::local() };
    let session = config.cluster.broker_session_timeout;
    let timeouts = Timeouts { proposal: config.network.request_timeout, session, ..timeouts };
    let peers = if config.has_peers() { config.cluster.raft_peers.clone() } else { None };
    let voters = peers.iter().flatten().map(|(id, place)| Voter { id: *id, address: place.to_string() });
    let voters: Vec<Voter> = voters.collect();
    let address = config.raft_address().filter(|_| config.has_peers());
    MetadataSettings {
        broker_id: config.identity.broker_id,
        cluster_id: config.is_given("CLUSTER_ID").then(|| config.identity.cluster_id.clone()),
        shards: config.shards(),
        address: address.unwrap_or_default(),
        voters,
        listeners: advertised(config, bound_ports),
        rack: config.identity.rack.clone(),
        timeouts: timeouts.raised_for(store.probe().put_p99),
        snapshot_log_bytes: metadata::SNAPSHOT_LOG_BYTES,
        agreed: Arc::new(config.agreed().clone()),
        level: metadata::Command::LATEST,
        is_rebuilt: false,
    }
}

fn advertised(config: &Config, bound_ports: &[u16]) -> Vec<metadata::Listener> {
    let place = |(listener, bound): (&config::Listener, &u16)| {
        let config::Advertised { host, port } = listener.advertised.clone()?;
        Some(metadata::Listener { name: listener.name.clone(), host, port: port.unwrap_or(*bound) })
    };
    config.clients.listeners.iter().zip(bound_ports).filter_map(place).collect()
}

pub(super) fn read_limits(config: &Config) -> ReadLimits {
    ReadLimits {
        tail_cache_bytes: config.log.tail_cache_bytes,
        block_cache_bytes: config.log.block_cache_bytes,
        answer_bytes: config.network.response_memory_bytes,
        ..ReadLimits::default()
    }
}

pub(super) fn log_limits(config: &Config) -> Limits {
    Limits {
        commit_interval: config.log.commit_interval,
        window: config.log.commit_window,
        segment_max_bytes: config.log.segment_max_bytes,
        retention_check_interval: config.topics.retention_check_interval,
        ..Limits::default()
    }
}

pub(super) fn group_settings(config: &Config) -> group::Settings {
    let groups = &config.groups;
    let classic = classic::Limits {
        initial_delay_ms: groups.initial_rebalance_delay_ms,
        max_size: groups.max_size,
        session_timeout_ms: (groups.min_session_timeout_ms, groups.max_session_timeout_ms),
        ..classic::Limits::default()
    };
    let offsets = offsets::Limits {
        max_metadata_len: groups.offset_metadata_max_bytes,
        retention_ms: i64::from(groups.offsets_retention_minutes) * 60_000,
    };
    let consumer = consumer::Settings {
        session_timeout_ms: groups.consumer_session_timeout_ms,
        heartbeat_interval_ms: groups.consumer_heartbeat_interval_ms,
        assignment_interval_ms: groups.consumer_assignment_interval_ms,
        max_size: groups.consumer_max_size,
        migration: groups.consumer_migration,
        ..consumer::Settings::default()
    };
    group::Settings { classic, consumer, offsets }
}

pub(super) fn api_options(config: &Config, configs: &BTreeMap<String, String>) -> api::Options {
    api::Options {
        configs: configs.clone(),
        auto_create_topics: config.topics.auto_create,
        default_partitions: config.topics.default_partitions,
        fetch_max_bytes: FETCH_MAX_BYTES,
        batch_depth: match config.topics.validation {
            Validation::Full => Depth::Full,
            Validation::Headers => Depth::Headers,
        },
        log_dir: config.data_place(),
        request_timeout: config.network.request_timeout,
    }
}

pub(super) fn net_limits(config: &Config, shards: &Arc<ShardHost>) -> net::Limits {
    let network = &config.network;
    let (max_connections, for_files) = (network.max_connections, net::connections_for_files());
    if for_files < max_connections {
        tracing::warn!(
            max_connections,
            for_files,
            "MAX_CONNECTIONS is more than the limit of open files allows"
        );
    }
    let shards = Arc::clone(shards);
    let allowed = move || shards.broker_settings(&shards.image()).max_connections.min(for_files);
    net::Limits {
        max_connections: Arc::new(allowed),
        max_frame_bytes: network.max_request_bytes,
        request_memory_bytes: network.request_memory_bytes,
        idle: network.connection_idle_timeout,
        pace: net::Pace { grace: network.transfer_grace, ..net::Pace::default() },
        drain: network.shutdown_timeout,
        strangers: net::StrangerLimits {
            max_frame_bytes: config.clients.security.max_receive_bytes,
            max_connections: network.max_strangers,
            ..net::StrangerLimits::default()
        },
        per_address: net::PerAddress {
            most: Some(network.max_connections_per_ip),
            overrides: network.per_ip_overrides.clone().unwrap_or_default(),
        },
        ..net::Limits::default()
    }
}
