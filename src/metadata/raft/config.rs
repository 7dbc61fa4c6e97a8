//! The configuration of the Raft library.

use std::time::Duration;

use openraft::{Config, SnapshotPolicy};

use crate::metadata::bootstrap::ClusterFile;
use crate::metadata::error::StartError;
use crate::metadata::settings::Timeouts;

pub(super) fn config(cluster: &ClusterFile, timeouts: &Timeouts) -> Result<Config, StartError> {
    let millis = |duration: Duration| duration.as_millis() as u64;
    Config {
        cluster_name: cluster.cluster_id.clone(),
        heartbeat_interval: millis(timeouts.heartbeat),
        election_timeout_min: millis(timeouts.election_min),
        election_timeout_max: millis(timeouts.election_max),
        // Elections are ours: see `election.rs`. What is left of the library's times is how long a voter refuses others after
        // its leader's last append.
        enable_elect: false,
        install_snapshot_timeout: millis(timeouts.snapshot),
        max_payload_entries: 16,
        // Snapshots go by the bytes of the log, which the supervisor watches.
        snapshot_policy: SnapshotPolicy::Never,
        snapshot_max_chunk_size: 1024 * 1024,
        max_in_snapshot_log_to_keep: 16,
        ..Config::default()
    }
    .validate()
    .map_err(|error| StartError::Raft(error.to_string()))
}
