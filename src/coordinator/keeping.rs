//! How long offsets are kept: a look from time to time at what has expired, and one after every deletion of a topic.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::coordinators::Coordinators;
use super::offsets::TopicNames;

/// How often to look whether topics were deleted.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How the topics become known, to a layer that knows no metadata.
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
                || coordinators.iter().any(|coordinator| coordinator.keeps_offsets_of_other_topics(&*known));
            if !is_time && (version == seen || !was_deleted()) {
                seen = version;
                continue;
            }
            // What this broker has not heard of may be new rather than deleted.
            let Some(names) = (topics.all)().await else { continue };
            for coordinator in coordinators {
                coordinator.expire_offsets(&*names, is_time);
            }
            seen = version;
            if is_time {
                next = clock.instant() + every;
            }
        }
    }
}
