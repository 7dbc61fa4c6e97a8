//! Configs of machinery that Kafka can change while it runs and that is not here: they are taken and shown as Kafka does,
//! so that tools which set them go on. Those of limits and of classes that nothing here obeys keep their defaults.

use crate::settings::definition::Definition;
use crate::settings::definition::Importance::{High, Low};
use crate::settings::definition::Status::{self, NoMeaningHere, NotYet};
use crate::settings::definition::Type::{Boolean, Class, Double, Int, List, Long, String};
use crate::settings::topic::{NO_SHARE_GROUPS, ONE_REPLICA_SET, ONE_TIER, ONLY_FOR_CLEANING};
use crate::settings::validator::Validator::{AtLeast, Items};

const THREADS: Status =
    NoMeaningHere("threads are not kept apart by what they do; there are as many as processors");
const ASSIGNED_AT_ONCE: Status = NoMeaningHere("an assignment is computed when it is needed");
const NO_BUFFERS: Status =
    NoMeaningHere("the coordinator's rows travel with the next commit; it keeps no buffer");
const NO_SUCH_LIMIT: Status = NotYet("connections are limited by max.connections alone");
pub(in crate::settings) const NO_CLASSES: Status = NotYet("there is no Java here to load a class");
const NO_TRANSACTIONS: Status = NoMeaningHere("transactions are not supported yet by this version");

pub(in crate::settings) const DEFINITIONS: &[Definition] = &[
    Definition::new("background.threads", Int, Some("10"), "Threads for work in the background.")
        .importance(High)
        .valid(AtLeast(1))
        .status(THREADS),
    Definition::new("cordoned.log.dirs", List, Some(""), "Log directories that get no new partitions.")
        .valid(Items { may_be_empty: true })
        .per_broker()
        .status(NotYet("there is one place for all data, and it cannot be closed to new partitions")),
    Definition::new("config.providers", List, Some(""), "Where configs get parts of their values from.")
        .importance(Low)
        .valid(Items { may_be_empty: true })
        .status(NotYet("configs are taken as they are written")),
    Definition::new(
        "errors.deadletterqueue.auto.create.topics.enable",
        Boolean,
        Some("false"),
        "Whether the topics for records that a share group gave up are made when they are missing.",
    )
    .status(NO_SHARE_GROUPS),
    Definition::new(
        "errors.deadletterqueue.topic.name.prefix",
        String,
        Some("dlq."),
        "How the names of topics for records that a share group gave up begin.",
    )
    .status(NO_SHARE_GROUPS),
    Definition::new(
        "follower.fetch.last.tiered.offset.enable",
        Boolean,
        Some("false"),
        "Whether an empty follower begins behind what is tiered.",
    )
    .status(ONE_REPLICA_SET),
    Definition::new(
        "group.consumer.assignor.offload.enable",
        Boolean,
        Some("true"),
        "Whether consumer groups are assigned in the background.",
    )
    .status(ASSIGNED_AT_ONCE)
    .shown_if_set(),
    Definition::new(
        "group.coordinator.cached.buffer.max.bytes",
        Int,
        Some("1048588"),
        "Most bytes of a buffer that the group coordinator keeps.",
    )
    .valid(AtLeast(512 * 1024))
    .status(NO_BUFFERS),
    Definition::new(
        "group.share.assignor.offload.enable",
        Boolean,
        Some("true"),
        "Whether share groups are assigned in the background.",
    )
    .status(ASSIGNED_AT_ONCE)
    .shown_if_set(),
    Definition::new(
        "group.streams.assignor.offload.enable",
        Boolean,
        Some("true"),
        "Whether streams groups are assigned in the background.",
    )
    .status(ASSIGNED_AT_ONCE)
    .shown_if_set(),
    Definition::new(
        "log.cleaner.backoff.ms",
        Long,
        Some("15000"),
        "Milliseconds between two looks for logs to clean.",
    )
    .valid(AtLeast(0))
    .status(ONLY_FOR_CLEANING),
    Definition::new(
        "log.cleaner.dedupe.buffer.size",
        Long,
        Some("134217728"),
        "Memory for finding keys that come again, all cleaner threads together.",
    )
    .status(ONLY_FOR_CLEANING),
    Definition::new(
        "log.cleaner.io.buffer.load.factor",
        Double,
        Some("0.9"),
        "How full the memory for finding keys may become.",
    )
    .status(ONLY_FOR_CLEANING),
    Definition::new(
        "log.cleaner.io.buffer.size",
        Int,
        Some("524288"),
        "Memory for reading and writing, all cleaner threads together.",
    )
    .valid(AtLeast(0))
    .status(ONLY_FOR_CLEANING),
    Definition::new(
        "log.cleaner.io.max.bytes.per.second",
        Double,
        Some("1.7976931348623157E308"),
        "Most bytes that cleaning reads and writes in a second.",
    )
    .status(ONLY_FOR_CLEANING),
    Definition::new("log.cleaner.threads", Int, Some("1"), "Threads that clean.")
        .valid(AtLeast(0))
        .status(ONLY_FOR_CLEANING),
    Definition::new(
        "max.connection.creation.rate",
        Int,
        Some("2147483647"),
        "Most connections accepted in a second.",
    )
    .valid(AtLeast(0))
    .status(NO_SUCH_LIMIT),
    Definition::new("max.connections.per.ip", Int, Some("2147483647"), "Most connections from one address.")
        .valid(AtLeast(0))
        .status(NO_SUCH_LIMIT),
    Definition::new(
        "max.connections.per.ip.overrides",
        String,
        Some(""),
        "Most connections from single addresses.",
    )
    .status(NO_SUCH_LIMIT),
    Definition::new(
        "metric.reporters",
        List,
        Some("org.apache.kafka.common.metrics.JmxReporter"),
        "Classes that are told of metrics.",
    )
    .importance(Low)
    .valid(Items { may_be_empty: true })
    .status(NO_CLASSES),
    Definition::new("num.io.threads", Int, Some("8"), "Threads that carry out requests.")
        .importance(High)
        .valid(AtLeast(1))
        .status(THREADS),
    Definition::new("num.network.threads", Int, Some("3"), "Threads that read and write connections.")
        .importance(High)
        .valid(AtLeast(1))
        .status(THREADS),
    Definition::new(
        "num.recovery.threads.per.data.dir",
        Int,
        Some("2"),
        "Threads that recover and flush the logs of a directory.",
    )
    .importance(High)
    .valid(AtLeast(1))
    .status(THREADS),
    Definition::new("num.replica.fetchers", Int, Some("1"), "Threads that fetch from another broker.")
        .importance(High)
        .valid(AtLeast(1))
        .status(ONE_REPLICA_SET),
    Definition::new(
        "principal.builder.class",
        Class,
        Some("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"),
        "What makes a principal of who is connected.",
    )
    .per_broker()
    .status(NO_CLASSES),
    Definition::new(
        "remote.fetch.max.wait.ms",
        Int,
        Some("500"),
        "Milliseconds that a fetch waits for the remote tier.",
    )
    .valid(AtLeast(1))
    .status(ONE_TIER),
    Definition::new(
        "remote.list.offsets.request.timeout.ms",
        Long,
        Some("30000"),
        "Milliseconds that a search for offsets waits for the remote tier.",
    )
    .valid(AtLeast(1))
    .status(ONE_TIER),
    Definition::new(
        "remote.log.index.file.cache.total.size.bytes",
        Long,
        Some("1073741824"),
        "Bytes of indexes of the remote tier that are kept.",
    )
    .importance(Low)
    .valid(AtLeast(1))
    .status(ONE_TIER),
    Definition::new(
        "remote.log.manager.copier.thread.pool.size",
        Int,
        Some("10"),
        "Threads that copy to the remote tier.",
    )
    .valid(AtLeast(1))
    .status(ONE_TIER),
    Definition::new(
        "remote.log.manager.copy.max.bytes.per.second",
        Long,
        Some("9223372036854775807"),
        "Most bytes that are copied to the remote tier in a second.",
    )
    .valid(AtLeast(1))
    .status(ONE_TIER),
    Definition::new(
        "remote.log.manager.expiration.thread.pool.size",
        Int,
        Some("10"),
        "Threads that delete from the remote tier.",
    )
    .valid(AtLeast(1))
    .status(ONE_TIER),
    Definition::new(
        "remote.log.manager.fetch.max.bytes.per.second",
        Long,
        Some("9223372036854775807"),
        "Most bytes that are read from the remote tier in a second.",
    )
    .valid(AtLeast(1))
    .status(ONE_TIER),
    Definition::new(
        "remote.log.manager.follower.thread.pool.size",
        Int,
        Some("2"),
        "Threads that ask the remote tier on behalf of followers.",
    )
    .valid(AtLeast(1))
    .status(ONE_TIER),
    Definition::new("remote.log.reader.threads", Int, Some("10"), "Threads that read from the remote tier.")
        .valid(AtLeast(1))
        .status(ONE_TIER),
    Definition::new(
        "share.coordinator.cached.buffer.max.bytes",
        Int,
        Some("1048588"),
        "Most bytes of a buffer that the share coordinator keeps.",
    )
    .valid(AtLeast(512 * 1024))
    .status(NO_BUFFERS),
    Definition::new(
        "transaction.partition.verification.enable",
        Boolean,
        Some("true"),
        "Whether a transactional batch is refused unless its partition was added to the transaction.",
    )
    .importance(Low)
    .status(NO_TRANSACTIONS),
    throttle(
        "follower.replication.throttled.rate",
        "Most bytes in a second that a throttled follower fetches.",
    ),
    throttle(
        "leader.replication.throttled.rate",
        "Most bytes in a second that throttled leaders send to followers.",
    ),
    throttle(
        "replica.alter.log.dirs.io.max.bytes.per.second",
        "Most bytes in a second that are moved between log directories.",
    ),
];

/// The limits that tools put on replicas while these are moved. Kafka shows them once they are set.
const fn throttle(name: &'static str, doc: &'static str) -> Definition {
    Definition::new(name, Long, None, doc).valid(AtLeast(0)).status(ONE_REPLICA_SET).shown_if_set()
}
