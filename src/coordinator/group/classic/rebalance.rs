//! From one generation to the next: the barrier that members meet at, and what time does to it.

use std::sync::Arc;

use bytes::Bytes;

use super::draft::Draft;
use super::group::{Initial, Phase};
use super::reply::{JoinReply, Refusal};
use super::stored::Stored;
use super::{Member, Timer};

impl Draft<'_> {
    /// Begins a rebalance, or goes on with the one that is under way.
    pub fn prepare_or_complete(&mut self) {
        match self.next.phase {
            Phase::Preparing { .. } => self.maybe_complete(),
            Phase::Empty | Phase::Completing | Phase::Stable => self.prepare(),
        }
    }

    /// Begins a rebalance. That of an empty group waits for more members; any other only for the members it has.
    pub fn prepare(&mut self) {
        if self.next.phase == Phase::Completing {
            self.drop_assignments(Refusal::RebalanceInProgress);
        }
        self.next.waiting.unsynced = Default::default();
        self.cancel(Timer::Syncs);
        let mut initial = None;
        if self.next.is_empty() {
            let delay_ms = self.world.limits.initial_delay_ms;
            let remaining_ms = self.next.rebalance_timeout_ms().saturating_sub(delay_ms).max(0);
            initial = Some(Initial { delay_ms, remaining_ms, grew: false });
            self.set(Timer::Joins, delay_ms);
        }
        self.next.enter(Phase::Preparing { initial }, self.world.now_ms);
        if initial.is_none() {
            match self.next.has_all_joined() {
                true => self.complete(),
                false => self.set(Timer::Joins, self.next.rebalance_timeout_ms()),
            }
        }
    }

    /// Ends the rebalance if nobody is missing. The first one of a group ends by its timer only.
    pub fn maybe_complete(&mut self) {
        if self.next.phase == (Phase::Preparing { initial: None }) && self.next.has_all_joined() {
            self.complete();
        }
    }

    /// Ends the rebalance with the members that have joined. Static ones that have not may still come.
    fn complete(&mut self) {
        self.cancel(Timer::Joins);
        let waiting = &self.next.waiting.joins;
        let is_late = |member: &&Member| member.instance.is_none() && !waiting.contains_key(&member.id);
        let late: Vec<Arc<str>> =
            self.next.members().filter(is_late).map(|member| Arc::clone(&member.id)).collect();
        for id in &late {
            self.remove(id);
        }
        if self.next.members.is_empty() {
            self.become_empty();
        } else if self.elect_leader() {
            self.begin_generation();
        } else {
            // Only static members that did not join are left; their sessions decide.
            self.set(Timer::Joins, self.next.rebalance_timeout_ms());
        }
    }

    /// A leader must be one that has joined. Says whether there is one.
    fn elect_leader(&mut self) -> bool {
        let has_joined = |id: &Arc<str>| self.next.waiting.joins.contains_key(id);
        if !self.next.leader.as_ref().is_some_and(has_joined) {
            let Some(joined) = self.next.waiting.joins.keys().next().cloned() else { return false };
            self.next.leader = Some(joined);
        }
        true
    }

    fn become_empty(&mut self) {
        self.next.waiting.unsynced = Default::default();
        let stored = Stored::of(&self.next);
        let generation = stored.generation.wrapping_add(1);
        let since_ms = self.world.now_ms;
        self.record(Stored { since_ms, generation, protocol_name: None, ..stored }.into());
    }

    fn begin_generation(&mut self) {
        self.next.generation = self.next.generation.wrapping_add(1);
        self.next.protocol_name = self.next.elect_protocol();
        self.next.enter(Phase::Completing, self.world.now_ms);
        self.next.waiting.unsynced = self.next.members.keys().cloned().collect();
        let ids: Vec<Arc<str>> = self.next.members.keys().cloned().collect();
        for id in ids {
            if self.next.member(&id).is_some_and(|member| member.is_new) {
                self.next.update(&id, |member| member.is_new = false);
            }
            let reply = self.next.join_reply(&id);
            self.finish_join(&id, reply);
            self.renew_session(&id);
        }
        self.set(Timer::Syncs, self.next.rebalance_timeout_ms());
    }

    /// Forgets the assignments of this generation, and tells those who wait for theirs why.
    pub fn drop_assignments(&mut self, refusal: Refusal) {
        let ids: Vec<Arc<str>> = self.next.members.keys().cloned().collect();
        for id in ids {
            self.next.update(&id, |member| member.assignment = Bytes::new());
            if self.finish_sync(&id, refusal.into()) {
                self.renew_session(&id);
            }
        }
    }

    /// A member was silent for too long, unless it waits for us.
    pub fn end_session(&mut self, id: &Arc<str>) {
        if self.next.waiting.ids.contains(id) {
            self.next.remove(id);
        } else {
            let Some(member) = self.next.member(id) else { return };
            let waits = self.next.waiting.joins.contains_key(id) || self.next.waiting.syncs.contains_key(id);
            if waits && !member.is_new {
                return;
            }
            self.remove(id);
            if matches!(self.next.phase, Phase::Stable | Phase::Completing) {
                self.prepare();
                return;
            }
        }
        if matches!(self.next.phase, Phase::Preparing { .. }) && self.next.has_all_joined() {
            self.complete();
        }
    }

    /// The time to join is up; a first rebalance that grew gets more of it, up to the rebalance timeout.
    pub fn end_join_wait(&mut self) {
        let Phase::Preparing { initial } = self.next.phase else { return };
        match initial {
            Some(Initial { delay_ms, remaining_ms, grew: true }) if remaining_ms != 0 => {
                let next_ms = self.world.limits.initial_delay_ms.min(remaining_ms);
                let initial = Initial {
                    delay_ms: next_ms,
                    remaining_ms: remaining_ms.saturating_sub(delay_ms).max(0),
                    grew: false,
                };
                self.next.phase = Phase::Preparing { initial: Some(initial) };
                self.set(Timer::Joins, next_ms);
            }
            _ => self.complete(),
        }
    }

    /// Members that did not ask for their assignments in time are taken for dead.
    pub fn end_sync_wait(&mut self) {
        if !matches!(self.next.phase, Phase::Completing | Phase::Stable) {
            return;
        }
        let missing: Vec<Arc<str>> = self.next.waiting.unsynced.iter().cloned().collect();
        if missing.is_empty() {
            return;
        }
        for id in &missing {
            self.remove(id);
        }
        self.prepare();
    }

    /// Gives the reply that a member gets whose instance another one has taken.
    pub fn fence(&mut self, id: &Arc<str>) {
        self.finish_join(id, JoinReply::refused(id, Refusal::FencedInstance));
        self.finish_sync(id, Refusal::FencedInstance.into());
    }
}
