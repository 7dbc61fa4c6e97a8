//! Shards on their way to another owner: given away as the controller asks, closed, and reported.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::heartbeat::{Heartbeat, HostState, Reply, Report};
use super::shard_host::{Hosted, Hosting, ShardHost};
use crate::log::Shard;
use crate::metadata::Image;
use crate::runtime::TaskKind;
use crate::runtime::clock::Instant;
use crate::types::{LeaderEpoch, ShardId};

/// A controller that says nothing for so long has no shard given away any more.
const SILENCE: Duration = Duration::from_secs(3);

/// The part of a host that lets go of shards.
pub(super) struct Handover {
    /// Held while a shard of the id closes: it is not opened meanwhile.
    turns: Mutex<BTreeMap<ShardId, Arc<tokio::sync::Mutex<()>>>>,
    /// This broker is stopping, and gives its shards away.
    is_leaving: AtomicBool,
    /// The time for which the controller gave its last word, and whether nobody could take a shard then.
    word: watch::Sender<(Instant, bool)>,
    /// The state of a shard has changed, or this broker leaves.
    pub news: Notify,
}

impl Handover {
    pub(super) fn new(now: Instant) -> Handover {
        Handover {
            turns: Mutex::default(),
            is_leaving: AtomicBool::new(false),
            word: watch::Sender::new((now, false)),
            news: Notify::new(),
        }
    }
}

impl ShardHost {
    /// This broker's word to the controller.
    pub(super) fn heartbeat(&self) -> Heartbeat {
        let now = self.runtime.clock.instant();
        let damaged = self.damaged.read().clone();
        let is_damaged = |id: ShardId, epoch| damaged.get(&id).is_some_and(|(found, _)| *found == epoch);
        let hosted = self.hosted.read();
        let stuck = hosted.values().filter_map(|hosted| hosted.shard()?.waiting_since()).min();
        let carried = hosted.iter().filter_map(|(id, hosted)| Some((*id, hosted.shard()?.carried())));
        let report = |(shard, hosted): (&ShardId, &Hosted)| {
            let (shard, epoch) = (*shard, hosted.epoch);
            let state = match &hosted.state {
                Hosting::Opening(..) if is_damaged(shard, epoch) => HostState::Damaged,
                Hosting::Opening(..) => HostState::Opening,
                Hosting::Open(_) | Hosting::Flushing(_) | Hosting::Releasing => HostState::Open,
                Hosting::Released => HostState::Released,
            };
            Report { shard, epoch, state }
        };
        Heartbeat {
            from: self.metadata.owner(),
            index: self.image().index,
            shards: hosted.iter().map(report).collect(),
            stuck_ms: stuck.map(|since| now.saturating_duration_since(since).as_millis() as u64),
            is_leaving: self.handover.is_leaving.load(Ordering::Relaxed),
            loads: self.loads.lock().look(now, carried),
        }
    }

    /// Obeys the controller's reply to a heartbeat of `sent`.
    pub(crate) fn take_word(self: &Arc<Self>, sent: Instant, reply: &Reply) {
        self.confirm(sent, reply);
        self.handover.word.send_replace((sent, reply.nobody_takes));
        for (id, epoch) in &reply.release {
            self.release(*id, *epoch);
        }
    }

    /// Waits until a shard that this broker has let go of has another assignment, for no longer than `patience`. Returns at once
    /// of any other shard.
    pub async fn given_away(&self, id: ShardId, epoch: LeaderEpoch, patience: Duration) {
        let is_let_go = {
            let hosted = self.hosted.read();
            let found = hosted.get(&id).filter(|hosted| hosted.epoch == epoch);
            found.is_some_and(|hosted| matches!(hosted.state, Hosting::Releasing | Hosting::Released))
        };
        if is_let_go {
            let mut images = self.served.subscribe();
            let moved = images.wait_for(|image| image.shard(id).is_none_or(|shard| shard.epoch != epoch));
            // Whoever waits looks at what has come of it.
            let _ = self.runtime.clock.timeout(patience, moved).await;
        }
    }

    /// Returns when there is something to tell the controller.
    pub(crate) async fn changed(&self) {
        self.handover.news.notified().await;
    }

    fn release(self: &Arc<Self>, id: ShardId, epoch: LeaderEpoch) {
        let mut hosted = self.hosted.write();
        let Some(hosted) = hosted.get_mut(&id).filter(|hosted| hosted.epoch == epoch) else { return };
        match &hosted.state {
            Hosting::Open(shard) => {
                let (host, shard) = (Arc::clone(self), shard.clone());
                hosted.state = Hosting::Flushing(shard.clone());
                self.runtime.tasks.spawn(TaskKind::ShardSupervisor, host.hand_over(id, epoch, shard));
            }
            // It is closed as soon as it has opened.
            Hosting::Opening(..) => {
                hosted.state = Hosting::Released;
                self.handover.news.notify_one();
            }
            Hosting::Flushing(_) | Hosting::Releasing | Hosting::Released => {}
        }
    }

    /// Flushes the index while clients are served, so that little is left to do; then takes no more, finishes, and closes.
    async fn hand_over(self: Arc<Self>, id: ShardId, epoch: LeaderEpoch, shard: Shard) {
        if let Err(error) = shard.flush_index().await {
            tracing::info!(shard = %id, %error, "its index was not flushed before it is given away");
        }
        if self.set_state(id, epoch, Hosting::Releasing) {
            shard.close().await;
            self.set_state(id, epoch, Hosting::Released);
            self.handover.news.notify_one();
        }
    }

    fn set_state(&self, id: ShardId, epoch: LeaderEpoch, state: Hosting) -> bool {
        let mut hosted = self.hosted.write();
        let found = hosted.get_mut(&id).filter(|hosted| hosted.epoch == epoch);
        found.map(|hosted| hosted.state = state).is_some()
    }

    /// Lets go of the shards that are no longer assigned, or with another epoch. While the metadata counts on
    /// this broker, that has to wait for its release.
    pub(super) fn leave(&self, image: &Image, assigned: &BTreeMap<ShardId, LeaderEpoch>) {
        let is_counted_on = image.counts_on(self.metadata.owner());
        let mut hosted = self.hosted.write();
        let gone: Vec<ShardId> = hosted
            .iter()
            .filter(|(id, hosted)| assigned.get(id) != Some(&hosted.epoch))
            .map(|(id, _)| *id)
            .collect();
        for (id, left) in gone.into_iter().filter_map(|id| Some((id, hosted.remove(&id)?))) {
            if is_counted_on && !matches!(left.state, Hosting::Released) {
                self.ownership.metrics.taken.inc();
                tracing::error!(shard = %id, epoch = %left.epoch, "a shard was taken that was not released");
            }
            if let Some(shard) = left.into_shard() {
                self.close_shard(shard);
            }
        }
    }

    /// Closes a shard beside everything else; until then none of its id is opened.
    pub(super) fn close_shard(&self, shard: Shard) {
        let turn = self.turn(shard.id()).try_lock_owned();
        self.runtime.tasks.spawn(TaskKind::ShardSupervisor, async move {
            shard.close().await;
            drop(turn);
        });
    }

    pub(super) fn turn(&self, id: ShardId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.handover.turns.lock().entry(id).or_default())
    }

    /// Gives all shards away, one after the other, while clients are served; for no longer than `limit`, and only if there is
    /// somebody to take them.
    pub async fn leave_cluster(&self, limit: Duration) {
        let own = self.metadata.owner();
        let has_others = |image: &Image| image.live_brokers().any(|broker| broker.id != own.broker);
        if self.is_alone() || !has_others(&self.metadata.image()) {
            return;
        }
        self.handover.is_leaving.store(true, Ordering::Relaxed);
        self.handover.news.notify_one();
        let mut images = self.metadata.subscribe();
        let left = images.wait_for(|image| {
            !has_others(image) || (image.shards_of(own).next().is_none() && !image.is_live(own.broker))
        });
        tokio::select! {
            _ = left => {}
            () = self.is_left_alone() => tracing::info!("no other broker takes shards"),
            () = self.runtime.clock.sleep(limit) => {
                tracing::warn!("not all shards found another broker in time");
            }
        }
    }

    /// Returns when the controller says that nobody takes shards, or says nothing any more: all brokers may be stopping.
    async fn is_left_alone(&self) {
        let begun = self.runtime.clock.instant();
        let mut word = self.handover.word.subscribe();
        loop {
            let (last, nobody_takes) = *word.borrow_and_update();
            if nobody_takes && last > begun {
                return;
            }
            let silent_at = last.max(begun) + SILENCE;
            tokio::select! {
                // The sender is part of `self`.
                _ = word.changed() => {}
                () = self.runtime.clock.sleep_until(silent_at) => return,
            }
        }
    }
}
