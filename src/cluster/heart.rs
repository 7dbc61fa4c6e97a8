//! The heart of a broker: tells the controller several times a second how its shards are, and takes its word on them: proof that
//! they are still its own, and what it is to release.

use std::sync::Arc;
use std::time::Duration;

use super::controller::Controller;
use super::heartbeat::{self, Heartbeat, Reply};
use super::shard_host::ShardHost;
use crate::metadata::Metadata;
use crate::peer::{Service, Transport};
use crate::runtime::Runtime;
use crate::types::BrokerId;

/// Between two heartbeats. With the age of what the controller knows it is less than a proof of ownership lasts.
const BEAT: Duration = Duration::from_millis(150);
/// The longest wait for an answer out of memory.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// Beats until the tasks are stopped: also while the broker gives its shards away.
pub async fn beat(
    shards: Arc<ShardHost>,
    controller: Controller,
    transport: Arc<dyn Transport>,
    metadata: Metadata,
    runtime: Runtime,
) {
    loop {
        let sent = runtime.clock.instant();
        let heartbeat = shards.heartbeat();
        let leader = metadata.leader();
        let reply = match leader {
            Some(leader) if leader == metadata.broker_id() => Some(controller.hear(&heartbeat)),
            Some(controller) => tokio::select! {
                reply = ask(&*transport, controller, &heartbeat) => reply,
                () = metadata.leader_is_not(leader) => None,
            },
            None => None,
        };
        if let Some(reply) = reply {
            shards.take_word(sent, &reply);
        }
        tokio::select! {
            () = metadata.stopped() => return,
            () = shards.changed() => {}
            // A new controller waits for everybody's word.
            () = metadata.leader_is_not(leader) => {}
            () = runtime.clock.sleep(BEAT) => {}
        }
    }
}

async fn ask(transport: &dyn Transport, leader: BrokerId, heartbeat: &Heartbeat) -> Option<Reply> {
    let request = heartbeat::encode(heartbeat);
    let reply = transport.call(leader, Service::Controller, request, ANSWER_LIMIT).await;
    heartbeat::decode(&reply.ok()?)
}
