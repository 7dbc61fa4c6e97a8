//! The values of topics that do not set their own (`ServerTopicConfigSynonyms`).

use crate::settings::definition::Importance::High;
use crate::settings::definition::{Definition, definitions};
use crate::settings::topic::{
    CLEANUP_POLICIES, CODECS, DURABLE_WHEN_ACKED, FOREVER, MAX_ARRAY_BYTES, NO_SEGMENT_FILES,
    ONE_REPLICA_SET, ONE_TIER, ONLY_FOR_CLEANING, TIMESTAMP_TYPES,
};
use crate::settings::validator::Validator::{AtLeast, Between, Fraction, GzipLevel, ListOf, OneOf};

pub(in crate::settings) const DEFINITIONS: &[Definition] = definitions! {
    "compression.gzip.level": Int = "-1", valid(GzipLevel)
        => "compression.gzip.level of topics without their own.";
    "compression.lz4.level": Int = "9", valid(Between(1, 17))
        => "compression.lz4.level of topics without their own.";
    "compression.type": String = "producer", importance(High), valid(OneOf(CODECS))
        => "compression.type of topics without their own.";
    "compression.zstd.level": Int = "3", valid(Between(-131_072, 22))
        => "compression.zstd.level of topics without their own.";
    "log.cleaner.delete.retention.ms": Long = "86400000", valid(AtLeast(0)), status(ONLY_FOR_CLEANING)
        => "delete.retention.ms of topics without their own.";
    "log.cleaner.max.compaction.lag.ms": Long = FOREVER, valid(AtLeast(1)), status(ONLY_FOR_CLEANING)
        => "max.compaction.lag.ms of topics without their own.";
    "log.cleaner.min.cleanable.ratio": Double = "0.5", valid(Fraction(0.0, 1.0)), status(ONLY_FOR_CLEANING)
        => "min.cleanable.dirty.ratio of topics without their own.";
    "log.cleaner.min.compaction.lag.ms": Long = "0", valid(AtLeast(0)), status(ONLY_FOR_CLEANING)
        => "min.compaction.lag.ms of topics without their own.";
    "log.cleanup.policy": List = "delete", valid(ListOf(CLEANUP_POLICIES))
        => "cleanup.policy of topics without their own.";
    "log.flush.interval.messages": Long = FOREVER, importance(High), valid(AtLeast(1)),
        status(DURABLE_WHEN_ACKED) => "flush.messages of topics without their own.";
    "log.flush.interval.ms": Long, importance(High), status(DURABLE_WHEN_ACKED)
        => "flush.ms of topics without their own.";
    "log.flush.scheduler.interval.ms": Long = FOREVER, importance(High), status(DURABLE_WHEN_ACKED),
        read_only => "Milliseconds between two looks for logs to sync; stands in for log.flush.interval.ms.";
    "log.index.interval.bytes": Int = "4096", valid(AtLeast(0)), status(NO_SEGMENT_FILES)
        => "index.interval.bytes of topics without their own.";
    "log.index.size.max.bytes": Int = "10485760", valid(AtLeast(4)), status(NO_SEGMENT_FILES)
        => "segment.index.bytes of topics without their own.";
    "log.local.retention.bytes": Long = "-2", valid(AtLeast(-2)), status(ONE_TIER)
        => "local.retention.bytes of topics without their own.";
    "log.local.retention.ms": Long = "-2", valid(AtLeast(-2)), status(ONE_TIER)
        => "local.retention.ms of topics without their own.";
    "log.message.timestamp.after.max.ms": Long = "3600000", valid(AtLeast(0))
        => "message.timestamp.after.max.ms of topics without their own.";
    "log.message.timestamp.before.max.ms": Long = FOREVER, valid(AtLeast(0))
        => "message.timestamp.before.max.ms of topics without their own.";
    "log.message.timestamp.type": String = "CreateTime", valid(OneOf(TIMESTAMP_TYPES))
        => "message.timestamp.type of topics without their own.";
    "log.preallocate": Boolean = "false", status(NO_SEGMENT_FILES)
        => "preallocate of topics without their own.";
    "log.remote.copy.lag.bytes": Long = "-1", valid(AtLeast(-1)), status(ONE_TIER)
        => "remote.copy.lag.bytes of topics without their own.";
    "log.remote.copy.lag.ms": Long = "0", valid(AtLeast(-1)), status(ONE_TIER)
        => "remote.copy.lag.ms of topics without their own.";
    "log.retention.bytes": Long = "-1", importance(High) => "retention.bytes of topics without their own.";
    "log.retention.hours": Int = "168", importance(High), read_only
        => "Retention of topics without their own, in hours; -1 is no limit. Weaker than the minutes and \
            milliseconds.";
    "log.retention.minutes": Int, importance(High), read_only
        => "Retention of topics without their own, in minutes; -1 is no limit. Weaker than the \
            milliseconds.";
    "log.retention.ms": Long, importance(High) => "retention.ms of topics without their own; -1 is no limit.";
    "log.roll.hours": Int = "168", importance(High), valid(AtLeast(1)), status(NO_SEGMENT_FILES), read_only
        => "segment.ms of topics without their own, in hours.";
    "log.roll.jitter.hours": Int = "0", importance(High), valid(AtLeast(0)), status(NO_SEGMENT_FILES),
        read_only => "segment.jitter.ms of topics without their own, in hours.";
    "log.roll.jitter.ms": Long, importance(High), status(NO_SEGMENT_FILES)
        => "segment.jitter.ms of topics without their own.";
    "log.roll.ms": Long, importance(High), status(NO_SEGMENT_FILES)
        => "segment.ms of topics without their own.";
    "log.segment.bytes": Int = "1073741824", importance(High), valid(AtLeast(1024 * 1024)),
        status(NO_SEGMENT_FILES) => "segment.bytes of topics without their own.";
    "log.segment.delete.delay.ms": Long = "60000", importance(High), valid(AtLeast(0)),
        status(NO_SEGMENT_FILES) => "file.delete.delay.ms of topics without their own.";
    "max.decompressed.message.bytes": Int = "2147483639", valid(Between(1, MAX_ARRAY_BYTES))
        => "max.decompressed.message.bytes of topics without their own.";
    "message.max.bytes": Int = "1048588", importance(High), valid(AtLeast(0))
        => "max.message.bytes of topics without their own.";
    "min.insync.replicas": Int = "1", importance(High), valid(AtLeast(1)), status(DURABLE_WHEN_ACKED)
        => "min.insync.replicas of topics without their own.";
    "unclean.leader.election.enable": Boolean = "false", importance(High), status(ONE_REPLICA_SET)
        => "unclean.leader.election.enable of topics without their own.";
};
