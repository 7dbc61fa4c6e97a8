//! The values of topics that do not set their own (`ServerTopicConfigSynonyms`).

use crate::settings::definition::Definition;
use crate::settings::definition::Importance::High;
use crate::settings::definition::Type::{Boolean, Double, Int, List, Long, String};
use crate::settings::topic::{
    CLEANUP_POLICIES, CODECS, DURABLE_WHEN_ACKED, FOREVER, MAX_ARRAY_BYTES, NO_SEGMENT_FILES,
    ONE_REPLICA_SET, ONE_TIER, ONLY_FOR_CLEANING, TIMESTAMP_TYPES,
};
use crate::settings::validator::Validator::{AtLeast, Between, Fraction, GzipLevel, ListOf, OneOf};

pub(in crate::settings) const DEFINITIONS: &[Definition] = &[
    Definition::new(
        "compression.gzip.level",
        Int,
        Some("-1"),
        "compression.gzip.level of topics without their own.",
    )
    .valid(GzipLevel),
    Definition::new(
        "compression.lz4.level",
        Int,
        Some("9"),
        "compression.lz4.level of topics without their own.",
    )
    .valid(Between(1, 17)),
    Definition::new(
        "compression.type",
        String,
        Some("producer"),
        "compression.type of topics without their own.",
    )
    .importance(High)
    .valid(OneOf(CODECS)),
    Definition::new(
        "compression.zstd.level",
        Int,
        Some("3"),
        "compression.zstd.level of topics without their own.",
    )
    .valid(Between(-131_072, 22)),
    Definition::new(
        "log.cleaner.delete.retention.ms",
        Long,
        Some("86400000"),
        "delete.retention.ms of topics without their own.",
    )
    .valid(AtLeast(0))
    .status(ONLY_FOR_CLEANING),
    Definition::new(
        "log.cleaner.max.compaction.lag.ms",
        Long,
        Some(FOREVER),
        "max.compaction.lag.ms of topics without their own.",
    )
    .valid(AtLeast(1))
    .status(ONLY_FOR_CLEANING),
    Definition::new(
        "log.cleaner.min.cleanable.ratio",
        Double,
        Some("0.5"),
        "min.cleanable.dirty.ratio of topics without their own.",
    )
    .valid(Fraction(0.0, 1.0))
    .status(ONLY_FOR_CLEANING),
    Definition::new(
        "log.cleaner.min.compaction.lag.ms",
        Long,
        Some("0"),
        "min.compaction.lag.ms of topics without their own.",
    )
    .valid(AtLeast(0))
    .status(ONLY_FOR_CLEANING),
    Definition::new(
        "log.cleanup.policy",
        List,
        Some("delete"),
        "cleanup.policy of topics without their own.",
    )
    .valid(ListOf(CLEANUP_POLICIES)),
    Definition::new(
        "log.flush.interval.messages",
        Long,
        Some(FOREVER),
        "flush.messages of topics without their own.",
    )
    .importance(High)
    .valid(AtLeast(1))
    .status(DURABLE_WHEN_ACKED),
    Definition::new("log.flush.interval.ms", Long, None, "flush.ms of topics without their own.")
        .importance(High)
        .status(DURABLE_WHEN_ACKED),
    Definition::new(
        "log.flush.scheduler.interval.ms",
        Long,
        Some(FOREVER),
        "Milliseconds between two looks for logs to sync; stands in for log.flush.interval.ms.",
    )
    .importance(High)
    .status(DURABLE_WHEN_ACKED)
    .read_only(),
    Definition::new(
        "log.index.interval.bytes",
        Int,
        Some("4096"),
        "index.interval.bytes of topics without their own.",
    )
    .valid(AtLeast(0))
    .status(NO_SEGMENT_FILES),
    Definition::new(
        "log.index.size.max.bytes",
        Int,
        Some("10485760"),
        "segment.index.bytes of topics without their own.",
    )
    .valid(AtLeast(4))
    .status(NO_SEGMENT_FILES),
    Definition::new(
        "log.local.retention.bytes",
        Long,
        Some("-2"),
        "local.retention.bytes of topics without their own.",
    )
    .valid(AtLeast(-2))
    .status(ONE_TIER),
    Definition::new(
        "log.local.retention.ms",
        Long,
        Some("-2"),
        "local.retention.ms of topics without their own.",
    )
    .valid(AtLeast(-2))
    .status(ONE_TIER),
    Definition::new(
        "log.message.timestamp.after.max.ms",
        Long,
        Some("3600000"),
        "message.timestamp.after.max.ms of topics without their own.",
    )
    .valid(AtLeast(0)),
    Definition::new(
        "log.message.timestamp.before.max.ms",
        Long,
        Some(FOREVER),
        "message.timestamp.before.max.ms of topics without their own.",
    )
    .valid(AtLeast(0)),
    Definition::new(
        "log.message.timestamp.type",
        String,
        Some("CreateTime"),
        "message.timestamp.type of topics without their own.",
    )
    .valid(OneOf(TIMESTAMP_TYPES)),
    Definition::new("log.preallocate", Boolean, Some("false"), "preallocate of topics without their own.")
        .status(NO_SEGMENT_FILES),
    Definition::new(
        "log.remote.copy.lag.bytes",
        Long,
        Some("-1"),
        "remote.copy.lag.bytes of topics without their own.",
    )
    .valid(AtLeast(-1))
    .status(ONE_TIER),
    Definition::new(
        "log.remote.copy.lag.ms",
        Long,
        Some("0"),
        "remote.copy.lag.ms of topics without their own.",
    )
    .valid(AtLeast(-1))
    .status(ONE_TIER),
    Definition::new("log.retention.bytes", Long, Some("-1"), "retention.bytes of topics without their own.")
        .importance(High),
    Definition::new(
        "log.retention.hours",
        Int,
        Some("168"),
        "Retention of topics without their own, in hours; -1 is no limit. Weaker than the minutes and \
         milliseconds.",
    )
    .importance(High)
    .read_only(),
    Definition::new(
        "log.retention.minutes",
        Int,
        None,
        "Retention of topics without their own, in minutes; -1 is no limit. Weaker than the milliseconds.",
    )
    .importance(High)
    .read_only(),
    Definition::new(
        "log.retention.ms",
        Long,
        None,
        "retention.ms of topics without their own; -1 is no limit.",
    )
    .importance(High),
    Definition::new("log.roll.hours", Int, Some("168"), "segment.ms of topics without their own, in hours.")
        .importance(High)
        .valid(AtLeast(1))
        .status(NO_SEGMENT_FILES)
        .read_only(),
    Definition::new(
        "log.roll.jitter.hours",
        Int,
        Some("0"),
        "segment.jitter.ms of topics without their own, in hours.",
    )
    .importance(High)
    .valid(AtLeast(0))
    .status(NO_SEGMENT_FILES)
    .read_only(),
    Definition::new("log.roll.jitter.ms", Long, None, "segment.jitter.ms of topics without their own.")
        .importance(High)
        .status(NO_SEGMENT_FILES),
    Definition::new("log.roll.ms", Long, None, "segment.ms of topics without their own.")
        .importance(High)
        .status(NO_SEGMENT_FILES),
    Definition::new(
        "log.segment.bytes",
        Int,
        Some("1073741824"),
        "segment.bytes of topics without their own.",
    )
    .importance(High)
    .valid(AtLeast(1024 * 1024))
    .status(NO_SEGMENT_FILES),
    Definition::new(
        "log.segment.delete.delay.ms",
        Long,
        Some("60000"),
        "file.delete.delay.ms of topics without their own.",
    )
    .importance(High)
    .valid(AtLeast(0))
    .status(NO_SEGMENT_FILES),
    Definition::new(
        "max.decompressed.message.bytes",
        Int,
        Some("2147483639"),
        "max.decompressed.message.bytes of topics without their own.",
    )
    .valid(Between(1, MAX_ARRAY_BYTES)),
    Definition::new(
        "message.max.bytes",
        Int,
        Some("1048588"),
        "max.message.bytes of topics without their own.",
    )
    .importance(High)
    .valid(AtLeast(0)),
    Definition::new(
        "min.insync.replicas",
        Int,
        Some("1"),
        "min.insync.replicas of topics without their own.",
    )
    .importance(High)
    .valid(AtLeast(1))
    .status(DURABLE_WHEN_ACKED),
    Definition::new(
        "unclean.leader.election.enable",
        Boolean,
        Some("false"),
        "unclean.leader.election.enable of topics without their own.",
    )
    .importance(High)
    .status(ONE_REPLICA_SET),
];
