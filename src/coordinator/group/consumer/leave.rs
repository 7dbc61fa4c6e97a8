//! Members go: by their own word, by an operator's, or because their time is up.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::draft::Draft;
use super::heartbeat::{Heartbeat, HeartbeatReply, LEAVING_FOR_NOW};
use super::member::Member;
use super::reconcile::Progress;
use super::refusal::Refusal;
use super::{Held, Timer};

/// A member says goodbye by the epoch of its heartbeat.
pub(super) fn leave(draft: &mut Draft<'_>, request: &Heartbeat) -> Result<HeartbeatReply, Refusal> {
    let id = &request.member_id;
    let member = match &request.instance {
        None => draft.next.member(id).ok_or_else(|| Refusal::UnknownMember(Arc::clone(id)))?,
        Some(instance) => {
            let member = draft.next.static_member(instance);
            member.ok_or_else(|| Refusal::UnknownInstance(Arc::clone(instance)))?
        }
    };
    if member.id != *id {
        return Err(Refusal::FencedInstance(Arc::clone(&member.id)));
    }
    let member = Arc::clone(member);
    if request.instance.is_some() && request.epoch == LEAVING_FOR_NOW {
        draft.go_for_now(&member);
    } else {
        draft.fence(&BTreeSet::from([Arc::clone(id)]));
    }
    Ok(HeartbeatReply {
        member_id: Arc::clone(id),
        epoch: request.epoch,
        heartbeat_interval_ms: 0,
        assignment: None,
    })
}

impl Draft<'_> {
    /// The member keeps its place until its session ends. What it was given is that of nobody's epoch.
    fn go_for_now(&mut self, member: &Member) {
        let progress = self.next.progress(&member.id);
        let mut assigned = progress.assigned.clone();
        assigned.values_mut().flat_map(|partitions| partitions.values_mut()).for_each(|epoch| *epoch = 0);
        self.cancel(Timer::Rebalance(Arc::clone(&member.id)));
        let gone = Progress {
            epoch: LEAVING_FOR_NOW,
            assigned,
            revoking: Held::new(),
            ..Progress::clone(&progress)
        };
        self.record_progress(&member.id, gone);
    }

    /// Takes members out, and asks for a new target for the others. If only clients of the classic protocol stay, the
    /// group is a classic one again.
    pub fn fence(&mut self, ids: &BTreeSet<Arc<str>>) {
        if ids.is_empty() {
            return;
        }
        let is_classic = self.may_downgrade(ids);
        let gone: Vec<Arc<Member>> = ids.iter().filter_map(|id| self.next.member(id).cloned()).collect();
        for member in &gone {
            self.remove(&member.id);
        }
        if is_classic {
            self.downgrade(true);
            return;
        }
        for pattern in gone.iter().filter_map(|member| member.pattern.as_ref()) {
            self.forget_pattern(pattern);
        }
        self.refresh(true);
        if self.next.is_empty() {
            self.record_head(|head| {
                head.assignment_epoch = head.epoch;
                head.assigned_ms = 0;
            });
        }
    }

    fn may_downgrade(&self, leaving: &BTreeSet<Arc<str>>) -> bool {
        let staying = self.next.members.size().saturating_sub(leaving.len());
        self.next.would_be_classic_without(leaving)
            && self.world.settings.migration.may_downgrade()
            && staying <= self.world.classic.max_size
    }
}
