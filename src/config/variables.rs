//! The table of process settings: each one an environment variable and a flag of the same meaning.

/// One process setting.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// The environment variable.
    pub name: &'static str,
    /// Other environment variables of the same meaning.
    pub aliases: &'static [&'static str],
    pub section: Section,
    /// Used if nobody sets it, and read like a value that somebody set.
    pub default: Option<&'static str>,
    /// What a value looks like, for the help.
    pub shape: &'static str,
    pub help: &'static str,
    /// Its value is never printed.
    pub secret: bool,
}

impl Variable {
    /// The flag, without its dashes: `BROKER_ID` is `broker-id`.
    pub fn flag(&self) -> String {
        let name = self.name.strip_prefix("KAFKAESQUE_").unwrap_or(self.name);
        name.to_ascii_lowercase().replace('_', "-")
    }

    /// Whether the flag alone means `true`.
    pub fn is_switch(&self) -> bool {
        self.shape == SWITCH
    }

    const fn also(mut self, aliases: &'static [&'static str]) -> Variable {
        self.aliases = aliases;
        self
    }

    const fn secret(mut self) -> Variable {
        self.secret = true;
        self
    }
}

/// The help's headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Core,
    Storage,
    Log,
    Cluster,
    Topics,
    Groups,
    Network,
    Security,
    Operation,
}

impl Section {
    pub const fn title(self) -> &'static str {
        match self {
            Section::Core => "Core",
            Section::Storage => "Object store",
            Section::Log => "Log",
            Section::Cluster => "Cluster",
            Section::Topics => "Topics",
            Section::Groups => "Consumer groups",
            Section::Network => "Network limits",
            Section::Security => "Security",
            Section::Operation => "Operation",
        }
    }
}

const SWITCH: &str = "true|false";

const fn variable(
    section: Section,
    name: &'static str,
    shape: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Variable {
    Variable { name, aliases: &[], section, default, shape, help, secret: false }
}

/// All process settings, in the order of the help.
pub const VARIABLES: &[Variable] = {
    use Section::{Cluster, Core, Groups, Log, Network, Operation, Security, Storage, Topics};
    &[
        variable(Core, "BROKER_ID", "ID", Some("0"), "This broker's id, unique in its cluster."),
        variable(Core, "HOST", "HOST", Some("0.0.0.0"), "Address to listen on for Kafka clients."),
        variable(
            Core,
            "PORT",
            "PORT",
            Some("9092"),
            "Port to listen on for Kafka clients; 0 takes a free one.",
        ),
        variable(
            Core,
            "ADVERTISED_HOST",
            "HOST",
            None,
            "Name or address that clients are told to connect to. Default: HOST if that is one address, else the host \
             name. Never 0.0.0.0.",
        ),
        variable(
            Core,
            "ADVERTISED_PORT",
            "PORT",
            None,
            "Port that clients are told to connect to. Default: the port listened on.",
        ),
        variable(
            Core,
            "CLUSTER_ID",
            "ID",
            Some("kafkaesque"),
            "The cluster's id. Kept with the data: another id is refused there later.",
        ),
        variable(
            Core,
            "RACK",
            "RACK",
            None,
            "Rack or zone of this broker, for clients that prefer a near one.",
        ),
        variable(
            Storage,
            "OBJECT_STORE_TYPE",
            "local|s3|gcs|azure",
            Some("local"),
            "Where all data is kept.",
        ),
        variable(
            Storage,
            "DATA_PATH",
            "PATH",
            None,
            "Directory of a local store (default: /tmp/kafkaesque-data), or prefix in a bucket (default: \
             kafkaesque-data).",
        ),
        variable(
            Storage,
            "LOCAL_FSYNC",
            SWITCH,
            Some("true"),
            "Whether a local store syncs each object to the disk before a record counts as stored.",
        ),
        variable(
            Storage,
            "LOCAL_RESERVE_BYTES",
            "BYTES",
            Some("64MiB"),
            "Room that a local store keeps on its disk: when the disk is full, it is let go of, so that topics can be \
             deleted, and nothing else is taken until there is room again. At most half of what is free; 0 keeps none.",
        ),
        variable(Storage, "S3_BUCKET", "BUCKET", None, "S3: the bucket.").also(&["AWS_S3_BUCKET"]),
        variable(Storage, "AWS_REGION", "REGION", None, "S3: the bucket's region. Default: us-east-1."),
        variable(
            Storage,
            "AWS_ENDPOINT",
            "URL",
            None,
            "S3: base URL of a store other than AWS. One that begins with http:// needs ALLOW_HTTP_S3.",
        )
        .also(&["S3_ENDPOINT"]),
        variable(
            Storage,
            "AWS_ACCESS_KEY_ID",
            "ID",
            None,
            "S3: access key. Default: the credentials that the machine or pod is given.",
        ),
        variable(Storage, "AWS_SECRET_ACCESS_KEY", "SECRET", None, "S3: secret of the access key.").secret(),
        variable(Storage, "AWS_SESSION_TOKEN", "SECRET", None, "S3: token of temporary credentials.")
            .secret(),
        variable(
            Storage,
            "ALLOW_HTTP_S3",
            SWITCH,
            Some("false"),
            "S3: whether an endpoint without TLS is allowed.",
        ),
        variable(Storage, "GCS_BUCKET", "BUCKET", None, "Google Cloud Storage: the bucket."),
        variable(
            Storage,
            "GOOGLE_APPLICATION_CREDENTIALS",
            "FILE",
            None,
            "Google Cloud Storage: credentials as a JSON file. Default: the machine's own account.",
        ),
        variable(Storage, "AZURE_CONTAINER", "NAME", None, "Azure Blob Storage: the container."),
        variable(Storage, "AZURE_STORAGE_ACCOUNT", "NAME", None, "Azure Blob Storage: the storage account."),
        variable(
            Storage,
            "AZURE_STORAGE_ACCESS_KEY",
            "SECRET",
            None,
            "Azure Blob Storage: the account's key. Default: the identity that the machine or pod is given.",
        )
        .secret(),
        variable(
            Storage,
            "AZURE_ENDPOINT",
            "URL",
            None,
            "Azure Blob Storage: base URL of an emulator or a sovereign cloud, account included. One that begins with \
             http:// needs AZURE_ALLOW_HTTP.",
        ),
        variable(
            Storage,
            "AZURE_ALLOW_HTTP",
            SWITCH,
            Some("false"),
            "Azure Blob Storage: whether an endpoint without TLS is allowed.",
        ),
        variable(
            Storage,
            "STORE_START_TIMEOUT_MS",
            "MS",
            Some("30000"),
            "How long the start tries again a store that does not answer yet, or that says that it cannot serve now.",
        ),
        variable(Storage, "STORE_FAULTS", "NAME=VALUE,..", None, crate::store::faults::text::HELP),
        variable(
            Log,
            "COMMIT_INTERVAL_MS",
            "MS",
            None,
            "Least time between two commits of a shard, unless SEGMENT_MAX_BYTES wait already. Longer means fewer PUTs \
             and later acknowledgements. Default: 0 for a local store, 100 for others (10 PUTs a second and shard).",
        ),
        variable(
            Log,
            "COMMIT_WINDOW",
            "N",
            None,
            "Segments of a shard that may be on their way to the store at a time. Acknowledgements stay in order. Default: \
             1 for a local store, 16 for others.",
        ),
        variable(
            Log,
            "SEGMENT_MAX_BYTES",
            "BYTES",
            None,
            "Bytes of records that one commit takes at most. Default: 8MiB for a local store, 4MiB for others.",
        ),
        variable(
            Log,
            "SHARDS",
            "N",
            Some("1"),
            "Shards of a new cluster. Read only when the cluster is born; its number is kept with the data.",
        ),
        variable(
            Log,
            "TAIL_CACHE_BYTES",
            "BYTES",
            Some("128MiB"),
            "Memory for the newest records, of the last 20 to 40 s.",
        ),
        variable(
            Log,
            "BLOCK_CACHE_BYTES",
            "BYTES",
            Some("64MiB"),
            "Memory for older records that were read lately.",
        ),
        variable(Log, "INDEX_CACHE_BYTES", "BYTES", Some("64MiB"), "Memory for the index of all shards."),
        variable(
            Cluster,
            "RAFT_LISTEN_ADDR",
            "HOST:PORT",
            Some("127.0.0.1:9093"),
            "Address to listen on for other brokers.",
        ),
        variable(
            Cluster,
            "RAFT_PEERS",
            "ID=HOST:PORT,..",
            None,
            "The first brokers of the cluster; may list this one. Default: a cluster of this broker alone.",
        ),
        variable(
            Cluster,
            "RAFT_CLUSTER_SECRET",
            "SECRET",
            None,
            "What brokers prove to each other that they know.",
        )
        .secret(),
        variable(Cluster, "RAFT_CLUSTER_SECRET_FILE", "FILE", None, "A file that holds RAFT_CLUSTER_SECRET."),
        variable(
            Cluster,
            "BROKER_SESSION_TIMEOUT_MS",
            "MS",
            Some("3000"),
            "Time after which a silent broker loses its shards.",
        ),
        variable(
            Topics,
            "AUTO_CREATE_TOPICS",
            SWITCH,
            Some("true"),
            "Whether asking for a topic that does not exist creates it.",
        ),
        variable(
            Topics,
            "DEFAULT_NUM_PARTITIONS",
            "N",
            Some("1"),
            "Partitions of a topic whose creator leaves it open.",
        ),
        variable(
            Topics,
            "MAX_MESSAGE_SIZE",
            "BYTES",
            Some("1048588"),
            "Largest record batch taken by topics that do not set max.message.bytes.",
        ),
        variable(Topics, "PRODUCE_VALIDATION", "full|headers", Some("full"), "How far batches are checked."),
        variable(
            Topics,
            "LOG_RETENTION_MS",
            "MS",
            None,
            "How long topics that do not set retention.ms keep records; -1 is no limit. Default: 7 days.",
        ),
        variable(
            Topics,
            "LOG_RETENTION_MINUTES",
            "N",
            None,
            "The same in minutes; LOG_RETENTION_MS goes before it.",
        ),
        variable(Topics, "LOG_RETENTION_HOURS", "N", None, "The same in hours; both others go before it."),
        variable(
            Topics,
            "LOG_RETENTION_BYTES",
            "BYTES",
            None,
            "What partitions of topics that do not set retention.bytes keep at most; -1 is no limit. Default: no limit.",
        ),
        variable(
            Topics,
            "LOG_RETENTION_CHECK_INTERVAL_MS",
            "MS",
            Some("300000"),
            "Time between two looks for records that have expired.",
        ),
        variable(
            Groups,
            "GROUP_INITIAL_REBALANCE_DELAY_MS",
            "MS",
            Some("3000"),
            "How long a new group waits for more members before its first rebalance ends.",
        ),
        variable(
            Groups,
            "GROUP_MIN_SESSION_TIMEOUT_MS",
            "MS",
            Some("6000"),
            "Smallest session timeout that a member may ask for.",
        ),
        variable(
            Groups,
            "GROUP_MAX_SESSION_TIMEOUT_MS",
            "MS",
            Some("1800000"),
            "Largest session timeout that a member may ask for.",
        ),
        variable(Groups, "GROUP_MAX_SIZE", "N", Some("2147483647"), "Most members of one group."),
        variable(
            Groups,
            "GROUP_CONSUMER_SESSION_TIMEOUT_MS",
            "MS",
            Some("45000"),
            "Silence after which a member of the consumer protocol (KIP-848) is removed.",
        ),
        variable(
            Groups,
            "GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS",
            "MS",
            Some("45000"),
            "Smallest session timeout that a group can be given (consumer.session.timeout.ms).",
        ),
        variable(
            Groups,
            "GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS",
            "MS",
            Some("60000"),
            "Largest session timeout that a group can be given.",
        ),
        variable(
            Groups,
            "GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS",
            "MS",
            Some("5000"),
            "Time between heartbeats that members of the consumer protocol are told to keep.",
        ),
        variable(
            Groups,
            "GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS",
            "MS",
            Some("5000"),
            "Smallest heartbeat interval that a group can be given (consumer.heartbeat.interval.ms).",
        ),
        variable(
            Groups,
            "GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS",
            "MS",
            Some("15000"),
            "Largest heartbeat interval that a group can be given.",
        ),
        variable(
            Groups,
            "GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS",
            "MS",
            Some("1000"),
            "Least time between two assignments of a group of the consumer protocol, 0 to 15000.",
        ),
        variable(
            Groups,
            "GROUP_CONSUMER_MAX_SIZE",
            "N",
            Some("2147483647"),
            "Most members of one group of the consumer protocol.",
        ),
        variable(
            Groups,
            "GROUP_CONSUMER_MIGRATION_POLICY",
            "bidirectional|upgrade|downgrade|disabled",
            Some("bidirectional"),
            "Which way groups move between the classic and the consumer protocol while they have members.",
        ),
        variable(
            Groups,
            "OFFSET_METADATA_MAX_BYTES",
            "N",
            Some("4096"),
            "Most characters that a client may say about an offset it commits.",
        ),
        variable(
            Groups,
            "OFFSETS_RETENTION_MINUTES",
            "N",
            Some("10080"),
            "How long committed offsets are kept that no member of their group can use any more.",
        ),
        variable(
            Groups,
            "OFFSETS_RETENTION_CHECK_INTERVAL_MS",
            "MS",
            Some("600000"),
            "Time between two looks for committed offsets that have expired.",
        ),
        variable(Network, "MAX_CONNECTIONS", "N", Some("10000"), "Most client connections at one time."),
        variable(
            Network,
            "CONNECTION_IDLE_TIMEOUT_MS",
            "MS",
            Some("600000"),
            "Time after which a connection without requests is closed.",
        ),
        variable(
            Network,
            "TRANSFER_GRACE_MS",
            "MS",
            Some("600000"),
            "Time that a client may take for sending a request or taking an answer, beyond a second for each 64 KiB.",
        ),
        variable(Network, "MAX_REQUEST_SIZE", "BYTES", Some("100MiB"), "Largest request that is read."),
        variable(
            Network,
            "REQUEST_MEMORY_BYTES",
            "BYTES",
            Some("256MiB"),
            "Memory for requests in flight, all connections together; beyond it, reading waits.",
        ),
        variable(
            Network,
            "REQUEST_TIMEOUT_MS",
            "MS",
            Some("30000"),
            "Time that a write may take before whoever asked for it is told that its outcome is unknown.",
        ),
        variable(
            Network,
            "RESPONSE_MEMORY_BYTES",
            "BYTES",
            Some("256MiB"),
            "Memory for records in answers that clients have not taken yet. With little of it free, fetches get less.",
        ),
        variable(
            Network,
            "SHUTDOWN_TIMEOUT_MS",
            "MS",
            Some("30000"),
            "Time for finishing accepted requests after SIGTERM.",
        ),
        variable(
            Security,
            "SASL_ENABLED",
            SWITCH,
            None,
            "SASL for clients. Not supported yet: stops the start.",
        ),
        variable(
            Security,
            "SASL_REQUIRED",
            SWITCH,
            None,
            "Whether clients must authenticate. Not supported yet.",
        ),
        variable(Security, "SASL_USERS", "USER:PASSWORD,..", None, "SASL users. Not supported yet.").secret(),
        variable(
            Security,
            "SASL_USERS_FILE",
            "FILE",
            None,
            "A file that holds SASL_USERS. Not supported yet.",
        ),
        variable(
            Security,
            "TLS_ENABLED",
            SWITCH,
            None,
            "TLS for clients. Not supported yet: stops the start.",
        ),
        variable(Security, "TLS_CERT_PATH", "FILE", None, "The certificate chain (PEM). Not supported yet."),
        variable(Security, "TLS_KEY_PATH", "FILE", None, "The private key (PEM). Not supported yet."),
        variable(
            Security,
            "ACL_ENABLED",
            SWITCH,
            None,
            "Authorization by ACLs. Not supported yet: stops the start.",
        ),
        variable(
            Security,
            "KAFKAESQUE_SUPER_USERS",
            "PRINCIPAL;..",
            None,
            "Principals that ACLs do not bind. Not supported yet.",
        ),
        variable(
            Operation,
            "HEALTH_PORT",
            "PORT",
            Some("8080"),
            "Port for /, /health, /live, /ready and /metrics on HOST; 0 is off.",
        ),
        variable(
            Operation,
            "METRICS_MAX_TOPICS",
            "COUNT",
            Some("200"),
            "Topics that /metrics shows one by one; it shows the rest as one.",
        ),
        variable(
            Operation,
            "METRICS_MAX_GROUPS",
            "COUNT",
            Some("200"),
            "Consumer groups that /metrics shows one by one; it shows the rest as one.",
        ),
        variable(
            Operation,
            "METRICS_AUTH_TOKEN",
            "SECRET",
            None,
            "Bearer token that /metrics asks for. Default: anybody may read them.",
        )
        .secret(),
        variable(Operation, "LOG_FORMAT", "pretty|json", Some("pretty"), "Shape of log lines."),
        variable(
            Operation,
            "RUST_LOG",
            "FILTER",
            Some("info"),
            "What is logged: a level, or levels by module (info,kafkaesque::log=debug).",
        ),
        variable(
            Operation,
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "URL",
            None,
            "Where to send traces. Not supported yet: a warning at start.",
        ),
    ]
};

/// A process setting by its main name.
pub fn variable_named(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}
