//! The bounds and defaults of groups, committed offsets, producers and transactions.

use crate::settings::definition::Importance::{High, Low};
use crate::settings::definition::Status::{self, NoMeaningHere};
use crate::settings::definition::{Definition, definitions};
use crate::settings::validator::Validator::{AtLeast, Between, Items, OneOfIgnoringCase};

const NO_SHARE_GROUPS: Status = NoMeaningHere("share groups are not supported yet by this version");
const NO_STREAMS_GROUPS: Status = NoMeaningHere("streams groups are not supported yet by this version");
const MAX_INT: &str = "2147483647";

pub(in crate::settings) const DEFINITIONS: &[Definition] = definitions! {
    "group.consumer.assignment.interval.ms": Int = "1000", valid(AtLeast(0))
        => "Least milliseconds between two assignments of a consumer group.";
    "group.consumer.assignors": List = "uniform,range", valid(Items { may_be_empty: false }), read_only
        => "What places the partitions of consumer groups; the first one where a member does not say.";
    "group.consumer.heartbeat.interval.ms": Int = "5000", valid(AtLeast(1)), read_only
        => "Milliseconds between heartbeats that consumers are told to keep.";
    "group.consumer.max.assignment.interval.ms": Int = "15000", valid(AtLeast(0)), read_only
        => "Largest consumer.assignment.interval.ms of a group.";
    "group.consumer.max.heartbeat.interval.ms": Int = "15000", valid(AtLeast(1)), read_only
        => "Largest consumer.heartbeat.interval.ms of a group.";
    "group.consumer.max.session.timeout.ms": Int = "60000", valid(AtLeast(1)), read_only
        => "Largest consumer.session.timeout.ms of a group.";
    "group.consumer.max.size": Int = MAX_INT, valid(AtLeast(1)), read_only
        => "Most members of one consumer group.";
    "group.consumer.migration.policy": String = "bidirectional",
        valid(OneOfIgnoringCase(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"])), read_only
        => "Which way groups move between the classic and the consumer protocol while they have members.";
    "group.consumer.min.assignment.interval.ms": Int = "0", valid(AtLeast(0)), read_only
        => "Smallest consumer.assignment.interval.ms of a group.";
    "group.consumer.min.heartbeat.interval.ms": Int = "5000", valid(AtLeast(1)), read_only
        => "Smallest consumer.heartbeat.interval.ms of a group.";
    "group.consumer.min.session.timeout.ms": Int = "45000", valid(AtLeast(1)), read_only
        => "Smallest consumer.session.timeout.ms of a group.";
    "group.consumer.session.timeout.ms": Int = "45000", valid(AtLeast(1)), read_only
        => "Milliseconds of silence after which a consumer is removed.";
    "group.initial.rebalance.delay.ms": Int = "3000", read_only
        => "Milliseconds that a new classic group waits for more members.";
    "group.max.session.timeout.ms": Int = "1800000", read_only
        => "Largest session timeout that a classic member may ask for.";
    "group.max.size": Int = MAX_INT, valid(AtLeast(1)), read_only => "Most members of one classic group.";
    "group.min.session.timeout.ms": Int = "6000", read_only
        => "Smallest session timeout that a classic member may ask for.";
    "group.share.assignment.interval.ms": Int = "1000", valid(AtLeast(0)), status(NO_SHARE_GROUPS)
        => "Least milliseconds between two assignments of a share group.";
    "group.share.delivery.count.limit": Int = "5", valid(Between(2, 10)), read_only
        => "How often a share group delivers a record at most.";
    "group.share.heartbeat.interval.ms": Int = "5000", valid(AtLeast(1)), read_only
        => "Milliseconds between heartbeats that share members are told to keep.";
    "group.share.partition.max.record.locks": Int = "2000", valid(Between(100, 10_000)), read_only
        => "Most records of a partition that a share group holds at once.";
    "group.share.record.lock.duration.ms": Int = "30000", valid(Between(1000, 3_600_000)), read_only
        => "Milliseconds that a share member holds a record.";
    "group.share.session.timeout.ms": Int = "45000", valid(AtLeast(1)), read_only
        => "Milliseconds of silence after which a share member is removed.";
    "group.streams.assignment.interval.ms": Int = "1000", valid(AtLeast(0)), status(NO_STREAMS_GROUPS)
        => "Least milliseconds between two assignments of a streams group.";
    "group.streams.assignors": List = "sticky", valid(Items { may_be_empty: false }), read_only
        => "What places the tasks of streams groups.";
    "group.streams.heartbeat.interval.ms": Int = "5000", valid(AtLeast(1)), read_only
        => "Milliseconds between heartbeats that streams members are told to keep.";
    "group.streams.initial.rebalance.delay.ms": Int = "3000", valid(AtLeast(0)), read_only
        => "Milliseconds that a new streams group waits for more members.";
    "group.streams.num.standby.replicas": Int = "0", valid(AtLeast(0)), read_only
        => "Standby copies of each task of a streams group.";
    "group.streams.rack.aware.assignment.tags": List = "", importance(Low),
        valid(Items { may_be_empty: true }), read_only
        => "Client tags by which standby copies of streams groups are kept apart.";
    "group.streams.session.timeout.ms": Int = "45000", valid(AtLeast(1)), read_only
        => "Milliseconds of silence after which a streams member is removed.";
    "offset.metadata.max.bytes": Int = "4096", importance(High), read_only
        => "Most bytes of text beside a committed offset.";
    "offsets.retention.minutes": Int = "10080", importance(High), valid(AtLeast(1)), read_only
        => "Minutes that committed offsets outlive their group's last member.";
    "offsets.topic.num.partitions": Int = "50", importance(High), valid(AtLeast(1)), read_only
        => "Partitions that __consumer_offsets is shown with.";
    "offsets.topic.replication.factor": Short = "1", importance(High), valid(AtLeast(1)), read_only
        => "Replication factor that __consumer_offsets is shown with.";
    "producer.id.expiration.ms": Int = "86400000", importance(Low), valid(AtLeast(1))
        => "Milliseconds after which an idle producer's sequence numbers are forgotten.";
    "transaction.max.timeout.ms": Int = "900000", importance(High), valid(AtLeast(1)), read_only
        => "Largest timeout that a transactional producer may ask for.";
    "transactional.id.expiration.ms": Int = "604800000", importance(High), valid(AtLeast(1)), read_only
        => "Milliseconds after which an idle transactional id is forgotten.";
};
