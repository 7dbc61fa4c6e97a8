//! From what members say to what they should own: subscriptions, the epoch of the group, its target, one member's step.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Assignment;
use super::draft::Draft;
use super::group::Group;
use super::member::{Member, Names};
use super::pattern::Pattern;
use super::reconcile::{self, Progress, Reconciliation};
use super::refusal::Refusal;
use super::stored::Row;
use crate::coordinator::group::assignor::{MemberSpec, Spec};
use crate::coordinator::group::topics::Topics;

/// Patterns see new topics this often at most (`GroupMetadataManager.REGEX_BATCH_REFRESH_MIN_INTERVAL_MS`).
const PATTERNS_EVERY_MS: i64 = 10_000;

/// Changes that a member's word led to.
pub(super) struct Changes {
    /// Names or pattern: what left the subscription is revoked at once.
    pub subscription: bool,
    /// The group needs a new target.
    pub asks_for_target: bool,
}

impl Draft<'_> {
    /// Takes up what a member says of itself now.
    pub(super) fn update(&mut self, before: &Member, updated: &Member) -> Result<Changes, Refusal> {
        let default = self.world.settings.default_assignor;
        let assignor_before = self.next.preferred_assignor().unwrap_or(default);
        if before != updated || !self.next.members.contains_key(&updated.id) {
            self.record_member(updated.clone());
        }
        let matched_anew = self.match_patterns();
        let pattern_changed = self.update_pattern(before, updated)?;
        let subscription = before.topics != updated.topics || pattern_changed;
        // Only a member that changed its mind can change the majority.
        let assignor_changed = before.assignor != updated.assignor
            && self.next.preferred_assignor().unwrap_or(default) != assignor_before;
        Ok(Changes { subscription, asks_for_target: subscription || assignor_changed || matched_anew })
    }

    fn update_pattern(&mut self, before: &Member, updated: &Member) -> Result<bool, Refusal> {
        if before.pattern == updated.pattern {
            return Ok(false);
        }
        if let Some(old) = &before.pattern {
            self.forget_pattern(old);
        }
        if let Some(new) = updated.pattern.as_ref().filter(|new| !self.next.patterns.contains_key(&***new)) {
            let pattern = Pattern::parse(new)?;
            if self.next.patterns.is_empty() {
                self.next.memory.patterns_seen = self.world.topics.version();
                self.next.memory.patterns_ms = self.world.now_ms;
            }
            let names = match updated.topics.is_empty() {
                true => self.matching(&pattern),
                // Kafka gives what is named first, and what matches with a later heartbeat, and clients count on that.
                false => {
                    self.next.memory.forget_matching();
                    Names::default()
                }
            };
            self.record(Row::Pattern(Arc::clone(new), Some(Arc::new(names))));
        }
        Ok(true)
    }

    /// Drops a pattern that no member subscribes to any more.
    pub fn forget_pattern(&mut self, pattern: &Arc<str>) {
        let is_used = self.next.members().any(|member| member.pattern.as_ref() == Some(pattern));
        if !is_used && self.next.patterns.contains_key(&**pattern) {
            self.record(Row::Pattern(Arc::clone(pattern), None));
        }
    }

    fn matching(&self, pattern: &Pattern) -> Names {
        self.world.topics.names().filter(|name| pattern.matches(name)).collect()
    }

    /// Matches all patterns against the topics of now, if there may be new ones and it is time. Says whether any
    /// matches other topics than before.
    fn match_patterns(&mut self) -> bool {
        let version = self.world.topics.version();
        let memory = &self.next.memory;
        let is_time = self.world.now_ms > memory.patterns_ms.saturating_add(PATTERNS_EVERY_MS);
        if self.next.patterns.is_empty() || memory.patterns_seen == version || !is_time {
            return false;
        }
        self.next.memory.patterns_seen = version;
        self.next.memory.patterns_ms = self.world.now_ms;
        let mut changed = false;
        for (text, before) in &self.next.patterns.clone() {
            // One that was stored was valid; if it is not any more, it keeps what it matched.
            let Ok(pattern) = Pattern::parse(text) else { continue };
            let names = self.matching(&pattern);
            if names != **before {
                changed = true;
                self.record(Row::Pattern(Arc::clone(text), Some(Arc::new(names))));
            }
        }
        changed
    }

    /// Gives the group a new epoch if a target is asked for, or if subscribed topics have changed.
    pub fn refresh(&mut self, asks_for_target: bool) {
        let version = self.world.topics.version();
        if !asks_for_target && self.next.memory.topics_seen == version {
            return;
        }
        self.next.memory.topics_seen = version;
        let metadata_hash = metadata_hash(&self.next, self.world.topics);
        if asks_for_target || metadata_hash != self.next.head.metadata_hash {
            self.record_head(|head| {
                head.epoch = head.epoch.wrapping_add(1);
                head.metadata_hash = metadata_hash;
            });
        }
    }

    /// Makes a new target for a new epoch, unless the last one is too young (KIP-1263).
    pub fn assign(&mut self) {
        let head = self.next.head;
        let interval_ms = i64::from(self.world.settings.assignment_interval_ms);
        let is_young =
            head.assigned_ms != 0 && self.world.now_ms < head.assigned_ms.saturating_add(interval_ms);
        if head.assignment_epoch >= head.epoch || is_young {
            return;
        }
        for (id, target) in targets(&self.next, self) {
            let id: Arc<str> = id.into();
            if self.next.targets.get(&id).is_none_or(|before| **before != target) {
                self.record(Row::Target(id, Some(Arc::new(target))));
            }
        }
        let now_ms = self.world.now_ms;
        self.record_head(|head| {
            head.assignment_epoch = head.epoch;
            head.assigned_ms = now_ms;
        });
    }

    /// Takes a member one step towards its target.
    pub fn reconcile(
        &mut self,
        member: &Member,
        subscription_changed: bool,
        owned: Option<&Assignment>,
    ) -> Arc<Progress> {
        let before = self.next.progress(&member.id);
        let target_epoch = self.next.head.assignment_epoch;
        let is_there = before.state == reconcile::State::Stable && before.epoch == target_epoch;
        if is_there && !subscription_changed {
            return before;
        }
        let next = Reconciliation {
            member: &before,
            target_epoch,
            target: &self.next.target(&member.id),
            subscribed: &self.next.topics_of(member, self.world.topics),
            subscription_changed,
            held: &self.next.held(),
            owned,
        }
        .next();
        if next == *before {
            return before;
        }
        if member.classic.is_none() {
            self.watch_revocation(member, next.state);
        }
        self.record_progress(&member.id, next);
        self.next.progress(&member.id)
    }
}

/// The target of every member by the assignor that most of them want.
fn targets(group: &Group, draft: &Draft<'_>) -> BTreeMap<String, Assignment> {
    let topics = draft.world.topics;
    let mut spec = Spec::default();
    for topic in group.subscribed().filter_map(|name| topics.by_name(name)) {
        spec.partitions.insert(topic.id, topic.partitions);
    }
    for member in group.members() {
        let of_member = MemberSpec {
            instance_id: member.instance.as_deref(),
            rack_id: member.rack.as_deref(),
            topics: group.topics_of(member, topics),
            current: group.targets.get(&member.id).map(|target| &**target),
        };
        spec.members.insert(&member.id, of_member);
    }
    let assignor = group.preferred_assignor().unwrap_or(draft.world.settings.default_assignor);
    let mut targets = assignor.assign(&spec);
    for member in group.members() {
        targets.entry(member.id.to_string()).or_default();
    }
    targets
}

/// Changes when a subscribed topic comes, goes, is made anew, or gets more partitions. FNV-1a: the value is stored,
/// so it must be the same in every version of this program; 0 is no topics.
pub(super) fn metadata_hash(group: &Group, topics: &dyn Topics) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut is_empty = true;
    for name in group.subscribed() {
        let Some(topic) = topics.by_name(name) else { continue };
        is_empty = false;
        let end_of_name = [0xff];
        let fields: [&[u8]; 4] =
            [name.as_bytes(), &end_of_name, topic.id.0.as_bytes(), &topic.partitions.to_be_bytes()];
        for byte in fields.into_iter().flatten() {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    if is_empty { 0 } else { hash }
}
