//! Decisions of the machines, carried out: the group in memory, its rows, its timers, its answers.

use std::sync::Arc;

use super::entry::{Membership, Telling};
use super::group::classic::{self, Reply, Ticket};
use super::group::consumer::{self, Next, World};
use super::shard::{Coordinator, Rows, State};
use super::timers::{Timer, TimerChange};
use crate::log::keys;

impl Coordinator {
    /// What is set for one consumer group: its own configs, where it has any, over the broker's.
    pub(super) fn consumer_settings(&self, group: &str) -> consumer::Settings {
        (self.metadata.group_settings)(group, self.settings.consumer)
    }

    /// Decides with all that a machine of consumer groups may know of the world now.
    pub(super) fn with_world<T>(&self, group: &str, decide: impl FnOnce(World<'_>) -> T) -> T {
        decide(World {
            topics: &*(self.metadata.topics)(),
            settings: &self.consumer_settings(group),
            classic: &self.settings.classic,
            now_ms: self.runtime.clock.now_ms(),
        })
    }

    /// What a group does that has just been loaded.
    pub(super) fn decide_loaded(self: &Arc<Self>, state: &mut State, id: &Arc<str>) {
        let now_ms = self.runtime.clock.now_ms();
        match state.groups.get(id).map(|entry| &entry.membership) {
            None | Some(Membership::Nobody) => {}
            Some(Membership::Classic(group)) => {
                let decision = group.loaded(&self.settings.classic, now_ms);
                self.carry_out_classic(state, id, decision);
            }
            Some(Membership::Consumer(group)) => {
                let decision = self.with_world(id, |world| group.loaded(world));
                self.carry_out_consumer(state, id, decision);
            }
        }
    }

    /// What a group does when a timer runs out. One of a protocol that it does not speak any more is nothing to it.
    pub(super) fn decide_expired(self: &Arc<Self>, state: &mut State, id: &Arc<str>, timer: &Timer) {
        let now_ms = self.runtime.clock.now_ms();
        match (timer, state.groups.get(id).map(|entry| &entry.membership)) {
            (Timer::Classic(timer), Some(Membership::Classic(group))) => {
                let decision = group.expire(timer, &self.settings.classic, now_ms);
                self.carry_out_classic(state, id, decision);
            }
            (Timer::Consumer(timer), Some(Membership::Consumer(group))) => {
                let decision = self.with_world(id, |world| group.expire(timer, world));
                self.carry_out_consumer(state, id, decision);
            }
            (Timer::Classic(_) | Timer::Consumer(_), _) => {}
        }
    }

    pub(super) fn carry_out_classic(
        self: &Arc<Self>,
        state: &mut State,
        id: &Arc<str>,
        decision: classic::Decision,
    ) {
        let mut rows = Rows::new();
        if let Some(next) = decision.next {
            let entry = state.groups.entry(Arc::clone(id)).or_default();
            if let Membership::Consumer(before) = &entry.membership {
                rows.extend(without(id, before));
            }
            entry.membership = Membership::Classic(next);
        }
        self.set_timers(state, id, decision.timers.into_iter().map(TimerChange::from).collect());
        rows.extend(decision.save.map(|stored| (keys::classic_group(id), Some(stored.encode()))));
        self.write(state, id, rows);
        for (ticket, reply) in decision.replies {
            self.reply(state, id, ticket, reply);
        }
    }

    /// Carries out all of a decision but its answer, which it gives back: it is told when all that is written by now is
    /// durable.
    pub(super) fn carry_out_consumer<R>(
        self: &Arc<Self>,
        state: &mut State,
        id: &Arc<str>,
        decision: consumer::Decision<R>,
    ) -> R {
        let row = |row: &consumer::Row| (keys::consumer_group(id, &row.key()), row.value());
        let mut rows: Rows = decision.rows.iter().map(row).collect();
        let mut timers = Vec::new();
        let mut replies = Vec::new();
        let own_timers = decision.timers.into_iter().map(TimerChange::from);
        match decision.next {
            None => timers.extend(own_timers),
            Some(Next::Consumer(group)) => {
                state.groups.entry(Arc::clone(id)).or_default().membership = Membership::Consumer(group);
                timers.extend(own_timers);
            }
            Some(Next::Upgraded(group, parting)) => {
                let entry = state.groups.entry(Arc::clone(id)).or_default();
                let before = std::mem::replace(&mut entry.membership, Membership::Consumer(group));
                if let Membership::Classic(before) = before {
                    timers.extend(before.forgotten().into_iter().map(TimerChange::from));
                }
                rows.push((keys::classic_group(id), None));
                timers.extend(own_timers);
                replies = parting;
                tracing::info!(group = &**id, "classic group is a consumer group now");
            }
            Some(Next::Downgraded(classic)) => {
                timers.extend(own_timers);
                timers.extend(classic.timers.into_iter().map(TimerChange::from));
                if let Some(group) = classic.next {
                    let entry = state.groups.entry(Arc::clone(id)).or_default();
                    entry.membership = Membership::Classic(group);
                }
                rows.extend(classic.save.map(|stored| (keys::classic_group(id), Some(stored.encode()))));
                replies = classic.replies;
                tracing::info!(group = &**id, "consumer group is a classic group now");
            }
        }
        self.set_timers(state, id, timers);
        self.write(state, id, rows);
        for (ticket, reply) in replies {
            self.reply(state, id, ticket, reply);
        }
        decision.reply
    }

    /// Answers a request of the classic protocol once that is durable. Whoever stopped waiting does not need to know.
    pub(super) fn reply(&self, state: &mut State, id: &Arc<str>, ticket: Ticket, reply: Reply) {
        if let Some(sender) = state.asking.remove(&ticket) {
            state.tell(id, Box::new(move || drop(sender.send(reply))));
        }
    }
}

impl State {
    /// The id of a group as it is kept, where it is.
    pub(super) fn id(&self, group: &str) -> Arc<str> {
        match self.groups.get_key_value(group) {
            Some((id, _)) => Arc::clone(id),
            None => group.into(),
        }
    }

    /// Tells once all that was written of a group so far is durable.
    pub(super) fn tell(&mut self, id: &Arc<str>, telling: Telling) {
        if self.over {
            return;
        }
        match self.groups.get_mut(id) {
            Some(entry) => entry.tell(telling),
            None => telling(),
        }
    }
}

/// What takes a consumer group out of the store.
pub(super) fn without(id: &str, group: &consumer::Group) -> Rows {
    let row = |row: &consumer::Row| (keys::consumer_group(id, &row.key()), None);
    group.tombstones().iter().map(row).collect()
}
