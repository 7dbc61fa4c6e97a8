//! Offsets of groups, carried out: what the machines decide is applied at once, and told once it is durable.

use std::future::Future;
use std::sync::Arc;

use super::coordinators::answer;
use super::decisions::without;
use super::entry::{Entry, Membership};
use super::error::Gone;
use super::group::Reader;
use super::group::consumer;
use super::group::offsets::{
    self, Change, Commit, CommitRefusal, DeleteRefusal, Deleted, Expired, Offsets, TooLarge,
};
use super::shard::{Coordinator, Rows};
use super::timers::TimerChange;
use crate::log::keys::{self, CommittedOffset};
use crate::types::{Partition, TopicId};

/// The name of every topic by its id. An id without a name was a topic once.
pub type TopicNames = dyn Fn(TopicId) -> Option<Arc<str>> + Send + Sync;

/// What becomes of each offset of a commit, in their order.
pub type Outcomes = Vec<Result<(), TooLarge>>;

/// The offsets of partitions, in the order they were asked for; `None` where nothing is committed.
pub type Found = Vec<(Partition, Option<CommittedOffset>)>;

impl Coordinator {
    /// Commits offsets, if the group lets the committer. The call decides, and so keeps the order of calls; the future
    /// tells what became of each once that is durable.
    pub fn commit(
        self: &Arc<Self>,
        group: &str,
        commit: Commit<'_>,
    ) -> impl Future<Output = Result<Result<Outcomes, CommitRefusal>, Gone>> + Send + 'static {
        let now_ms = self.runtime.clock.now_ms();
        let receiver = self.change(group, |entry| {
            let by = commit.by;
            let members = entry.exists().then(|| entry.members());
            let committed = match offsets::commit(members, commit, &self.settings.offsets, now_ms) {
                Ok(committed) => committed,
                Err(refusal) => return (Rows::new(), Vec::new(), Err(refusal)),
            };
            let timers = match &entry.membership {
                Membership::Classic(group) => {
                    group.committed(by.member_id, &self.settings.classic, now_ms).timers
                }
                Membership::Nobody | Membership::Consumer(_) => Vec::new(),
            };
            let timers = timers.into_iter().map(TimerChange::from).collect();
            (apply(group, entry, committed.changes), timers, Ok(committed.outcomes))
        });
        answer(receiver)
    }

    /// The committed offsets of these partitions, or of all that have any.
    pub async fn offsets(
        &self,
        group: &str,
        reader: Reader<'_>,
        wanted: Option<&[Partition]>,
    ) -> Result<Result<Found, consumer::CommitRefusal>, Gone> {
        answer(self.look(group, |entry| {
            entry.map_or(Ok(()), |entry| entry.members().check_fetch(reader))?;
            let offsets = entry.map(|entry| &entry.offsets);
            Ok(match wanted {
                Some(wanted) => {
                    let of = |partition: &Partition| offsets?.get(*partition).cloned();
                    wanted.iter().map(|partition| (*partition, of(partition))).collect()
                }
                None => offsets
                    .into_iter()
                    .flat_map(|offsets| offsets.iter())
                    .map(|(partition, committed)| (partition, Some(committed.clone())))
                    .collect(),
            })
        }))
        .await
    }

    /// Deletes offsets, unless members may still use them. Says of each topic, in their order, whether it did.
    pub async fn delete_offsets(
        self: &Arc<Self>,
        group: &str,
        topics: &[(&str, Vec<Partition>)],
    ) -> Result<Result<Vec<Result<(), DeleteRefusal>>, DeleteRefusal>, Gone> {
        answer(self.change(group, |entry| {
            let members = entry.exists().then(|| entry.members());
            match offsets::delete(members, &entry.offsets, topics) {
                Ok(Deleted { changes, outcomes }) => (apply(group, entry, changes), Vec::new(), Ok(outcomes)),
                Err(refusal) => (Rows::new(), Vec::new(), Err(refusal)),
            }
        }))
        .await
    }

    /// Deletes what nobody uses any more: offsets whose time is over, those of topics that are deleted, and, if
    /// `with_groups`, groups that neither have members nor keep offsets. `names` must know every topic of which an offset
    /// was committed before.
    pub(super) fn expire_offsets(self: &Arc<Self>, names: &TopicNames, with_groups: bool) {
        let now_ms = self.runtime.clock.now_ms();
        let topics = offsets::Topics { name: &names, are_all: self.shard().knows_metadata() };
        for group in self.ids() {
            // Nobody waits for it: what cannot be written is found again by the next incarnation.
            drop(self.change(&group, |entry| {
                let Expired { changes, is_group } =
                    offsets::expire(entry.members(), &entry.offsets, topics, &self.settings.offsets, now_ms);
                tell_removed(&group, &changes, names);
                match is_group && with_groups {
                    true => {
                        let (rows, timers) = forget(&group, entry);
                        (rows, timers, ())
                    }
                    false => (apply(&group, entry, changes), Vec::new(), ()),
                }
            }));
        }
    }

    /// Whether offsets are kept of a topic that has no name.
    pub(super) fn keeps_offsets_of_other_topics(&self, names: &TopicNames) -> bool {
        self.shard().knows_metadata()
            && self.any(|entry| entry.offsets.iter().any(|(partition, _)| names(partition.topic).is_none()))
    }
}

/// An offset that has expired is news to whoever counted on it; one of a deleted topic went with the topic.
fn tell_removed(group: &str, changes: &[Change], names: &TopicNames) {
    let expired = changes.iter().filter(|(partition, _)| names(partition.topic).is_some()).count();
    if expired > 0 {
        tracing::info!(group, offsets = expired, "committed offsets have expired");
    }
    if changes.len() > expired {
        tracing::debug!(
            group,
            offsets = changes.len() - expired,
            "committed offsets of deleted topics are gone"
        );
    }
}

/// Changes a group's offsets, and says which rows that writes.
fn apply(group: &str, entry: &mut Entry, changes: Vec<Change>) -> Rows {
    let mut rows = Rows::with_capacity(changes.len());
    for change in changes {
        let (partition, committed) = &change;
        let value = committed.as_ref().map(CommittedOffset::value);
        rows.push((CommittedOffset::key(group, *partition), value));
        entry.offsets.apply(change);
    }
    rows
}

/// Takes away all that a group holds, and says which rows and timers that changes.
pub(super) fn forget(group: &str, entry: &mut Entry) -> (Rows, Vec<TimerChange>) {
    let none = entry.offsets.none();
    let mut rows = apply(group, entry, none);
    entry.offsets = Offsets::default();
    match std::mem::take(&mut entry.membership) {
        Membership::Nobody => (rows, Vec::new()),
        Membership::Classic(members) => {
            rows.push((keys::classic_group(group), None));
            (rows, members.forgotten().into_iter().map(TimerChange::from).collect())
        }
        // Without members there is nothing that it waits for.
        Membership::Consumer(members) => {
            rows.extend(without(group, &members));
            (rows, Vec::new())
        }
    }
}
