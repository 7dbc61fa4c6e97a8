//! A classic group: what it holds, and the small steps that decisions are made of.

use std::sync::Arc;

use bytes::Bytes;
use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};

use super::member::{Member, Protocol, names};
use super::reply::{JoinReply, JoinedMember, Refusal, SyncReply};
use crate::coordinator::runtime::Asker;

/// The phase that a group is in, and its answers meanwhile (Kafka's `ClassicGroupState`).
///
/// | Phase | JoinGroup | SyncGroup, Heartbeat | OffsetCommit | ends when |
/// | --- | --- | --- | --- | --- |
/// | `Empty` | begins a rebalance | unknown member | without a member | a member joins |
/// | `Preparing` | waits for the others | rebalance in progress | of this generation | all have joined, or time is up |
/// | `Completing` | of a changed member: begins anew | SyncGroup waits for the leader's | rebalance in progress | the leader syncs |
/// | `Stable` | of the leader or a changed member: rebalance | the assignment | of this generation | members come, change or go |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Empty,
    Preparing { initial: Option<Initial> },
    Completing,
    Stable,
}

/// The first rebalance of a group waits a while for more members, and longer while more come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Initial {
    pub delay_ms: i32,
    pub remaining_ms: i32,
    /// True if a member came during this delay.
    pub grew: bool,
}

impl Phase {
    /// As Kafka names it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Empty => "Empty",
            Phase::Preparing { .. } => "PreparingRebalance",
            Phase::Completing => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }
}

/// A group as it is after every decision so far. A clone costs little: what is large is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub(super) phase: Phase,
    /// The time when the phase began, in milliseconds since the Unix epoch.
    pub(super) since_ms: i64,
    pub(super) generation: i32,
    pub(super) protocol_type: Option<Arc<str>>,
    pub(super) protocol_name: Option<Arc<str>>,
    pub(super) leader: Option<Arc<str>>,
    pub(super) members: RedBlackTreeMapSync<Arc<str>, Arc<Member>>,
    /// Member ids by instance id.
    pub(super) statics: RedBlackTreeMapSync<Arc<str>, Arc<str>>,
    /// The number of members that understand each protocol.
    pub(super) support: RedBlackTreeMapSync<Arc<str>, usize>,
    pub(super) waiting: Waiting,
}

/// Requests and members that a group waits for. Never stored: after a restart the clients ask again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    /// JoinGroups that are answered with the next generation.
    pub joins: RedBlackTreeMapSync<Arc<str>, Asker<JoinReply>>,
    /// SyncGroups that are answered with the leader's.
    pub syncs: RedBlackTreeMapSync<Arc<str>, Asker<SyncReply>>,
    /// Member ids given out to clients that must join again with them (KIP-394).
    pub ids: RedBlackTreeSetSync<Arc<str>>,
    /// Members of this generation that have not asked for their assignment yet.
    pub unsynced: RedBlackTreeSetSync<Arc<str>>,
}

impl Group {
    pub fn empty(now_ms: i64) -> Group {
        Group {
            phase: Phase::Empty,
            since_ms: now_ms,
            generation: 0,
            protocol_type: None,
            protocol_name: None,
            leader: None,
            members: RedBlackTreeMapSync::default(),
            statics: RedBlackTreeMapSync::default(),
            support: RedBlackTreeMapSync::default(),
            waiting: Waiting::default(),
        }
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    pub fn is_empty(&self) -> bool {
        self.phase == Phase::Empty
    }

    pub fn since_ms(&self) -> i64 {
        self.since_ms
    }

    pub fn generation(&self) -> i32 {
        self.generation
    }

    pub fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    pub fn protocol_name(&self) -> Option<&str> {
        self.protocol_name.as_deref()
    }

    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values().map(|member| &**member)
    }

    pub fn member(&self, id: &str) -> Option<&Member> {
        self.members.get(id).map(|member| &**member)
    }

    /// True if the members are consumers of topics, whose subscriptions we can read.
    pub fn is_of_consumers(&self) -> bool {
        self.protocol_type() == Some("consumer")
    }

    /// The longest that a member may take to join again.
    pub(super) fn rebalance_timeout_ms(&self) -> i32 {
        self.members().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0).max(0)
    }

    pub(super) fn has_all_joined(&self) -> bool {
        self.waiting.joins.size() == self.members.size() && self.waiting.ids.is_empty()
    }

    pub(super) fn is_leader(&self, id: &str) -> bool {
        self.leader.as_deref() == Some(id)
    }

    /// True if all members understand some protocol of a client that wants to join.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        let common = |name: &Arc<str>| self.support.get(name).copied().unwrap_or(0) == self.members.size();
        self.protocol_type() == Some(protocol_type) && names(protocols).any(common)
    }

    /// The protocol that most members like best among those that all understand; the leader breaks a tie.
    pub(super) fn elect_protocol(&self) -> Option<Arc<str>> {
        let is_candidate = |name: &str| self.support.get(name).copied() == Some(self.members.size());
        let votes: Vec<&Arc<str>> = self.members().filter_map(|member| member.vote(is_candidate)).collect();
        let leader = self.leader.as_deref().and_then(|leader| self.member(leader))?;
        let candidates = names(&leader.protocols).filter(|name| is_candidate(name));
        let count = |name: &Arc<str>| votes.iter().filter(|vote| **vote == name).count();
        // Of several with equally many votes this takes the first.
        let mut best: Option<(usize, &Arc<str>)> = None;
        for candidate in candidates {
            let count = count(candidate);
            if best.is_none_or(|(most, _)| count > most) {
                best = Some((count, candidate));
            }
        }
        best.map(|(_, name)| Arc::clone(name))
    }

    /// A member may act only under the id that its instance has now.
    pub fn check_member(&self, id: &str, instance: Option<&str>) -> Result<(), Refusal> {
        if let Some(instance) = instance {
            match self.statics.get(instance) {
                None => return Err(Refusal::UnknownMember),
                Some(current) if **current != *id => return Err(Refusal::FencedInstance),
                Some(_) => {}
            }
        }
        self.member(id).map(drop).ok_or(Refusal::UnknownMember)
    }

    /// The answer from which a member learns of its generation.
    pub(super) fn join_reply(&self, member_id: &Arc<str>) -> JoinReply {
        let members = if self.is_leader(member_id) { self.members_for_leader() } else { Vec::new() };
        JoinReply {
            refusal: None,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            leader: self.leader.clone().unwrap_or_else(|| "".into()),
            skip_assignment: false,
            member_id: Arc::clone(member_id),
            members,
        }
    }

    fn members_for_leader(&self) -> Vec<JoinedMember> {
        let protocol = self.protocol_name().unwrap_or_default();
        let view = |member: &Member| JoinedMember {
            id: Arc::clone(&member.id),
            instance: member.instance.clone(),
            metadata: member.metadata(protocol),
        };
        self.members().map(view).collect()
    }

    pub(super) fn sync_reply(&self, assignment: Bytes) -> SyncReply {
        SyncReply {
            refusal: None,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            assignment,
        }
    }

    pub(super) fn enter(&mut self, phase: Phase, now_ms: i64) {
        self.phase = phase;
        self.since_ms = now_ms;
    }

    pub(super) fn add(&mut self, member: Member, protocol_type: &Arc<str>) {
        let id = Arc::clone(&member.id);
        if self.members.is_empty() {
            self.protocol_type = Some(Arc::clone(protocol_type));
        }
        if let Some(instance) = &member.instance {
            self.statics.insert_mut(Arc::clone(instance), Arc::clone(&id));
        }
        self.leader.get_or_insert_with(|| Arc::clone(&id));
        self.waiting.ids.remove_mut(&id);
        self.count_support(&member.protocols, 1);
        self.members.insert_mut(id, Arc::new(member));
    }

    /// Puts a member in the place of the one with the same id.
    pub(super) fn replace(&mut self, member: Member) {
        if let Some(before) = self.members.get(&member.id).cloned() {
            self.count_support(&before.protocols, -1);
        }
        self.count_support(&member.protocols, 1);
        self.members.insert_mut(Arc::clone(&member.id), Arc::new(member));
    }

    /// Gives a static member another id; everything else of it stays.
    pub(super) fn rename(&mut self, old: &Arc<str>, new: &Arc<str>) {
        let Some(member) = self.members.get(old).cloned() else { return };
        self.members.remove_mut(old);
        if let Some(instance) = &member.instance {
            self.statics.insert_mut(Arc::clone(instance), Arc::clone(new));
        }
        if self.is_leader(old) {
            self.leader = Some(Arc::clone(new));
        }
        self.waiting.unsynced.remove_mut(old);
        self.members.insert_mut(
            Arc::clone(new),
            Arc::new(Member { id: Arc::clone(new), is_new: false, ..Member::clone(&member) }),
        );
    }

    /// Takes a member out, or an id that was only given out. The answers it waits for are the caller's to give.
    pub(super) fn remove(&mut self, id: &str) {
        if let Some(member) = self.members.get(id).cloned() {
            self.members.remove_mut(id);
            self.count_support(&member.protocols, -1);
            if let Some(instance) = &member.instance {
                self.statics.remove_mut(instance);
            }
        }
        if self.is_leader(id) {
            self.leader = self.members.keys().next().cloned();
        }
        self.waiting.joins.remove_mut(id);
        self.waiting.syncs.remove_mut(id);
        self.waiting.ids.remove_mut(id);
        self.waiting.unsynced.remove_mut(id);
    }

    pub(super) fn update(&mut self, id: &str, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.members.get(id) {
            let mut member = Member::clone(member);
            change(&mut member);
            self.members.insert_mut(Arc::clone(&member.id), Arc::new(member));
        }
    }

    fn count_support(&mut self, protocols: &[Protocol], by: isize) {
        for name in names(protocols) {
            let count = self.support.get(name).copied().unwrap_or(0).saturating_add_signed(by);
            match count {
                0 => {
                    self.support.remove_mut(name);
                }
                _ => self.support.insert_mut(Arc::clone(name), count),
            }
        }
    }
}
