//! Settings of the metadata.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::StartError;
use super::image::{Listener, MOST_SHARDS};
use crate::types::BrokerId;

/// A member of the Raft group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voter {
    pub id: BrokerId,
    /// The address at which its peers reach it, `host:port`; empty for a broker that is alone.
    pub address: String,
}

/// Settings of one broker's metadata.
#[derive(Clone, Debug)]
pub struct MetadataSettings {
    pub broker_id: BrokerId,
    /// The id of the cluster, which must be the stored one if there is one. Without it, a new cluster is called
    /// [`DEFAULT_CLUSTER_ID`], and an old one keeps its id.
    pub cluster_id: Option<String>,
    /// Number of shards of a new cluster.
    pub shards: u32,
    /// The first voters of a new cluster; this broker alone if empty.
    pub voters: Vec<Voter>,
    /// The address at which other brokers reach this one, `host:port`; empty for a broker that is alone.
    pub address: String,
    /// The listeners at which clients reach this broker, the default one first.
    pub listeners: Vec<Listener>,
    pub rack: Option<String>,
    pub timeouts: Timeouts,
    /// Bytes of log after which a snapshot is taken, unless twice the last snapshot is more.
    pub snapshot_log_bytes: u64,
    /// Settings that all brokers of the cluster are to have alike, by their names.
    pub agreed: Arc<BTreeMap<String, String>>,
    /// The newest level that this process speaks, as others hear it. Less than the program's own stands for an older program.
    pub level: u16,
    /// Metadata that is gone is made anew, though there are shards: somebody is about to repair it.
    pub is_rebuilt: bool,
}

/// The id of a cluster that was given none.
pub const DEFAULT_CLUSTER_ID: &str = "kafkaesque";

/// The usual [`MetadataSettings::snapshot_log_bytes`].
pub const SNAPSHOT_LOG_BYTES: u64 = 16 * 1024 * 1024;

/// Raft's timing. A commit takes the leader's PUT and then a follower's, so a slow store needs longer times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub heartbeat: Duration,
    /// For a vote.
    pub election_min: Duration,
    /// After an append of its leader, a voter votes for nobody else for so long.
    pub election_max: Duration,
    /// For sending one chunk of a snapshot.
    pub snapshot: Duration,
    /// For one proposal, from the call to its outcome.
    pub proposal: Duration,
    /// A leader that no majority has answered for so long leads no more (`BROKER_SESSION_TIMEOUT_MS`).
    pub session: Duration,
}

impl Timeouts {
    /// For a store on a local disk or in memory.
    pub fn local() -> Timeouts {
        Timeouts {
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(400),
            election_max: Duration::from_millis(450),
            snapshot: Duration::from_secs(30),
            proposal: Duration::from_secs(30),
            session: Duration::from_secs(3),
        }
    }

    /// For an object store behind a network.
    pub fn cloud() -> Timeouts {
        Timeouts { heartbeat: Duration::from_millis(300), ..Timeouts::local() }
    }

    /// The same proportions, raised until the 99th percentile of a PUT is at most half a heartbeat.
    pub fn raised_for(self, put_p99: Duration) -> Timeouts {
        let needed = put_p99 * 2;
        if needed <= self.heartbeat {
            return self;
        }
        let factor = needed.as_secs_f64() / self.heartbeat.as_secs_f64();
        Timeouts {
            heartbeat: needed,
            election_min: self.election_min.mul_f64(factor),
            election_max: self.election_max.mul_f64(factor),
            ..self
        }
    }
}

impl MetadataSettings {
    /// True if these settings can work.
    pub(super) fn check(&self) -> Result<(), StartError> {
        let wrong = |setting, reason: &str| Err(StartError::Setting { setting, reason: reason.to_owned() });
        if self.broker_id.0 < 0 {
            return wrong("BROKER_ID", "must not be negative");
        }
        if self.shards == 0 || self.shards > MOST_SHARDS {
            return wrong("SHARDS", "must be between 1 and 1024");
        }
        if self.cluster_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > 128) {
            return wrong("CLUSTER_ID", "must have between 1 and 128 bytes");
        }
        if self.listeners.is_empty() {
            return wrong("ADVERTISED_HOST", "there is no listener");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_store_raises_the_timeouts_in_proportion() {
        let local = Timeouts::local();
        assert_eq!(local.raised_for(Duration::ZERO), local);
        assert_eq!(local.raised_for(Duration::from_millis(50)), local);
        let slow = local.raised_for(Duration::from_millis(200));
        assert_eq!(slow.heartbeat, Duration::from_millis(400));
        assert_eq!(slow.election_min, Duration::from_millis(1600));
        assert_eq!(slow.election_max, Duration::from_millis(1800));
        assert_eq!((slow.snapshot, slow.proposal), (local.snapshot, local.proposal));
        let cloud = Timeouts::cloud();
        assert_eq!(cloud.raised_for(Duration::from_millis(150)), cloud);
        assert!(cloud.heartbeat < cloud.election_min && cloud.election_min < cloud.election_max);
    }
}
