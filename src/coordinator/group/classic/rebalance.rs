//! From one generation to the next: the barrier that members meet at, and what time does to it.

use std::sync::Arc;

use bytes::Bytes;

use super::decision::{Decision, Draft, Timer, TimerChange};
use super::group::{Group, Initial, Phase};
use super::reply::{JoinReply, Refusal};
use super::stored::Stored;
use super::{Limits, Member};

impl Group {
    /// What happens when a timer runs out.
    pub fn expire(&self, timer: &Timer, limits: &Limits, now_ms: i64) -> Decision {
        let mut draft = Draft::of(self, limits, now_ms);
        match timer {
            Timer::Session(id) => draft.end_session(id),
            Timer::Join => draft.end_join_wait(),
            Timer::Sync => draft.end_sync_wait(),
        }
        draft.decided()
    }

    /// What a group does when its coordinator has just loaded it: all sessions begin anew.
    pub fn loaded(&self, limits: &Limits, now_ms: i64) -> Decision {
        let mut draft = Draft::of(self, limits, now_ms);
        for member in self.members() {
            draft.renew_session(&member.id);
        }
        if self.members.size() > limits.max_size {
            draft.prepare();
        }
        draft.decided()
    }
}

impl Group {
    /// How long a timer lasts that begins anew. An id that was only given out gets the shortest session there is.
    pub fn full_time_ms(&self, timer: &Timer, limits: &Limits) -> i32 {
        match (timer, self.phase) {
            (Timer::Session(id), _) => match self.member(id) {
                Some(member) if member.is_new => limits.new_member_join_timeout_ms,
                Some(member) => member.session_timeout_ms,
                None => limits.session_timeout_ms.0,
            },
            (Timer::Join, Phase::Preparing { initial: Some(initial) }) => initial.delay_ms,
            (Timer::Join | Timer::Sync, _) => self.rebalance_timeout_ms(),
        }
    }

    /// Ends every timer of a group that is deleted.
    pub fn forgotten(&self) -> Vec<TimerChange> {
        let ids = self.members.keys().chain(self.waiting.ids.iter());
        let sessions = ids.map(|id| Timer::Session(Arc::clone(id)));
        sessions.chain([Timer::Join, Timer::Sync]).map(TimerChange::Cancel).collect()
    }
}

impl Draft<'_> {
    /// Begins a rebalance, or goes on with the one that is under way.
    pub fn prepare_or_complete(&mut self) {
        match self.group.phase {
            Phase::Preparing { .. } => self.maybe_complete(),
            Phase::Empty | Phase::Completing | Phase::Stable => self.prepare(),
        }
    }

    /// Begins a rebalance. That of an empty group waits for more members; any other only for the members it has.
    pub fn prepare(&mut self) {
        if self.group.phase == Phase::Completing {
            self.drop_assignments(Refusal::RebalanceInProgress);
        }
        self.group.waiting.unsynced = Default::default();
        self.cancel(Timer::Sync);
        let mut initial = None;
        if self.group.is_empty() {
            let delay_ms = self.limits.initial_delay_ms;
            let remaining_ms = self.group.rebalance_timeout_ms().saturating_sub(delay_ms).max(0);
            initial = Some(Initial { delay_ms, remaining_ms, grew: false });
            self.set(Timer::Join, delay_ms);
        }
        self.group.enter(Phase::Preparing { initial }, self.now_ms);
        if initial.is_none() {
            match self.group.has_all_joined() {
                true => self.complete(),
                false => self.set(Timer::Join, self.group.rebalance_timeout_ms()),
            }
        }
    }

    /// Ends the rebalance if nobody is missing. The first one of a group ends by its timer only.
    pub fn maybe_complete(&mut self) {
        if self.group.phase == (Phase::Preparing { initial: None }) && self.group.has_all_joined() {
            self.complete();
        }
    }

    /// Ends the rebalance with the members that have joined. Static ones that have not may still come.
    fn complete(&mut self) {
        self.cancel(Timer::Join);
        let waiting = &self.group.waiting.joins;
        let is_late = |member: &&Member| member.instance.is_none() && !waiting.contains_key(&member.id);
        let late: Vec<Arc<str>> =
            self.group.members().filter(is_late).map(|member| Arc::clone(&member.id)).collect();
        for id in &late {
            self.remove(id);
        }
        if self.group.members.is_empty() {
            self.become_empty();
        } else if self.elect_leader() {
            self.begin_generation();
        } else {
            // Only static members that did not join are left; their sessions decide.
            self.set(Timer::Join, self.group.rebalance_timeout_ms());
        }
    }

    /// A leader must be one that has joined. Says whether there is one.
    fn elect_leader(&mut self) -> bool {
        let has_joined = |id: &Arc<str>| self.group.waiting.joins.contains_key(id);
        if !self.group.leader.as_ref().is_some_and(has_joined) {
            let Some(joined) = self.group.waiting.joins.keys().next().cloned() else { return false };
            self.group.leader = Some(joined);
        }
        true
    }

    fn become_empty(&mut self) {
        self.group.generation = self.group.generation.wrapping_add(1);
        self.group.protocol_name = None;
        self.group.waiting.unsynced = Default::default();
        self.group.enter(Phase::Empty, self.now_ms);
        let stored = Stored::of(&self.group);
        self.store(stored);
    }

    fn begin_generation(&mut self) {
        self.group.generation = self.group.generation.wrapping_add(1);
        self.group.protocol_name = self.group.elect_protocol();
        self.group.enter(Phase::Completing, self.now_ms);
        self.group.waiting.unsynced = self.group.members.keys().cloned().collect();
        let ids: Vec<Arc<str>> = self.group.members.keys().cloned().collect();
        for id in ids {
            if self.group.member(&id).is_some_and(|member| member.is_new) {
                self.group.update(&id, |member| member.is_new = false);
            }
            let reply = self.group.join_reply(&id);
            self.finish_join(&id, reply);
            self.renew_session(&id);
        }
        self.set(Timer::Sync, self.group.rebalance_timeout_ms());
    }

    /// Forgets the assignments of this generation, and tells those who wait for theirs why.
    pub fn drop_assignments(&mut self, refusal: Refusal) {
        let ids: Vec<Arc<str>> = self.group.members.keys().cloned().collect();
        for id in ids {
            self.group.update(&id, |member| member.assignment = Bytes::new());
            if self.finish_sync(&id, refusal.into()) {
                self.renew_session(&id);
            }
        }
    }

    /// A member was silent for too long, unless it waits for us.
    fn end_session(&mut self, id: &Arc<str>) {
        if self.group.waiting.ids.contains(id) {
            self.group.remove(id);
        } else {
            let Some(member) = self.group.member(id) else { return };
            let waits =
                self.group.waiting.joins.contains_key(id) || self.group.waiting.syncs.contains_key(id);
            if waits && !member.is_new {
                return;
            }
            self.remove(id);
            if matches!(self.group.phase, Phase::Stable | Phase::Completing) {
                self.prepare();
                return;
            }
        }
        if matches!(self.group.phase, Phase::Preparing { .. }) && self.group.has_all_joined() {
            self.complete();
        }
    }

    /// The time to join is up; a first rebalance that grew gets more of it, up to the rebalance timeout.
    fn end_join_wait(&mut self) {
        let Phase::Preparing { initial } = self.group.phase else { return };
        match initial {
            Some(Initial { delay_ms, remaining_ms, grew: true }) if remaining_ms != 0 => {
                let next_ms = self.limits.initial_delay_ms.min(remaining_ms);
                let initial = Initial {
                    delay_ms: next_ms,
                    remaining_ms: remaining_ms.saturating_sub(delay_ms).max(0),
                    grew: false,
                };
                self.group.phase = Phase::Preparing { initial: Some(initial) };
                self.set(Timer::Join, next_ms);
            }
            _ => self.complete(),
        }
    }

    /// Members that did not ask for their assignments in time are taken for dead.
    fn end_sync_wait(&mut self) {
        if !matches!(self.group.phase, Phase::Completing | Phase::Stable) {
            return;
        }
        let missing: Vec<Arc<str>> = self.group.waiting.unsynced.iter().cloned().collect();
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
