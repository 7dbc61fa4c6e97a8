//! ConsumerGroupHeartbeat: a member joins, says what it subscribes to and what it owns, and learns what it should own.

use std::sync::Arc;

use super::convert::{Before, begin};
use super::draft::{Draft, World};
use super::group::Group;
use super::machine::with_world;
use super::member::{Member, Names};
use super::reconcile::Progress;
use super::refusal::Refusal;
use super::stored::Row;
use super::{Assignment, Held, leave};
use crate::coordinator::group::assignor::Assignor;
use crate::coordinator::group::{classic, world};
use crate::coordinator::runtime::{Asker, Decided, Decision, Holds, Question};

/// The epoch of a member that leaves.
pub const LEAVING: i32 = -1;
/// The epoch of a static member that goes for a while, and keeps its place.
pub const LEAVING_FOR_NOW: i32 = -2;

/// A sign of life, with all that the member says.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// Empty for a client of version 0 that has none yet.
    pub member_id: Arc<str>,
    /// The id that it gets if it has none.
    pub fresh_id: Arc<str>,
    /// 0 to join; [`LEAVING`] or [`LEAVING_FOR_NOW`].
    pub epoch: i32,
    pub client_id: Arc<str>,
    pub client_host: Arc<str>,
    pub instance: Option<Arc<str>>,
    pub says: Says,
    /// The partitions that the member says it owns; `None` if they did not change.
    pub owned: Option<Assignment>,
}

/// A member by its own words; `None` where they did not change.
#[derive(Clone, Debug, Default)]
pub struct Says {
    pub rack: Option<Arc<str>>,
    pub rebalance_timeout_ms: Option<i32>,
    pub topics: Option<Names>,
    /// Empty for none.
    pub pattern: Option<Arc<str>>,
    pub assignor: Option<Assignor>,
}

/// The answer to a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartbeatReply {
    pub member_id: Arc<str>,
    pub epoch: i32,
    pub heartbeat_interval_ms: i32,
    /// The partitions that the member may work on; `None` if they did not change.
    pub assignment: Option<Assignment>,
}

/// Decides on a heartbeat to a group of whatever kind, or to none.
pub fn heartbeat(
    before: Before<'_>,
    request: &Heartbeat,
    world: World<'_>,
) -> Decision<Group, Result<HeartbeatReply, Refusal>> {
    let is_joining = request.epoch == 0;
    let decided = begin(before, is_joining, world).and_then(|mut draft| {
        let reply = match request.epoch {
            LEAVING | LEAVING_FOR_NOW => leave::leave(&mut draft, request)?,
            _ => draft.heartbeat(request)?,
        };
        Ok((draft, reply))
    });
    match decided {
        Ok((draft, reply)) if draft.can_be_stored() => draft.decided(Ok(reply)),
        Ok(_) => Decision::unchanged(Err(Refusal::TooLarge)),
        Err(refusal) => Decision::unchanged(Err(refusal)),
    }
}

impl<W: Holds<Group> + Holds<classic::Group>> Question<W> for Heartbeat {
    type Reply = Result<HeartbeatReply, Refusal>;

    fn decide(self, whole: &W, _: Asker<Self::Reply>, world: &world::World) -> Decided<W, Self> {
        let decision = with_world(world, |world| heartbeat(Before::of(whole), &self, world));
        decision.map(Some).within(whole)
    }
}

impl Draft<'_> {
    fn heartbeat(&mut self, request: &Heartbeat) -> Result<HeartbeatReply, Refusal> {
        self.check_room(&request.member_id, request.instance.as_deref())?;
        let id = if request.member_id.is_empty() { &request.fresh_id } else { &request.member_id };
        let member = match &request.instance {
            None => self.dynamic_member(id, request)?,
            Some(instance) => self.static_member(id, instance, request)?,
        };
        let before = self.next.progress(id);
        let updated = request.update(&member);
        let progress = self.follow(&member, &updated, request.owned.as_ref())?;
        self.renew_session(&updated);
        let is_whole = request.says.rebalance_timeout_ms.is_some()
            && (request.says.topics.is_some() || request.says.pattern.is_some())
            && request.owned.is_some();
        let is_told = request.epoch == 0 || is_whole || progress.assigned != before.assigned;
        Ok(HeartbeatReply {
            member_id: Arc::clone(id),
            epoch: progress.epoch,
            heartbeat_interval_ms: self.world.settings.heartbeat_interval_ms,
            assignment: is_told.then(|| without_epochs(&progress.assigned)),
        })
    }

    /// One more member must fit in. Who comes back is none.
    pub(super) fn check_room(&self, id: &str, instance: Option<&str>) -> Result<(), Refusal> {
        let max_size = self.world.settings.max_size;
        let is_known = instance.is_some_and(|instance| self.next.statics.contains_key(instance))
            || (!id.is_empty() && self.next.members.contains_key(id));
        match !is_known && self.next.members.size() >= max_size {
            true => Err(Refusal::GroupFull(max_size)),
            false => Ok(()),
        }
    }

    fn dynamic_member(&self, id: &Arc<str>, request: &Heartbeat) -> Result<Arc<Member>, Refusal> {
        match self.next.member(id) {
            Some(member) => {
                self.check_epoch(id, request)?;
                Ok(Arc::clone(member))
            }
            None if request.epoch == 0 => Ok(Arc::new(Member::new(Arc::clone(id)))),
            None => Err(Refusal::UnknownMember(Arc::clone(id))),
        }
    }

    /// An instance keeps its place in the group: whoever joins with its id takes over from a member that went for a
    /// while, or that spoke the classic protocol.
    fn static_member(
        &mut self,
        id: &Arc<str>,
        instance: &Arc<str>,
        request: &Heartbeat,
    ) -> Result<Arc<Member>, Refusal> {
        let existing = self.next.static_member(instance).cloned();
        if request.epoch != 0 {
            let existing = existing.ok_or_else(|| Refusal::UnknownInstance(Arc::clone(instance)))?;
            if existing.id != *id {
                return Err(Refusal::FencedInstance(Arc::clone(&existing.id)));
            }
            self.check_epoch(id, request)?;
            return Ok(existing);
        }
        let Some(existing) = existing else {
            let known = self.next.member(id).cloned();
            return Ok(known.unwrap_or_else(|| Arc::new(Member::new(Arc::clone(id)))));
        };
        let is_released =
            existing.classic.is_some() || self.next.progress(&existing.id).epoch == LEAVING_FOR_NOW;
        match is_released {
            true => Ok(self.take_place(&existing, id)),
            false => Err(Refusal::UnreleasedInstance(Arc::clone(&existing.id))),
        }
    }

    /// Puts a member that joins in the place of the one that had its instance id.
    pub(super) fn take_place(&mut self, old: &Member, id: &Arc<str>) -> Arc<Member> {
        let target = self.next.target(&old.id);
        let progress =
            Progress { epoch: 0, previous_epoch: 0, ..Progress::clone(&self.next.progress(&old.id)) };
        let member = Arc::new(Member { id: Arc::clone(id), ..old.clone() });
        self.remove(&old.id);
        self.record(Row::Member(Arc::clone(id), Some(Arc::clone(&member))));
        self.record(Row::Target(Arc::clone(id), Some(target)));
        self.record_progress(id, progress);
        member
    }

    /// A member may be one epoch behind if it missed an answer; then it owns nothing beyond what it was given.
    fn check_epoch(&self, id: &str, request: &Heartbeat) -> Result<(), Refusal> {
        let progress = self.next.progress(id);
        let (received, known) = (request.epoch, progress.epoch);
        let missed_an_answer = received == progress.previous_epoch
            && request.owned.as_ref().is_some_and(|owned| is_within(owned, &progress.assigned));
        match received {
            0 => Ok(()),
            _ if received > known => Err(Refusal::FencedEpoch { relation: "greater", received, known }),
            _ if received < known && !missed_an_answer => {
                Err(Refusal::FencedEpoch { relation: "smaller", received, known })
            }
            _ => Ok(()),
        }
    }

    /// All that follows from what a member says: a new epoch of the group, a new target, its own next step.
    pub(super) fn follow(
        &mut self,
        before: &Member,
        updated: &Member,
        owned: Option<&Assignment>,
    ) -> Result<Arc<Progress>, Refusal> {
        let changes = self.update(before, updated)?;
        self.refresh(changes.asks_for_target);
        self.assign();
        Ok(self.reconcile(updated, changes.subscription, owned))
    }
}

impl Heartbeat {
    /// The member with what this says of it.
    fn update(&self, member: &Member) -> Member {
        let says = &self.says;
        Member {
            id: Arc::clone(&member.id),
            instance: self.instance.clone().or_else(|| member.instance.clone()),
            rack: says.rack.clone().or_else(|| member.rack.clone()),
            client_id: Arc::clone(&self.client_id),
            client_host: Arc::clone(&self.client_host),
            rebalance_timeout_ms: says.rebalance_timeout_ms.unwrap_or(member.rebalance_timeout_ms),
            topics: says.topics.clone().map_or_else(|| Arc::clone(&member.topics), Arc::new),
            pattern: match &says.pattern {
                Some(pattern) => Some(Arc::clone(pattern)).filter(|pattern| !pattern.is_empty()),
                None => member.pattern.clone(),
            },
            assignor: says.assignor.or(member.assignor),
            classic: None,
        }
    }
}

fn is_within(owned: &Assignment, assigned: &Held) -> bool {
    let mut all =
        owned.iter().flat_map(|(topic, partitions)| partitions.iter().map(move |index| (topic, index)));
    all.all(|(topic, index)| assigned.get(topic).is_some_and(|partitions| partitions.contains_key(index)))
}

pub(super) fn without_epochs(held: &Held) -> Assignment {
    held.iter().map(|(topic, partitions)| (*topic, partitions.keys().copied().collect())).collect()
}
