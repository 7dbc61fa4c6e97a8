//! Topic configs: all that Kafka 4.4 shows (`LogConfig`, `TopicConfig`), by name.

use super::definition::Status::{NoMeaningHere, NotYet};
use super::definition::Type::{Boolean, Double, Int, List, Long, String};
use super::definition::{Definition, Status, Synonym, Unit};
use super::validator::Validator::{AtLeast, Between, Fraction, GzipLevel, ListOf, OneOf, ThrottledReplicas};

pub(super) const CLEANUP_POLICIES: &[&str] = &["compact", "delete"];
pub(super) const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];
pub(super) const TIMESTAMP_TYPES: &[&str] = &["CreateTime", "LogAppendTime"];
/// The largest array of a Java virtual machine, which is Kafka's bound for a decompressed record.
pub(super) const MAX_ARRAY_BYTES: i64 = 2_147_483_639;
/// Kafka's `Long.MAX_VALUE` as "for ever" or "no limit".
pub(super) const FOREVER: &str = "9223372036854775807";

pub(super) const ONLY_FOR_CLEANING: Status =
    NoMeaningHere("only log cleaning obeys it, and compacted topics keep all their records in this version");
pub(super) const DURABLE_WHEN_ACKED: Status =
    NoMeaningHere("a record is in the object store before it is acknowledged, whatever this says");
pub(super) const ONE_REPLICA_SET: Status =
    NoMeaningHere("the object store replicates; a partition has one owner and no followers");
pub(super) const NO_SEGMENT_FILES: Status =
    NoMeaningHere("partitions share the objects of their shard's log; there are no segment or index files");
pub(super) const ONE_TIER: Status = NoMeaningHere("all data is in the object store; there is no local tier");
const NO_TIERING: Status =
    NotYet("all data is in the object store already; tiering on top of that is not supported");
pub(super) const NO_SHARE_GROUPS: Status = NotYet("share groups are not supported yet by this version");

/// Sorted by name.
pub(super) const DEFINITIONS: &[Definition] = &[
    Definition::new(
        "cleanup.policy",
        List,
        Some("delete"),
        "What happens to old records: 'delete' drops them by age or size, 'compact' keeps the last one of \
         each key (in this version: all of them). An empty list keeps everything.",
    )
    .valid(ListOf(CLEANUP_POLICIES))
    .synonyms(&[Synonym::same("log.cleanup.policy")]),
    Definition::new(
        "compression.gzip.level",
        Int,
        Some("-1"),
        "Level used when compression.type is gzip: 1 (fast) to 9 (small), or -1 for the codec's default.",
    )
    .valid(GzipLevel)
    .synonyms(&[Synonym::same("compression.gzip.level")]),
    Definition::new(
        "compression.lz4.level",
        Int,
        Some("9"),
        "Level used when compression.type is lz4: 1 (fast) to 17 (small).",
    )
    .valid(Between(1, 17))
    .synonyms(&[Synonym::same("compression.lz4.level")]),
    Definition::new(
        "compression.type",
        String,
        Some("producer"),
        "Codec of stored batches. 'producer' keeps what the producer sent; anything else compresses again \
         on arrival.",
    )
    .valid(OneOf(CODECS))
    .synonyms(&[Synonym::same("compression.type")]),
    Definition::new(
        "compression.zstd.level",
        Int,
        Some("3"),
        "Level used when compression.type is zstd: -131072 (fast) to 22 (small).",
    )
    .valid(Between(-131_072, 22))
    .synonyms(&[Synonym::same("compression.zstd.level")]),
    Definition::new(
        "delete.retention.ms",
        Long,
        Some("86400000"),
        "How long, in milliseconds, a cleaned topic keeps the marker of a deleted key.",
    )
    .valid(AtLeast(0))
    .status(ONLY_FOR_CLEANING)
    .synonyms(&[Synonym::same("log.cleaner.delete.retention.ms")]),
    Definition::new(
        "errors.deadletterqueue.group.enable",
        Boolean,
        Some("false"),
        "Whether share groups may write records that cannot be delivered to this topic.",
    )
    .status(NO_SHARE_GROUPS),
    Definition::new(
        "file.delete.delay.ms",
        Long,
        Some("60000"),
        "Milliseconds between dropping a segment and removing its file.",
    )
    .valid(AtLeast(0))
    .status(NO_SEGMENT_FILES)
    .synonyms(&[Synonym::same("log.segment.delete.delay.ms")]),
    Definition::new("flush.messages", Long, Some(FOREVER), "Records between two forced syncs of a log file.")
        .valid(AtLeast(1))
        .status(DURABLE_WHEN_ACKED)
        .synonyms(&[Synonym::same("log.flush.interval.messages")]),
    Definition::new("flush.ms", Long, Some(FOREVER), "Milliseconds between two forced syncs of a log file.")
        .valid(AtLeast(0))
        .status(DURABLE_WHEN_ACKED)
        .synonyms(&[
            Synonym::same("log.flush.interval.ms"),
            Synonym::same("log.flush.scheduler.interval.ms"),
        ]),
    Definition::new(
        "follower.replication.throttled.replicas",
        List,
        Some(""),
        "Replicas, as partition:broker or '*', whose copying is slowed down on the follower.",
    )
    .valid(ThrottledReplicas)
    .status(ONE_REPLICA_SET),
    Definition::new(
        "index.interval.bytes",
        Int,
        Some("4096"),
        "Bytes of log between two entries of the offset index file.",
    )
    .valid(AtLeast(0))
    .status(NO_SEGMENT_FILES)
    .synonyms(&[Synonym::same("log.index.interval.bytes")]),
    Definition::new(
        "leader.replication.throttled.replicas",
        List,
        Some(""),
        "Replicas, as partition:broker or '*', whose copying is slowed down on the leader.",
    )
    .valid(ThrottledReplicas)
    .status(ONE_REPLICA_SET),
    Definition::new(
        "local.retention.bytes",
        Long,
        Some("-2"),
        "Bytes of a partition kept on local disk once they are in the remote tier; -2 follows \
         retention.bytes.",
    )
    .valid(AtLeast(-2))
    .status(ONE_TIER)
    .synonyms(&[Synonym::same("log.local.retention.bytes")]),
    Definition::new(
        "local.retention.ms",
        Long,
        Some("-2"),
        "Milliseconds that records stay on local disk once they are in the remote tier; -2 follows \
         retention.ms.",
    )
    .valid(AtLeast(-2))
    .status(ONE_TIER)
    .synonyms(&[Synonym::same("log.local.retention.ms")]),
    Definition::new(
        "max.compaction.lag.ms",
        Long,
        Some(FOREVER),
        "Longest time, in milliseconds, that a record of a cleaned topic may stay uncleaned.",
    )
    .valid(AtLeast(1))
    .status(ONLY_FOR_CLEANING)
    .synonyms(&[Synonym::same("log.cleaner.max.compaction.lag.ms")]),
    Definition::new(
        "max.decompressed.message.bytes",
        Int,
        Some("2147483639"),
        "Largest decompressed size, in bytes, of one record wherever the broker has to decompress.",
    )
    .valid(Between(1, MAX_ARRAY_BYTES))
    .synonyms(&[Synonym::same("max.decompressed.message.bytes")]),
    Definition::new(
        "max.message.bytes",
        Int,
        Some("1048588"),
        "Largest record batch, in bytes as sent, that the topic takes.",
    )
    .valid(AtLeast(0))
    .synonyms(&[Synonym::same("message.max.bytes")]),
    Definition::new(
        "message.timestamp.after.max.ms",
        Long,
        Some("3600000"),
        "How far, in milliseconds, a record's own timestamp may lie ahead of the broker's clock.",
    )
    .valid(AtLeast(0))
    .synonyms(&[Synonym::same("log.message.timestamp.after.max.ms")]),
    Definition::new(
        "message.timestamp.before.max.ms",
        Long,
        Some(FOREVER),
        "How far, in milliseconds, a record's own timestamp may lie behind the broker's clock.",
    )
    .valid(AtLeast(0))
    .synonyms(&[Synonym::same("log.message.timestamp.before.max.ms")]),
    Definition::new(
        "message.timestamp.type",
        String,
        Some("CreateTime"),
        "Whether a record carries its producer's time (CreateTime) or the time of its arrival \
         (LogAppendTime).",
    )
    .valid(OneOf(TIMESTAMP_TYPES))
    .synonyms(&[Synonym::same("log.message.timestamp.type")]),
    Definition::new(
        "min.cleanable.dirty.ratio",
        Double,
        Some("0.5"),
        "Share of a cleaned log that must be uncleaned before it is cleaned again.",
    )
    .valid(Fraction(0.0, 1.0))
    .status(ONLY_FOR_CLEANING)
    .synonyms(&[Synonym::same("log.cleaner.min.cleanable.ratio")]),
    Definition::new(
        "min.compaction.lag.ms",
        Long,
        Some("0"),
        "Shortest time, in milliseconds, that a record of a cleaned topic stays uncleaned.",
    )
    .valid(AtLeast(0))
    .status(ONLY_FOR_CLEANING)
    .synonyms(&[Synonym::same("log.cleaner.min.compaction.lag.ms")]),
    Definition::new(
        "min.insync.replicas",
        Int,
        Some("1"),
        "Replicas that must have a record before a producer with acks=all is answered.",
    )
    .valid(AtLeast(1))
    .status(DURABLE_WHEN_ACKED)
    .synonyms(&[Synonym::same("min.insync.replicas")]),
    Definition::new(
        "preallocate",
        Boolean,
        Some("false"),
        "Whether a new segment file gets its full size at once.",
    )
    .status(NO_SEGMENT_FILES)
    .synonyms(&[Synonym::same("log.preallocate")]),
    Definition::new(
        "remote.copy.lag.bytes",
        Long,
        Some("-1"),
        "Bytes of newer log after which a segment may move to the remote tier; -1 follows the local \
         retention.",
    )
    .valid(AtLeast(-1))
    .status(ONE_TIER)
    .synonyms(&[Synonym::same("log.remote.copy.lag.bytes")]),
    Definition::new(
        "remote.copy.lag.ms",
        Long,
        Some("0"),
        "Milliseconds after which a segment may move to the remote tier; -1 follows the local retention.",
    )
    .valid(AtLeast(-1))
    .status(ONE_TIER)
    .synonyms(&[Synonym::same("log.remote.copy.lag.ms")]),
    Definition::new(
        "remote.log.copy.disable",
        Boolean,
        Some("false"),
        "Whether a topic with a remote tier stops copying to it.",
    )
    .status(NO_TIERING),
    Definition::new(
        "remote.log.delete.on.disable",
        Boolean,
        Some("false"),
        "Whether turning the remote tier off also deletes what it holds.",
    )
    .status(NO_TIERING),
    Definition::new("remote.storage.enable", Boolean, Some("false"), "Whether the topic has a remote tier.")
        .status(NO_TIERING),
    Definition::new(
        "retention.bytes",
        Long,
        Some("-1"),
        "Bytes that a partition keeps before old records are deleted; -1 is no limit.",
    )
    .synonyms(&[Synonym::same("log.retention.bytes")]),
    Definition::new(
        "retention.ms",
        Long,
        Some("604800000"),
        "Milliseconds that a record is kept before it is deleted; -1 is no limit.",
    )
    .valid(AtLeast(-1))
    .synonyms(&[
        Synonym::same("log.retention.ms"),
        Synonym { name: "log.retention.minutes", unit: Unit::Minutes },
        Synonym { name: "log.retention.hours", unit: Unit::Hours },
    ]),
    Definition::new("segment.bytes", Int, Some("1073741824"), "Bytes at which a new segment file is begun.")
        .valid(AtLeast(1024 * 1024))
        .status(NO_SEGMENT_FILES)
        .synonyms(&[Synonym::same("log.segment.bytes")]),
    Definition::new(
        "segment.index.bytes",
        Int,
        Some("10485760"),
        "Largest size, in bytes, of an index file.",
    )
    .valid(AtLeast(4))
    .status(NO_SEGMENT_FILES)
    .synonyms(&[Synonym::same("log.index.size.max.bytes")]),
    Definition::new(
        "segment.jitter.ms",
        Long,
        Some("0"),
        "Random part, in milliseconds, taken off segment.ms so that segments do not all end at once.",
    )
    .valid(AtLeast(0))
    .status(NO_SEGMENT_FILES)
    .synonyms(&[
        Synonym::same("log.roll.jitter.ms"),
        Synonym { name: "log.roll.jitter.hours", unit: Unit::Hours },
    ]),
    Definition::new(
        "segment.ms",
        Long,
        Some("604800000"),
        "Milliseconds after which a new segment file is begun.",
    )
    .valid(AtLeast(1))
    .status(NO_SEGMENT_FILES)
    .synonyms(&[Synonym::same("log.roll.ms"), Synonym { name: "log.roll.hours", unit: Unit::Hours }]),
    Definition::new(
        "unclean.leader.election.enable",
        Boolean,
        Some("false"),
        "Whether a replica that lacks acknowledged records may lead.",
    )
    .status(ONE_REPLICA_SET)
    .synonyms(&[Synonym::same("unclean.leader.election.enable")]),
];
