//! What the process was started with: identity, addresses, limits, and the defaults of new topics.

use crate::settings::definition::Definition;
use crate::settings::definition::Importance::{High, Low, Medium};
use crate::settings::definition::Type::{Boolean, Int, List, Long, String};
use crate::settings::validator::Validator::{AtLeast, Items, ListOf};

pub(in crate::settings) const DEFINITIONS: &[Definition] = &[
    Definition::new("advertised.listeners", List, None, "The address that clients are told to connect to.")
        .importance(High)
        .valid(Items { may_be_empty: false })
        .read_only(),
    Definition::new(
        "auto.create.topics.enable",
        Boolean,
        Some("true"),
        "Whether asking for a topic that does not exist creates it.",
    )
    .importance(High)
    .read_only(),
    Definition::new("broker.id", Int, Some("-1"), "The broker's id; the same as node.id.")
        .importance(High)
        .read_only(),
    Definition::new("broker.rack", String, None, "Where the broker is, for clients that prefer a near one.")
        .importance(Medium)
        .read_only(),
    Definition::new(
        "connections.max.idle.ms",
        Long,
        Some("600000"),
        "Milliseconds after which a connection without requests is closed.",
    )
    .read_only(),
    Definition::new(
        "default.replication.factor",
        Int,
        Some("1"),
        "Replication factor reported for topics whose creator leaves it open. Durability is the object \
         store's either way.",
    )
    .read_only(),
    Definition::new("delete.topic.enable", Boolean, Some("true"), "Whether topics can be deleted.")
        .importance(High)
        .read_only(),
    Definition::new(
        "fetch.max.bytes",
        Int,
        Some("57671680"),
        "Most bytes of records in one answer to a fetch; a first batch that is larger is sent all the same.",
    )
    .valid(AtLeast(1024))
    .read_only(),
    Definition::new(
        "listener.security.protocol.map",
        String,
        Some("PLAINTEXT:PLAINTEXT"),
        "Which security protocol each listener speaks.",
    )
    .importance(Low)
    .read_only(),
    Definition::new("listeners", List, Some("PLAINTEXT://:9092"), "The address that the broker listens on.")
        .importance(High)
        .valid(Items { may_be_empty: false })
        .read_only(),
    Definition::new(
        "log.dir",
        List,
        Some("/tmp/kafkaesque-data"),
        "Where data is, if log.dirs does not say so.",
    )
    .importance(High)
    .valid(Items { may_be_empty: false })
    .read_only(),
    Definition::new(
        "log.dirs",
        List,
        None,
        "Where data is: a directory, or the bucket and prefix of an object store.",
    )
    .importance(High)
    .valid(Items { may_be_empty: false })
    .read_only(),
    Definition::new(
        "log.retention.check.interval.ms",
        Long,
        Some("300000"),
        "Milliseconds between two looks for records that have expired.",
    )
    .valid(AtLeast(1))
    .read_only(),
    Definition::new("max.connections", Int, Some("10000"), "Most connections open at one time.")
        .valid(AtLeast(0)),
    Definition::new(
        "max.incremental.fetch.session.cache.slots",
        Int,
        Some("1000"),
        "Most incremental fetch sessions kept at one time.",
    )
    .valid(AtLeast(0))
    .read_only(),
    Definition::new(
        "max.request.partition.size.limit",
        Int,
        Some("2000"),
        "Most partitions in one answer to DescribeTopicPartitions.",
    )
    .valid(AtLeast(1))
    .read_only(),
    Definition::new("node.id", Int, None, "The broker's id.").importance(High).valid(AtLeast(0)).read_only(),
    Definition::new(
        "num.partitions",
        Int,
        Some("1"),
        "Partitions of a topic whose creator leaves the number open.",
    )
    .valid(AtLeast(1))
    .read_only(),
    Definition::new("process.roles", List, None, "What the process is: always broker and controller.")
        .importance(High)
        .valid(ListOf(&["broker", "controller"]))
        .read_only(),
    Definition::new(
        "queued.max.request.bytes",
        Long,
        Some("268435456"),
        "Bytes of requests in memory, all connections together, before reading stops.",
    )
    .read_only(),
    Definition::new(
        "socket.request.max.bytes",
        Int,
        Some("104857600"),
        "Largest request, in bytes, that is read.",
    )
    .importance(High)
    .valid(AtLeast(1))
    .read_only(),
];
