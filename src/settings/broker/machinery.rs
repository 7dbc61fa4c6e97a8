//! Configs of machinery that Kafka can change while it runs and that is not here: they are taken and shown as Kafka does,
//! so that tools which set them go on. Those of limits and of classes that nothing here obeys keep their defaults.

use crate::settings::definition::Importance::{High, Low};
use crate::settings::definition::Status::{self, NoMeaningHere, NotYet};
use crate::settings::definition::{Definition, definitions};
use crate::settings::topic::{NO_SHARE_GROUPS, ONE_REPLICA_SET, ONE_TIER, ONLY_FOR_CLEANING};
use crate::settings::validator::Validator::{AtLeast, Items};

const THREADS: Status =
    NoMeaningHere("threads are not kept apart by what they do; there are as many as processors");
const ASSIGNED_AT_ONCE: Status = NoMeaningHere("an assignment is computed when it is needed");
const NO_BUFFERS: Status =
    NoMeaningHere("the coordinator's rows travel with the next commit; it keeps no buffer");
const OF_PROCESS: Status = NotYet("it is set by a variable of the process");
const NO_SUCH_LIMIT: Status = NotYet("connections are limited by max.connections alone");
pub(in crate::settings) const NO_CLASSES: Status = NotYet("there is no Java here to load a class");
const NO_TRANSACTIONS: Status = NoMeaningHere("transactions are not supported yet by this version");

pub(in crate::settings) const DEFINITIONS: &[Definition] = definitions! {
    "background.threads": Int = "10", importance(High), valid(AtLeast(1)), status(THREADS)
        => "Threads for work in the background.";
    "cordoned.log.dirs": List = "", valid(Items { may_be_empty: true }),
        status(NotYet("there is one place for all data, and it cannot be closed to new partitions")),
        per_broker => "Log directories that get no new partitions.";
    "config.providers": List = "", importance(Low), valid(Items { may_be_empty: true }),
        status(NotYet("configs are taken as they are written"))
        => "Where configs get parts of their values from.";
    "errors.deadletterqueue.auto.create.topics.enable": Boolean = "false", status(NO_SHARE_GROUPS)
        => "Whether the topics for records that a share group gave up are made when they are missing.";
    "errors.deadletterqueue.topic.name.prefix": String = "dlq.", status(NO_SHARE_GROUPS)
        => "How the names of topics for records that a share group gave up begin.";
    "follower.fetch.last.tiered.offset.enable": Boolean = "false", status(ONE_REPLICA_SET)
        => "Whether an empty follower begins behind what is tiered.";
    "group.consumer.assignor.offload.enable": Boolean = "true", status(ASSIGNED_AT_ONCE), shown_if_set
        => "Whether consumer groups are assigned in the background.";
    "group.coordinator.cached.buffer.max.bytes": Int = "1048588", valid(AtLeast(512 * 1024)),
        status(NO_BUFFERS) => "Most bytes of a buffer that the group coordinator keeps.";
    "group.share.assignor.offload.enable": Boolean = "true", status(ASSIGNED_AT_ONCE), shown_if_set
        => "Whether share groups are assigned in the background.";
    "group.streams.assignor.offload.enable": Boolean = "true", status(ASSIGNED_AT_ONCE), shown_if_set
        => "Whether streams groups are assigned in the background.";
    "log.cleaner.backoff.ms": Long = "15000", valid(AtLeast(0)), status(ONLY_FOR_CLEANING)
        => "Milliseconds between two looks for logs to clean.";
    "log.cleaner.dedupe.buffer.size": Long = "134217728", status(ONLY_FOR_CLEANING)
        => "Memory for finding keys that come again, all cleaner threads together.";
    "log.cleaner.io.buffer.load.factor": Double = "0.9", status(ONLY_FOR_CLEANING)
        => "How full the memory for finding keys may become.";
    "log.cleaner.io.buffer.size": Int = "524288", valid(AtLeast(0)), status(ONLY_FOR_CLEANING)
        => "Memory for reading and writing, all cleaner threads together.";
    "log.cleaner.io.max.bytes.per.second": Double = "1.7976931348623157E308", status(ONLY_FOR_CLEANING)
        => "Most bytes that cleaning reads and writes in a second.";
    "log.cleaner.threads": Int = "1", valid(AtLeast(0)), status(ONLY_FOR_CLEANING) => "Threads that clean.";
    "max.connection.creation.rate": Int = "2147483647", valid(AtLeast(0)), status(NO_SUCH_LIMIT)
        => "Most connections accepted in a second.";
    "max.connections.per.ip": Int = "2147483647", valid(AtLeast(0)), status(OF_PROCESS)
        => "Most connections from one address.";
    "max.connections.per.ip.overrides": String = "", status(OF_PROCESS)
        => "Most connections from single addresses.";
    "metric.reporters": List = "org.apache.kafka.common.metrics.JmxReporter", importance(Low),
        valid(Items { may_be_empty: true }), status(NO_CLASSES) => "Classes that are told of metrics.";
    "num.io.threads": Int = "8", importance(High), valid(AtLeast(1)), status(THREADS)
        => "Threads that carry out requests.";
    "num.network.threads": Int = "3", importance(High), valid(AtLeast(1)), status(THREADS)
        => "Threads that read and write connections.";
    "num.recovery.threads.per.data.dir": Int = "2", importance(High), valid(AtLeast(1)), status(THREADS)
        => "Threads that recover and flush the logs of a directory.";
    "num.replica.fetchers": Int = "1", importance(High), valid(AtLeast(1)), status(ONE_REPLICA_SET)
        => "Threads that fetch from another broker.";
    "principal.builder.class": Class
        = "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder",
        status(NO_CLASSES), per_broker => "What makes a principal of who is connected.";
    "remote.fetch.max.wait.ms": Int = "500", valid(AtLeast(1)), status(ONE_TIER)
        => "Milliseconds that a fetch waits for the remote tier.";
    "remote.list.offsets.request.timeout.ms": Long = "30000", valid(AtLeast(1)), status(ONE_TIER)
        => "Milliseconds that a search for offsets waits for the remote tier.";
    "remote.log.index.file.cache.total.size.bytes": Long = "1073741824", importance(Low), valid(AtLeast(1)),
        status(ONE_TIER) => "Bytes of indexes of the remote tier that are kept.";
    "remote.log.manager.copier.thread.pool.size": Int = "10", valid(AtLeast(1)), status(ONE_TIER)
        => "Threads that copy to the remote tier.";
    "remote.log.manager.copy.max.bytes.per.second": Long = "9223372036854775807", valid(AtLeast(1)),
        status(ONE_TIER) => "Most bytes that are copied to the remote tier in a second.";
    "remote.log.manager.expiration.thread.pool.size": Int = "10", valid(AtLeast(1)), status(ONE_TIER)
        => "Threads that delete from the remote tier.";
    "remote.log.manager.fetch.max.bytes.per.second": Long = "9223372036854775807", valid(AtLeast(1)),
        status(ONE_TIER) => "Most bytes that are read from the remote tier in a second.";
    "remote.log.manager.follower.thread.pool.size": Int = "2", valid(AtLeast(1)), status(ONE_TIER)
        => "Threads that ask the remote tier on behalf of followers.";
    "remote.log.reader.threads": Int = "10", valid(AtLeast(1)), status(ONE_TIER)
        => "Threads that read from the remote tier.";
    "share.coordinator.cached.buffer.max.bytes": Int = "1048588", valid(AtLeast(512 * 1024)),
        status(NO_BUFFERS) => "Most bytes of a buffer that the share coordinator keeps.";
    "transaction.partition.verification.enable": Boolean = "true", importance(Low), status(NO_TRANSACTIONS)
        => "Whether a transactional batch is refused unless its partition was added to the transaction.";
    "follower.replication.throttled.rate": Long, valid(AtLeast(0)), status(ONE_REPLICA_SET), shown_if_set
        => "Most bytes in a second that a throttled follower fetches.";
    "leader.replication.throttled.rate": Long, valid(AtLeast(0)), status(ONE_REPLICA_SET), shown_if_set
        => "Most bytes in a second that throttled leaders send to followers.";
    "replica.alter.log.dirs.io.max.bytes.per.second": Long, valid(AtLeast(0)), status(ONE_REPLICA_SET),
        shown_if_set => "Most bytes in a second that are moved between log directories.";
};
