//! Refusals of brokers' configs that depend on what they are now, as Kafka has them.

use super::change::Target;
use super::definition::Scope;
use super::invalid::InvalidConfig;
use super::layers::{BrokerLayers, Overrides};
use super::tables::lookup;

/// Pools of threads, which Kafka makes at most twice and at least half as large in one step (`DynamicThreadPool`).
const THREADS: &[&str] = &[
    "background.threads",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
    "remote.log.manager.copier.thread.pool.size",
    "remote.log.manager.expiration.thread.pool.size",
    "remote.log.manager.follower.thread.pool.size",
    "remote.log.reader.threads",
];
const CLEANERS: &str = "log.cleaner.threads";
const DEDUPE_BUFFER: &str = "log.cleaner.dedupe.buffer.size";
const MIB: i64 = 1 << 20;

/// Set for all brokers at the birth of a Kafka cluster with eligible leader replicas, and never taken away.
const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// Values that are set for all brokers while they run, with those that a cluster is born with.
pub struct ClusterLayer<'a>(pub &'a dyn Overrides);

impl Overrides for ClusterLayer<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.value(name).or((name == MIN_INSYNC_REPLICAS).then_some("1"))
    }
}

/// Least values that Kafka looks for apart from a config's own range (`AbstractKafkaConfig.validateValues`).
const LEAST: &[(&str, i64)] =
    &[("log.roll.jitter.ms", 0), ("log.roll.ms", 1), (CLEANERS, 1), ("max.connections", 1)];
const RETENTION: &str = "log.retention.ms";

/// The bounds of how often groups are assigned anew, where nothing else is set.
const MOST_ASSIGNMENT_INTERVAL_MS: i64 = 15_000;

/// Checks a value that is right by itself against what the broker has now.
pub fn validate_step(name: &str, raw: &str, broker: &BrokerLayers<'_>) -> Result<(), InvalidConfig> {
    let Some(wanted) = parsed(name, raw) else { return Ok(()) };
    let refuse = |what: String| Err(InvalidConfig::new(name, what));
    if let Some((_, least)) = LEAST.iter().find(|(config, least)| *config == name && wanted < *least) {
        return refuse(format!("{name} must be equal or greater than {least}"));
    }
    if name == RETENTION && wanted == 0 {
        return refuse(format!("{name} must be unlimited (-1) or, equal or greater than 1"));
    }
    if name == DEDUPE_BUFFER && wanted / broker.number(CLEANERS).unwrap_or(1).max(1) <= MIB {
        return refuse(format!("{DEDUPE_BUFFER} must be at least 1MB per cleaner thread."));
    }
    if let Some((least, most)) = assignment_bounds(name, broker)
        && !(least..=most).contains(&wanted)
    {
        return refuse(format!("{name} must be in the range {least} to {most} inclusive."));
    }
    pool_size(name, wanted, broker)
}

fn assignment_bounds(name: &str, broker: &BrokerLayers<'_>) -> Option<(i64, i64)> {
    let kind = name.strip_prefix("group.")?.strip_suffix(".assignment.interval.ms")?;
    let bound = |end: &str| broker.number(&format!("group.{kind}.{end}.assignment.interval.ms"));
    matches!(kind, "consumer" | "share" | "streams")
        .then(|| (bound("min").unwrap_or(0), bound("max").unwrap_or(MOST_ASSIGNMENT_INTERVAL_MS)))
}

/// A pool of threads grows and shrinks step by step.
fn pool_size(name: &str, wanted: i64, broker: &BrokerLayers<'_>) -> Result<(), InvalidConfig> {
    let now = broker.number(name).filter(|_| name == CLEANERS || THREADS.contains(&name));
    let Some(now) = now else { return Ok(()) };
    let refuse = |how: &str| {
        let message = format!(
            "Dynamic thread count update validation failed for {name}={wanted}, value should {how} the \
             current value {now}"
        );
        Err(InvalidConfig::new(name, message))
    };
    match wanted {
        _ if wanted > now.saturating_mul(2) => refuse("not be greater than double"),
        _ if wanted < now / 2 => refuse("be at least half"),
        _ => Ok(()),
    }
}

/// Refuses to touch for one broker, or to take away from all, what a cluster is born with. `stays` says that the config is
/// set afterwards.
pub fn keeps_birthright(target: Target, name: &str, stays: bool) -> Result<(), InvalidConfig> {
    let refuse = |what: &str| Err(InvalidConfig::new(name, format!("{what} while ELR is enabled.")));
    match target {
        _ if name != MIN_INSYNC_REPLICAS => Ok(()),
        Target::Broker => refuse("Broker-level min.insync.replicas cannot be altered"),
        Target::Cluster if !stays => refuse("Cluster-level min.insync.replicas cannot be removed"),
        Target::Cluster | Target::Topic | Target::Group => Ok(()),
    }
}

/// The names that [`keeps_birthright`] is to be asked about although a change leaves them out.
pub const BIRTHRIGHT: &[&str] = &[MIN_INSYNC_REPLICAS];

fn parsed(name: &str, raw: &str) -> Option<i64> {
    lookup(Scope::Broker, name)?.check(raw).ok()?.as_long()
}
