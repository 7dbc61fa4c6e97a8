//! From text to typed settings, section by section.

use std::path::PathBuf;
use std::time::Duration;

use super::given::{Given, Reader};
use super::variables::VARIABLES;
use super::{
    Cluster, Config, Groups, HostPort, Identity, Listen, Log, LogFormat, Network, Operation, Security,
    Topics, check, consumer_groups, syntax,
};
use crate::log::Limits;
use crate::ops;
use crate::store::{self, Secret};
use crate::types::BrokerId;

/// `None` only if the reader has noted why.
pub(super) fn read(reader: &mut Reader<'_>, given: &Given) -> Option<Config> {
    let identity = read_identity(reader);
    let listen = read_listen(reader);
    let store = read_store(reader, given);
    let remote = store.as_ref().is_some_and(|store| store.backend.is_remote());
    let log = read_log(reader, remote);
    let cluster = read_cluster(reader);
    let topics = read_topics(reader);
    let groups = read_groups(reader);
    let network = read_network(reader);
    let security = read_security(reader);
    let operation = read_operation(reader);
    Some(Config {
        identity: identity?,
        listen: listen?,
        store: store?,
        log: log?,
        cluster: cluster?,
        topics: topics?,
        groups: groups?,
        network: network?,
        security,
        operation: operation?,
        given: VARIABLES.iter().map(|known| known.name).filter(|name| given.is_set(name)).collect(),
    })
}

fn read_identity(reader: &mut Reader<'_>) -> Option<Identity> {
    let broker_id = reader.number("BROKER_ID", 0..=i32::MAX);
    let cluster_id = reader.text("CLUSTER_ID");
    let rack = reader.text("RACK");
    Some(Identity { broker_id: BrokerId(broker_id?), cluster_id: cluster_id?, rack })
}

fn read_listen(reader: &mut Reader<'_>) -> Option<Listen> {
    let host = reader.text("HOST").map(unbracketed);
    let port = reader.number("PORT", 0..=u16::MAX);
    let advertised_host = reader.text("ADVERTISED_HOST").map(unbracketed);
    let advertised_port = reader.number("ADVERTISED_PORT", 1..=u16::MAX);
    let host = host?;
    let advertised_host = match advertised_host {
        Some(advertised) => advertised,
        None if check::is_wildcard(&host) => host_name(),
        None => host.clone(),
    };
    Some(Listen { host, port: port?, advertised_host, advertised_port })
}

/// An IPv6 address may stand in brackets, as it does before a port.
fn unbracketed(host: String) -> String {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(bare) if bare.parse::<std::net::Ipv6Addr>().is_ok() => bare.to_owned(),
        _ => host,
    }
}

pub(super) fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().trim().to_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

fn read_store(reader: &mut Reader<'_>, given: &Given) -> Option<store::Config> {
    #[derive(Clone, Copy)]
    enum Kind {
        Local,
        S3,
        Gcs,
        Azure,
    }
    let kinds = [("local", Kind::Local), ("s3", Kind::S3), ("gcs", Kind::Gcs), ("azure", Kind::Azure)];
    let kind = reader.one_of("OBJECT_STORE_TYPE", &kinds);
    let data_path = reader.text("DATA_PATH");
    if let Some(Err(wrong)) = data_path.as_deref().map(syntax::data_path) {
        reader.refuse("DATA_PATH", wrong);
    }
    let prefix = data_path.as_deref().unwrap_or("kafkaesque-data").trim_matches('/').to_owned();
    let local = store::Local {
        path: PathBuf::from(data_path.as_deref().unwrap_or("/tmp/kafkaesque-data")),
        fsync: reader.flag("LOCAL_FSYNC").unwrap_or(true),
        reserve_bytes: reader.bytes("LOCAL_RESERVE_BYTES", 0..=MOST_MEMORY).unwrap_or_default(),
    };
    let s3 = store::S3 {
        bucket: reader.text("S3_BUCKET").unwrap_or_default(),
        region: reader.text("AWS_REGION"),
        endpoint: reader.text("AWS_ENDPOINT"),
        access_key_id: reader.text("AWS_ACCESS_KEY_ID"),
        secret_access_key: reader.text("AWS_SECRET_ACCESS_KEY").map(Secret::new),
        session_token: reader.text("AWS_SESSION_TOKEN").map(Secret::new),
        allow_http: reader.flag("ALLOW_HTTP_S3").unwrap_or(false),
        prefix: prefix.clone(),
    };
    let gcs = store::Gcs {
        bucket: reader.text("GCS_BUCKET").unwrap_or_default(),
        credentials_path: reader.text("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from),
        prefix: prefix.clone(),
        ..store::Gcs::default()
    };
    let azure = store::Azure {
        container: reader.text("AZURE_CONTAINER").unwrap_or_default(),
        account: reader.text("AZURE_STORAGE_ACCOUNT").unwrap_or_default(),
        access_key: reader.text("AZURE_STORAGE_ACCESS_KEY").map(Secret::new),
        endpoint: reader.text("AZURE_ENDPOINT"),
        allow_http: reader.flag("AZURE_ALLOW_HTTP").unwrap_or(false),
        prefix,
    };
    let start_timeout = reader.millis("STORE_START_TIMEOUT_MS", 0..=3_600_000);
    let faults = read_faults(reader);
    let backend = match kind? {
        Kind::Local => store::Backend::Local(local),
        Kind::S3 => store::Backend::S3(s3),
        Kind::Gcs => store::Backend::Gcs(gcs),
        Kind::Azure => store::Backend::Azure(azure),
    };
    Some(store::Config {
        start_timeout: start_timeout?,
        platform: given.platform().to_vec(),
        faults,
        ..store::Config::new(backend)
    })
}

fn read_faults(reader: &mut Reader<'_>) -> Option<store::faults::Setting> {
    let text = reader.text("STORE_FAULTS")?;
    match text.parse() {
        Ok(setting) => Some(setting),
        Err(problem) => {
            reader.refuse_value("STORE_FAULTS", &text, &format!("a list of faults: {problem}"));
            None
        }
    }
}

fn read_log(reader: &mut Reader<'_>, remote: bool) -> Option<Log> {
    let commit_interval = reader.millis("COMMIT_INTERVAL_MS", 0..=10_000);
    let commit_window = reader.number("COMMIT_WINDOW", 1..=Limits::MOST_WINDOW);
    let segment_max_bytes = reader.bytes("SEGMENT_MAX_BYTES", 64 * KIB..=256 * MIB);
    let shards = reader.number("SHARDS", 1..=1024);
    let tail_cache_bytes = reader.bytes("TAIL_CACHE_BYTES", 0..=MOST_MEMORY);
    let block_cache_bytes = reader.bytes("BLOCK_CACHE_BYTES", 0..=MOST_MEMORY);
    let index_cache_bytes = reader.bytes("INDEX_CACHE_BYTES", MIB..=MOST_MEMORY);
    let default_interval = Duration::from_millis(if remote { 100 } else { 0 });
    Some(Log {
        shards: shards?,
        commit_interval: commit_interval.unwrap_or(default_interval),
        commit_window: commit_window.unwrap_or(if remote { 16 } else { 1 }),
        segment_max_bytes: segment_max_bytes.unwrap_or(if remote { 4 * MIB } else { 8 * MIB }),
        tail_cache_bytes: tail_cache_bytes?,
        block_cache_bytes: block_cache_bytes?,
        index_cache_bytes: index_cache_bytes?,
    })
}

fn read_cluster(reader: &mut Reader<'_>) -> Option<Cluster> {
    let listen = reader.text("RAFT_LISTEN_ADDR");
    let raft_listen = listen.as_deref().and_then(parse_host_port);
    if let (Some(text), None) = (&listen, &raft_listen) {
        reader.refuse_value("RAFT_LISTEN_ADDR", text, "of the form host:port");
    }
    let raft_peers = match reader.text("RAFT_PEERS") {
        Some(text) => parse_peers(reader, &text),
        None => Vec::new(),
    };
    let secret = reader.text("RAFT_CLUSTER_SECRET");
    let secret = match (reader.text("RAFT_CLUSTER_SECRET_FILE"), secret) {
        (Some(_), Some(_)) => {
            reader.refuse(
                "RAFT_CLUSTER_SECRET_FILE",
                "RAFT_CLUSTER_SECRET is set too; only one of them can be",
            );
            None
        }
        (Some(file), None) => read_secret(reader, "RAFT_CLUSTER_SECRET_FILE", &file),
        (None, secret) => secret,
    };
    let broker_session_timeout = reader.millis("BROKER_SESSION_TIMEOUT_MS", 500..=600_000);
    Some(Cluster {
        raft_listen: raft_listen?,
        raft_peers,
        secret: secret.map(Secret::new),
        broker_session_timeout: broker_session_timeout?,
    })
}

fn read_secret(reader: &mut Reader<'_>, variable: &str, file: &str) -> Option<String> {
    match std::fs::read_to_string(file) {
        Ok(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Ok(_) => {
            reader.refuse(variable, &format!("'{file}' is empty"));
            None
        }
        Err(error) => {
            reader.refuse(variable, &format!("'{file}' cannot be read: {error}"));
            None
        }
    }
}

fn parse_host_port(text: &str) -> Option<HostPort> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let port = port.parse().ok()?;
    (!host.is_empty()).then(|| HostPort { host: host.to_owned(), port })
}

fn parse_peers(reader: &mut Reader<'_>, text: &str) -> Vec<(BrokerId, HostPort)> {
    let mut peers: Vec<(BrokerId, HostPort)> = Vec::new();
    for peer in text.split(',').map(str::trim).filter(|peer| !peer.is_empty()) {
        let parsed = peer.split_once('=').and_then(|(id, address)| {
            let id = id.trim().parse::<i32>().ok().filter(|id| *id >= 0)?;
            Some((BrokerId(id), parse_host_port(address.trim())?))
        });
        match parsed {
            Some((id, _)) if peers.iter().any(|(other, _)| *other == id) => {
                reader.refuse("RAFT_PEERS", &format!("broker {id} is listed twice"));
            }
            Some(parsed) => peers.push(parsed),
            None => reader.refuse_value("RAFT_PEERS", peer, "of the form id=host:port"),
        }
    }
    peers
}

fn read_topics(reader: &mut Reader<'_>) -> Option<Topics> {
    let auto_create = reader.flag("AUTO_CREATE_TOPICS");
    let default_partitions = reader.number("DEFAULT_NUM_PARTITIONS", 1..=100_000);
    let max_message_bytes = reader.bytes("MAX_MESSAGE_SIZE", 1..=GIB);
    let validate_inside = reader.one_of("PRODUCE_VALIDATION", &[("full", true), ("headers", false)]);
    let retention_ms = reader.number("LOG_RETENTION_MS", -1..=i64::MAX);
    let retention_minutes = reader.number("LOG_RETENTION_MINUTES", -1..=i32::MAX);
    let retention_hours = reader.number("LOG_RETENTION_HOURS", -1..=i32::MAX);
    let retention_bytes = reader.number("LOG_RETENTION_BYTES", -1..=i64::MAX);
    let retention_check_interval = reader.millis("LOG_RETENTION_CHECK_INTERVAL_MS", 1..=86_400_000);
    Some(Topics {
        auto_create: auto_create?,
        default_partitions: default_partitions?,
        max_message_bytes: i32::try_from(max_message_bytes?).ok()?,
        validate_inside: validate_inside?,
        retention_ms,
        retention_minutes,
        retention_hours,
        retention_bytes,
        retention_check_interval: retention_check_interval?,
    })
}

fn read_groups(reader: &mut Reader<'_>) -> Option<Groups> {
    let initial_rebalance_delay_ms = reader.number("GROUP_INITIAL_REBALANCE_DELAY_MS", 0..=i32::MAX);
    let min_session_timeout_ms = reader.number("GROUP_MIN_SESSION_TIMEOUT_MS", 1..=i32::MAX);
    let max_session_timeout_ms = reader.number("GROUP_MAX_SESSION_TIMEOUT_MS", 1..=i32::MAX);
    let max_size = reader.number("GROUP_MAX_SIZE", 1..=i32::MAX);
    let consumer = consumer_groups::read(reader);
    let offset_metadata_max_bytes = reader.number("OFFSET_METADATA_MAX_BYTES", 0..=i32::MAX);
    let offsets_retention_minutes = reader.number("OFFSETS_RETENTION_MINUTES", 1..=i32::MAX);
    let offsets_retention_check_interval =
        reader.millis("OFFSETS_RETENTION_CHECK_INTERVAL_MS", 1..=86_400_000);
    Some(Groups {
        initial_rebalance_delay_ms: initial_rebalance_delay_ms?,
        min_session_timeout_ms: min_session_timeout_ms?,
        max_session_timeout_ms: max_session_timeout_ms?,
        max_size: max_size?,
        consumer: consumer?,
        offset_metadata_max_bytes: offset_metadata_max_bytes?,
        offsets_retention_minutes: offsets_retention_minutes?,
        offsets_retention_check_interval: offsets_retention_check_interval?,
    })
}

fn read_network(reader: &mut Reader<'_>) -> Option<Network> {
    let max_connections = reader.number("MAX_CONNECTIONS", 1..=1_000_000);
    let connection_idle_timeout = reader.millis("CONNECTION_IDLE_TIMEOUT_MS", 1000..=86_400_000);
    let transfer_grace = reader.millis("TRANSFER_GRACE_MS", 1000..=86_400_000);
    let max_request_bytes = reader.bytes("MAX_REQUEST_SIZE", 64 * KIB..=GIB);
    let request_memory_bytes = reader.bytes("REQUEST_MEMORY_BYTES", MIB..=MOST_MEMORY);
    let request_timeout = reader.millis("REQUEST_TIMEOUT_MS", 1000..=600_000);
    let response_memory_bytes = reader.bytes("RESPONSE_MEMORY_BYTES", MIB..=MOST_MEMORY);
    let shutdown_timeout = reader.millis("SHUTDOWN_TIMEOUT_MS", 0..=3_600_000);
    Some(Network {
        max_connections: max_connections?,
        connection_idle_timeout: connection_idle_timeout?,
        transfer_grace: transfer_grace?,
        max_request_bytes: u32::try_from(max_request_bytes?).ok()?,
        request_memory_bytes: request_memory_bytes?,
        request_timeout: request_timeout?,
        response_memory_bytes: response_memory_bytes?,
        shutdown_timeout: shutdown_timeout?,
    })
}

fn read_security(reader: &mut Reader<'_>) -> Security {
    Security {
        sasl: reader.flag("SASL_ENABLED"),
        sasl_required: reader.flag("SASL_REQUIRED"),
        tls: reader.flag("TLS_ENABLED"),
        acl: reader.flag("ACL_ENABLED"),
    }
}

fn read_operation(reader: &mut Reader<'_>) -> Option<Operation> {
    let health_port = reader.number("HEALTH_PORT", 0..=u16::MAX);
    let metrics_max_topics = reader.number("METRICS_MAX_TOPICS", 0..=100_000);
    let metrics_max_groups = reader.number("METRICS_MAX_GROUPS", 0..=100_000);
    let metrics_token = reader.text("METRICS_AUTH_TOKEN").map(Secret::new);
    let formats = [("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
    let log_format = reader.one_of("LOG_FORMAT", &formats);
    let log_filter = reader.text("RUST_LOG");
    if let Some(filter) = &log_filter
        && let Err(wrong) = ops::check_filter(filter)
    {
        reader.refuse("RUST_LOG", &wrong);
    }
    Some(Operation {
        health_port: Some(health_port?).filter(|port| *port != 0),
        metrics_max_topics: metrics_max_topics?,
        metrics_max_groups: metrics_max_groups?,
        metrics_token,
        log_format: log_format?,
        log_filter: log_filter?,
    })
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// A terabyte: beyond any machine this runs on, so a slip of the unit.
const MOST_MEMORY: u64 = 1 << 40;
