//! The controller: observes the image, plans, proposes. Nobody else places shards.

use std::collections::BTreeMap;

use crate::metadata::{Command, Image, Metadata, Owner};
use crate::runtime::Runtime;
use crate::types::ShardId;

/// How long to wait after a proposal that had no outcome.
const RETRY_AFTER: std::time::Duration = std::time::Duration::from_millis(200);

/// Places shards whenever the image changes, until shutdown. Only the metadata's leader gets its proposals through.
pub async fn run(metadata: Metadata, runtime: Runtime) {
    let mut images = metadata.subscribe();
    loop {
        let image = images.borrow_and_update().clone();
        let plan = plan(&image);
        let retry = !plan.is_empty() && !carry_out(&metadata, plan).await;
        tokio::select! {
            () = runtime.shutdown.requested() => return,
            changed = images.changed() => if changed.is_err() { return },
            () = runtime.clock.sleep(RETRY_AFTER), if retry => {}
        }
    }
}

/// Assignments that are missing: every shard whose owner is not a registered life of a broker goes to the broker with
/// the fewest shards.
pub fn plan(image: &Image) -> Vec<Command> {
    let mut load: BTreeMap<_, usize> = BTreeMap::new();
    for broker in image.brokers.values() {
        load.insert((broker.id, broker.incarnation), 0);
    }
    let mut homeless: Vec<ShardId> = Vec::new();
    for (id, shard) in image.shards.iter() {
        let owner = shard.owner.map(|owner| (owner.broker, owner.incarnation));
        match owner.and_then(|owner| load.get_mut(&owner)) {
            Some(shards) => *shards += 1,
            None => homeless.push(*id),
        }
    }
    let mut commands = Vec::with_capacity(homeless.len());
    for shard in homeless {
        let Some((&(broker, incarnation), shards)) = load.iter_mut().min_by_key(|(_, shards)| **shards)
        else {
            return commands;
        };
        *shards += 1;
        commands.push(Command::AssignShard { shard, owner: Some(Owner { broker, incarnation }) });
    }
    commands
}

/// True if every command had an outcome. A refusal is one: the image has moved on, and the next plan knows.
async fn carry_out(metadata: &Metadata, plan: Vec<Command>) -> bool {
    match metadata.propose_many(plan).await {
        Ok(outcomes) => {
            for refused in outcomes.into_iter().filter_map(Result::err) {
                tracing::debug!(%refused, "assignment refused");
            }
            true
        }
        Err(error) => {
            tracing::warn!(%error, "assignments not proposed");
            false
        }
    }
}
