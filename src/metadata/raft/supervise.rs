//! The watch over a running member and its database.

use std::sync::Arc;

use slatedb::CloseReason;

use super::node::Node;
use crate::runtime::{Runtime, Shutdown};

impl Node {
    /// Keeps the database in order, and ends the process when it, or the group's member, has failed. Returns after
    /// `stop`.
    pub(in crate::metadata) async fn supervise(self: Arc<Node>, runtime: Runtime, stop: Shutdown) {
        let mut status = self.upkeep.db().subscribe();
        let mut metrics = self.raft().metrics();
        loop {
            let closed = tokio::select! {
                biased;
                () = stop.requested() => return,
                closed = async {
                    let closed = status.wait_for(|now| now.close_reason.is_some()).await;
                    closed.ok().and_then(|now| now.close_reason)
                } => closed,
                () = async {
                    let _ = metrics.wait_for(|now| now.running_state.is_err()).await;
                } => None,
                () = self.upkeep.due() => {
                    self.keep_up().await;
                    continue;
                }
            };
            // Both end together; the database knows why.
            let reason = closed.or(self.upkeep.db().status().close_reason);
            runtime.tasks.fail(match reason {
                Some(CloseReason::Fenced) => {
                    format!("another process was started as broker {}; only one can go on", self.id())
                }
                Some(reason) => format!("the Raft database was closed: {reason:?}"),
                None => "the Raft group's member has stopped".to_owned(),
            });
            stop.requested().await;
            return;
        }
    }

    async fn keep_up(&self) {
        if self.upkeep.snapshot_is_due() {
            // It fails when the member has stopped, and then the supervisor hears of it.
            let _ = self.raft().trigger().snapshot().await;
        }
        if let Err(error) = self.upkeep.flush_tables().await {
            tracing::warn!(%error, "the Raft database could not be flushed");
        }
    }
}
