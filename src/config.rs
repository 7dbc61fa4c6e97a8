//! Every process setting: read from flags and environment variables, checked, then frozen.
//!
//! Process settings belong to one broker and count from its start to its end. Kafka's own configs, which can change
//! while the broker runs, are in [`crate::settings`]; those of them that a process setting fixes are in
//! [`Config::broker_settings`].

mod check;
mod given;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::store::{self, Secret};
use crate::types::BrokerId;

pub use given::{ConfigError, Given, NotUnicode, Problem};
pub use variables::{Section, VARIABLES, Variable, variable_named};

use given::Reader;

/// The settings of one process.
#[derive(Clone, Debug)]
pub struct Config {
    pub identity: Identity,
    pub listen: Listen,
    pub store: store::Config,
    pub log: Log,
    pub cluster: Cluster,
    pub topics: Topics,
    pub network: Network,
    pub security: Security,
    pub operation: Operation,
    /// Names of the variables that were set, by flag or environment.
    given: Vec<&'static str>,
}

/// Who this broker is.
#[derive(Clone, Debug)]
pub struct Identity {
    pub broker_id: BrokerId,
    pub cluster_id: String,
    pub rack: Option<String>,
}

/// Where clients reach this broker.
#[derive(Clone, Debug)]
pub struct Listen {
    /// A name or address; `0.0.0.0` and `::` are all addresses.
    pub host: String,
    /// 0 takes a free one.
    pub port: u16,
    /// Never a wildcard.
    pub advertised_host: String,
    /// `None` is the port that is listened on.
    pub advertised_port: Option<u16>,
}

/// How the shards' logs are written and cached.
#[derive(Clone, Debug)]
pub struct Log {
    /// Shards of a new cluster.
    pub shards: u32,
    /// Least time between two commits of a shard.
    pub commit_interval: Duration,
    /// Bytes of records that one commit takes at most.
    pub segment_max_bytes: u64,
    /// Memory for the newest records, all shards together.
    pub tail_cache_bytes: u64,
    /// Memory for older records that were read lately, all shards together.
    pub block_cache_bytes: u64,
    /// Memory for the index databases, all shards together.
    pub index_cache_bytes: u64,
}

/// The other brokers.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub raft_listen: HostPort,
    /// The first brokers of the cluster. Empty is a cluster of this broker alone.
    pub raft_peers: Vec<(BrokerId, HostPort)>,
    pub secret: Option<Secret>,
    /// Time after which a silent broker loses its shards.
    pub broker_session_timeout: Duration,
}

/// A name or address with its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    pub host: String,
    pub port: u16,
}

/// The defaults of new topics.
#[derive(Clone, Debug)]
pub struct Topics {
    pub auto_create: bool,
    pub default_partitions: i32,
    /// `message.max.bytes`.
    pub max_message_bytes: i32,
    /// `log.retention.ms`, if set; -1 is no limit.
    pub retention_ms: Option<i64>,
}

/// What strangers can take at most.
#[derive(Clone, Debug)]
pub struct Network {
    pub max_connections: u32,
    pub connection_idle_timeout: Duration,
    /// Largest frame that is read.
    pub max_request_bytes: u32,
    /// Requests in flight, all connections together.
    pub request_memory_bytes: u64,
    /// Time for finishing accepted requests at the end.
    pub shutdown_timeout: Duration,
}

/// What was asked for in matters of security. Nothing of it is supported yet, so anything that asks for protection
/// stops the start.
#[derive(Clone, Debug)]
pub struct Security {
    pub sasl: Option<bool>,
    pub sasl_required: Option<bool>,
    pub tls: Option<bool>,
    pub acl: Option<bool>,
}

/// Health, metrics and logging.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `None` is off.
    pub health_port: Option<u16>,
    pub metrics_token: Option<Secret>,
    pub log_format: LogFormat,
    /// In the syntax of `tracing_subscriber`'s `EnvFilter`.
    pub log_filter: String,
}

/// The shape of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

impl Given {
    /// What the environment of this process sets.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_environment() -> Given {
        Given::from_lookup(|name| {
            std::env::var_os(name).map(|value| value.into_string().map_err(|_| NotUnicode))
        })
    }
}

impl Config {
    /// Reads, then checks. The error names every variable that is wrong.
    pub fn load(given: &Given) -> Result<Config, ConfigError> {
        let mut reader = Reader::new(given);
        let config = Config::read(&mut reader, given);
        check::unsupported(given, &mut reader);
        reader.finish(())?;
        let config = config.ok_or_else(|| ConfigError(vec![Problem::new("", "a setting has no value")]))?;
        config.validate()?;
        Ok(config)
    }

    /// What must agree between settings, and what this version cannot do yet.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let problems = check::problems(self);
        if problems.is_empty() { Ok(()) } else { Err(ConfigError(problems)) }
    }

    /// Settings that are accepted without effect, each as a sentence for the start-up log.
    pub fn warnings(&self) -> Vec<String> {
        check::warnings(self)
    }

    /// Whether a variable was set, by flag or environment.
    pub fn is_given(&self, variable: &str) -> bool {
        self.given.contains(&variable)
    }

    /// Kafka's broker configs that the process settings fix: those that always stand, and those that somebody set.
    /// `bound_port` is the port that is listened on, which `PORT=0` leaves open.
    pub fn broker_settings(&self, bound_port: u16) -> BTreeMap<&'static str, String> {
        let listen = &self.listen;
        let port = listen.advertised_port.unwrap_or(bound_port);
        let mut fixed = BTreeMap::from([
            ("advertised.listeners", format!("PLAINTEXT://{}:{port}", bracketed(&listen.advertised_host))),
            ("broker.id", self.identity.broker_id.to_string()),
            ("listeners", format!("PLAINTEXT://{}:{bound_port}", bracketed(&listen.host))),
            ("log.dirs", self.data_place()),
            ("node.id", self.identity.broker_id.to_string()),
            ("process.roles", "broker,controller".to_owned()),
        ]);
        let topics = &self.topics;
        let network = &self.network;
        let optional = [
            ("RACK", "broker.rack", self.identity.rack.clone().unwrap_or_default()),
            ("AUTO_CREATE_TOPICS", "auto.create.topics.enable", topics.auto_create.to_string()),
            ("DEFAULT_NUM_PARTITIONS", "num.partitions", topics.default_partitions.to_string()),
            ("MAX_MESSAGE_SIZE", "message.max.bytes", topics.max_message_bytes.to_string()),
            ("LOG_RETENTION_MS", "log.retention.ms", topics.retention_ms.unwrap_or(-1).to_string()),
            ("MAX_CONNECTIONS", "max.connections", network.max_connections.to_string()),
            (
                "CONNECTION_IDLE_TIMEOUT_MS",
                "connections.max.idle.ms",
                network.connection_idle_timeout.as_millis().to_string(),
            ),
            ("MAX_REQUEST_SIZE", "socket.request.max.bytes", network.max_request_bytes.to_string()),
            ("REQUEST_MEMORY_BYTES", "queued.max.request.bytes", network.request_memory_bytes.to_string()),
        ];
        for (variable, name, value) in optional {
            if self.is_given(variable) {
                fixed.insert(name, value);
            }
        }
        fixed
    }

    /// Where the data is, as one line for people and for Kafka's `log.dirs`.
    pub fn data_place(&self) -> String {
        use store::Backend::{Azure, Gcs, Local, Memory, S3};
        let bucket = |scheme: &str, bucket: &str, prefix: &str| format!("{scheme}://{bucket}/{prefix}");
        match &self.store.backend {
            Local(local) => local.path.display().to_string(),
            S3(s3) => bucket("s3", &s3.bucket, &s3.prefix),
            Gcs(gcs) => bucket("gs", &gcs.bucket, &gcs.prefix),
            Azure(azure) => bucket("az", &azure.container, &azure.prefix),
            Memory => "memory".to_owned(),
        }
    }

    /// `None` only if the reader has noted why.
    fn read(reader: &mut Reader<'_>, given: &Given) -> Option<Config> {
        let identity = read_identity(reader);
        let listen = read_listen(reader);
        let store = read_store(reader);
        let remote = store.as_ref().is_some_and(|store| store.backend.is_remote());
        let log = read_log(reader, remote);
        let cluster = read_cluster(reader);
        let topics = read_topics(reader);
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
            network: network?,
            security,
            operation: operation?,
            given: VARIABLES.iter().map(|known| known.name).filter(|name| given.is_set(name)).collect(),
        })
    }
}

/// An IPv6 address as it stands before a port.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn read_identity(reader: &mut Reader<'_>) -> Option<Identity> {
    let broker_id = reader.number("BROKER_ID", 0..=i32::MAX);
    let cluster_id = reader.text("CLUSTER_ID");
    let rack = reader.text("RACK");
    Some(Identity { broker_id: BrokerId(broker_id?), cluster_id: cluster_id?, rack })
}

fn read_listen(reader: &mut Reader<'_>) -> Option<Listen> {
    let host = reader.text("HOST");
    let port = reader.number("PORT", 0..=u16::MAX);
    let advertised_host = reader.text("ADVERTISED_HOST");
    let advertised_port = reader.number("ADVERTISED_PORT", 1..=u16::MAX);
    let host = host?;
    let advertised_host = match advertised_host {
        Some(advertised) => advertised,
        None if check::is_wildcard(&host) => host_name(),
        None => host.clone(),
    };
    Some(Listen { host, port: port?, advertised_host, advertised_port })
}

fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().trim().to_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

fn read_store(reader: &mut Reader<'_>) -> Option<store::Config> {
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
    let prefix = data_path.as_deref().unwrap_or("kafkaesque-data").trim_matches('/').to_owned();
    let local = store::Local {
        path: PathBuf::from(data_path.as_deref().unwrap_or("/tmp/kafkaesque-data")),
        fsync: reader.flag("LOCAL_FSYNC").unwrap_or(true),
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
    Some(store::Config::new(match kind? {
        Kind::Local => store::Backend::Local(local),
        Kind::S3 => store::Backend::S3(s3),
        Kind::Gcs => store::Backend::Gcs(gcs),
        Kind::Azure => store::Backend::Azure(azure),
    }))
}

fn read_log(reader: &mut Reader<'_>, remote: bool) -> Option<Log> {
    let commit_interval = reader.millis("COMMIT_INTERVAL_MS", 0..=10_000);
    let segment_max_bytes = reader.bytes("SEGMENT_MAX_BYTES", 64 * KIB..=256 * MIB);
    let shards = reader.number("SHARDS", 1..=1024);
    let tail_cache_bytes = reader.bytes("TAIL_CACHE_BYTES", 0..=MOST_MEMORY);
    let block_cache_bytes = reader.bytes("BLOCK_CACHE_BYTES", 0..=MOST_MEMORY);
    let index_cache_bytes = reader.bytes("INDEX_CACHE_BYTES", MIB..=MOST_MEMORY);
    let default_interval = Duration::from_millis(if remote { 100 } else { 0 });
    Some(Log {
        shards: shards?,
        commit_interval: commit_interval.unwrap_or(default_interval),
        segment_max_bytes: segment_max_bytes?,
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
    let retention_ms = reader.number("LOG_RETENTION_MS", -1..=i64::MAX);
    Some(Topics {
        auto_create: auto_create?,
        default_partitions: default_partitions?,
        max_message_bytes: i32::try_from(max_message_bytes?).ok()?,
        retention_ms,
    })
}

fn read_network(reader: &mut Reader<'_>) -> Option<Network> {
    let max_connections = reader.number("MAX_CONNECTIONS", 1..=1_000_000);
    let connection_idle_timeout = reader.millis("CONNECTION_IDLE_TIMEOUT_MS", 1000..=86_400_000);
    let max_request_bytes = reader.bytes("MAX_REQUEST_SIZE", 64 * KIB..=GIB);
    let request_memory_bytes = reader.bytes("REQUEST_MEMORY_BYTES", MIB..=MOST_MEMORY);
    let shutdown_timeout = reader.millis("SHUTDOWN_TIMEOUT_MS", 0..=3_600_000);
    Some(Network {
        max_connections: max_connections?,
        connection_idle_timeout: connection_idle_timeout?,
        max_request_bytes: u32::try_from(max_request_bytes?).ok()?,
        request_memory_bytes: request_memory_bytes?,
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
    let metrics_token = reader.text("METRICS_AUTH_TOKEN").map(Secret::new);
    let formats = [("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
    let log_format = reader.one_of("LOG_FORMAT", &formats);
    let log_filter = reader.text("RUST_LOG");
    if let Some(filter) = &log_filter
        && let Err(error) = filter.parse::<tracing_subscriber::EnvFilter>()
    {
        reader.refuse_value("RUST_LOG", filter, &format!("a filter: {error}"));
    }
    Some(Operation {
        health_port: Some(health_port?).filter(|port| *port != 0),
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
