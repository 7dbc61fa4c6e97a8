//! Reconciliation: the one step of a member towards its target (Kafka's `CurrentAssignmentBuilder`).
//!
//! A member first gives up what is not in its target any more, and stays in its epoch until it has; then it takes the
//! epoch of the target with all that is free; what others still hold follows in later steps.

use std::collections::BTreeSet;

use super::{Assignment, Held};
use crate::types::TopicId;

/// The step of a member on its way to its target. Each state says what its next heartbeat can lead to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Has all of the target of its epoch. Leaves when the target has another epoch.
    #[default]
    Stable,
    /// Must give up partitions and has not said that it did. Leaves when it owns none of them any more.
    Revoking,
    /// Is in the target's epoch, but others still hold partitions of its target. Every heartbeat tries again.
    Waiting,
}

/// The progress of a member, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub epoch: i32,
    /// The epoch before: a heartbeat that still names it has missed an answer and is no stranger's.
    pub previous_epoch: i32,
    pub state: State,
    /// Partitions that the member may work on.
    pub assigned: Held,
    /// Partitions that the member must give up. They count as held until it says that it did.
    pub revoking: Held,
}

impl Progress {
    /// That of a member that has just joined.
    pub fn at_start() -> Progress {
        Progress { previous_epoch: -1, ..Progress::default() }
    }
}

/// All that a step depends on.
#[derive(Clone, Copy, Debug)]
pub struct Reconciliation<'a> {
    pub member: &'a Progress,
    pub target_epoch: i32,
    pub target: &'a Assignment,
    /// The topics that the member subscribes to and that exist.
    pub subscribed: &'a BTreeSet<TopicId>,
    /// The subscription changed by this very heartbeat: what left it is revoked without waiting for a new target.
    pub subscription_changed: bool,
    /// All partitions that members of the group hold, this one included.
    pub held: &'a Held,
    /// Partitions that the member says it owns; `None` if it does not say.
    pub owned: Option<&'a Assignment>,
}

impl Reconciliation<'_> {
    /// The member after the step; the same again where there is nothing to do.
    pub fn next(&self) -> Progress {
        match self.member.state {
            State::Stable if self.member.epoch != self.target_epoch => self.towards_target(),
            State::Stable => self.without_unsubscribed(),
            State::Revoking if self.owns_any(&self.member.revoking) => self.without_unsubscribed(),
            State::Revoking | State::Waiting => self.towards_target(),
        }
    }

    /// True if the member may still be working on any of `partitions`: it must say that it is not.
    fn owns_any(&self, partitions: &Held) -> bool {
        let Some(owned) = self.owned else { return true };
        let mut owned = owned.iter().flat_map(|(topic, owned)| owned.iter().map(move |index| (topic, index)));
        owned.any(|(topic, index)| has(partitions, topic, *index))
    }

    /// Revokes what is not subscribed to any more, and nothing else.
    fn without_unsubscribed(&self) -> Progress {
        let kept = |topic: &TopicId| !self.subscription_changed || self.subscribed.contains(topic);
        if self.member.assigned.keys().all(kept) {
            return self.member.clone();
        }
        let mut next = self.member.clone();
        next.previous_epoch = next.epoch;
        next.assigned.retain(|topic, _| kept(topic));
        for (topic, partitions) in self.member.assigned.iter().filter(|(topic, _)| !kept(topic)) {
            next.revoking.entry(*topic).or_default().extend(partitions);
        }
        match self.owns_any(&next.revoking) {
            true => next.state = State::Revoking,
            // It has given them up already. What it was to give up before stays as it was.
            false => next.revoking.clone_from(&self.member.revoking),
        }
        next
    }

    fn towards_target(&self) -> Progress {
        let mut kept = Held::new();
        let mut revoking = Held::new();
        for (topic, partitions) in &self.member.assigned {
            for (index, epoch) in partitions {
                let into = if self.wants(topic, *index) { &mut kept } else { &mut revoking };
                into.entry(*topic).or_default().insert(*index, *epoch);
            }
        }
        if !revoking.is_empty() && self.owns_any(&revoking) {
            return self.step(self.member.epoch, State::Revoking, kept, revoking);
        }
        let mut assigned = kept;
        let mut state = State::Stable;
        for (topic, partitions) in self.target.iter().filter(|(topic, _)| self.subscribed.contains(topic)) {
            for index in partitions.iter().filter(|index| !has(&self.member.assigned, topic, **index)) {
                // Partitions that the member itself was to give up, and did, are free again.
                let held_by_another =
                    has(self.held, topic, *index) && !has(&self.member.revoking, topic, *index);
                if held_by_another {
                    state = State::Waiting;
                } else {
                    assigned.entry(*topic).or_default().insert(*index, self.target_epoch);
                }
            }
        }
        self.step(self.target_epoch, state, assigned, Held::new())
    }

    fn wants(&self, topic: &TopicId, index: i32) -> bool {
        self.subscribed.contains(topic)
            && self.target.get(topic).is_some_and(|partitions| partitions.contains(&index))
    }

    fn step(&self, epoch: i32, state: State, assigned: Held, revoking: Held) -> Progress {
        let next = Progress { epoch, previous_epoch: self.member.epoch, state, assigned, revoking };
        // A step that only counts itself would be stored with every heartbeat of a member that waits.
        let same = Progress { previous_epoch: self.member.previous_epoch, ..next.clone() } == *self.member;
        if same { self.member.clone() } else { next }
    }
}

fn has(partitions: &Held, topic: &TopicId, index: i32) -> bool {
    partitions.get(topic).is_some_and(|partitions| partitions.contains_key(&index))
}

#[cfg(test)]
#[path = "reconcile/tests.rs"]
mod tests;
