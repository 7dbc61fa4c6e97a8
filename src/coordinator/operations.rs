//! What operators do with groups: list them, look at them, delete them.

use std::sync::Arc;

use super::coordinators::answer;
use super::entry::Entry;
use super::error::Gone;
use super::group::offsets::DeleteRefusal;
use super::group::{Kind, Members, classic, consumer};
use super::offsets::forget;
use super::shard::{Coordinator, Rows};
use crate::log::keys::CommittedOffset;
use crate::types::Partition;

/// A group as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: Arc<str>,
    pub kind: Kind,
    /// As Kafka names it.
    pub state: &'static str,
    pub protocol_type: String,
}

/// A group as somebody sees it who looks at it.
#[derive(Clone, Debug)]
pub enum Described {
    Nothing,
    Classic(Box<classic::Group>),
    Consumer(Box<consumer::Group>),
}

/// A group as it is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    pub id: Arc<str>,
    /// As Kafka names it.
    pub state: &'static str,
    pub members: usize,
    /// Records behind its committed offsets; `None` while the end of one of those partitions is not known.
    pub lag: Option<i64>,
}

impl Coordinator {
    /// Every group as of now, durable or not. `end_of` says where a partition ends: `None` if it is not here, and
    /// `Some(None)` if nobody has looked yet.
    pub fn watch(&self, end_of: impl Fn(Partition) -> Option<Option<i64>>) -> Vec<Watched> {
        self.map(|id, entry| Watched {
            id: Arc::clone(id),
            state: entry.members().state(),
            members: entry.members().count(),
            lag: lag(entry, &end_of),
        })
    }

    /// A group with its members. One that only keeps offsets is an empty classic one.
    pub async fn describe(&self, group: &str) -> Result<Described, Gone> {
        answer(self.look(group, |entry| match entry.map(Entry::members) {
            None => Described::Nothing,
            Some(Members::Nobody) => Described::Classic(Box::new(classic::Group::empty(0))),
            Some(Members::Classic(group)) => Described::Classic(Box::new(group.clone())),
            Some(Members::Consumer(group)) => Described::Consumer(Box::new(group.clone())),
        }))
        .await
    }

    /// All groups.
    pub async fn list(&self) -> Result<Vec<Listed>, Gone> {
        let mut all = Vec::new();
        for id in self.ids() {
            let listed = self.look(&id, |entry| {
                entry.map(Entry::members).map(|members| Listed {
                    id: Arc::clone(&id),
                    kind: members.kind(),
                    state: members.state(),
                    protocol_type: members.protocol_type().to_owned(),
                })
            });
            all.extend(answer(listed).await?);
        }
        Ok(all)
    }

    /// Deletes a group without members, and its offsets.
    pub async fn delete(self: &Arc<Self>, group: &str) -> Result<Result<(), DeleteRefusal>, Gone> {
        answer(self.change(group, |entry| {
            if !entry.exists() {
                return (Rows::new(), Vec::new(), Err(DeleteRefusal::NoGroup));
            }
            if let Err(refusal) = entry.members().check_delete() {
                return (Rows::new(), Vec::new(), Err(refusal));
            }
            let (rows, timers) = forget(group, entry);
            (rows, timers, Ok(()))
        }))
        .await
    }
}

/// Records that the group has not committed, of the partitions of which it has committed any.
fn lag(entry: &Entry, end_of: impl Fn(Partition) -> Option<Option<i64>>) -> Option<i64> {
    let behind = |(partition, committed): (Partition, &CommittedOffset)| {
        end_of(partition).map(|end| end.map(|end| (end - committed.offset).max(0)))
    };
    entry.offsets.iter().filter_map(behind).sum()
}
