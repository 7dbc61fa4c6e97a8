//! What may differ from Kafka, and why. Nothing else may.

use serde_json::{Value as Json, json};

use kafkaesque::protocol::ApiKey;

use crate::differences::Difference;

/// A difference that is meant.
pub struct Permitted {
    /// Kafka's name of the API; `*` is every one.
    api: &'static str,
    /// The names of the fields down to the value, or (from `…/`) the last of them.
    path: &'static str,
    /// Ours and theirs.
    when: fn(&Json, &Json) -> bool,
    #[expect(dead_code, reason = "for whoever reads the list")]
    why: &'static str,
}

const fn permit(
    api: &'static str,
    path: &'static str,
    when: fn(&Json, &Json) -> bool,
    why: &'static str,
) -> Permitted {
    Permitted { api, path, when, why }
}

/// Both say something: the words are for people, and differ between Kafka's own versions.
fn both_speak(ours: &Json, theirs: &Json) -> bool {
    let speaks = |text: &Json| text.as_str().is_some_and(|text| !text.is_empty());
    speaks(ours) && speaks(theirs)
}

fn both_positive(ours: &Json, theirs: &Json) -> bool {
    let is_positive = |number: &Json| number.as_i64().is_some_and(|number| number > 0);
    is_positive(ours) && is_positive(theirs)
}

/// Ours tells a producer more.
fn only_ours(ours: &Json, theirs: &Json) -> bool {
    ours.is_string() && theirs.is_null()
}

/// A thing with this name that only Kafka has.
fn is_theirs(ours: &Json, theirs: &Json, field: &str, names: &[&str]) -> bool {
    ours.is_null() && theirs[field].as_str().is_some_and(|name| names.contains(&name))
}

fn internal_topic(ours: &Json, theirs: &Json) -> bool {
    const NAMES: &[&str] = &["__consumer_offsets", "__transaction_state"];
    ["name", "topic", "resource_name"].iter().any(|field| is_theirs(ours, theirs, field, NAMES))
}

fn absent_feature(ours: &Json, theirs: &Json) -> bool {
    const NAMES: &[&str] = &[
        "eligible.leader.replicas.version",
        "kraft.version",
        "share.version",
        "streams.version",
        "transaction.version",
    ];
    is_theirs(ours, theirs, "name", NAMES)
}

/// The level of the cluster, which is the version of our own bytes.
fn own_feature(ours: &Json, theirs: &Json) -> bool {
    theirs.is_null() && ours["name"] == "kafkaesque.version"
}

/// UNSUPPORTED_VERSION, whatever is asked for.
fn their_voters_are_fixed(_: &Json, theirs: &Json) -> bool {
    *theirs == 35
}

/// APIs of transactions, of share and streams groups, of client metrics, and of brokers among themselves.
const ABSENT_APIS: &[ApiKey] = &[
    ApiKey::AddPartitionsToTxn,
    ApiKey::AddOffsetsToTxn,
    ApiKey::EndTxn,
    ApiKey::WriteTxnMarkers,
    ApiKey::TxnOffsetCommit,
    ApiKey::ShareGroupHeartbeat,
    ApiKey::ShareGroupDescribe,
    ApiKey::ShareFetch,
    ApiKey::ShareAcknowledge,
    ApiKey::InitializeShareGroupState,
    ApiKey::ReadShareGroupState,
    ApiKey::WriteShareGroupState,
    ApiKey::DeleteShareGroupState,
    ApiKey::ReadShareGroupStateSummary,
    ApiKey::StreamsGroupHeartbeat,
    ApiKey::StreamsGroupDescribe,
    ApiKey::DescribeShareGroupOffsets,
    ApiKey::AlterShareGroupOffsets,
    ApiKey::DeleteShareGroupOffsets,
    ApiKey::StreamsGroupTopologyDescriptionUpdate,
    ApiKey::UnregisterController,
];

fn absent_api(ours: &Json, theirs: &Json) -> bool {
    ours.is_null() && ABSENT_APIS.iter().any(|api| theirs["api_key"] == api.key())
}

/// The list.
pub static PERMITTED: &[Permitted] = &[
    permit("*", ".../error_message", both_speak, "texts for people"),
    permit("*", "cluster_id", both_speak, "each cluster's own"),
    permit("ConsumerGroupHeartbeat", "member_id", both_speak, "each broker's own choice"),
    permit("JoinGroup", "member_id", both_speak, "each broker's own choice"),
    permit("JoinGroup", "leader", both_speak, "each broker's own choice"),
    permit("Fetch", "session_id", both_positive, "each broker's own choice"),
    permit(
        "InitProducerId",
        "producer_id",
        |a, b| a.as_i64() >= Some(0) && b.as_i64() >= Some(0),
        "blocks of ids begin elsewhere",
    ),
    permit("*", "topics", internal_topic, "we keep neither offsets nor transactions in topics"),
    permit("*", "config_resources", internal_topic, "we keep neither offsets nor transactions in topics"),
    permit(
        "*",
        "replica_election_results",
        internal_topic,
        "we keep neither offsets nor transactions in topics",
    ),
    permit("ApiVersions", "api_keys", absent_api, "not supported yet, as the README says"),
    permit("ApiVersions", "finalized_features", absent_feature, "not supported yet, or without meaning here"),
    permit("ApiVersions", "supported_features", absent_feature, "not supported yet, or without meaning here"),
    permit("ApiVersions", "finalized_features", own_feature, "the versions of our own bytes"),
    permit("ApiVersions", "supported_features", own_feature, "the versions of our own bytes"),
    permit(
        "AddRaftVoter",
        "error_code",
        their_voters_are_fixed,
        "the brokers of theirs vote by configuration",
    ),
    permit(
        "RemoveRaftVoter",
        "error_code",
        their_voters_are_fixed,
        "the brokers of theirs vote by configuration",
    ),
    permit("AddRaftVoter", "error_message", both_speak, "the ids of two clusters"),
    permit("RemoveRaftVoter", "error_message", both_speak, "the ids of two clusters"),
    permit("ApiVersions", "finalized_features_epoch", both_positive, "each log's own offset"),
    permit("Produce", ".../error_message", only_ours, "we tell what is wrong with a batch"),
    permit("Produce", ".../batch_index_error_message", both_speak, "texts for people"),
    permit(
        "Produce",
        ".../error_code",
        |ours, theirs| *ours == 87 && *theirs == -1,
        "idempotent producers take an unknown error for a lost batch, and write it again",
    ),
    permit(
        "Fetch",
        ".../bytes of a batch cut off",
        |ours, theirs| ours == 0 && theirs.is_number(),
        "we send whole batches: a consumer throws the rest away",
    ),
    permit(
        "Fetch",
        ".../aborted_transactions",
        |ours, theirs| *ours == json!([]) && theirs.is_null(),
        "null if the first batch was larger than what may be sent: no consumer tells it from none",
    ),
    permit(
        "AlterClientQuotas",
        "entries/error_code",
        |ours, theirs| *ours == 35 && *theirs == 0,
        "not supported yet, as the README says",
    ),
    permit("AlterClientQuotas", "entries/error_message", only_ours, "not supported yet, as the README says"),
    permit(
        "AlterConfigs",
        "",
        |ours, theirs| ours["responses"][0]["error_code"] == 42 && theirs.is_string(),
        "nothing but one resource twice: Kafka never answers",
    ),
    permit("DescribeConfigs", ".../documentation", both_speak, "texts for people"),
    permit(
        "DescribeLogDirs",
        "results/topics",
        internal_topic,
        "we keep neither offsets nor transactions in topics",
    ),
    permit("DescribeLogDirs", "results/total_bytes", |ours, _| *ours == -1, "there is no disk: unknown"),
    permit("DescribeLogDirs", "results/usable_bytes", |ours, _| *ours == -1, "there is no disk: unknown"),
    permit(
        "DescribeLogDirs",
        ".../partition_size",
        |ours, theirs| ours.as_i64() >= Some(0) && theirs.as_i64() >= Some(0),
        "each its own way of storing: what was deleted is not counted here",
    ),
];

impl Permitted {
    fn covers(&self, api: &str, difference: &Difference) -> bool {
        let path = match self.path.strip_prefix(".../") {
            None => difference.path == self.path,
            Some(last) => difference.path.rsplit('/').next() == Some(last),
        };
        path && (self.api == "*" || self.api == api) && (self.when)(&difference.ours, &difference.theirs)
    }
}

/// Whether `difference` in an answer of `api` is meant.
pub fn is_permitted(api: &str, difference: &Difference) -> bool {
    PERMITTED.iter().any(|permitted| permitted.covers(api, difference))
}
