//! The table of process settings. A row is an environment variable and a flag of the same meaning; flags, help, parsing,
//! bounds, relations, broker configs and the structs that the settings are read into come from it.
//!
//! ```text
//! VARIABLE => field: type, form, default, Kafka's broker config and rules, "the help";
//! ```
//!
//! Without `=> field: type` it only sets a broker config, or has rules alone. `declares` makes the struct of the fields,
//! `fills` takes one of a layer.

#[cfg(test)]
mod tests;

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use super::addresses::{HostPort, Networks, Peers};
use super::entries::{self, Entries};
use super::found::Found;
use super::syntax::{self, base64, bucket, data_path, id, url, word};
use super::variable::Order::{AtLeast, AtMost, Below};
use super::variable::Rule::{Agreed, FileOf, Idle, Needed, NotZero, With};
use super::variable::{Section, Variable, bytes, flag, formed, millis, number, one_of, parsed, secret, text};
use super::words::{LogFormat, Protocol, StoreKind, Validation};
use crate::auth::Mechanism;
use crate::log::Limits;
use crate::runtime::Secret;
use crate::settings::MigrationPolicy;
use crate::store::faults::{self, Setting as Faults};
use crate::store::{Azure, Gcs, S3};
use crate::tls::ClientAuth;
use crate::types::BrokerId;

macro_rules! settings {
    ($(
        $(#[$about:meta])*
        $place:ident $verb:ident $group:ident {
            $( $name:ident $(=> $field:ident: $type:ty)?, $row:expr, $help:expr; )*
        }
    )*) => {
        /// Process settings, in the order of the help.
        pub(super) const ROWS: &[Variable] = &[$($(
            $row.named(stringify!($name), $place, $help) $(.field(stringify!($field)))?,
        )*)*];

        $(settings! { @$verb $(#[$about])* $group { $($($name $field: $type,)?)* } })*
    };
    (@declares $(#[$about:meta])* $group:ident { $($name:ident $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug)]
        pub struct $group { $(pub $field: $type,)* }

        impl $group {
            pub(in crate::config) fn of(found: &Found) -> Option<$group> {
                Some($group { $($field: found.get(stringify!($name))?,)* })
            }
        }
    };
    (@fills $group:ident { $($name:ident $field:ident: $type:ty,)* }) => {
        impl $group {
            pub(in crate::config) fn of(found: &Found) -> Option<$group> {
                Some($group { $($field: found.get::<$type>(stringify!($name))?,)* ..$group::default() })
            }
        }
    };
    (@checks $group:ident {}) => {};
}

mod security;

pub use security::{OAuth, Security, TlsFiles};

/// All process settings, in the order of the help.
pub const VARIABLES: &[Variable] = &{
    let mut all = [ROWS[0]; ROWS.len() + security::ROWS.len()];
    let mut place = 0;
    while place < all.len() {
        all[place] = if place < ROWS.len() { ROWS[place] } else { security::ROWS[place - ROWS.len()] };
        place += 1;
    }
    all
};

type Heading = (Section, Option<StoreKind>);

const CORE: Heading = (Section::Core, None);
const STORAGE: Heading = (Section::Storage, None);
const ON_S3: Heading = (Section::Storage, Some(StoreKind::S3));
const ON_GCS: Heading = (Section::Storage, Some(StoreKind::Gcs));
const ON_AZURE: Heading = (Section::Storage, Some(StoreKind::Azure));
const LOG: Heading = (Section::Log, None);
const CLUSTER: Heading = (Section::Cluster, None);
const TOPICS: Heading = (Section::Topics, None);
const GROUPS: Heading = (Section::Groups, None);
const NETWORK: Heading = (Section::Network, None);
const SECURITY: Heading = (Section::Security, None);
const OPERATION: Heading = (Section::Operation, None);

const KIB: i64 = 1 << 10;
const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;
/// A terabyte: beyond any machine this runs on, so a slip of the unit.
const MOST_MEMORY: i64 = 1 << 40;
const INT: i64 = i32::MAX as i64;
const LONG: i64 = i64::MAX;
const MOST_PORT: i64 = u16::MAX as i64;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

settings! {
    /// The broker's identity.
    CORE declares Identity {
        BROKER_ID => broker_id: BrokerId, number(0, INT).shaped("ID").or("0"),
            "This broker's id, unique in its cluster.";
        CLUSTER_ID => cluster_id: String, formed("ID", id).or("kafkaesque"),
            "The cluster's id. Kept with the data: another id is refused there later.";
        RACK => rack: Option<String>, text("RACK").sets("broker.rack"),
            "Rack or zone of this broker, for clients that prefer a near one.";
    }

    /// Addresses at which clients reach this broker.
    CORE declares Listen {
        HOST => host: String, parsed("HOST", syntax::bare_host).or("0.0.0.0"),
            "Address to listen on for Kafka clients.";
        PORT => port: u16, number(0, MOST_PORT).shaped("PORT").or("9092"),
            "Port to listen on for Kafka clients; 0 takes a free one.";
        ADVERTISED_HOST => advertised_host: String, parsed("HOST", syntax::bare_host).or_reachable(),
            "Name or address that clients are told to connect to. Default: HOST if that is one address, \
             else the host name. Never 0.0.0.0.";
        ADVERTISED_PORT => advertised_port: Option<u16>, number(1, MOST_PORT).shaped("PORT"),
            "Port that clients are told to connect to. Default: the port listened on.";
        LISTENERS => listeners: Option<Entries<(String, u16)>>,
            parsed("NAME://HOST:PORT,..", |text| entries::endpoints(text).map(|_| text.to_owned())),
            "Several listeners, in place of PORT, ADVERTISED_HOST and ADVERTISED_PORT; HOST is that of \
             HEALTH_PORT alone then.";
        ADVERTISED_LISTENERS => advertised_listeners: Option<Entries<(String, u16)>>,
            parsed("NAME://HOST:PORT,..", |text| entries::endpoints(text).map(|_| text.to_owned())),
            "Where clients of each are told to connect to. Default: as in LISTENERS, or this host's name.";
        LISTENER_SECURITY_PROTOCOL_MAP => protocols: Option<Entries<Protocol>>,
            parsed("NAME:PROTOCOL,..", |text| {
                entries::entries(text, entries::protocol).map(|_| text.to_owned())
            }).sets("listener.security.protocol.map"),
            "Protocols of listeners: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL. Default: that of its name.";
        LISTENER_SASL_MECHANISMS => mechanisms: Option<Entries<Vec<Mechanism>>>,
            parsed("NAME:MECHANISM|..,..", |text| {
                entries::entries(text, entries::mechanisms).map(|_| text.to_owned())
            }),
            "Mechanisms of listeners. Default: SASL_MECHANISMS.";
        LISTENER_TLS_CLIENT_AUTH => client_auths: Option<Entries<ClientAuth>>,
            parsed("NAME:none|requested|required,..", |text| {
                entries::entries(text, entries::client_auth).map(|_| text.to_owned())
            }),
            "Whether listeners ask for a client's certificate. Default: TLS_CLIENT_AUTH.";
        LISTENER_MAX_CONNECTIONS => max_connections: Option<Entries<usize>>,
            parsed("NAME:COUNT,..", |text| {
                entries::entries(text, entries::count).map(|_| text.to_owned())
            }),
            "Most connections of listeners at one time, within MAX_CONNECTIONS.";
    }

    /// The kind of store, and the place in it.
    STORAGE declares Storage {
        OBJECT_STORE_TYPE => kind: StoreKind, one_of(StoreKind::WORDS).or("local"),
            "Where all data is kept.";
        DATA_PATH => data_path: String,
            formed("PATH", data_path).by_store("/tmp/kafkaesque-data", "kafkaesque-data"),
            "Directory of a local store (default: /tmp/kafkaesque-data), or prefix in a bucket (default: \
             kafkaesque-data).";
        LOCAL_FSYNC => local_fsync: bool, flag().or("true"),
            "Whether a local store syncs each object to the disk before a record counts as stored.";
        LOCAL_RESERVE_BYTES => local_reserve_bytes: u64, bytes(0, MOST_MEMORY).or("64MiB"),
            "Room that a local store keeps on its disk: when the disk is full, it is let go of, so that \
             topics can be deleted, and nothing else is taken until there is room again. At most half of \
             what is free; 0 keeps none.";
    }

    ON_S3 fills S3 {
        S3_BUCKET => bucket: String, formed("BUCKET", bucket).also(&["AWS_S3_BUCKET"]).rules(&[Needed]),
            "S3: the bucket.";
        AWS_REGION => region: Option<String>, formed("REGION", word),
            "S3: the bucket's region. Default: us-east-1.";
        AWS_ENDPOINT => endpoint: Option<String>, formed("URL", url).also(&["S3_ENDPOINT"]),
            "S3: base URL of a store other than AWS. One that begins with http:// needs ALLOW_HTTP_S3.";
        AWS_ACCESS_KEY_ID => access_key_id: Option<String>,
            text("ID").rules(&[With("AWS_SECRET_ACCESS_KEY")]),
            "S3: access key. Default: the credentials that the machine or pod is given.";
        AWS_SECRET_ACCESS_KEY => secret_access_key: Option<Secret>,
            secret("SECRET").rules(&[With("AWS_ACCESS_KEY_ID")]),
            "S3: secret of the access key.";
        AWS_SECRET_ACCESS_KEY_FILE, text("FILE").rules(&[FileOf("AWS_SECRET_ACCESS_KEY")]),
            "S3: a file that holds AWS_SECRET_ACCESS_KEY.";
        AWS_SESSION_TOKEN => session_token: Option<Secret>, secret("SECRET"),
            "S3: token of temporary credentials.";
        AWS_SESSION_TOKEN_FILE, text("FILE").rules(&[FileOf("AWS_SESSION_TOKEN")]),
            "S3: a file that holds AWS_SESSION_TOKEN.";
        ALLOW_HTTP_S3 => allow_http: bool, flag().or("false"),
            "S3: whether an endpoint without TLS is allowed.";
    }

    ON_GCS fills Gcs {
        GCS_BUCKET => bucket: String, formed("BUCKET", bucket).rules(&[Needed]),
            "Google Cloud Storage: the bucket.";
        GOOGLE_APPLICATION_CREDENTIALS => credentials_path: Option<PathBuf>, parsed("FILE", syntax::file),
            "Google Cloud Storage: credentials as a JSON file. Default: the machine's own account.";
    }

    ON_AZURE fills Azure {
        AZURE_CONTAINER => container: String, formed("NAME", bucket).rules(&[Needed]),
            "Azure Blob Storage: the container.";
        AZURE_STORAGE_ACCOUNT => account: String, formed("NAME", word).rules(&[Needed]),
            "Azure Blob Storage: the storage account.";
        AZURE_STORAGE_ACCESS_KEY => access_key: Option<Secret>, formed("SECRET", base64).hidden(),
            "Azure Blob Storage: the account's key. Default: the identity that the machine or pod is given.";
        AZURE_STORAGE_ACCESS_KEY_FILE, text("FILE").rules(&[FileOf("AZURE_STORAGE_ACCESS_KEY")]),
            "Azure Blob Storage: a file that holds AZURE_STORAGE_ACCESS_KEY.";
        AZURE_ENDPOINT => endpoint: Option<String>, formed("URL", url),
            "Azure Blob Storage: base URL of an emulator or a sovereign cloud, account included. One that \
             begins with http:// needs AZURE_ALLOW_HTTP.";
        AZURE_ALLOW_HTTP => allow_http: bool, flag().or("false"),
            "Azure Blob Storage: whether an endpoint without TLS is allowed.";
    }

    /// Opening of a store.
    STORAGE declares Opening {
        STORE_START_TIMEOUT_MS => start_timeout: Duration, millis(0, HOUR_MS).or("30000"),
            "How long the start tries again a store that does not answer yet, or that says that it cannot \
             serve now.";
        STORE_FAULTS => faults: Option<Faults>, parsed("NAME=VALUE,..", syntax::faults),
            faults::text::HELP;
    }

    /// Writing and caching of the shards' logs. Memory is of all shards together.
    LOG declares Log {
        COMMIT_INTERVAL_MS => commit_interval: Duration, millis(0, 10_000).by_store("0", "100"),
            "Least time between two commits of a shard, unless SEGMENT_MAX_BYTES wait already. Longer means \
             fewer PUTs and later acknowledgements. Default: 0 for a local store, 100 for others (10 PUTs a \
             second and shard).";
        COMMIT_WINDOW => commit_window: u16, number(1, Limits::MOST_WINDOW as i64).by_store("1", "16"),
            "Segments of a shard that may be on their way to the store at a time. Acknowledgements stay in \
             order. Default: 1 for a local store, 16 for others.";
        SEGMENT_MAX_BYTES => segment_max_bytes: usize, bytes(64 * KIB, 256 * MIB).by_store("8MiB", "4MiB"),
            "Bytes of records that one commit takes at most. Default: 8MiB for a local store, 4MiB for \
             others.";
        SHARDS => shards: u32, number(1, 1024).or("1").rules(&[Agreed]),
            "Shards of a new cluster: what brokers own, and take over. Read only when the cluster is born; \
             the number is kept with the data. Default: 1, or two for each broker of RAFT_PEERS.";
        TAIL_CACHE_BYTES => tail_cache_bytes: u64, bytes(0, MOST_MEMORY).or("128MiB"),
            "Memory for the newest records, of the last 20 to 40 s.";
        BLOCK_CACHE_BYTES => block_cache_bytes: u64, bytes(0, MOST_MEMORY).or("64MiB"),
            "Memory for older records that were read lately.";
        INDEX_CACHE_BYTES => index_cache_bytes: u64, bytes(MIB, MOST_MEMORY).or("64MiB"),
            "Memory for the index of all shards.";
    }

    /// The other brokers.
    CLUSTER declares Cluster {
        RAFT_LISTEN_ADDR => raft_listen: HostPort,
            parsed("HOST:PORT", syntax::listen_address).or("127.0.0.1:9093"),
            "Address to listen on for other brokers.";
        RAFT_PEERS => raft_peers: Option<Peers>, parsed("ID=HOST:PORT,..", syntax::peers),
            "The first brokers of the cluster, or, of one that joins, at least one that is there, and where \
             they listen for each other. Without this broker in it, ADVERTISED_HOST is where it is. Default: \
             a cluster of this broker alone.";
        RAFT_CLUSTER_SECRET => secret: Option<Secret>, parsed("SECRET", syntax::cluster_secret).hidden(),
            "What brokers prove to each other that they know; at least 16 bytes. Default: a secret made \
             once and kept with the data, which is enough where nobody else can read those.";
        RAFT_CLUSTER_SECRET_FILE, text("FILE").rules(&[FileOf("RAFT_CLUSTER_SECRET")]),
            "A file that holds RAFT_CLUSTER_SECRET.";
        RAFT_TLS_CERT_PATH => raft_tls_certificate: Option<PathBuf>,
            parsed("FILE", syntax::file).rules(&[With("RAFT_TLS_KEY_PATH"), With("RAFT_TLS_CA_PATH")]),
            "This broker's certificate chain (PEM), shown to brokers that it calls and that call it. \
             Default: one made for each process, which encrypts and proves nothing.";
        RAFT_TLS_KEY_PATH => raft_tls_key: Option<PathBuf>,
            parsed("FILE", syntax::file).rules(&[With("RAFT_TLS_CERT_PATH"), With("RAFT_TLS_CA_PATH")]),
            "The private key (PEM) of RAFT_TLS_CERT_PATH.";
        RAFT_TLS_CA_PATH => raft_tls_authority: Option<PathBuf>,
            parsed("FILE", syntax::file).rules(&[With("RAFT_TLS_CERT_PATH"), With("RAFT_TLS_KEY_PATH")]),
            "Authorities (PEM) that other brokers' certificates have to be of.";
        RAFT_INSECURE => raft_insecure: bool, flag().or("false"),
            "Whether brokers talk to each other without TLS. They still prove that they know the secret.";
        BROKER_SESSION_TIMEOUT_MS => broker_session_timeout: Duration,
            millis(500, 600_000).or("3000").rules(&[Agreed]),
            "Time after which a silent broker loses its shards.";
    }

    /// The defaults of new topics.
    TOPICS declares Topics {
        AUTO_CREATE_TOPICS => auto_create: bool, flag().is("auto.create.topics.enable").rules(&[Agreed]),
            "Whether asking for a topic that does not exist creates it.";
        DEFAULT_NUM_PARTITIONS => default_partitions: u32,
            number(1, 100_000).is("num.partitions").rules(&[Agreed]),
            "Partitions of a topic whose creator leaves it open.";
        MAX_MESSAGE_SIZE, bytes(1, GIB).is("message.max.bytes").rules(&[
            Agreed,
            AtMost.blames(
                "MAX_REQUEST_SIZE",
                "larger than MAX_REQUEST_SIZE: such a batch could never arrive",
            ),
        ]),
            "Largest record batch taken by topics that do not set max.message.bytes.";
        PRODUCE_VALIDATION => validation: Validation, one_of(Validation::WORDS).or("full").rules(&[Agreed]),
            "How far batches are checked.";
        LOG_RETENTION_MS, number(-1, LONG).shaped("MS").sets("log.retention.ms").rules(&[NotZero, Agreed]),
            "How long topics that do not set retention.ms keep records; -1 is no limit. Default: 7 days.";
        LOG_RETENTION_MINUTES, number(-1, INT).sets("log.retention.minutes").rules(&[NotZero, Agreed]),
            "The same in minutes; LOG_RETENTION_MS goes before it.";
        LOG_RETENTION_HOURS, number(-1, INT).sets("log.retention.hours").rules(&[NotZero, Agreed]),
            "The same in hours; both others go before it.";
        LOG_RETENTION_BYTES, number(-1, LONG).shaped("BYTES").sets("log.retention.bytes").rules(&[Agreed]),
            "What partitions of topics that do not set retention.bytes keep at most; -1 is no limit. \
             Default: no limit.";
        LOG_RETENTION_CHECK_INTERVAL_MS => retention_check_interval: Duration,
            millis(1, DAY_MS).is("log.retention.check.interval.ms"),
            "Time between two looks for records that have expired.";
    }

    /// Consumer groups.
    GROUPS declares Groups {
        GROUP_INITIAL_REBALANCE_DELAY_MS => initial_rebalance_delay_ms: i32,
            millis(0, INT).is("group.initial.rebalance.delay.ms").rules(&[Agreed]),
            "How long a new group waits for more members before its first rebalance ends.";
        GROUP_MIN_SESSION_TIMEOUT_MS => min_session_timeout_ms: i32,
            millis(1, INT).is("group.min.session.timeout.ms").rules(&[
                Agreed,
                AtMost.says(
                    "GROUP_MAX_SESSION_TIMEOUT_MS",
                    "the smallest session timeout is above the largest",
                ),
            ]),
            "Smallest session timeout that a member may ask for.";
        GROUP_MAX_SESSION_TIMEOUT_MS => max_session_timeout_ms: i32,
            millis(1, INT).is("group.max.session.timeout.ms").rules(&[Agreed]),
            "Largest session timeout that a member may ask for.";
        GROUP_MAX_SIZE => max_size: usize, number(1, INT).is("group.max.size").rules(&[Agreed]),
            "Most members of one group.";
        GROUP_CONSUMER_SESSION_TIMEOUT_MS => consumer_session_timeout_ms: i32,
            millis(1, INT).is("group.consumer.session.timeout.ms").rules(&[
                Agreed,
                AtLeast.to("GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS"),
                AtMost.to("GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS"),
            ]),
            "Silence after which a member of the consumer protocol (KIP-848) is removed.";
        GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS,
            millis(1, INT).is("group.consumer.min.session.timeout.ms").rules(&[Agreed]),
            "Smallest session timeout that a group can be given (consumer.session.timeout.ms).";
        GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS,
            millis(1, INT).is("group.consumer.max.session.timeout.ms").rules(&[Agreed]),
            "Largest session timeout that a group can be given.";
        GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS => consumer_heartbeat_interval_ms: i32,
            millis(1, INT).is("group.consumer.heartbeat.interval.ms").rules(&[
                Agreed,
                AtLeast.to("GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS"),
                AtMost.to("GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS"),
                Below.says(
                    "GROUP_CONSUMER_SESSION_TIMEOUT_MS",
                    "a heartbeat interval must be below the session timeout",
                ),
            ]),
            "Time between heartbeats that members of the consumer protocol are told to keep.";
        GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS,
            millis(1, INT).is("group.consumer.min.heartbeat.interval.ms").rules(&[Agreed]),
            "Smallest heartbeat interval that a group can be given (consumer.heartbeat.interval.ms).";
        GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS,
            millis(1, INT).is("group.consumer.max.heartbeat.interval.ms").rules(&[Agreed]),
            "Largest heartbeat interval that a group can be given.";
        GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS => consumer_assignment_interval_ms: i32,
            millis(0, 15_000).is("group.consumer.assignment.interval.ms").rules(&[Agreed]),
            "Least time between two assignments of a group of the consumer protocol, 0 to 15000.";
        GROUP_CONSUMER_MAX_SIZE => consumer_max_size: usize,
            number(1, INT).is("group.consumer.max.size").rules(&[Agreed]),
            "Most members of one group of the consumer protocol.";
        GROUP_CONSUMER_MIGRATION_POLICY => consumer_migration: MigrationPolicy,
            one_of(MigrationPolicy::NAMES).is("group.consumer.migration.policy").rules(&[Agreed]),
            "Which way groups move between the classic and the consumer protocol while they have members.";
        OFFSET_METADATA_MAX_BYTES => offset_metadata_max_bytes: usize,
            number(0, INT).is("offset.metadata.max.bytes").rules(&[Agreed]),
            "Most characters that a client may say about an offset it commits.";
        OFFSETS_RETENTION_MINUTES => offsets_retention_minutes: i32,
            number(1, INT).is("offsets.retention.minutes").rules(&[Agreed]),
            "How long committed offsets are kept that no member of their group can use any more.";
        OFFSETS_RETENTION_CHECK_INTERVAL_MS => offsets_retention_check_interval: Duration,
            millis(1, DAY_MS).or("600000"),
            "Time between two looks for committed offsets that have expired.";
    }

    /// The most that strangers can take.
    NETWORK declares Network {
        MAX_CONNECTIONS => max_connections: usize, number(1, 1_000_000).is("max.connections"),
            "Most client connections at one time.";
        MAX_UNAUTHENTICATED_CONNECTIONS => max_strangers: usize, number(1, 1_000_000).or("1000"),
            "Most connections at one time that have not logged in, or not finished their TLS handshake.";
        MAX_CONNECTIONS_PER_IP => max_connections_per_ip: usize,
            number(0, INT).is("max.connections.per.ip"),
            "Most connections of one address at one time.";
        MAX_CONNECTIONS_PER_IP_OVERRIDES => per_ip_overrides: Option<Networks>,
            parsed("ADDRESS:COUNT,..", |text| syntax::networks(text).map(|_| text.to_owned()))
                .sets("max.connections.per.ip.overrides"),
            "Other limits of single addresses, or of each address of a network (10.0.0.0/8:100).";
        CONNECTION_IDLE_TIMEOUT_MS => connection_idle_timeout: Duration,
            millis(1000, DAY_MS).is("connections.max.idle.ms"),
            "Time after which a connection without requests is closed.";
        TRANSFER_GRACE_MS => transfer_grace: Duration, millis(1000, DAY_MS).or("600000"),
            "Time that a client may take for sending a request or taking an answer, beyond a second for \
             each 64 KiB.";
        MAX_REQUEST_SIZE => max_request_bytes: usize,
            bytes(64 * KIB, GIB).is("socket.request.max.bytes").rules(&[Agreed]),
            "Largest request that is read.";
        REQUEST_MEMORY_BYTES => request_memory_bytes: usize,
            bytes(MIB, MOST_MEMORY).is("queued.max.request.bytes").rules(&[
                AtLeast.blames(
                    "MAX_REQUEST_SIZE",
                    "smaller than MAX_REQUEST_SIZE: such a request could never be read",
                ),
            ]),
            "Memory for requests in flight, all connections together; beyond it, reading waits.";
        REQUEST_TIMEOUT_MS => request_timeout: Duration, millis(1000, 600_000).or("30000"),
            "Time that a write may take before whoever asked for it is told that its outcome is unknown.";
        RESPONSE_MEMORY_BYTES => response_memory_bytes: u64, bytes(MIB, MOST_MEMORY).or("256MiB"),
            "Memory for records in answers that clients have not taken yet. With little of it free, fetches \
             get less.";
        SHUTDOWN_TIMEOUT_MS => shutdown_timeout: Duration, millis(0, HOUR_MS).or("30000"),
            "Time for finishing accepted requests after SIGTERM.";
    }

    /// Health, metrics and logging.
    OPERATION declares Operation {
        HEALTH_PORT => health_port: Option<NonZeroU16>, number(0, MOST_PORT).shaped("PORT").or("8080"),
            "Port for /, /health, /live, /ready and /metrics on HOST; 0 is off.";
        METRICS_MAX_TOPICS => metrics_max_topics: usize, number(0, 100_000).shaped("COUNT").or("200"),
            "Topics that /metrics shows one by one; it shows the rest as one.";
        METRICS_MAX_GROUPS => metrics_max_groups: usize, number(0, 100_000).shaped("COUNT").or("200"),
            "Consumer groups that /metrics shows one by one; it shows the rest as one.";
        METRICS_AUTH_TOKEN => metrics_token: Option<Secret>, secret("SECRET"),
            "Bearer token that /metrics asks for. Default: anybody may read them.";
        METRICS_AUTH_TOKEN_FILE, text("FILE").rules(&[FileOf("METRICS_AUTH_TOKEN")]),
            "A file that holds METRICS_AUTH_TOKEN.";
        LOG_FORMAT => log_format: LogFormat, one_of(LogFormat::WORDS).or("pretty"),
            "Shape of log lines.";
        RUST_LOG => log_filter: String, parsed("FILTER", syntax::log_filter).or("info"),
            "What is logged: a level, or levels by module (info,kafkaesque::log=debug).";
        OTEL_EXPORTER_OTLP_ENDPOINT, text("URL").rules(&[Idle("traces are not exported yet")]),
            "Where to send traces. Not supported yet: a warning at start.";
    }
}

/// A process setting by its main name.
pub fn variable_named(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}
