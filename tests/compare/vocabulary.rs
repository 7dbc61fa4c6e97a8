//! What stands in the fields of generated requests: words that are right where they stand, and words that are not.
//!
//! A place is the API's name and the names of the fields down to the value, `Fetch/topics/partitions/partition`.

use uuid::Uuid;

/// What may stand in a place.
#[derive(Clone, Copy)]
pub struct Words<T: 'static> {
    pub good: &'static [T],
    pub bad: &'static [T],
}

const fn words<T>(good: &'static [T], bad: &'static [T]) -> Words<T> {
    Words { good, bad }
}

/// Topics that are there in every block of requests, and their partitions.
pub const TOPICS: &[(&str, i32)] = &[("alpha", 3), ("beta", 1), ("gamma", 2)];
/// Groups without members that have committed offsets at the start of every block.
pub const GROUPS: &[&str] = &["group-a", "group-b"];
/// Topics to be deleted and to be given partitions; made anew for every block that needs them.
pub const DOOMED: &[&str] = &["doomed-0", "doomed-1", "doomed-2", "doomed-3", "doomed-4", "doomed-5"];
pub const GROWING: &[&str] = &["growing-0", "growing-1", "growing-2", "growing-3"];
/// An id that no topic has.
pub const NO_TOPIC: Uuid = Uuid::from_u128(77);
/// Put in front of a number that no request had before.
pub const FRESH: &str = "fresh-";
/// The timestamp of the first record, milliseconds: recent enough for any `message.timestamp.before.max.ms`.
pub const FIRST_TIMESTAMP: i64 = 1_700_000_000_000;

/// The last names of a place: its own, and that of the list it is in.
fn ends(place: &str) -> (&str, &str, &str) {
    let mut names = place.rsplit('/');
    let last = names.next().unwrap_or_default();
    (place.split('/').next().unwrap_or_default(), names.next().unwrap_or_default(), last)
}

const TOPIC: Words<&str> = words(&["alpha", "beta", "gamma"], &["missing", "bad name!", "", "."]);
const GROUP: Words<&str> = words(&["group-a", "group-b"], &["no-such-group", ""]);

pub fn strings(place: &str) -> Words<&'static str> {
    match ends(place) {
        ("CreateTopics", "topics", "name") => words(&[FRESH], &["alpha", "bad name!", "", ".."]),
        ("DeleteTopics", ..) => words(DOOMED, &["missing", "bad name!", ""]),
        ("CreatePartitions", "topics", "name") => words(GROWING, &["missing", "bad name!", ""]),
        ("JoinGroup" | "ConsumerGroupHeartbeat", _, "group_id") => words(&[FRESH], &[""]),
        (_, "topics" | "topic_data" | "topic_partitions" | "forgotten_topics_data" | "cursor", _) => TOPIC,
        (_, _, "topic" | "topic_name" | "topic_names" | "subscribed_topic_names") => TOPIC,
        (_, _, "group_id" | "groups" | "group_ids" | "groups_names" | "coordinator_keys") => GROUP,
        ("FindCoordinator", _, "key") => GROUP,
        (_, "configs", "name") => words(CONFIG_NAMES, &["no.such.config", ""]),
        (_, "configs", "value") => words(CONFIG_VALUES, &["many", "-5"]),
        ("DescribeConfigs", _, "configuration_keys") => words(DESCRIBED_KEYS, &["no.such.config", ""]),
        ("DescribeConfigs", _, "resource_name") => {
            words(&["alpha", "beta", "1", "", "group-a"], &["missing", "bad name!", "7"])
        }
        ("AlterConfigs" | "IncrementalAlterConfigs", _, "resource_name") => {
            words(&["alpha", "beta", "gamma", "group-a"], &["missing", "bad name!", ""])
        }
        ("ConsumerGroupHeartbeat", _, "member_id") => words(&["somebody"], &["", "nobody"]),
        (_, _, "member_id") => words(&[""], &["nobody"]),
        (_, _, "protocol_type") => words(&["consumer"], &["connect", ""]),
        (_, "protocols", "name") => words(&["range", "roundrobin", "cooperative-sticky"], &[""]),
        (_, _, "server_assignor") => words(&["uniform", "range"], &["magic", ""]),
        // What they match, the sequences ask: Kafka does not know yet at the first answer.
        (_, _, "subscribed_topic_regex") => words(&[""], &["[", "*"]),
        ("ListGroups", _, "states_filter") => words(&["Stable", "Empty", "Dead"], &["Nonsense"]),
        ("ListGroups", _, "types_filter") => words(&["classic", "consumer"], &["nonsense"]),
        ("ListTransactions", _, "state_filters") => words(&["Ongoing", "Empty"], &["Nonsense"]),
        (_, _, "transactional_id_pattern") => words(&["t.*", ""], &["["]),
        ("InitProducerId" | "Produce", _, "transactional_id") => words(&[], &[""]),
        (_, _, "transactional_ids") => words(&["no-transaction"], &[""]),
        ("ApiVersions", _, "client_software_name") => words(&["compare"], &["", "bad name!"]),
        ("ApiVersions", _, "client_software_version") => words(&["1.0"], &["", "?"]),
        (_, _, "cluster_id") => words(&[], &["another-cluster"]),
        ("SaslHandshake", ..) => words(&["PLAIN"], &["MAGIC"]),
        ("AlterReplicaLogDirs", _, "path") => words(&["/no/such/folder"], &[""]),
        (_, _, "feature") => words(&["metadata.version", "group.version"], &["no.such.feature", ""]),
        (_, "components" | "entity", "entity_type") => words(&["user", "client-id"], &["planet", ""]),
        (_, "entity", "entity_name") => words(&["someone", "something"], &[""]),
        (_, "ops", "key") => words(&["producer_byte_rate", "consumer_byte_rate"], &["speed"]),
        (_, _, "principal" | "principal_filter") => words(&["User:someone"], &["someone", ""]),
        (_, _, "principal_type" | "owner_principal_type") => words(&["User"], &["Planet"]),
        (_, _, "host" | "host_filter") => words(&["*", "127.0.0.1"], &[]),
        (_, "users" | "deletions" | "upsertions", "name") => words(&["someone", "another"], &[""]),
        (_, _, "group_instance_id" | "instance_id") => words(&[], &["instance-1"]),
        _ => words(&["word"], &[]),
    }
}

const CONFIG_NAMES: &[&str] = &[
    "retention.ms",
    "cleanup.policy",
    "max.message.bytes",
    "retention.bytes",
    "message.timestamp.type",
    "consumer.session.timeout.ms",
];
/// Each for the name at its position.
const CONFIG_VALUES: &[&str] = &["3600000", "compact", "500000", "-1", "CreateTime", "50000"];
const DESCRIBED_KEYS: &[&str] = &[
    "retention.ms",
    "cleanup.policy",
    "log.retention.ms",
    "consumer.session.timeout.ms",
    "compression.type",
    "max.message.bytes",
    "group.initial.rebalance.delay.ms",
];

pub fn numbers(place: &str) -> Words<i64> {
    match ends(place) {
        ("DescribeConfigs", _, "resource_type") => words(&[2, 2, 4, 4, 32], &[0, 3, 99]),
        ("AlterConfigs" | "IncrementalAlterConfigs", _, "resource_type") => {
            words(&[2, 2, 2, 32], &[0, 3, 99])
        }
        (_, _, "resource_types") => words(&[2, 4, 32, 8], &[0, 99]),
        (_, _, "resource_type" | "resource_type_filter") => words(&[2, 3, 4], &[]),
        (_, _, "resource_pattern_type" | "pattern_type_filter") => words(&[3, 4], &[]),
        (_, "creations" | "filters" | "", "operation") | ("DescribeAcls", _, "operation") => {
            words(&[3, 4], &[])
        }
        (_, _, "permission_type") => words(&[3, 2], &[]),
        (_, _, "config_operation") => words(&[0, 1, 2, 3], &[9]),
        ("CreateTopics", "assignments", "partition_index") => words(&[0, 1, 2], &[7]),
        (_, _, "partition_index" | "partition" | "index" | "partition_indexes" | "partitions") => {
            words(&[0, 1, 2], &[7, -1])
        }
        ("DeleteRecords", _, "offset") => words(&[-1, 0, 1], &[-5, 99_999]),
        (_, _, "fetch_offset") => words(&[0, 1, 3], &[-1, 99_999]),
        (_, _, "current_leader_epoch") => words(&[-1, 0], &[5]),
        (_, _, "leader_epoch") => words(&[0], &[-1, 3]),
        (_, _, "timestamp") => words(
            &[-1, -2, -3, -4, -5, FIRST_TIMESTAMP, FIRST_TIMESTAMP + 5, FIRST_TIMESTAMP + 1_000_000],
            &[-9],
        ),
        (_, _, "max_wait_ms") => words(&[0, 20], &[]),
        (_, _, "min_bytes") => words(&[0, 1], &[]),
        (_, _, "partition_max_bytes") => words(&[1 << 20, 100], &[0]),
        (_, _, "max_bytes") => words(&[1 << 20, 1], &[]),
        (_, _, "isolation_level") => words(&[0, 1], &[]),
        ("Fetch", _, "session_id") => words(&[0], &[99]),
        ("Fetch", _, "session_epoch") => words(&[-1, 0], &[3]),
        ("Fetch", _, "high_watermark") => words(&[i64::MAX], &[]),
        (_, _, "acks") => words(&[1, -1], &[2, -2]),
        (_, _, "num_partitions") => words(&[1, 2, -1], &[0, -7]),
        (_, _, "replication_factor") => words(&[1, -1], &[0, 3, -5]),
        (_, _, "count") => words(&[2, 4, 5], &[0, -1, 1]),
        (_, _, "broker_ids" | "replicas") => words(&[1], &[9, -1]),
        (_, _, "committed_offset") => words(&[0, 5, 17], &[-1]),
        (_, _, "session_timeout_ms") => words(&[10_000], &[1, 90_000_000]),
        (_, _, "rebalance_timeout_ms") => words(&[10_000], &[-5]),
        ("ConsumerGroupHeartbeat", _, "member_epoch") => words(&[0], &[5, -7]),
        (_, _, "generation_id" | "generation_id_or_member_epoch" | "member_epoch") => words(&[-1], &[3]),
        (_, _, "key_type") => words(&[0], &[9, -1]),
        (_, _, "transaction_timeout_ms") => words(&[1000], &[0, -1]),
        (_, _, "producer_id" | "producer_epoch") => words(&[-1], &[4]),
        (_, _, "producer_id_filters") => words(&[1, 2], &[]),
        (_, _, "duration_filter") => words(&[-1, 1000], &[]),
        (_, _, "election_type") => words(&[0, 1], &[9]),
        (_, _, "mechanism") => words(&[1, 2], &[0, 9]),
        (_, _, "iterations") => words(&[4096, 8192], &[1, 99_999_999]),
        (_, _, "match_type") => words(&[0, 1, 2], &[7]),
        (_, _, "max_version_level") => words(&[1, 29], &[99, -1]),
        (_, _, "upgrade_type") => words(&[1, 2, 3], &[0, 7]),
        ("UnregisterBroker", ..) => words(&[9], &[-1]),
        ("ApiVersions", _, "node_id") => words(&[-1], &[1, 9]),
        (_, _, "endpoint_type") => words(&[1], &[0, 2, 9]),
        ("Produce" | "DeleteRecords" | "ListOffsets", _, "timeout_ms") => words(&[10_000, 1, 0, -1], &[]),
        (_, _, "timeout_ms") => words(&[10_000], &[0, -1]),
        (_, _, "response_partition_limit") => words(&[2000, 2], &[0, -1]),
        _ => words(&[-1], &[]),
    }
}

/// Whether a flag is never set: what it asks for comes with transactions.
pub fn is_never_set(place: &str) -> bool {
    matches!(ends(place).2, "enable2_pc" | "keep_prepared_txn")
}

/// Whether null is not tried where the protocol allows it: it would ask for everything that a broker has.
pub fn is_never_null(place: &str) -> bool {
    // Kafka does not answer to null in the last two.
    matches!(
        place,
        "DescribeConfigs/resources/configuration_keys"
            | "Produce/topic_data/partition_data/records"
            | "AlterConfigs/resources/configs/value"
    )
}

/// Whether a list always has elements: an empty one asks for all topics, of which Kafka has two more.
pub fn is_never_empty(place: &str) -> bool {
    place == "DescribeTopicPartitions/topics"
}
