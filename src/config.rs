//! Every process setting: read from flags and environment variables, checked, then frozen.
//!
//! Process settings belong to one broker and count from its start to its end. Kafka's own configs, which can change
//! while the broker runs, are in [`crate::settings`]; those of them that a process setting fixes are in
//! [`Config::broker_settings`].

mod check;
mod consumer_groups;
mod given;
mod read;
mod syntax;
#[cfg(test)]
mod tests;
mod trouble;
mod variables;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::store::{self, Secret};
use crate::types::BrokerId;

pub use consumer_groups::ConsumerGroups;
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
    pub groups: Groups,
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
    /// Segments of a shard that may be in flight at a time.
    pub commit_window: u16,
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
    /// Compressed batches are looked into.
    pub validate_inside: bool,
    /// `log.retention.ms`, if set; -1 is no limit.
    pub retention_ms: Option<i64>,
    /// `log.retention.minutes` and `log.retention.hours`, likewise: the finer one goes first.
    pub retention_minutes: Option<i32>,
    pub retention_hours: Option<i32>,
    /// `log.retention.bytes`, if set; -1 is no limit.
    pub retention_bytes: Option<i64>,
    /// `log.retention.check.interval.ms`.
    pub retention_check_interval: Duration,
}

/// Consumer groups. Each is Kafka's broker config of almost the same name.
#[derive(Clone, Debug)]
pub struct Groups {
    /// `group.initial.rebalance.delay.ms`.
    pub initial_rebalance_delay_ms: i32,
    /// `group.min.session.timeout.ms`.
    pub min_session_timeout_ms: i32,
    /// `group.max.session.timeout.ms`.
    pub max_session_timeout_ms: i32,
    /// `group.max.size`.
    pub max_size: i32,
    pub consumer: ConsumerGroups,
    /// `offset.metadata.max.bytes`.
    pub offset_metadata_max_bytes: i32,
    /// `offsets.retention.minutes`.
    pub offsets_retention_minutes: i32,
    /// `offsets.retention.check.interval.ms`.
    pub offsets_retention_check_interval: Duration,
}

/// What strangers can take at most.
#[derive(Clone, Debug)]
pub struct Network {
    pub max_connections: u32,
    pub connection_idle_timeout: Duration,
    /// Time for a transfer beyond what its bytes take on a slow line.
    pub transfer_grace: Duration,
    /// Largest frame that is read.
    pub max_request_bytes: u32,
    /// Requests in flight, all connections together.
    pub request_memory_bytes: u64,
    /// Time that a write may take before whoever asked for it is told that its outcome is unknown.
    pub request_timeout: Duration,
    /// Records in answers that are not taken yet, all connections together.
    pub response_memory_bytes: u64,
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
    /// Topics, and groups, that have metrics of their own.
    pub metrics_max_topics: usize,
    pub metrics_max_groups: usize,
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
        let given = Given::from_lookup(|name| {
            std::env::var_os(name).map(|value| value.into_string().map_err(|_| NotUnicode))
        });
        let texts = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        given.with_platform(texts)
    }
}

impl Config {
    /// Reads, then checks. The error names every variable that is wrong.
    pub fn load(given: &Given) -> Result<Config, ConfigError> {
        let mut reader = Reader::new(given);
        let config = read::read(&mut reader, given);
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
            (
                "LOG_RETENTION_MINUTES",
                "log.retention.minutes",
                topics.retention_minutes.unwrap_or(-1).to_string(),
            ),
            ("LOG_RETENTION_HOURS", "log.retention.hours", topics.retention_hours.unwrap_or(-1).to_string()),
            ("LOG_RETENTION_BYTES", "log.retention.bytes", topics.retention_bytes.unwrap_or(-1).to_string()),
            (
                "LOG_RETENTION_CHECK_INTERVAL_MS",
                "log.retention.check.interval.ms",
                topics.retention_check_interval.as_millis().to_string(),
            ),
            ("MAX_CONNECTIONS", "max.connections", network.max_connections.to_string()),
            (
                "CONNECTION_IDLE_TIMEOUT_MS",
                "connections.max.idle.ms",
                network.connection_idle_timeout.as_millis().to_string(),
            ),
            ("MAX_REQUEST_SIZE", "socket.request.max.bytes", network.max_request_bytes.to_string()),
            ("REQUEST_MEMORY_BYTES", "queued.max.request.bytes", network.request_memory_bytes.to_string()),
        ];
        let groups = self.groups.broker_settings().into_iter().chain(self.groups.consumer.broker_settings());
        for (variable, name, value) in optional.into_iter().chain(groups) {
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
}

impl Groups {
    /// Each variable with the broker config that it sets, and its value.
    fn broker_settings(&self) -> [(&'static str, &'static str, String); 7] {
        [
            (
                "GROUP_INITIAL_REBALANCE_DELAY_MS",
                "group.initial.rebalance.delay.ms",
                self.initial_rebalance_delay_ms.to_string(),
            ),
            (
                "GROUP_MIN_SESSION_TIMEOUT_MS",
                "group.min.session.timeout.ms",
                self.min_session_timeout_ms.to_string(),
            ),
            (
                "GROUP_MAX_SESSION_TIMEOUT_MS",
                "group.max.session.timeout.ms",
                self.max_session_timeout_ms.to_string(),
            ),
            ("GROUP_MAX_SIZE", "group.max.size", self.max_size.to_string()),
            (
                "OFFSET_METADATA_MAX_BYTES",
                "offset.metadata.max.bytes",
                self.offset_metadata_max_bytes.to_string(),
            ),
            (
                "OFFSETS_RETENTION_MINUTES",
                "offsets.retention.minutes",
                self.offsets_retention_minutes.to_string(),
            ),
            (
                "OFFSETS_RETENTION_CHECK_INTERVAL_MS",
                "offsets.retention.check.interval.ms",
                self.offsets_retention_check_interval.as_millis().to_string(),
            ),
        ]
    }
}

/// An IPv6 address as it stands before a port.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}
