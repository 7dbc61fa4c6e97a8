//! The commands that ask a running cluster how it is, have brokers leave it, and give it more shards. They reach its brokers as brokers reach each
//! other, and prove the same: whoever may ask has the cluster's secret, or can read it where the data are.
//! Entry points: [`status`], [`remove`], [`add_shards`].
//! Invariant: the controller alone decides.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::cluster::{self, LoadStatus, Removal, Removed, Status, Stuck, TakeoverStatus};
use crate::config::{Config, LogFormat};
use crate::metadata;
use crate::ops;
use crate::peer::{Answers, ClusterSecret, Member, Network, Service, Settings, Tls, Transport};
use crate::runtime::Runtime;
use crate::store;
use crate::types::BrokerId;

/// No broker has this id.
const OPERATOR: BrokerId = BrokerId(-1);
/// Between two steps of a removal.
const STEP: Duration = Duration::from_millis(500);
/// The longest that a removal waits for a controller that decides.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells how the cluster is: as a table, or as JSON. The error is what keeps it from that.
pub fn status(config: &Config, as_json: bool) -> Result<(String, bool), String> {
    in_runtime(config, async |runtime| {
        let visit = Visit::begin(config, runtime).await?;
        let status = visit.status().await?;
        let text = if as_json { json(&status)? } else { table(&status) };
        Ok((text, status.problems.is_empty()))
    })
}

/// Has a broker leave for good, drained first if it lives and `drains`.
pub fn remove(config: &Config, broker: i32, drains: bool) -> Result<String, String> {
    in_runtime(config, async |runtime| {
        let visit = Visit::begin(config, runtime).await?;
        visit.remove(Removal { broker: BrokerId(broker), drains }).await?;
        Ok(format!("broker {broker} was removed"))
    })
}

/// Raises the number of shards.
pub fn add_shards(config: &Config, shards: u32) -> Result<String, String> {
    in_runtime(config, async |runtime| {
        let visit = Visit::begin(config, runtime).await?;
        visit.add_shards(shards).await?;
        Ok(format!("the cluster has {shards} shards"))
    })
}

fn in_runtime<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Runtime) -> Result<T, String>,
) -> Result<T, String> {
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let tokio = tokio.map_err(|error| format!("the asynchronous runtime did not start: {error}"))?;
    let as_json = config.operation.log_format == LogFormat::Json;
    ops::log_to_stderr(&config.operation.log_filter, as_json).map_err(|error| error.to_string())?;
    tokio.block_on(work(&Runtime::system()))
}

/// An operator among the brokers.
struct Visit {
    network: Network,
    transport: Arc<dyn Transport>,
    peers: Vec<BrokerId>,
    runtime: Runtime,
}

/// Nobody calls an operator.
struct Nobody;

#[async_trait]
impl Answers for Nobody {
    async fn answer(&self, _: BrokerId, _: Service, _: Bytes) -> Bytes {
        Bytes::new()
    }
}

impl Visit {
    async fn begin(config: &Config, runtime: &Runtime) -> Result<Visit, String> {
        let listed = config.cluster.raft_peers.iter().flatten();
        let addresses: HashMap<BrokerId, String> =
            listed.map(|(id, address)| (*id, address.to_string())).collect();
        if addresses.is_empty() {
            return Err("RAFT_PEERS: name the brokers to ask".to_owned());
        }
        let opened = store::open(&config.store, runtime, |_, _| ()).await;
        let store = opened.map_err(|error| format!("{}: {error}", config.to_look_at(error.trouble())))?;
        let cluster_id =
            metadata::stored_cluster_id(&store, &runtime.clock).await.map_err(|e| e.to_string())?;
        let cluster_id = cluster_id.ok_or("there is no cluster at this place")?;
        let secret = ClusterSecret::open(config.cluster.secret.as_ref(), &store, runtime).await;
        let secret = secret.map_err(|error| error.to_string())?;
        let tls =
            Tls::open(config.cluster.raft_insecure, config.cluster.tls_files().as_ref(), &runtime.clock);
        let tls = tls.map_err(|error| error.to_string())?;
        let peers = addresses.keys().copied().collect();
        let settings = Settings { broker: OPERATOR, peers: addresses, secret, tls };
        let network = Network::of_visitor(settings, runtime);
        let transport = network.transport();
        network.serve(Member {
            cluster_id,
            incarnation: runtime.clock.now_ms().unsigned_abs(),
            answers: Arc::new(Nobody),
            registered: Box::new(|_| Vec::new()),
        });
        Ok(Visit { network, transport, peers, runtime: runtime.clone() })
    }

    async fn status(&self) -> Result<Status, String> {
        let mut reasons = Vec::new();
        for peer in &self.peers {
            match cluster::status(&*self.transport, *peer).await {
                Ok(Some(status)) => return Ok(status),
                Ok(None) => reasons.push(format!("broker {peer} does not lead")),
                Err(error) => reasons.push(error.to_string()),
            }
        }
        self.network.close().await;
        Err(format!("no controller was found: {}", reasons.join("; ")))
    }

    async fn add_shards(&self, shards: u32) -> Result<(), String> {
        let clock = &self.runtime.clock;
        let deadline = clock.instant() + PATIENCE;
        loop {
            let mut why = String::new();
            for peer in &self.peers {
                match cluster::add_shards(&*self.transport, *peer, shards).await {
                    Ok(()) => return Ok(()),
                    Err(Stuck::Later(reason)) => why = reason,
                    Err(stuck) => return Err(stuck.to_string()),
                }
            }
            if clock.instant() >= deadline {
                return Err(format!("not done within {PATIENCE:?}: {why}"));
            }
            clock.sleep(STEP).await;
        }
    }

    async fn remove(&self, removal: Removal) -> Result<(), String> {
        let clock = &self.runtime.clock;
        let mut deadline = clock.instant() + PATIENCE;
        let mut last = None;
        let mut is_begun = false;
        loop {
            let mut why = String::new();
            for peer in &self.peers {
                match cluster::remove(&*self.transport, *peer, removal).await {
                    Ok(Removed::Done) => return Ok(()),
                    // The answer to the last step was lost, with a leader that left.
                    Err(Stuck::Unknown(_)) if is_begun => return Ok(()),
                    Ok(Removed::Draining { shards }) => {
                        is_begun = true;
                        if last != Some(shards) {
                            tracing::info!(shards, "the broker gives its shards away");
                            last = Some(shards);
                            deadline = clock.instant() + PATIENCE;
                        }
                        why = format!("{shards} shards are still its own");
                        break;
                    }
                    Err(Stuck::Later(reason)) => why = reason,
                    Err(stuck) => return Err(stuck.to_string()),
                }
            }
            if clock.instant() >= deadline {
                return Err(format!("not removed within {PATIENCE:?}: {why}"));
            }
            clock.sleep(STEP).await;
        }
    }
}

fn json(status: &Status) -> Result<String, String> {
    serde_json::to_string_pretty(status).map_err(|error| error.to_string())
}

fn takeover(last: &TakeoverStatus) -> String {
    let after = |millis: Option<u64>| millis.map_or("not yet".to_owned(), |millis| format!("{millis} ms"));
    format!(
        "\nlast takeover, {} s ago: owner {}, given up after {} ms; since then assigned {}, open {}",
        last.ago_ms / 1000,
        last.cause,
        last.detected_ms,
        after(last.assigned_ms),
        after(last.open_ms)
    )
}

/// A number of bytes, short.
fn in_bytes(bytes: u64) -> String {
    let scaled = |unit: u32, name: &str| format!("{:.1} {name}", bytes as f64 / f64::from(1 << unit));
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => scaled(10, "KiB"),
        1_048_576..1_073_741_824 => scaled(20, "MiB"),
        _ => scaled(30, "GiB"),
    }
}

/// One line for each broker and shard, and one for each problem.
fn table(status: &Status) -> String {
    let Status { cluster_id, leader, term, index, level, .. } = status;
    let mut lines = vec![
        format!("cluster {cluster_id}: broker {leader} leads in term {term}, entry {index}, level {level}"),
        String::new(),
    ];
    lines.push(format!(
        "{:>6} {:>12} {:>8} {:>7} {:>7} {:>6} {:<10} {}",
        "BROKER", "INCARNATION", "STATE", "VOTES", "BEHIND", "SHARDS", "RACK", "ADDRESS"
    ));
    for broker in &status.brokers {
        let behind = broker.behind.map_or("?".to_owned(), |behind| behind.to_string());
        let votes = if broker.votes { "yes" } else { "no" };
        let rack = broker.rack.as_deref().unwrap_or("-");
        lines.push(format!(
            "{:>6} {:>12} {:>8} {votes:>7} {behind:>7} {:>6} {rack:<10} {}",
            broker.id, broker.incarnation, broker.standing, broker.shards, broker.address
        ));
    }
    lines.push(String::new());
    lines.push(format!(
        "{:>6} {:>6} {:>6} {:>10} {:>10} {:>10} {}",
        "SHARD", "OWNER", "EPOCH", "PARTITIONS", "IN/S", "OUT/S", "STATE"
    ));
    for shard in &status.shards {
        let owner = shard.owner.map_or("-".to_owned(), |owner| owner.to_string());
        let load = status.loads.iter().find(|load| load.shard == shard.id);
        let bytes = |of: fn(&LoadStatus) -> u64| load.map_or("-".to_owned(), |load| in_bytes(of(load)));
        let (bytes_in, bytes_out) =
            (bytes(|load| load.bytes_in_per_second), bytes(|load| load.bytes_out_per_second));
        lines.push(format!(
            "{:>6} {owner:>6} {:>6} {:>10} {bytes_in:>10} {bytes_out:>10} {}",
            shard.id, shard.epoch, shard.partitions, shard.state
        ));
    }
    lines.extend(status.last_takeover.as_ref().map(takeover));
    lines.extend(status.warnings.iter().map(|warning| format!("WARNING {warning}")));
    lines.extend(status.problems.iter().map(|problem| format!("PROBLEM {problem}")));
    lines.join("\n")
}
