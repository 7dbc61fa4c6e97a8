//! A consumer group: what it holds, and how rows change it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};

use super::member::{Member, Names};
use super::reconcile::{self, Progress};
use super::stored::{Head, Row};
use super::{Assignment, Held};
use crate::coordinator::group::assignor::Assignor;
use crate::coordinator::group::topics::Topics;
use crate::types::TopicId;

/// The state of a group (Kafka's `ConsumerGroupState`). It answers heartbeats in every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Has no members. Ends when one joins.
    Empty,
    /// Has changed since its target was made. Ends with the heartbeat that makes a new one.
    Assigning,
    /// Some member is not where the target wants it. Ends when all are.
    Reconciling,
    /// Every member has what the target gives it. Ends when members or topics change.
    Stable,
}

impl State {
    /// As Kafka names it.
    pub fn name(self) -> &'static str {
        match self {
            State::Empty => "Empty",
            State::Assigning => "Assigning",
            State::Reconciling => "Reconciling",
            State::Stable => "Stable",
        }
    }
}

/// A group as it is after every decision so far. A clone costs little: what is large is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    pub(super) head: Head,
    pub(super) members: RedBlackTreeMapSync<Arc<str>, Arc<Member>>,
    pub(super) progress: RedBlackTreeMapSync<Arc<str>, Arc<Progress>>,
    pub(super) targets: RedBlackTreeMapSync<Arc<str>, Arc<Assignment>>,
    /// The topics of each pattern that some member subscribes to.
    pub(super) patterns: RedBlackTreeMapSync<Arc<str>, Arc<Names>>,
    /// Member ids by instance id.
    pub(super) statics: RedBlackTreeMapSync<Arc<str>, Arc<str>>,
    /// The number of members and patterns that stand for each topic.
    pub(super) subscribed: RedBlackTreeMapSync<Arc<str>, usize>,
    pub(super) memory: Memory,
}

/// Memory that is never stored: after a restart it is found anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// The version of the topics that the metadata hash was last compared with.
    pub topics_seen: u64,
    /// The version of the topics that the patterns were last matched against, and when.
    pub patterns_seen: u64,
    pub patterns_ms: i64,
    /// Members of the classic protocol that were told to join again and have not yet.
    pub called: RedBlackTreeSetSync<Arc<str>>,
}

impl Memory {
    /// Has the patterns matched with the next heartbeat, as after a restart.
    pub fn forget_matching(&mut self) {
        (self.patterns_seen, self.patterns_ms) = (0, i64::MIN);
    }
}

impl Group {
    /// Changes the group by a row.
    pub(super) fn change(&mut self, row: &Row) {
        match row {
            Row::Head(head) => self.head = head.unwrap_or_default(),
            Row::Member(id, member) => self.put_member(id, member.as_ref()),
            Row::Target(id, target) => put(&mut self.targets, id, target.as_ref()),
            Row::Progress(id, progress) => put(&mut self.progress, id, progress.as_ref()),
            Row::Pattern(pattern, names) => {
                let before = self.patterns.get(pattern).cloned();
                self.count(before.as_deref(), names.as_deref());
                put(&mut self.patterns, pattern, names.as_ref());
            }
        }
    }

    fn put_member(&mut self, id: &Arc<str>, member: Option<&Arc<Member>>) {
        let before = self.members.get(id).cloned();
        self.count(
            before.as_ref().map(|member| &*member.topics),
            member.as_ref().map(|member| &*member.topics),
        );
        // The instance may be another member's by now, who took this one's place.
        let instance = before.as_ref().and_then(|before| before.instance.as_ref());
        if let Some(instance) = instance.filter(|instance| self.statics.get(&**instance) == Some(id)) {
            self.statics.remove_mut(&**instance);
        }
        if let Some(instance) = member.and_then(|member| member.instance.as_ref()) {
            self.statics.insert_mut(Arc::clone(instance), Arc::clone(id));
        }
        put(&mut self.members, id, member);
    }

    fn count(&mut self, before: Option<&Names>, after: Option<&Names>) {
        if before == after {
            return;
        }
        for name in before.into_iter().flatten() {
            match self.subscribed.get(name).copied().unwrap_or(0) {
                0 | 1 => {
                    self.subscribed.remove_mut(name);
                }
                count => self.subscribed.insert_mut(Arc::clone(name), count - 1),
            }
        }
        for name in after.into_iter().flatten() {
            let count = self.subscribed.get(name).copied().unwrap_or(0);
            self.subscribed.insert_mut(Arc::clone(name), count + 1);
        }
    }

    pub fn state(&self) -> State {
        if self.members.is_empty() {
            State::Empty
        } else if self.head.epoch > self.head.assignment_epoch {
            State::Assigning
        } else if self.members.keys().all(|id| self.is_reconciled(id)) {
            State::Stable
        } else {
            State::Reconciling
        }
    }

    fn is_reconciled(&self, id: &str) -> bool {
        let progress = self.progress(id);
        progress.state == reconcile::State::Stable && progress.epoch == self.head.assignment_epoch
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn epoch(&self) -> i32 {
        self.head.epoch
    }

    pub fn assignment_epoch(&self) -> i32 {
        self.head.assignment_epoch
    }

    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values().map(|member| &**member)
    }

    pub fn member(&self, id: &str) -> Option<&Arc<Member>> {
        self.members.get(id)
    }

    pub(super) fn static_member(&self, instance: &str) -> Option<&Arc<Member>> {
        self.statics.get(instance).and_then(|id| self.members.get(id))
    }

    /// The progress of a member. One that just joined stands at the beginning.
    pub fn progress(&self, id: &str) -> Arc<Progress> {
        self.progress.get(id).cloned().unwrap_or_else(|| Arc::new(Progress::at_start()))
    }

    /// The partitions that a member should own in the end.
    pub fn target(&self, id: &str) -> Arc<Assignment> {
        self.targets.get(id).cloned().unwrap_or_default()
    }

    pub(super) fn subscribed(&self) -> impl Iterator<Item = &Arc<str>> {
        self.subscribed.keys()
    }

    /// The topics that a member subscribes to, of those that exist.
    pub(super) fn topics_of(&self, member: &Member, topics: &dyn Topics) -> BTreeSet<TopicId> {
        let matched = member.pattern.as_ref().and_then(|pattern| self.patterns.get(pattern));
        let names = member.topics.iter().chain(matched.into_iter().flat_map(|names| names.iter()));
        names.filter_map(|name| topics.by_name(name)).map(|topic| topic.id).collect()
    }

    /// All partitions that a member holds, or was told to give up and may still be working on.
    pub(super) fn held(&self) -> Held {
        let mut held = Held::new();
        for progress in self.progress.values() {
            for (topic, partitions) in progress.assigned.iter().chain(&progress.revoking) {
                held.entry(*topic).or_default().extend(partitions);
            }
        }
        held
    }

    /// True if the only members left without `leaving` speak the classic protocol, and there are some.
    pub(super) fn would_be_classic_without(&self, leaving: &BTreeSet<Arc<str>>) -> bool {
        let mut staying = self.members().filter(|member| !leaving.contains(&member.id)).peekable();
        staying.peek().is_some() && staying.all(|member| member.classic.is_some())
    }

    /// The assignor that most members ask for; nobody's choice is `None`. Of two with equally many votes the first.
    pub fn preferred_assignor(&self) -> Option<Assignor> {
        let mut votes: BTreeMap<Assignor, usize> = BTreeMap::new();
        for assignor in self.members().filter_map(|member| member.assignor) {
            *votes.entry(assignor).or_default() += 1;
        }
        let most = votes.values().max().copied()?;
        votes.into_iter().find(|(_, count)| *count == most).map(|(assignor, _)| assignor)
    }
}

fn put<V: Clone>(into: &mut RedBlackTreeMapSync<Arc<str>, V>, key: &Arc<str>, value: Option<&V>) {
    match value {
        Some(value) => into.insert_mut(Arc::clone(key), value.clone()),
        None => {
            into.remove_mut(key);
        }
    }
}
