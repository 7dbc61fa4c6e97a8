//! Retention of offsets: a look from time to time at what has expired, and one after every change of topics.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::coordinators::{Coordinator, Coordinators};
use super::group::machines::Group;
use super::group::offsets::{Expire, Topics};
use super::group::topics::TopicNames;
use crate::runtime::clock::Instant;

/// The time for which changes of topics gather before they are looked at, and after which a source that could not tell is
/// asked again.
const GATHER: Duration = Duration::from_secs(1);

/// The topics that a broker knows, and their number.
pub type Known = (u64, Arc<TopicNames>);

/// The source of topics, for a layer that knows no metadata.
pub struct TopicSource {
    /// The topics as far as this broker knows, with a number that grows when that changes: as soon as the number is above
    /// the given one. Topics may be missing that are new.
    pub newer: Box<dyn Fn(u64) -> BoxFuture<'static, Known> + Send + Sync>,
    /// All topics of which anything was said before the call; `None` if that cannot be told now.
    pub all: Box<dyn Fn() -> BoxFuture<'static, Option<Arc<TopicNames>>> + Send + Sync>,
}

impl Coordinators {
    /// Lets offsets expire, until shutdown.
    pub async fn keep_offsets(self: Arc<Self>, topics: TopicSource, every: Duration) {
        let clock = &self.runtime.clock;
        let gather = GATHER.min(every);
        let (mut version, mut known): Known = (0, Arc::new(|_| None));
        // The next look at offsets of deleted topics, if topics have changed, and at all offsets.
        let (mut look, mut next) = (None, clock.instant() + every);
        loop {
            tokio::select! {
                () = self.runtime.shutdown.requested() => return,
                newer = (topics.newer)(version) => {
                    (version, known) = newer;
                    look.get_or_insert_with(|| clock.instant() + gather);
                    continue;
                }
                () = clock.reach(Some(look.map_or(next, |look: Instant| look.min(next)))) => {}
            }
            look = None;
            let is_time = clock.instant() >= next;
            let coordinators = self.loaded();
            let keeps_other =
                |coordinator: &Arc<Coordinator>| keeps_offsets_of_other_topics(coordinator, &*known);
            if !is_time && !coordinators.iter().any(keeps_other) {
                continue;
            }
            // A topic that this broker has not heard of may be new rather than deleted.
            let after = match (topics.all)().await {
                Some(names) => {
                    coordinators.iter().for_each(|coordinator| expire(coordinator, &*names, is_time));
                    every
                }
                None => {
                    look = Some(clock.instant() + gather);
                    gather
                }
            };
            if is_time {
                next = clock.instant() + after;
            }
        }
    }
}

/// Deletes what nobody uses any more: offsets whose time is over, those of topics that are deleted, and, if
/// `with_groups`, groups that neither have members nor keep offsets. `names` must know every topic of which an offset was
/// committed before.
fn expire(coordinator: &Arc<Coordinator>, names: &TopicNames, with_groups: bool) {
    let topics = Topics { name: &names, are_all: coordinator.shard().knows_metadata() };
    for id in coordinator.map(|id, _| Arc::clone(id)) {
        // Nobody waits for it: what cannot be written is found again by the next incarnation.
        drop(coordinator.ask(&id, Expire { topics, with_groups }));
    }
}

/// True if offsets are kept of a topic that has no name.
fn keeps_offsets_of_other_topics(coordinator: &Coordinator, names: &TopicNames) -> bool {
    let has_other =
        |_: &_, group: &Group| group.offsets().iter().any(|(partition, _)| names(partition.topic).is_none());
    coordinator.shard().knows_metadata() && coordinator.map(has_other).contains(&true)
}
