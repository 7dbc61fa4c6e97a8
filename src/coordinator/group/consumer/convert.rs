//! A classic group becomes a consumer group when a client of the newer protocol joins it, and a classic one again when
//! the last such client leaves (KIP-848, `group.consumer.migration.policy`).

use std::sync::Arc;

use bytes::Bytes;

use super::draft::{Draft, World};
use super::group::Group;
use super::heartbeat::without_epochs;
use super::member::{Classic, Member};
use super::reconcile::{Progress, State};
use super::refusal::Refusal;
use super::stored::Row;
use super::target::metadata_hash;
use super::{Assignment, Held};
use crate::coordinator::group::classic;
use crate::coordinator::group::topics::Topics;
use crate::coordinator::runtime::Holds;
use crate::protocol::consumer::{self, Subscription, TopicPartition};

/// The group before a decision.
#[derive(Clone, Copy, Debug)]
pub enum Before<'a> {
    /// No group, or one that only keeps offsets.
    Nothing,
    Classic(&'a classic::Group),
    Consumer(&'a Group),
}

impl<'a> Before<'a> {
    pub fn of<W: Holds<Group> + Holds<classic::Group>>(whole: &'a W) -> Before<'a> {
        let (classic, consumer): (Option<&classic::Group>, Option<&Group>) = (whole.part(), whole.part());
        let consumer = consumer.map(Before::Consumer);
        consumer.or(classic.map(Before::Classic)).unwrap_or(Before::Nothing)
    }
}

/// Begins a decision on a consumer group. One that joins makes it, or makes it of a classic group.
pub(super) fn begin<'a>(
    before: Before<'_>,
    is_joining: bool,
    world: World<'a>,
) -> Result<Draft<'a>, Refusal> {
    match before {
        Before::Consumer(group) => Ok(Draft::of(group, world)),
        Before::Nothing if is_joining => Ok(Draft::of(&Group::default(), world)),
        Before::Classic(classic) if is_joining => upgrade(classic, world),
        Before::Nothing | Before::Classic(_) => Err(Refusal::NoGroup),
    }
}

fn upgrade<'a>(classic: &classic::Group, world: World<'a>) -> Result<Draft<'a>, Refusal> {
    let mut draft = Draft::of(&Group::default(), world);
    classic.parting().into_iter().for_each(|reply| draft.reply(reply));
    if classic.is_empty() {
        return Ok(draft);
    }
    if !world.settings.migration.may_upgrade() {
        return Err(Refusal::NotUpgraded("online upgrade is disabled"));
    }
    let protocol = classic.protocol_name().filter(|_| classic.is_of_consumers());
    let protocol = protocol.ok_or(Refusal::NotUpgraded("it does not use the consumer embedded protocol"))?;
    if classic.members().count() > world.settings.max_size {
        return Err(Refusal::NotUpgraded("the group size exceeds the consumer group maximum size"));
    }
    let generation = classic.generation();
    for member in classic.members() {
        let (member, assigned) = draft.upgraded_member(member, protocol)?;
        draft.renew_session(&member);
        let id = Arc::clone(&member.id);
        draft.record_member(member);
        let target: Assignment = without_epochs(&assigned);
        draft.record(Row::Target(Arc::clone(&id), Some(Arc::new(target))));
        let progress = Progress {
            epoch: generation,
            previous_epoch: generation,
            state: State::Stable,
            assigned: with_epoch(assigned, generation),
            revoking: Held::new(),
        };
        draft.record_progress(&id, progress);
    }
    let metadata_hash = metadata_hash(&draft.next, world.topics);
    draft.next.memory.topics_seen = world.topics.version();
    draft.record_head(|head| {
        head.epoch = generation;
        head.metadata_hash = metadata_hash;
        head.assignment_epoch = generation;
    });
    tracing::info!(group = world.id, "classic group is a consumer group now");
    Ok(draft)
}

impl Draft<'_> {
    fn upgraded_member(&self, member: &classic::Member, protocol: &str) -> Result<(Member, Held), Refusal> {
        let malformed = |_| Refusal::NotUpgraded("the embedded consumer protocol is malformed");
        let (subscription, _) =
            consumer::decode::<Subscription>(&member.metadata(protocol)).map_err(malformed)?;
        let mut assigned = Held::new();
        if !member.assignment.is_empty() {
            let (assignment, _) =
                consumer::decode::<consumer::Assignment>(&member.assignment).map_err(malformed)?;
            if assignment.user_data.is_some_and(|data| !data.is_empty()) {
                return Err(Refusal::NotUpgraded("an unsupported custom assignor is in use"));
            }
            assigned = with_epoch_of(by_id(&assignment.assigned_partitions, self.world.topics), 0);
        }
        let upgraded = Member {
            instance: member.instance.clone(),
            rack: subscription.rack_id.filter(|rack| !rack.is_empty()).map(Into::into),
            client_id: member.client_id.as_str().into(),
            client_host: member.client_host.as_str().into(),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            topics: Arc::new(subscription.topics.iter().map(|name| name.as_str().into()).collect()),
            classic: Some(Classic {
                session_timeout_ms: member.session_timeout_ms,
                protocols: Arc::clone(&member.protocols),
            }),
            ..Member::new(Arc::clone(&member.id))
        };
        Ok((upgraded, assigned))
    }

    /// Turns the group into a classic one, of which every member owns its target. With `rebalance` the members are
    /// called to join at once.
    pub fn downgrade(&mut self, rebalance: bool) {
        let group = self.next.clone();
        let member = |member: &Arc<Member>| {
            let classic = member.classic.as_ref()?;
            Some(classic::Member {
                id: Arc::clone(&member.id),
                instance: member.instance.clone(),
                client_id: member.client_id.to_string(),
                client_host: member.client_host.to_string(),
                session_timeout_ms: classic.session_timeout_ms,
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                protocols: Arc::clone(&classic.protocols),
                assignment: Bytes::new(),
                is_new: false,
            })
        };
        let members = group.members.values().filter_map(member).collect();
        let (now_ms, topics) = (self.world.now_ms, self.world.topics);
        let assign = |member: &classic::Member, protocol: &str| {
            embedded(&group.target(&member.id), &member.metadata(protocol), topics)
        };
        let classic = classic::Group::taken_over(group.head.epoch, members, now_ms, assign);
        let world = classic::World { limits: self.world.classic, now_ms };
        self.heir = Some(Box::new(classic.take_over(rebalance, world)));
        tracing::info!(group = self.world.id, "consumer group is a classic group now");
    }
}

/// An assignment as the embedded protocol writes it, in the version that the member subscribed with.
pub(super) fn embedded(assignment: &Assignment, metadata: &Bytes, topics: &dyn Topics) -> Bytes {
    let version = consumer::decode::<Subscription>(metadata).map_or(0, |(_, version)| version.min(3));
    let mut assigned_partitions = Vec::new();
    for (id, partitions) in assignment {
        if let Some(name) = topics.name(*id) {
            let partitions = partitions.iter().copied().collect();
            assigned_partitions.push(TopicPartition { topic: name.to_string(), partitions });
        }
    }
    let assignment = consumer::Assignment { assigned_partitions, user_data: None };
    // Names of topics always fit.
    consumer::encode(&assignment, version).unwrap_or_default()
}

/// Partitions that a member of the classic protocol names, of those topics that exist.
pub(super) fn by_id(partitions: &[TopicPartition], topics: &dyn Topics) -> Assignment {
    let mut by_id = Assignment::new();
    for named in partitions {
        if let Some(topic) = topics.by_name(&named.topic) {
            by_id.entry(topic.id).or_default().extend(&named.partitions);
        }
    }
    by_id
}

fn with_epoch_of(assignment: Assignment, epoch: i32) -> Held {
    let each = |(topic, partitions): (_, std::collections::BTreeSet<i32>)| {
        (topic, partitions.into_iter().map(|index| (index, epoch)).collect())
    };
    assignment.into_iter().map(each).collect()
}

fn with_epoch(mut held: Held, epoch: i32) -> Held {
    held.values_mut().flat_map(|partitions| partitions.values_mut()).for_each(|own| *own = epoch);
    held
}
