//! The coordinator of the groups of one shard, for as long as one incarnation of the shard lasts.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::entry::{Entry, Membership, Telling};
use super::error::LoadError;
use super::group::classic::{Reply, Stored, Ticket};
use super::group::consumer::Row;
use super::timers::{TimerChange, Timers};
use super::{MetadataSource, Settings};
use crate::log::Shard;
use crate::log::keys::{self, CommittedOffset, Tag};
use crate::runtime::{Runtime, TaskKind};

/// Rows to write: a value, or a deletion.
pub(super) type Rows = Vec<(Bytes, Option<Bytes>)>;

/// The groups of one incarnation of a shard. With the incarnation ends all that is in here: whoever waits is told so by
/// its channel, and loading what is stored is how the next one begins.
pub struct Coordinator {
    shard: Shard,
    epoch: u64,
    pub(super) settings: Settings,
    pub(super) metadata: Arc<MetadataSource>,
    pub(super) runtime: Runtime,
    pub(super) state: Mutex<State>,
    /// Wakes the task that waits for timers.
    sooner: Notify,
}

#[derive(Default)]
pub(super) struct State {
    pub groups: HashMap<Arc<str>, Entry>,
    pub timers: Timers,
    pub tickets: u64,
    /// Who waits for an answer of a classic group.
    pub asking: HashMap<Ticket, oneshot::Sender<Reply>>,
    /// The incarnation has ended.
    pub over: bool,
}

impl Coordinator {
    /// Reads what is stored, and begins all sessions anew.
    pub(super) async fn load(
        shard: Shard,
        epoch: u64,
        settings: Settings,
        metadata: Arc<MetadataSource>,
        runtime: &Runtime,
    ) -> Result<Arc<Coordinator>, LoadError> {
        let mut state = State::default();
        for (key, value) in shard.rows(epoch, Tag::ClassicGroup).await? {
            let id = keys::classic_group_id(&key)?;
            let group = Stored::decode(value)?.into_group();
            state.groups.entry(id.into()).or_default().membership = Membership::Classic(group);
        }
        for (key, value) in shard.rows(epoch, Tag::ConsumerGroup).await? {
            let (id, part) = keys::split_consumer_group(&key)?;
            let entry = state.groups.entry(id.into()).or_default();
            entry.apply(&Row::decode(part, value)?);
        }
        for (key, value) in shard.rows(epoch, Tag::CommittedOffset).await? {
            let (id, partition, committed) = CommittedOffset::decode(&key, &value)?;
            state.groups.entry(id.into()).or_default().offsets.apply((partition, Some(committed)));
        }
        let count = state.groups.len();
        let coordinator = Arc::new(Coordinator {
            shard,
            epoch,
            settings,
            metadata,
            runtime: runtime.clone(),
            state: Mutex::new(state),
            sooner: Notify::new(),
        });
        coordinator.begin();
        tracing::info!(shard = %coordinator.shard.id(), groups = count, "groups loaded");
        runtime.tasks.spawn(TaskKind::Coordinator, Arc::clone(&coordinator).run());
        Ok(coordinator)
    }

    pub fn shard(&self) -> &Shard {
        &self.shard
    }

    /// Whether it still stands for the shard's state: false once its incarnation has ended.
    pub(super) fn is_current(&self) -> bool {
        self.shard.status().epoch == Some(self.epoch) && !self.state.lock().over
    }

    fn begin(self: &Arc<Self>) {
        let mut state = self.state.lock();
        let ids: Vec<Arc<str>> = state.groups.keys().cloned().collect();
        for id in ids {
            self.decide_loaded(&mut state, &id);
        }
    }

    /// Looks at a group, and tells once what was seen is durable.
    pub(super) fn look<T: Send + 'static>(
        &self,
        id: &str,
        look: impl FnOnce(Option<&Entry>) -> T,
    ) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state.lock();
        if state.over {
            return receiver;
        }
        let seen = look(state.groups.get(id).filter(|entry| entry.exists()));
        let telling: Telling = Box::new(move || drop(sender.send(seen)));
        match state.groups.get_mut(id) {
            Some(entry) => entry.tell(telling),
            None => telling(),
        }
        receiver
    }

    /// Changes what is held of a group beside its members: `change` says which rows that writes, and what to tell once
    /// they are durable.
    pub(super) fn change<T: Send + 'static>(
        self: &Arc<Self>,
        id: &str,
        change: impl FnOnce(&mut Entry) -> (Rows, Vec<TimerChange>, T),
    ) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state.lock();
        if state.over {
            return receiver;
        }
        let id: Arc<str> = id.into();
        let (rows, timers, outcome) = change(state.groups.entry(Arc::clone(&id)).or_default());
        self.set_timers(&mut state, &id, timers);
        self.write(&mut state, &id, rows);
        if let Some(entry) = state.groups.get_mut(&id) {
            entry.tell(Box::new(move || drop(sender.send(outcome))));
        }
        self.tidy(&mut state, &id);
        receiver
    }

    /// Whether there is such a group.
    pub(super) fn any(&self, is_such: impl FnMut(&Entry) -> bool) -> bool {
        self.state.lock().groups.values().any(is_such)
    }

    /// The result of `of` for every group.
    pub(super) fn map<T>(&self, of: impl Fn(&Arc<str>, &Entry) -> T) -> Vec<T> {
        let state = self.state.lock();
        state.groups.iter().filter(|(_, entry)| entry.exists()).map(|(id, entry)| of(id, entry)).collect()
    }

    /// The ids of all groups.
    pub(super) fn ids(&self) -> Vec<Arc<str>> {
        let state = self.state.lock();
        state.groups.iter().filter(|(_, entry)| entry.exists()).map(|(id, _)| Arc::clone(id)).collect()
    }

    pub(super) fn set_timers(&self, state: &mut State, id: &Arc<str>, changes: Vec<TimerChange>) {
        let before = state.timers.next();
        for change in changes {
            match change {
                TimerChange::Set { timer, after_ms } => {
                    let after = Duration::from_millis(u64::try_from(after_ms).unwrap_or(0));
                    state.timers.set(id, timer, self.runtime.clock.instant() + after);
                }
                TimerChange::Cancel(timer) => state.timers.cancel(id, timer),
            }
        }
        if state.timers.next() < before || before.is_none() {
            self.sooner.notify_one();
        }
    }

    /// Writes rows of a group. If the shard takes them no more, everything ends: memory is ahead of what is stored.
    pub(super) fn write(self: &Arc<Self>, state: &mut State, id: &Arc<str>, rows: Rows) {
        if rows.is_empty() || state.over {
            return;
        }
        let Some(entry) = state.groups.get_mut(id) else { return };
        let number = entry.write();
        match self.shard.write_rows_of(self.epoch, rows) {
            Err(error) => {
                tracing::debug!(%error, group = %id, "group cannot be saved");
                self.end(state);
            }
            Ok(saving) => {
                let (this, id) = (Arc::clone(self), Arc::clone(id));
                self.runtime.tasks.spawn(TaskKind::Request, async move {
                    let saved = saving.await;
                    this.saved(&id, number, saved.is_ok());
                });
            }
        }
    }

    fn saved(self: &Arc<Self>, id: &Arc<str>, number: u64, is_saved: bool) {
        let mut state = self.state.lock();
        if !is_saved {
            self.end(&mut state);
            return;
        }
        let Some(entry) = state.groups.get_mut(id) else { return };
        entry.save(number);
        if entry.is_saved() {
            let held = std::mem::take(&mut entry.held);
            let own = self.consumer_settings(id);
            let after = |timer| {
                let after_ms = entry.full_time_ms(&timer, &self.settings, &own);
                TimerChange::Set { timer, after_ms }
            };
            let changes = held.into_iter().map(after).collect();
            self.set_timers(&mut state, id, changes);
        }
        self.tidy(&mut state, id);
    }

    pub(super) fn tidy(&self, state: &mut State, id: &Arc<str>) {
        if let Place::Occupied(place) = state.groups.entry(Arc::clone(id))
            && place.get().is_idle()
        {
            place.remove();
        }
    }

    /// The incarnation has ended: whoever waits learns it from the channel's end.
    fn end(&self, state: &mut State) {
        *state = State { over: true, ..State::default() };
        self.sooner.notify_one();
    }

    /// Lets timers run out, until the incarnation or the process ends.
    async fn run(self: Arc<Self>) {
        loop {
            let next = {
                let mut state = self.state.lock();
                if state.over || self.shard.status().epoch != Some(self.epoch) {
                    self.end(&mut state);
                    return;
                }
                self.expire(&mut state);
                state.timers.next()
            };
            // Looks from time to time whether the incarnation lives.
            let look = self.runtime.clock.instant() + Duration::from_secs(1);
            tokio::select! {
                () = self.runtime.shutdown.requested() => return,
                () = self.sooner.notified() => {}
                () = self.runtime.clock.sleep_until(next.map_or(look, |next| next.min(look))) => {}
            }
        }
    }

    fn expire(self: &Arc<Self>, state: &mut State) {
        while let Some((id, timer)) = state.timers.pop(self.runtime.clock.instant()) {
            let Some(entry) = state.groups.get_mut(&id) else { continue };
            if !entry.is_saved() {
                entry.held.push(timer);
                continue;
            }
            self.decide_expired(state, &id, &timer);
        }
    }
}
