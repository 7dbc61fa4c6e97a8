//! Configs that the process was started with: identity, addresses, limits, and the defaults of new topics.

use crate::settings::definition::Importance::{High, Low, Medium};
use crate::settings::definition::{Definition, definitions};
use crate::settings::validator::Validator::{AtLeast, Items, ListOf};

pub(in crate::settings) const DEFINITIONS: &[Definition] = definitions! {
    "advertised.listeners": List, importance(High), valid(Items { may_be_empty: false }), read_only
        => "The address that clients are told to connect to.";
    "auto.create.topics.enable": Boolean = "true", importance(High), read_only
        => "Whether asking for a topic that does not exist creates it.";
    "broker.id": Int = "-1", importance(High), read_only => "The broker's id; the same as node.id.";
    "broker.rack": String, importance(Medium), read_only
        => "Where the broker is, for clients that prefer a near one.";
    "connections.max.idle.ms": Long = "600000", read_only
        => "Milliseconds after which a connection without requests is closed.";
    "default.replication.factor": Int = "1", read_only
        => "Replication factor reported for topics whose creator leaves it open. Durability is the object \
            store's either way.";
    "delete.topic.enable": Boolean = "true", importance(High), read_only => "Whether topics can be deleted.";
    "fetch.max.bytes": Int = "57671680", valid(AtLeast(1024)), read_only
        => "Most bytes of records in one answer to a fetch; a first batch that is larger is sent all the \
            same.";
    "listener.security.protocol.map": String = "PLAINTEXT:PLAINTEXT", importance(Low), read_only
        => "Which security protocol each listener speaks.";
    "listeners": List = "PLAINTEXT://:9092", importance(High), valid(Items { may_be_empty: false }),
        read_only => "The address that the broker listens on.";
    "log.dir": List = "/tmp/kafkaesque-data", importance(High), valid(Items { may_be_empty: false }),
        read_only => "Where data is, if log.dirs does not say so.";
    "log.dirs": List, importance(High), valid(Items { may_be_empty: false }), read_only
        => "Where data is: a directory, or the bucket and prefix of an object store.";
    "log.retention.check.interval.ms": Long = "300000", valid(AtLeast(1)), read_only
        => "Milliseconds between two looks for records that have expired.";
    "max.connections": Int = "10000", valid(AtLeast(0)) => "Most connections open at one time.";
    "max.incremental.fetch.session.cache.slots": Int = "1000", valid(AtLeast(0)), read_only
        => "Most incremental fetch sessions kept at one time.";
    "max.request.partition.size.limit": Int = "2000", valid(AtLeast(1)), read_only
        => "Most partitions in one answer to DescribeTopicPartitions.";
    "node.id": Int, importance(High), valid(AtLeast(0)), read_only => "The broker's id.";
    "num.partitions": Int = "1", valid(AtLeast(1)), read_only
        => "Partitions of a topic whose creator leaves the number open.";
    "process.roles": List, importance(High), valid(ListOf(&["broker", "controller"])), read_only
        => "What the process is: always broker and controller.";
    "queued.max.request.bytes": Long = "268435456", read_only
        => "Bytes of requests in memory, all connections together, before reading stops.";
    "socket.request.max.bytes": Int = "104857600", importance(High), valid(AtLeast(1)), read_only
        => "Largest request, in bytes, that is read.";
};
