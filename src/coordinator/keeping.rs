//! Retention of offsets: a look from time to time at what has expired, and one after every deletion of a topic.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::coordinators::{Coordinator, Coordinators};
use super::group::machines::Group;
use super::group::offsets::{Expire, Topics};
use super::group::topics::TopicNames;

/// The time between two looks at whether topics were deleted.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The source of topics, for a layer that knows no metadata.
pub struct TopicSource {
    /// The topics as far as this broker knows, with a number that grows when that changes. Topics may be missing that
    /// are new.
    pub known: Box<dyn Fn() -> (u64, Arc<TopicNames>) + Send + Sync>,
    /// All topics of which anything was said before the call; `None` if that cannot be told now.
    pub all: Box<dyn Fn() -> BoxFuture<'static, Option<Arc<TopicNames>>> + Send + Sync>,
}

impl Coordinators {
    /// Lets offsets expire, until shutdown.
    pub async fn keep_offsets(self: Arc<Self>, topics: TopicSource, every: Duration) {
        let clock = &self.runtime.clock;
        let mut next = clock.instant() + every;
        let mut seen = 0;
        loop {
            tokio::select! {
                () = self.runtime.shutdown.requested() => return,
                () = clock.sleep(LOOK_EVERY.min(every)) => {}
            }
            let (version, known) = (topics.known)();
            let is_time = clock.instant() >= next;
            let coordinators = self.loaded();
            let was_deleted =
                || coordinators.iter().any(|coordinator| keeps_offsets_of_other_topics(coordinator, &*known));
            if !is_time && (version == seen || !was_deleted()) {
                seen = version;
                continue;
            }
            // A topic that this broker has not heard of may be new rather than deleted.
            let Some(names) = (topics.all)().await else { continue };
            for coordinator in coordinators {
                expire(&coordinator, &*names, is_time);
            }
            seen = version;
            if is_time {
                next = clock.instant() + every;
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
