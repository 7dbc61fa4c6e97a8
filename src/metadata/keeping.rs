//! Duties of a member: the level rises once every registered broker can do more, and settings that brokers
//! are to have alike are declared and compared.

use std::sync::Arc;
use std::time::Duration;

use super::command::Command;
use super::handle::Metadata;
use super::{level, version};
use crate::runtime::{Clock, Shutdown, TaskKind};

const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Starts what goes on until the metadata is closed.
pub(super) fn begin(metadata: &Metadata) {
    let (runtime, stop) = (&metadata.0.runtime, &metadata.0.stop);
    runtime.tasks.spawn(TaskKind::Raft, rise(metadata.clone(), runtime.clock.clone(), stop.clone()));
    if !metadata.is_alone() {
        runtime.tasks.spawn(TaskKind::Raft, declare(metadata.clone(), runtime.clock.clone(), stop.clone()));
    }
}

/// Raises the level, while this broker leads, as soon as all brokers can do more. Runs until `stop`.
async fn rise(metadata: Metadata, clock: Clock, stop: Shutdown) {
    let mut images = metadata.subscribe();
    loop {
        let next = images.borrow_and_update().next_level();
        if let Some(level) = next.filter(|_| metadata.leads()) {
            tokio::select! {
                () = stop.requested() => return,
                () = raise(&metadata, level) => {}
            }
        }
        let again = async {
            match next {
                Some(_) => clock.sleep(LOOK_AGAIN).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.requested() => return,
            changed = images.changed() => if changed.is_err() { return },
            () = again => {}
        }
    }
}

async fn raise(metadata: &Metadata, level: u16) {
    if let Err(error) = level::mark(&metadata.0.store, level, &metadata.0.runtime.clock).await {
        tracing::warn!(%error, level, "the cluster's level was not raised yet");
        return;
    }
    match metadata.propose(Command::RaiseLevel { level }).await {
        Ok(Ok(_)) => {
            tracing::info!(level, "the cluster's level was raised: older programs can join it no more")
        }
        Ok(Err(refused)) => tracing::debug!(%refused, level, "the cluster's level was not raised"),
        Err(error) => tracing::warn!(%error, level, "the cluster's level was not raised yet"),
    }
}

/// Declares the settings of this process as soon as the cluster's level allows it, and warns of differences when they are new.
/// Runs until `stop`.
async fn declare(metadata: Metadata, clock: Clock, stop: Shutdown) {
    let mut images = metadata.subscribe();
    let mut known = Vec::new();
    loop {
        let image = images.borrow_and_update().clone();
        let (id, incarnation) = (metadata.broker_id(), metadata.incarnation());
        let is_registered = image.broker(id).is_some_and(|broker| broker.incarnation == incarnation);
        let agreed = &metadata.0.settings.agreed;
        let is_known = image.configs.declared.of(id).map_or(agreed.is_empty(), |known| known == agreed);
        let mut is_tried = false;
        if is_registered && !is_known && image.level() >= Some(version::OF_LEVELS) {
            let settings = Arc::clone(agreed);
            is_tried = true;
            tokio::select! {
                () = stop.requested() => return,
                proposed = metadata.propose(Command::Declare { broker: id, incarnation, settings }) => {
                    tracing::debug!(?proposed, "told the others of the settings here");
                }
            }
        }
        let differences = image.configs.declared.differences();
        for difference in differences.iter().filter(|difference| !known.contains(*difference)) {
            tracing::warn!("{difference}");
        }
        known = differences;
        let again =
            async { if is_tried { clock.sleep(LOOK_AGAIN).await } else { std::future::pending().await } };
        tokio::select! {
            () = stop.requested() => return,
            changed = images.changed() => if changed.is_err() { return },
            () = again => {}
        }
    }
}
