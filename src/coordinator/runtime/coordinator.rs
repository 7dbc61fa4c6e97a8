//! The machines of one shard, for as long as one incarnation of the shard lasts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::TryFutureExt;
use futures::future::{MapErr, try_join_all};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::askers::{Reply, Waiting};
use super::decision::Decision;
use super::error::{Gone, LoadError};
use super::machine::{Machine, Question, Row};
use super::parking::{Notice, Parking};
use super::timers::{TimerChange, Timers};
use crate::log::{Open, Shard};
use crate::runtime::{Runtime, TaskKind};

/// An answer once it is durable, or the end of who would have given it.
pub type Pending<R> = MapErr<oneshot::Receiver<R>, fn(oneshot::error::RecvError) -> Gone>;

/// The world as a machine with this id may know it at a time.
type WorldOf<M> = dyn Fn(&Arc<str>, i64) -> <M as Machine>::World + Send + Sync;

/// The machines of one incarnation of a shard. With the incarnation ends all that is in here: whoever waits is told so by
/// its channel, and loading what is stored is how the next one begins.
pub struct Coordinator<M: Machine> {
    shard: Shard,
    open: Open,
    world_of: Arc<WorldOf<M>>,
    runtime: Runtime,
    state: Mutex<State<M>>,
    /// Wakes the task that waits for timers.
    sooner: Notify,
}

struct State<M: Machine> {
    entries: HashMap<Arc<str>, Entry<M>>,
    timers: Timers<(Arc<str>, M::Timer)>,
    waiting: Waiting,
    /// The incarnation has ended.
    over: bool,
}

impl<M: Machine> Default for State<M> {
    fn default() -> State<M> {
        State { entries: HashMap::new(), timers: Timers::default(), waiting: Waiting::default(), over: false }
    }
}

/// A machine, and what waits until it is durable.
struct Entry<M: Machine> {
    machine: M,
    parking: Parking,
    /// Timers that ran out while something was not durable. Nobody could be answered, so the time was nobody's fault.
    held: Vec<M::Timer>,
}

impl<M: Machine> Default for Entry<M> {
    fn default() -> Entry<M> {
        Entry { machine: M::default(), parking: Parking::default(), held: Vec::new() }
    }
}

impl<M: Machine> Coordinator<M> {
    /// Reads what is stored, all kinds of rows side by side, and lets the machines begin.
    pub async fn load(
        shard: Shard,
        open: Open,
        world_of: Arc<WorldOf<M>>,
        runtime: &Runtime,
    ) -> Result<Arc<Coordinator<M>>, LoadError> {
        let kinds = try_join_all(M::Row::TAGS.iter().map(|tag| open.rows(*tag))).await?;
        let mut state = State::<M>::default();
        for (tag, rows) in M::Row::TAGS.iter().zip(kinds) {
            for (key, value) in rows {
                let (id, row) = M::Row::decode(*tag, &key, value)?;
                state.entries.entry(id.into()).or_default().machine.apply(&row);
            }
        }
        let ids: Vec<Arc<str>> = state.entries.keys().cloned().collect();
        let coordinator = Arc::new(Coordinator {
            shard,
            open,
            world_of,
            runtime: runtime.clone(),
            state: Mutex::new(state),
            sooner: Notify::new(),
        });
        for id in &ids {
            coordinator.decide(&mut coordinator.state.lock(), id, M::begin);
        }
        tracing::info!(shard = %coordinator.shard.id(), groups = ids.len(), "groups loaded");
        runtime.tasks.spawn(TaskKind::Coordinator, Arc::clone(&coordinator).run());
        Ok(coordinator)
    }

    pub fn shard(&self) -> &Shard {
        &self.shard
    }

    /// True as long as it stands for the shard's state: until its incarnation ends.
    pub fn is_current(&self) -> bool {
        !self.open.has_ended() && !self.state.lock().over
    }

    /// Asks a machine, which may not exist. The call decides, and so keeps the order of calls; the answer comes once it
    /// is durable.
    pub fn ask<Q: Question<M>>(self: &Arc<Self>, id: &str, question: Q) -> Pending<Q::Reply> {
        let mut state = self.state.lock();
        let (asker, receiver) = state.waiting.open();
        if state.over {
            state.waiting = Waiting::default();
        } else {
            let id = state.id(id);
            let world = (self.world_of)(&id, self.runtime.clock.now_ms());
            let decision = match state.entries.get(&id) {
                Some(entry) => question.decide(&entry.machine, asker, &world),
                None => question.decide(&M::default(), asker, &world),
            };
            if let Some(reply) = self.carry_out(&mut state, &id, decision)
                && let Some(notice) = state.waiting.close(asker, reply)
            {
                state.park(&id, notice);
            }
            state.remove_if_idle(&id);
        }
        receiver.map_err(|_| Gone)
    }

    /// The result of `of` for every machine as of now, durable or not.
    pub fn map<T>(&self, of: impl Fn(&Arc<str>, &M) -> T) -> Vec<T> {
        let state = self.state.lock();
        let existing = state.entries.iter().filter(|(_, entry)| entry.machine.exists());
        existing.map(|(id, entry)| of(id, &entry.machine)).collect()
    }

    /// Has a machine decide of its own accord, if it is there.
    fn decide(
        self: &Arc<Self>,
        state: &mut State<M>,
        id: &Arc<str>,
        decide: impl FnOnce(&M, &M::World) -> Decision<M>,
    ) {
        if let Some(entry) = state.entries.get(id) {
            let decision = decide(&entry.machine, &(self.world_of)(id, self.runtime.clock.now_ms()));
            self.carry_out(state, id, decision);
        }
    }

    /// Carries out all of a decision but its answer, which it gives back.
    fn carry_out<R>(self: &Arc<Self>, state: &mut State<M>, id: &Arc<str>, decision: Decision<M, R>) -> R {
        if let Some(next) = decision.next {
            state.entries.entry(Arc::clone(id)).or_default().machine = next;
        }
        self.change_timers(state, id, decision.timers);
        self.write(state, id, decision.rows);
        for reply in decision.replies {
            if let Some(notice) = reply.take(&mut state.waiting) {
                state.park(id, notice);
            }
        }
        decision.reply
    }

    fn change_timers(&self, state: &mut State<M>, id: &Arc<str>, changes: Vec<TimerChange<M::Timer>>) {
        let before = state.timers.next();
        for change in changes {
            match change {
                TimerChange::Set { timer, after_ms } => {
                    let after = Duration::from_millis(u64::try_from(after_ms).unwrap_or(0));
                    state.timers.set((Arc::clone(id), timer), self.runtime.clock.instant() + after);
                }
                TimerChange::Cancel(timer) => state.timers.cancel(&(Arc::clone(id), timer)),
            }
        }
        if state.timers.next() < before || before.is_none() {
            self.sooner.notify_one();
        }
    }

    /// Writes rows of a machine. If the shard takes them no more, everything ends: memory is ahead of what is stored.
    fn write(self: &Arc<Self>, state: &mut State<M>, id: &Arc<str>, rows: Vec<M::Row>) {
        let Some(entry) = state.entries.get_mut(id).filter(|_| !rows.is_empty()) else { return };
        let number = entry.parking.write();
        let rows = rows.iter().map(|row| (row.key(id), row.value())).collect();
        match self.open.write_rows(rows) {
            Err(error) => {
                tracing::debug!(%error, group = %id, "group cannot be saved");
                self.end(state);
            }
            Ok(saving) => {
                let (this, id) = (Arc::clone(self), Arc::clone(id));
                self.runtime.tasks.spawn(TaskKind::Request, async move {
                    let saved = saving.await;
                    this.finish_write(&id, number, saved.is_ok());
                });
            }
        }
    }

    fn finish_write(self: &Arc<Self>, id: &Arc<str>, number: u64, is_saved: bool) {
        let mut state = self.state.lock();
        if !is_saved {
            self.end(&mut state);
            return;
        }
        let Some(entry) = state.entries.get_mut(id) else { return };
        entry.parking.save(number);
        if entry.parking.is_saved() && !entry.held.is_empty() {
            let world = (self.world_of)(id, self.runtime.clock.now_ms());
            let held = std::mem::take(&mut entry.held).into_iter();
            let restart = |timer| {
                let after_ms = entry.machine.full_time_ms(&timer, &world);
                TimerChange::Set { timer, after_ms }
            };
            let changes = held.map(restart).collect();
            self.change_timers(&mut state, id, changes);
        }
        state.remove_if_idle(id);
    }

    /// The incarnation has ended: whoever waits learns it from the channel's end.
    fn end(&self, state: &mut State<M>) {
        *state = State { over: true, ..State::default() };
        self.sooner.notify_one();
    }

    /// Lets timers run out, until the incarnation or the process ends.
    async fn run(self: Arc<Self>) {
        loop {
            let next = {
                let mut state = self.state.lock();
                if state.over {
                    return;
                }
                self.expire(&mut state);
                state.timers.next()
            };
            tokio::select! {
                () = self.runtime.shutdown.requested() => return,
                () = self.open.ended() => return self.end(&mut self.state.lock()),
                () = self.sooner.notified() => {}
                () = self.runtime.clock.reach(next) => {}
            }
        }
    }

    fn expire(self: &Arc<Self>, state: &mut State<M>) {
        while let Some((id, timer)) = state.timers.pop(self.runtime.clock.instant()) {
            match state.entries.get_mut(&id) {
                Some(entry) if !entry.parking.is_saved() => entry.held.push(timer),
                Some(_) | None => self.decide(state, &id, |machine, world| machine.expire(&timer, world)),
            }
        }
    }
}

impl<M: Machine> State<M> {
    /// The id of a machine as it is kept, where it is.
    fn id(&self, id: &str) -> Arc<str> {
        self.entries.get_key_value(id).map_or_else(|| id.into(), |(id, _)| Arc::clone(id))
    }

    /// Sends a notice once all that was written of a machine so far is durable.
    fn park(&mut self, id: &Arc<str>, notice: Notice) {
        match self.entries.get_mut(id) {
            Some(entry) => entry.parking.park(notice),
            None if self.over => {}
            None => notice(),
        }
    }

    fn remove_if_idle(&mut self, id: &Arc<str>) {
        if self.entries.get(id).is_some_and(|entry| !entry.machine.exists() && entry.parking.is_idle()) {
            self.entries.remove(id);
        }
    }
}
