//! Group configs: all that Kafka 4.4 shows (`GroupConfig`), by name.

use super::definition::Importance::Low;
use super::definition::Status::NotYet;
use super::definition::Type::{Boolean, Int, List, String};
use super::definition::{Definition, Status, Synonym};
use super::validator::Validator::{AtLeast, Items, OneOf};

const NO_SHARE_GROUPS: Status = NotYet("share groups are not supported yet by this version");
const NO_STREAMS_GROUPS: Status = NotYet("streams groups are not supported yet by this version");

const fn int(name: &'static str, default: &'static str, doc: &'static str, least: i64) -> Definition {
    Definition::new(name, Int, Some(default), doc).valid(AtLeast(least))
}

/// Sorted by name.
pub(super) const DEFINITIONS: &[Definition] = &[
    int("consumer.assignment.interval.ms", "1000", "Least milliseconds between two assignments.", 0)
        .synonyms(&[Synonym::same("group.consumer.assignment.interval.ms")]),
    int(
        "consumer.heartbeat.interval.ms",
        "5000",
        "Milliseconds between heartbeats that members are told to keep.",
        1,
    )
    .synonyms(&[Synonym::same("group.consumer.heartbeat.interval.ms")]),
    int(
        "consumer.session.timeout.ms",
        "45000",
        "Milliseconds of silence after which a member is removed.",
        1,
    )
    .synonyms(&[Synonym::same("group.consumer.session.timeout.ms")]),
    Definition::new(
        "errors.deadletterqueue.copy.record.enable",
        Boolean,
        Some("false"),
        "Whether a record that cannot be delivered is copied whole to the dead-letter topic.",
    )
    .status(NO_SHARE_GROUPS),
    Definition::new(
        "errors.deadletterqueue.topic.name",
        String,
        Some(""),
        "The topic that gets a share group's records that cannot be delivered; empty for none.",
    )
    .status(NO_SHARE_GROUPS),
    int("share.assignment.interval.ms", "1000", "Least milliseconds between two assignments.", 0)
        .status(NO_SHARE_GROUPS)
        .synonyms(&[Synonym::same("group.share.assignment.interval.ms")]),
    Definition::new(
        "share.auto.offset.reset",
        String,
        Some("latest"),
        "Where a new share group begins: 'earliest', 'latest', or 'by_duration:' with an ISO 8601 duration.",
    )
    .status(NO_SHARE_GROUPS),
    int("share.delivery.count.limit", "5", "How often a record is delivered at most.", 2)
        .status(NO_SHARE_GROUPS)
        .synonyms(&[Synonym::same("group.share.delivery.count.limit")]),
    int(
        "share.heartbeat.interval.ms",
        "5000",
        "Milliseconds between heartbeats that members are told to keep.",
        1,
    )
    .status(NO_SHARE_GROUPS)
    .synonyms(&[Synonym::same("group.share.heartbeat.interval.ms")]),
    Definition::new(
        "share.isolation.level",
        String,
        Some("read_uncommitted"),
        "Whether a share group sees records of open and aborted transactions.",
    )
    .valid(OneOf(&["read_committed", "read_uncommitted"]))
    .status(NO_SHARE_GROUPS),
    int(
        "share.partition.max.record.locks",
        "2000",
        "Most records of a partition that the group holds at once.",
        100,
    )
    .status(NO_SHARE_GROUPS)
    .synonyms(&[Synonym::same("group.share.partition.max.record.locks")]),
    int("share.record.lock.duration.ms", "30000", "Milliseconds that a member holds a record.", 1000)
        .status(NO_SHARE_GROUPS)
        .synonyms(&[Synonym::same("group.share.record.lock.duration.ms")]),
    Definition::new(
        "share.renew.acknowledge.enable",
        Boolean,
        Some("true"),
        "Whether a member may prolong its hold on a record.",
    )
    .status(NO_SHARE_GROUPS),
    int("share.session.timeout.ms", "45000", "Milliseconds of silence after which a member is removed.", 1)
        .status(NO_SHARE_GROUPS)
        .synonyms(&[Synonym::same("group.share.session.timeout.ms")]),
    int("streams.assignment.interval.ms", "1000", "Least milliseconds between two assignments.", 0)
        .status(NO_STREAMS_GROUPS)
        .synonyms(&[Synonym::same("group.streams.assignment.interval.ms")]),
    Definition::new(
        "streams.assignor.name",
        String,
        None,
        "Which assignor places the tasks; null is the broker's first.",
    )
    .status(NO_STREAMS_GROUPS)
    .synonyms(&[Synonym::same("group.streams.assignors")]),
    int(
        "streams.heartbeat.interval.ms",
        "5000",
        "Milliseconds between heartbeats that members are told to keep.",
        1,
    )
    .status(NO_STREAMS_GROUPS)
    .synonyms(&[Synonym::same("group.streams.heartbeat.interval.ms")]),
    int(
        "streams.initial.rebalance.delay.ms",
        "3000",
        "Milliseconds that a new group waits for more members.",
        0,
    )
    .status(NO_STREAMS_GROUPS)
    .synonyms(&[Synonym::same("group.streams.initial.rebalance.delay.ms")]),
    int("streams.num.standby.replicas", "0", "Standby copies of each task.", 0)
        .status(NO_STREAMS_GROUPS)
        .synonyms(&[Synonym::same("group.streams.num.standby.replicas")]),
    Definition::new(
        "streams.rack.aware.assignment.tags",
        List,
        Some(""),
        "Client tags by which standby copies are kept apart.",
    )
    .importance(Low)
    .valid(Items { may_be_empty: true })
    .status(NO_STREAMS_GROUPS)
    .synonyms(&[Synonym::same("group.streams.rack.aware.assignment.tags")]),
    int("streams.session.timeout.ms", "45000", "Milliseconds of silence after which a member is removed.", 1)
        .status(NO_STREAMS_GROUPS)
        .synonyms(&[Synonym::same("group.streams.session.timeout.ms")]),
];
