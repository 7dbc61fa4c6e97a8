//! Outages in the log: once when one begins, once a minute while it goes on, once when it is over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::ShardHost;
use crate::log::{Cause, Unable};
use crate::runtime::Runtime;
use crate::runtime::clock::Instant;
use crate::types::ShardId;

const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// A shard that is opened again within this is none. A full disk is one at once: somebody must do something.
const HICCUP: Duration = Duration::from_secs(5);
const REPEAT: Duration = Duration::from_secs(60);

/// Watches the shards until shutdown.
pub async fn watch(shards: Arc<ShardHost>, runtime: Runtime) {
    let mut outage = Outage::default();
    loop {
        tokio::select! {
            () = runtime.shutdown.requested() => return,
            () = runtime.clock.sleep(LOOK_INTERVAL) => {}
        }
        // One that is closed is about to be let go of.
        let unable = shards.states().into_iter().filter_map(|(id, unable)| Some((id, unable?)));
        let unable: Vec<_> = unable.filter(|(_, unable)| unable.cause != Cause::Closed).collect();
        match outage.look(runtime.clock.instant(), &unable) {
            None => {}
            Some(News::Began) => tracing::warn!("an outage began: {}", in_words(&unable)),
            Some(News::GoesOn(time)) => {
                tracing::warn!("an outage goes on for {} s: {}", time.as_secs(), in_words(&unable));
            }
            Some(News::Over(time)) => {
                tracing::info!("an outage is over after {} s: all shards serve", time.as_secs());
            }
        }
    }
}

/// The outage that goes on, if there is one: from the first shard that cannot serve to the last that can again.
#[derive(Debug, Default)]
pub(super) struct Outage(Option<Ongoing>);

#[derive(Debug)]
struct Ongoing {
    since: Instant,
    told: Instant,
}

/// Something to tell, and how long the outage has lasted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    Began,
    GoesOn(Duration),
    Over(Duration),
}

impl Outage {
    /// Takes note of all shards that cannot serve now.
    pub fn look(&mut self, now: Instant, unable: &[(ShardId, Unable)]) -> Option<News> {
        let Some(ongoing) = &mut self.0 else {
            let since = unable.iter().map(|(_, unable)| unable.since).min()?;
            let is_full = unable.iter().any(|(_, unable)| unable.cause == Cause::Full);
            let is_one = is_full || now.duration_since(since) >= HICCUP;
            self.0 = is_one.then_some(Ongoing { since, told: now });
            return is_one.then_some(News::Began);
        };
        let time = now.duration_since(ongoing.since);
        if unable.is_empty() {
            self.0 = None;
            return Some(News::Over(time));
        }
        let repeat = now.duration_since(ongoing.told) >= REPEAT;
        if repeat {
            ongoing.told = now;
        }
        repeat.then_some(News::GoesOn(time))
    }
}

/// Shards with the same cause are named together, since one store carries them all.
pub(super) fn in_words(unable: &[(ShardId, Unable)]) -> String {
    let mut by_cause: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, unable) in unable {
        by_cause.entry(unable.cause.to_string()).or_default().push(id.to_string());
    }
    let of_one = by_cause.into_iter().map(|(cause, ids)| match ids.as_slice() {
        [id] => format!("shard {id} cannot serve: {cause}"),
        ids => format!("shards {} cannot serve, each because {cause}", ids.join(", ")),
    });
    of_one.collect::<Vec<_>>().join("; ")
}
