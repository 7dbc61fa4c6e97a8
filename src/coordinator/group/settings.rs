//! Settings of groups.

use super::assignor::Assignor;
use crate::settings::{MigrationPolicy, default_number};

/// The settings of all groups.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    pub classic: Classic,
    /// Those of consumer groups that have no configs of their own.
    pub consumer: Consumer,
    pub offsets: Offsets,
}

/// The settings of all classic groups.
#[derive(Clone, Copy, Debug)]
pub struct Classic {
    /// The time that a new group waits for more members (`group.initial.rebalance.delay.ms`).
    pub initial_delay_ms: i32,
    /// The time that a member may wait for its first generation before its client is taken for gone (Kafka fixes it at
    /// five minutes).
    pub new_member_join_timeout_ms: i32,
    /// Most members of a group (`group.max.size`).
    pub max_size: usize,
    /// Most bytes that a stored group may have: what Kafka takes into one record of its offsets topic.
    pub max_stored_bytes: usize,
    /// Bounds of a session timeout (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`).
    pub session_timeout_ms: (i32, i32),
}

impl Default for Classic {
    fn default() -> Classic {
        Classic {
            initial_delay_ms: default_number("group.initial.rebalance.delay.ms"),
            new_member_join_timeout_ms: 5 * 60 * 1000,
            max_size: default_number("group.max.size"),
            max_stored_bytes: 1_048_588,
            session_timeout_ms: (
                default_number("group.min.session.timeout.ms"),
                default_number("group.max.session.timeout.ms"),
            ),
        }
    }
}

/// The settings of one consumer group: its own configs, over those of all groups.
#[derive(Clone, Copy, Debug)]
pub struct Consumer {
    /// Silence after which a member is removed (`consumer.session.timeout.ms`).
    pub session_timeout_ms: i32,
    /// The time between two heartbeats of a member (`consumer.heartbeat.interval.ms`).
    pub heartbeat_interval_ms: i32,
    /// Least time between two targets (`consumer.assignment.interval.ms`, KIP-1263).
    pub assignment_interval_ms: i32,
    /// Most members of a group (`group.consumer.max.size`).
    pub max_size: usize,
    pub migration: MigrationPolicy,
    /// The first of `group.consumer.assignors`.
    pub default_assignor: Assignor,
}

impl Default for Consumer {
    fn default() -> Consumer {
        Consumer {
            session_timeout_ms: default_number("group.consumer.session.timeout.ms"),
            heartbeat_interval_ms: default_number("group.consumer.heartbeat.interval.ms"),
            assignment_interval_ms: default_number("group.consumer.assignment.interval.ms"),
            max_size: default_number("group.consumer.max.size"),
            migration: MigrationPolicy::Bidirectional,
            default_assignor: Assignor::Uniform,
        }
    }
}

/// The settings of the offsets of all groups.
#[derive(Clone, Copy, Debug)]
pub struct Offsets {
    /// Most characters, as Java counts them, of a client's own words about an offset (`offset.metadata.max.bytes`).
    pub max_metadata_len: usize,
    /// The time that offsets are kept that no member uses (`offsets.retention.minutes`).
    pub retention_ms: i64,
}

impl Default for Offsets {
    fn default() -> Offsets {
        Offsets {
            max_metadata_len: default_number("offset.metadata.max.bytes"),
            retention_ms: default_number::<i64>("offsets.retention.minutes") * 60_000,
        }
    }
}
