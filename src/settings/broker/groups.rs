//! The bounds and defaults of groups, committed offsets, producers and transactions.

use crate::settings::definition::Definition;
use crate::settings::definition::Importance::{High, Low};
use crate::settings::definition::Status::{self, NoMeaningHere};
use crate::settings::definition::Type::{Int, List, Short, String};
use crate::settings::validator::Validator::{AtLeast, Between, Items, OneOfIgnoringCase};

const NO_SHARE_GROUPS: Status = NoMeaningHere("share groups are not supported yet by this version");
const NO_STREAMS_GROUPS: Status = NoMeaningHere("streams groups are not supported yet by this version");
const MAX_INT: &str = "2147483647";

const fn int(name: &'static str, default: &'static str, doc: &'static str) -> Definition {
    Definition::new(name, Int, Some(default), doc).read_only()
}

pub(in crate::settings) const DEFINITIONS: &[Definition] = &[
    int(
        "group.consumer.assignment.interval.ms",
        "1000",
        "Least milliseconds between two assignments of a consumer group.",
    )
    .dynamic()
    .valid(AtLeast(0)),
    Definition::new(
        "group.consumer.assignors",
        List,
        Some("uniform,range"),
        "What places the partitions of consumer groups; the first one where a member does not say.",
    )
    .valid(Items { may_be_empty: false })
    .read_only(),
    int(
        "group.consumer.heartbeat.interval.ms",
        "5000",
        "Milliseconds between heartbeats that consumers are told to keep.",
    )
    .valid(AtLeast(1)),
    int(
        "group.consumer.max.assignment.interval.ms",
        "15000",
        "Largest consumer.assignment.interval.ms of a group.",
    )
    .valid(AtLeast(0)),
    int(
        "group.consumer.max.heartbeat.interval.ms",
        "15000",
        "Largest consumer.heartbeat.interval.ms of a group.",
    )
    .valid(AtLeast(1)),
    int("group.consumer.max.session.timeout.ms", "60000", "Largest consumer.session.timeout.ms of a group.")
        .valid(AtLeast(1)),
    int("group.consumer.max.size", MAX_INT, "Most members of one consumer group.").valid(AtLeast(1)),
    Definition::new(
        "group.consumer.migration.policy",
        String,
        Some("bidirectional"),
        "Which way groups move between the classic and the consumer protocol while they have members.",
    )
    .valid(OneOfIgnoringCase(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]))
    .read_only(),
    int(
        "group.consumer.min.assignment.interval.ms",
        "0",
        "Smallest consumer.assignment.interval.ms of a group.",
    )
    .valid(AtLeast(0)),
    int(
        "group.consumer.min.heartbeat.interval.ms",
        "5000",
        "Smallest consumer.heartbeat.interval.ms of a group.",
    )
    .valid(AtLeast(1)),
    int("group.consumer.min.session.timeout.ms", "45000", "Smallest consumer.session.timeout.ms of a group.")
        .valid(AtLeast(1)),
    int(
        "group.consumer.session.timeout.ms",
        "45000",
        "Milliseconds of silence after which a consumer is removed.",
    )
    .valid(AtLeast(1)),
    int(
        "group.initial.rebalance.delay.ms",
        "3000",
        "Milliseconds that a new classic group waits for more members.",
    ),
    int(
        "group.max.session.timeout.ms",
        "1800000",
        "Largest session timeout that a classic member may ask for.",
    ),
    int("group.max.size", MAX_INT, "Most members of one classic group.").valid(AtLeast(1)),
    int(
        "group.min.session.timeout.ms",
        "6000",
        "Smallest session timeout that a classic member may ask for.",
    ),
    int(
        "group.share.assignment.interval.ms",
        "1000",
        "Least milliseconds between two assignments of a share group.",
    )
    .dynamic()
    .status(NO_SHARE_GROUPS)
    .valid(AtLeast(0)),
    int("group.share.delivery.count.limit", "5", "How often a share group delivers a record at most.")
        .valid(Between(2, 10)),
    int(
        "group.share.heartbeat.interval.ms",
        "5000",
        "Milliseconds between heartbeats that share members are told to keep.",
    )
    .valid(AtLeast(1)),
    int(
        "group.share.partition.max.record.locks",
        "2000",
        "Most records of a partition that a share group holds at once.",
    )
    .valid(Between(100, 10_000)),
    int("group.share.record.lock.duration.ms", "30000", "Milliseconds that a share member holds a record.")
        .valid(Between(1000, 3_600_000)),
    int(
        "group.share.session.timeout.ms",
        "45000",
        "Milliseconds of silence after which a share member is removed.",
    )
    .valid(AtLeast(1)),
    int(
        "group.streams.assignment.interval.ms",
        "1000",
        "Least milliseconds between two assignments of a streams group.",
    )
    .dynamic()
    .status(NO_STREAMS_GROUPS)
    .valid(AtLeast(0)),
    Definition::new(
        "group.streams.assignors",
        List,
        Some("sticky"),
        "What places the tasks of streams groups.",
    )
    .valid(Items { may_be_empty: false })
    .read_only(),
    int(
        "group.streams.heartbeat.interval.ms",
        "5000",
        "Milliseconds between heartbeats that streams members are told to keep.",
    )
    .valid(AtLeast(1)),
    int(
        "group.streams.initial.rebalance.delay.ms",
        "3000",
        "Milliseconds that a new streams group waits for more members.",
    )
    .valid(AtLeast(0)),
    int("group.streams.num.standby.replicas", "0", "Standby copies of each task of a streams group.")
        .valid(AtLeast(0)),
    Definition::new(
        "group.streams.rack.aware.assignment.tags",
        List,
        Some(""),
        "Client tags by which standby copies of streams groups are kept apart.",
    )
    .importance(Low)
    .valid(Items { may_be_empty: true })
    .read_only(),
    int(
        "group.streams.session.timeout.ms",
        "45000",
        "Milliseconds of silence after which a streams member is removed.",
    )
    .valid(AtLeast(1)),
    int("offset.metadata.max.bytes", "4096", "Most bytes of text beside a committed offset.")
        .importance(High),
    int(
        "offsets.retention.minutes",
        "10080",
        "Minutes that committed offsets outlive their group's last member.",
    )
    .importance(High)
    .valid(AtLeast(1)),
    int("offsets.topic.num.partitions", "50", "Partitions that __consumer_offsets is shown with.")
        .importance(High)
        .valid(AtLeast(1)),
    Definition::new(
        "offsets.topic.replication.factor",
        Short,
        Some("1"),
        "Replication factor that __consumer_offsets is shown with.",
    )
    .importance(High)
    .valid(AtLeast(1))
    .read_only(),
    int(
        "producer.id.expiration.ms",
        "86400000",
        "Milliseconds after which an idle producer's sequence numbers are forgotten.",
    )
    .importance(Low)
    .dynamic()
    .valid(AtLeast(1)),
    int("transaction.max.timeout.ms", "900000", "Largest timeout that a transactional producer may ask for.")
        .importance(High)
        .valid(AtLeast(1)),
    int(
        "transactional.id.expiration.ms",
        "604800000",
        "Milliseconds after which an idle transactional id is forgotten.",
    )
    .importance(High)
    .valid(AtLeast(1)),
];
