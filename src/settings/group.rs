//! Group configs: all that Kafka 4.4 shows (`GroupConfig`), by name.

use super::definition::Importance::Low;
use super::definition::Status::NotYet;
use super::definition::{Definition, Status, Synonym, definitions};
use super::validator::Validator::{AtLeast, Items, OneOf};

const NO_SHARE_GROUPS: Status = NotYet("share groups are not supported yet by this version");
const NO_STREAMS_GROUPS: Status = NotYet("streams groups are not supported yet by this version");

/// Sorted by name.
pub(super) const DEFINITIONS: &[Definition] = definitions! {
    "consumer.assignment.interval.ms": Int, valid(AtLeast(0)),
        like(&[Synonym::same("group.consumer.assignment.interval.ms")])
        => "Least milliseconds between two assignments.";
    "consumer.heartbeat.interval.ms": Int, valid(AtLeast(1)),
        like(&[Synonym::same("group.consumer.heartbeat.interval.ms")])
        => "Milliseconds between heartbeats that members are told to keep.";
    "consumer.session.timeout.ms": Int, valid(AtLeast(1)),
        like(&[Synonym::same("group.consumer.session.timeout.ms")])
        => "Milliseconds of silence after which a member is removed.";
    "errors.deadletterqueue.copy.record.enable": Boolean = "false", status(NO_SHARE_GROUPS)
        => "Whether a record that cannot be delivered is copied whole to the dead-letter topic.";
    "errors.deadletterqueue.topic.name": String = "", status(NO_SHARE_GROUPS)
        => "The topic that gets a share group's records that cannot be delivered; empty for none.";
    "share.assignment.interval.ms": Int, valid(AtLeast(0)),
        like(&[Synonym::same("group.share.assignment.interval.ms")]), status(NO_SHARE_GROUPS)
        => "Least milliseconds between two assignments.";
    "share.auto.offset.reset": String = "latest", status(NO_SHARE_GROUPS)
        => "Where a new share group begins: 'earliest', 'latest', or 'by_duration:' with an ISO 8601 \
            duration.";
    "share.delivery.count.limit": Int, valid(AtLeast(2)),
        like(&[Synonym::same("group.share.delivery.count.limit")]), status(NO_SHARE_GROUPS)
        => "How often a record is delivered at most.";
    "share.heartbeat.interval.ms": Int, valid(AtLeast(1)),
        like(&[Synonym::same("group.share.heartbeat.interval.ms")]), status(NO_SHARE_GROUPS)
        => "Milliseconds between heartbeats that members are told to keep.";
    "share.isolation.level": String = "read_uncommitted",
        valid(OneOf(&["read_committed", "read_uncommitted"])), status(NO_SHARE_GROUPS)
        => "Whether a share group sees records of open and aborted transactions.";
    "share.partition.max.record.locks": Int, valid(AtLeast(100)),
        like(&[Synonym::same("group.share.partition.max.record.locks")]), status(NO_SHARE_GROUPS)
        => "Most records of a partition that the group holds at once.";
    "share.record.lock.duration.ms": Int, valid(AtLeast(1000)),
        like(&[Synonym::same("group.share.record.lock.duration.ms")]), status(NO_SHARE_GROUPS)
        => "Milliseconds that a member holds a record.";
    "share.renew.acknowledge.enable": Boolean = "true", status(NO_SHARE_GROUPS)
        => "Whether a member may prolong its hold on a record.";
    "share.session.timeout.ms": Int, valid(AtLeast(1)),
        like(&[Synonym::same("group.share.session.timeout.ms")]), status(NO_SHARE_GROUPS)
        => "Milliseconds of silence after which a member is removed.";
    "streams.assignment.interval.ms": Int, valid(AtLeast(0)),
        like(&[Synonym::same("group.streams.assignment.interval.ms")]), status(NO_STREAMS_GROUPS)
        => "Least milliseconds between two assignments.";
    "streams.assignor.name": String, synonyms(&[Synonym::same("group.streams.assignors")]),
        status(NO_STREAMS_GROUPS) => "Which assignor places the tasks; null is the broker's first.";
    "streams.heartbeat.interval.ms": Int, valid(AtLeast(1)),
        like(&[Synonym::same("group.streams.heartbeat.interval.ms")]), status(NO_STREAMS_GROUPS)
        => "Milliseconds between heartbeats that members are told to keep.";
    "streams.initial.rebalance.delay.ms": Int, valid(AtLeast(0)),
        like(&[Synonym::same("group.streams.initial.rebalance.delay.ms")]), status(NO_STREAMS_GROUPS)
        => "Milliseconds that a new group waits for more members.";
    "streams.num.standby.replicas": Int, valid(AtLeast(0)),
        like(&[Synonym::same("group.streams.num.standby.replicas")]), status(NO_STREAMS_GROUPS)
        => "Standby copies of each task.";
    "streams.rack.aware.assignment.tags": List, importance(Low), valid(Items { may_be_empty: true }),
        like(&[Synonym::same("group.streams.rack.aware.assignment.tags")]), status(NO_STREAMS_GROUPS)
        => "Client tags by which standby copies are kept apart.";
    "streams.session.timeout.ms": Int, valid(AtLeast(1)),
        like(&[Synonym::same("group.streams.session.timeout.ms")]), status(NO_STREAMS_GROUPS)
        => "Milliseconds of silence after which a member is removed.";
};
