//! Committed offsets, and what operators do with groups: look at them and delete them.

use std::sync::Arc;

use super::coordinators::answer;
use super::entry::Entry;
use super::error::{CommitRefusal, DeleteRefusal, Gone};
use super::group::classic::{Committer, Group, Phase};
use super::shard::{Coordinator, Rows};
use crate::log::keys::{self, CommittedOffset};
use crate::types::Partition;

/// What is to be seen of a group.
#[derive(Clone, Debug)]
pub struct Description {
    pub id: Arc<str>,
    pub group: Group,
}

impl Coordinator {
    /// Commits offsets of a member, or of somebody who is none, if the group lets them.
    pub async fn commit(
        self: &Arc<Self>,
        group: &str,
        by: Committer<'_>,
        offsets: Vec<(Partition, CommittedOffset)>,
    ) -> Result<Result<(), CommitRefusal>, Gone> {
        let now_ms = self.runtime.clock.now_ms();
        answer(self.change(group, |entry| {
            if let Err(refusal) = check(entry, by, now_ms) {
                return (Rows::new(), Vec::new(), Err(refusal));
            }
            let mut rows = Rows::with_capacity(offsets.len());
            for (partition, committed) in offsets {
                rows.push((CommittedOffset::key(group, partition), Some(committed.value())));
                entry.offsets.insert(partition, committed);
            }
            let members = entry.classic.as_ref();
            let timers = members.map(|members| members.committed(by.member_id, &self.limits, now_ms).timers);
            (rows, timers.unwrap_or_default(), Ok(()))
        }))
        .await
    }

    /// The committed offsets of these partitions, or of all that have any.
    pub async fn offsets(
        &self,
        group: &str,
        wanted: Option<&[Partition]>,
    ) -> Result<Vec<(Partition, Option<CommittedOffset>)>, Gone> {
        answer(self.look(group, |entry| {
            match (wanted, entry) {
                (Some(wanted), entry) => {
                    let of =
                        |partition: &Partition| entry.and_then(|entry| entry.offsets.get(partition).cloned());
                    wanted.iter().map(|partition| (*partition, of(partition))).collect()
                }
                (None, Some(entry)) => entry
                    .offsets
                    .iter()
                    .map(|(partition, committed)| (*partition, Some(committed.clone())))
                    .collect(),
                (None, None) => Vec::new(),
            }
        }))
        .await
    }

    /// A group, if there is one. One that only keeps offsets is empty.
    pub async fn describe(&self, group: &str) -> Result<Option<Description>, Gone> {
        answer(self.look(group, |entry| {
            let group_of = |entry: &Entry| entry.classic.clone().unwrap_or_else(|| Group::empty(0));
            entry.map(|entry| Description { id: group.into(), group: group_of(entry) })
        }))
        .await
    }

    /// All groups.
    pub async fn describe_all(&self) -> Result<Vec<Description>, Gone> {
        let mut all = Vec::new();
        for id in self.ids() {
            all.extend(self.describe(&id).await?);
        }
        Ok(all)
    }

    /// Deletes a group without members, and its offsets.
    pub async fn delete(self: &Arc<Self>, group: &str) -> Result<Result<(), DeleteRefusal>, Gone> {
        answer(self.change(group, |entry| {
            if !entry.exists() {
                return (Rows::new(), Vec::new(), Err(DeleteRefusal::NoGroup));
            }
            if entry.classic.as_ref().is_some_and(|members| members.phase() != Phase::Empty) {
                return (Rows::new(), Vec::new(), Err(DeleteRefusal::NotEmpty));
            }
            let offsets = std::mem::take(&mut entry.offsets);
            let mut rows: Rows =
                offsets.keys().map(|partition| (CommittedOffset::key(group, *partition), None)).collect();
            rows.push((keys::classic_group(group), None));
            let timers = entry.classic.take().map(|members| members.forgotten()).unwrap_or_default();
            (rows, timers, Ok(()))
        }))
        .await
    }

    /// Deletes offsets, unless members may still use them. Says of each topic whether it did: the topic's name is what
    /// members know it by.
    pub async fn delete_offsets(
        self: &Arc<Self>,
        group: &str,
        topics: Vec<(String, Vec<Partition>)>,
    ) -> Result<Result<Vec<Result<(), DeleteRefusal>>, DeleteRefusal>, Gone> {
        answer(self.change(group, |entry| {
            if !entry.exists() {
                return (Rows::new(), Vec::new(), Err(DeleteRefusal::NoGroup));
            }
            let members = entry.classic.as_ref().filter(|members| members.phase() != Phase::Empty);
            if members.is_some_and(|members| !members.is_of_consumers()) {
                return (Rows::new(), Vec::new(), Err(DeleteRefusal::NotEmpty));
            }
            let is_used: Vec<bool> = topics
                .iter()
                .map(|(name, _)| members.is_some_and(|members| members.is_subscribed(name)))
                .collect();
            let mut rows = Rows::new();
            let mut outcomes = Vec::new();
            for ((_, partitions), is_used) in topics.into_iter().zip(is_used) {
                outcomes.push(if is_used { Err(DeleteRefusal::Subscribed) } else { Ok(()) });
                for partition in partitions.into_iter().filter(|_| !is_used) {
                    if entry.offsets.remove(&partition).is_some() {
                        rows.push((CommittedOffset::key(group, partition), None));
                    }
                }
            }
            (rows, Vec::new(), Ok(outcomes))
        }))
        .await
    }
}

fn check(entry: &Entry, by: Committer<'_>, now_ms: i64) -> Result<(), CommitRefusal> {
    match &entry.classic {
        Some(members) => Ok(members.check_commit(by, false)?),
        None if !entry.exists() && by.generation >= 0 => Err(CommitRefusal::NoGroup),
        None => Ok(Group::empty(now_ms).check_commit(by, false)?),
    }
}
