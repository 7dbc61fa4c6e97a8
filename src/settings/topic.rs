//! Topic configs: all that Kafka 4.4 shows (`LogConfig`, `TopicConfig`), by name.

use super::definition::Status::{NoMeaningHere, NotYet};
use super::definition::{Definition, Status, Synonym, definitions};
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
pub(super) const DEFINITIONS: &[Definition] = definitions! {
    "cleanup.policy": List, valid(ListOf(CLEANUP_POLICIES)), like(&[Synonym::same("log.cleanup.policy")])
        => "What happens to old records: 'delete' drops them by age or size, 'compact' keeps the last one \
            of each key (in this version: all of them). An empty list keeps everything.";
    "compression.gzip.level": Int, valid(GzipLevel), like(&[Synonym::same("compression.gzip.level")])
        => "Level used when compression.type is gzip: 1 (fast) to 9 (small), or -1 for the codec's \
            default.";
    "compression.lz4.level": Int, valid(Between(1, 17)), like(&[Synonym::same("compression.lz4.level")])
        => "Level used when compression.type is lz4: 1 (fast) to 17 (small).";
    "compression.type": String, valid(OneOf(CODECS)), like(&[Synonym::same("compression.type")])
        => "Codec of stored batches. 'producer' keeps what the producer sent; anything else compresses \
            again on arrival.";
    "compression.zstd.level": Int, valid(Between(-131_072, 22)),
        like(&[Synonym::same("compression.zstd.level")])
        => "Level used when compression.type is zstd: -131072 (fast) to 22 (small).";
    "delete.retention.ms": Long, valid(AtLeast(0)),
        like(&[Synonym::same("log.cleaner.delete.retention.ms")]), status(ONLY_FOR_CLEANING)
        => "How long, in milliseconds, a cleaned topic keeps the marker of a deleted key.";
    "errors.deadletterqueue.group.enable": Boolean = "false", status(NO_SHARE_GROUPS)
        => "Whether share groups may write records that cannot be delivered to this topic.";
    "file.delete.delay.ms": Long, valid(AtLeast(0)), like(&[Synonym::same("log.segment.delete.delay.ms")]),
        status(NO_SEGMENT_FILES) => "Milliseconds between dropping a segment and removing its file.";
    "flush.messages": Long, valid(AtLeast(1)), like(&[Synonym::same("log.flush.interval.messages")]),
        status(DURABLE_WHEN_ACKED) => "Records between two forced syncs of a log file.";
    "flush.ms": Long = FOREVER, valid(AtLeast(0)),
        synonyms(&[Synonym::same("log.flush.interval.ms"), Synonym::same("log.flush.scheduler.interval.ms")]),
        status(DURABLE_WHEN_ACKED) => "Milliseconds between two forced syncs of a log file.";
    "follower.replication.throttled.replicas": List = "", valid(ThrottledReplicas), status(ONE_REPLICA_SET)
        => "Replicas, as partition:broker or '*', whose copying is slowed down on the follower.";
    "index.interval.bytes": Int, valid(AtLeast(0)), like(&[Synonym::same("log.index.interval.bytes")]),
        status(NO_SEGMENT_FILES) => "Bytes of log between two entries of the offset index file.";
    "leader.replication.throttled.replicas": List = "", valid(ThrottledReplicas), status(ONE_REPLICA_SET)
        => "Replicas, as partition:broker or '*', whose copying is slowed down on the leader.";
    "local.retention.bytes": Long, valid(AtLeast(-2)), like(&[Synonym::same("log.local.retention.bytes")]),
        status(ONE_TIER)
        => "Bytes of a partition kept on local disk once they are in the remote tier; -2 follows \
            retention.bytes.";
    "local.retention.ms": Long, valid(AtLeast(-2)), like(&[Synonym::same("log.local.retention.ms")]),
        status(ONE_TIER)
        => "Milliseconds that records stay on local disk once they are in the remote tier; -2 follows \
            retention.ms.";
    "max.compaction.lag.ms": Long, valid(AtLeast(1)),
        like(&[Synonym::same("log.cleaner.max.compaction.lag.ms")]), status(ONLY_FOR_CLEANING)
        => "Longest time, in milliseconds, that a record of a cleaned topic may stay uncleaned.";
    "max.decompressed.message.bytes": Int, valid(Between(1, MAX_ARRAY_BYTES)),
        like(&[Synonym::same("max.decompressed.message.bytes")])
        => "Largest decompressed size, in bytes, of one record wherever the broker has to decompress.";
    "max.message.bytes": Int, valid(AtLeast(0)), like(&[Synonym::same("message.max.bytes")])
        => "Largest record batch, in bytes as sent, that the topic takes.";
    "message.timestamp.after.max.ms": Long, valid(AtLeast(0)),
        like(&[Synonym::same("log.message.timestamp.after.max.ms")])
        => "How far, in milliseconds, a record's own timestamp may lie ahead of the broker's clock.";
    "message.timestamp.before.max.ms": Long, valid(AtLeast(0)),
        like(&[Synonym::same("log.message.timestamp.before.max.ms")])
        => "How far, in milliseconds, a record's own timestamp may lie behind the broker's clock.";
    "message.timestamp.type": String, valid(OneOf(TIMESTAMP_TYPES)),
        like(&[Synonym::same("log.message.timestamp.type")])
        => "Whether a record carries its producer's time (CreateTime) or the time of its arrival \
            (LogAppendTime).";
    "min.cleanable.dirty.ratio": Double, valid(Fraction(0.0, 1.0)),
        like(&[Synonym::same("log.cleaner.min.cleanable.ratio")]), status(ONLY_FOR_CLEANING)
        => "Share of a cleaned log that must be uncleaned before it is cleaned again.";
    "min.compaction.lag.ms": Long, valid(AtLeast(0)),
        like(&[Synonym::same("log.cleaner.min.compaction.lag.ms")]), status(ONLY_FOR_CLEANING)
        => "Shortest time, in milliseconds, that a record of a cleaned topic stays uncleaned.";
    "min.insync.replicas": Int, valid(AtLeast(1)), like(&[Synonym::same("min.insync.replicas")]),
        status(DURABLE_WHEN_ACKED)
        => "Replicas that must have a record before a producer with acks=all is answered.";
    "preallocate": Boolean, like(&[Synonym::same("log.preallocate")]), status(NO_SEGMENT_FILES)
        => "Whether a new segment file gets its full size at once.";
    "remote.copy.lag.bytes": Long, valid(AtLeast(-1)), like(&[Synonym::same("log.remote.copy.lag.bytes")]),
        status(ONE_TIER)
        => "Bytes of newer log after which a segment may move to the remote tier; -1 follows the local \
            retention.";
    "remote.copy.lag.ms": Long, valid(AtLeast(-1)), like(&[Synonym::same("log.remote.copy.lag.ms")]),
        status(ONE_TIER)
        => "Milliseconds after which a segment may move to the remote tier; -1 follows the local \
            retention.";
    "remote.log.copy.disable": Boolean = "false", status(NO_TIERING)
        => "Whether a topic with a remote tier stops copying to it.";
    "remote.log.delete.on.disable": Boolean = "false", status(NO_TIERING)
        => "Whether turning the remote tier off also deletes what it holds.";
    "remote.storage.enable": Boolean = "false", status(NO_TIERING) => "Whether the topic has a remote tier.";
    "retention.bytes": Long, like(&[Synonym::same("log.retention.bytes")])
        => "Bytes that a partition keeps before old records are deleted; -1 is no limit.";
    "retention.ms": Long = "604800000", valid(AtLeast(-1)),
        synonyms(&[
            Synonym::same("log.retention.ms"),
            Synonym::minutes("log.retention.minutes"),
            Synonym::hours("log.retention.hours"),
        ]) => "Milliseconds that a record is kept before it is deleted; -1 is no limit.";
    "segment.bytes": Int, valid(AtLeast(1024 * 1024)), like(&[Synonym::same("log.segment.bytes")]),
        status(NO_SEGMENT_FILES) => "Bytes at which a new segment file is begun.";
    "segment.index.bytes": Int, valid(AtLeast(4)), like(&[Synonym::same("log.index.size.max.bytes")]),
        status(NO_SEGMENT_FILES) => "Largest size, in bytes, of an index file.";
    "segment.jitter.ms": Long = "0", valid(AtLeast(0)),
        synonyms(&[Synonym::same("log.roll.jitter.ms"), Synonym::hours("log.roll.jitter.hours")]),
        status(NO_SEGMENT_FILES)
        => "Random part, in milliseconds, taken off segment.ms so that segments do not all end at once.";
    "segment.ms": Long = "604800000", valid(AtLeast(1)),
        synonyms(&[Synonym::same("log.roll.ms"), Synonym::hours("log.roll.hours")]),
        status(NO_SEGMENT_FILES) => "Milliseconds after which a new segment file is begun.";
    "unclean.leader.election.enable": Boolean, like(&[Synonym::same("unclean.leader.election.enable")]),
        status(ONE_REPLICA_SET) => "Whether a replica that lacks acknowledged records may lead.";
};
