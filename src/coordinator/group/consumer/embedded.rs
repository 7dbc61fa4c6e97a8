//! Members of the classic protocol inside a consumer group, while it migrates (KIP-848): their JoinGroup, SyncGroup,
//! Heartbeat and LeaveGroup do what a heartbeat of the newer protocol does.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::draft::{Draft, World};
use super::group::Group;
use super::heartbeat::without_epochs;
use super::member::{Classic, Member};
use super::reconcile::{Progress, State};
use super::{Assignment, Timer, convert};
use crate::coordinator::group::classic::{self, JoinReply, Leaver, Refusal, SyncReply};
use crate::coordinator::runtime::Decision;
use crate::protocol::consumer::{self, Subscription};
use crate::settings::MigrationPolicy;

/// JoinGroup: the member says what it subscribes to, and takes its next step.
pub fn join(group: &Group, request: &classic::Join, world: World<'_>) -> Decision<Group, JoinReply> {
    let id = if request.member_id.is_empty() { &request.fresh_id } else { &request.member_id };
    let mut draft = Draft::of(group, world);
    match draft.join(id, request) {
        Ok(reply) if draft.can_be_stored() => draft.decided(reply),
        Ok(_) => Decision::unchanged(JoinReply::refused(id, Refusal::TooLarge)),
        // It is told an id only where it is to come back with it.
        Err(Refusal::MemberIdRequired) => {
            Decision::unchanged(JoinReply::refused(id, Refusal::MemberIdRequired))
        }
        Err(refusal) => Decision::unchanged(JoinReply::refused(&"".into(), refusal)),
    }
}

/// SyncGroup: the member fetches what it may own in its epoch.
pub fn sync(group: &Group, request: &classic::Sync, world: World<'_>) -> Decision<Group, SyncReply> {
    let mut draft = Draft::of(group, world);
    match draft.sync(request) {
        Ok(assignment) => draft.decided(SyncReply {
            refusal: None,
            protocol_type: request.protocol_type.as_deref().map(Into::into),
            protocol_name: request.protocol_name.as_deref().map(Into::into),
            assignment,
        }),
        Err(refusal) => draft.decided(refusal.into()),
    }
}

/// Heartbeat: the member lives, and learns whether it must join again.
pub fn heartbeat(
    group: &Group,
    request: &classic::Heartbeat,
    world: World<'_>,
) -> Decision<Group, Result<(), Refusal>> {
    let mut draft = Draft::of(group, world);
    let outcome = draft.classic_heartbeat(request);
    draft.decided(outcome)
}

/// LeaveGroup: members of either protocol go, by their own word or an operator's.
pub fn leave(
    group: &Group,
    members: &[Leaver],
    world: World<'_>,
) -> Decision<Group, Vec<Result<(), Refusal>>> {
    let mut leaving = BTreeSet::new();
    let mut outcomes = Vec::new();
    for leaver in members {
        let found = find_leaver(group, leaver);
        outcomes.push(found.as_ref().map(drop).map_err(|refusal| *refusal));
        leaving.extend(found.ok());
    }
    let mut draft = Draft::of(group, world);
    draft.fence(&leaving);
    draft.decided(outcomes)
}

fn find_leaver(group: &Group, leaver: &Leaver) -> Result<Arc<str>, Refusal> {
    let Some(instance) = &leaver.instance else {
        let member = group.member(&leaver.member_id).ok_or(Refusal::UnknownMember)?;
        return Ok(Arc::clone(&member.id));
    };
    let member = group.static_member(instance).ok_or(Refusal::UnknownMember)?;
    match leaver.member_id.is_empty() || leaver.member_id == member.id {
        true => Ok(Arc::clone(&member.id)),
        false => Err(Refusal::FencedInstance),
    }
}

impl Draft<'_> {
    fn join(&mut self, id: &Arc<str>, request: &classic::Join) -> Result<JoinReply, Refusal> {
        if self.world.settings.migration == MigrationPolicy::Disabled {
            return Err(Refusal::InconsistentProtocol);
        }
        self.check_room(&request.member_id, request.instance.as_deref()).map_err(|_| Refusal::GroupFull)?;
        let protocol = self.common_protocol(request).ok_or(Refusal::InconsistentProtocol)?;
        let is_unknown = request.member_id.is_empty();
        if is_unknown && request.instance.is_none() && request.knows.member_id_required {
            return Err(Refusal::MemberIdRequired);
        }
        let (subscription, _) = consumer::decode::<Subscription>(&protocol.metadata)
            .map_err(|_| Refusal::InconsistentProtocol)?;
        let replaced =
            request.instance.as_ref().and_then(|instance| self.next.static_member(instance)).cloned();
        let is_last_of_its_kind = replaced.as_ref().is_some_and(|replaced| self.may_become_classic(replaced));
        let member = self.joining_member(id, request, replaced)?;
        let updated = update_member(request, &member, &subscription);
        let owned = convert::by_id(&subscription.owned_partitions, self.world.topics);
        let progress = match is_last_of_its_kind {
            false => {
                self.follow(&member, &updated, Some(&owned)).map_err(|_| Refusal::InconsistentProtocol)?
            }
            true => self.follow_into_classic(&member, &updated, &owned),
        };
        self.next.memory.called.remove_mut(&updated.id);
        if self.heir.is_none() {
            self.cancel(Timer::Join(Arc::clone(id)));
            self.set(Timer::Session(Arc::clone(id)), request.session_timeout_ms);
            self.set(Timer::Sync(Arc::clone(id)), request.rebalance_timeout_ms);
        }
        Ok(JoinReply {
            refusal: None,
            generation: progress.epoch,
            protocol_type: Some("consumer".into()),
            protocol_name: Some(Arc::clone(&protocol.name)),
            leader: "".into(),
            skip_assignment: false,
            member_id: Arc::clone(id),
            members: Vec::new(),
        })
    }

    /// The first protocol of the client, if the client has any in common with the others of its kind.
    fn common_protocol<'r>(&self, request: &'r classic::Join) -> Option<&'r classic::Protocol> {
        let kin: Vec<&Classic> = self.next.members().filter_map(|member| member.classic.as_ref()).collect();
        let is_common = |own: &classic::Protocol| {
            kin.iter().all(|other| other.protocols.iter().any(|protocol| protocol.name == own.name))
        };
        let is_consumer = &*request.protocol_type == "consumer";
        request.protocols.first().filter(|_| is_consumer && request.protocols.iter().any(is_common))
    }

    fn joining_member(
        &mut self,
        id: &Arc<str>,
        request: &classic::Join,
        existing: Option<Arc<Member>>,
    ) -> Result<Arc<Member>, Refusal> {
        let new = || Arc::new(Member::new(Arc::clone(id)));
        match (&request.instance, existing) {
            (None, _) => Ok(self.next.member(id).cloned().unwrap_or_else(new)),
            (Some(_), Some(existing)) if request.member_id.is_empty() => Ok(self.take_place(&existing, id)),
            (Some(_), Some(existing)) if existing.id == *id => Ok(existing),
            (Some(_), Some(_)) => Err(Refusal::FencedInstance),
            (Some(_), None) if request.member_id.is_empty() => Ok(new()),
            (Some(_), None) => Err(Refusal::UnknownMember),
        }
    }

    /// True if the group is a classic one once a client of the classic protocol has taken this member's place.
    fn may_become_classic(&self, replaced: &Member) -> bool {
        replaced.classic.is_none()
            && self.next.members().all(|member| member.id == replaced.id || member.classic.is_some())
            && self.world.settings.migration.may_downgrade()
            && self.next.members.size() <= self.world.classic.max_size
    }

    /// The last member of the newer protocol is replaced by one of the classic protocol: if nothing else changed, the
    /// classic group goes on with the assignment as it is.
    fn follow_into_classic(
        &mut self,
        before: &Member,
        updated: &Member,
        owned: &Assignment,
    ) -> Arc<Progress> {
        let changed = match self.update(before, updated) {
            Ok(changes) => changes.subscription,
            Err(_) => false,
        };
        self.refresh(changed);
        let needs_target = self.next.assignment_epoch() < self.next.epoch();
        let progress = match needs_target {
            true => self.next.progress(&updated.id),
            false => self.reconcile(updated, changed, Some(owned)),
        };
        self.downgrade(needs_target);
        progress
    }

    fn classic_member(
        &self,
        id: &str,
        instance: Option<&str>,
        generation: i32,
    ) -> Result<(Arc<Member>, Arc<Progress>), Refusal> {
        let member = match instance {
            None => self.next.member(id),
            Some(instance) => self.next.static_member(instance),
        };
        let member = member.ok_or(Refusal::UnknownMember)?;
        if *member.id != *id {
            return Err(Refusal::FencedInstance);
        }
        if member.classic.is_none() {
            return Err(Refusal::UnknownMember);
        }
        let progress = self.next.progress(id);
        match progress.epoch == generation {
            true => Ok((Arc::clone(member), progress)),
            false => Err(Refusal::IllegalGeneration),
        }
    }

    fn sync(&mut self, request: &classic::Sync) -> Result<Bytes, Refusal> {
        let instance = request.instance.as_deref();
        let (member, progress) = self.classic_member(&request.member_id, instance, request.generation)?;
        let protocol = member.classic.as_ref().and_then(|classic| classic.protocols.first());
        let protocol = protocol.ok_or(Refusal::InconsistentProtocol)?;
        let differs = |asked: Option<&str>, ours: &str| asked.is_some_and(|asked| asked != ours);
        if differs(request.protocol_type.as_deref(), "consumer")
            || differs(request.protocol_name.as_deref(), &protocol.name)
        {
            return Err(Refusal::InconsistentProtocol);
        }
        if self.next.assignment_epoch() > progress.epoch && progress.state != State::Revoking {
            self.call_to_join(&member);
            return Err(Refusal::RebalanceInProgress);
        }
        self.cancel(Timer::Sync(Arc::clone(&member.id)));
        self.renew_session(&member);
        Ok(convert::embedded(&without_epochs(&progress.assigned), &protocol.metadata, self.world.topics))
    }

    fn classic_heartbeat(&mut self, request: &classic::Heartbeat) -> Result<(), Refusal> {
        let instance = request.instance.as_deref();
        let (member, progress) = self.classic_member(&request.member_id, instance, request.generation)?;
        self.renew_session(&member);
        let can_go_on = match progress.state {
            State::Stable => false,
            State::Revoking => true,
            State::Waiting => !self.waits_for_others(&member),
        };
        if progress.epoch < self.next.assignment_epoch() || can_go_on {
            self.call_to_join(&member);
            return Err(Refusal::RebalanceInProgress);
        }
        Ok(())
    }

    /// True if another member holds something of this one's target.
    fn waits_for_others(&self, member: &Member) -> bool {
        let (held, progress) = (self.next.held(), self.next.progress(&member.id));
        let target = self.next.target(&member.id);
        let mut missing = target.iter().flat_map(|(topic, partitions)| {
            let own = progress.assigned.get(topic);
            let is_missing = move |index: &&i32| own.is_none_or(|own| !own.contains_key(*index));
            partitions.iter().filter(is_missing).map(move |index| (topic, index))
        });
        missing.any(|(topic, index)| held.get(topic).is_some_and(|held| held.contains_key(index)))
    }
}

/// The member with what a JoinGroup says of it.
fn update_member(request: &classic::Join, member: &Member, subscription: &Subscription) -> Member {
    let rack = subscription.rack_id.as_deref().filter(|rack| !rack.is_empty());
    Member {
        id: Arc::clone(&member.id),
        instance: request.instance.clone().or_else(|| member.instance.clone()),
        rack: rack.map(Into::into).or_else(|| member.rack.clone()),
        client_id: request.client_id.as_str().into(),
        client_host: request.client_host.as_str().into(),
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        topics: Arc::new(subscription.topics.iter().map(|name| name.as_str().into()).collect()),
        pattern: None,
        assignor: member.assignor,
        classic: Some(Classic {
            session_timeout_ms: request.session_timeout_ms,
            protocols: Arc::clone(&request.protocols),
        }),
    }
}
