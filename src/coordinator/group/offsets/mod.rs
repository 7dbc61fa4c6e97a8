//! The offsets that a group has committed: who may commit and delete them, and when they expire.
//! It must never know storage, topics or the clock: names and times are arguments, rows are made of what it decides.
//! Entry points: [`commit`], [`delete`], [`expire`]; [`Offsets`] is what they change.
//! Invariant: deciding changes nothing; what is decided is applied whole, and loading is the same [`Offsets::apply`].

mod commit;
mod delete;
mod expire;
mod fetch;
#[cfg(test)]
mod tests;

use std::convert::Infallible;

use bytes::Bytes;
use rpds::RedBlackTreeMapSync;

use super::members::Members;
use super::timer::Timer;
use super::world::World;
use crate::coordinator::runtime::{self, Decision, Draft, Holds, LoadError, Machine, Reply, Waiting};
use crate::log::keys::{CommittedOffset, Tag};
use crate::types::Partition;

pub use super::settings::Offsets as Limits;
pub use commit::{Commit, Committed, Outcomes, TooLarge, commit};
pub use delete::{DeleteOffsets, Deleted, delete};
pub use expire::{Expire, Expired, Topics, expire};
pub use fetch::{Fetch, Found};

/// The offset of a partition from now on: another one, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub Partition, pub Option<CommittedOffset>);

impl runtime::Row for Row {
    const TAGS: &'static [Tag] = &[Tag::CommittedOffset];

    fn key(&self, id: &str) -> Bytes {
        CommittedOffset::key(id.to_owned(), self.0)
    }

    fn value(&self) -> Option<Bytes> {
        self.1.as_ref().map(CommittedOffset::value)
    }

    fn decode(_: Tag, key: &[u8], value: Bytes) -> Result<(String, Row), LoadError> {
        let (id, partition, committed) = CommittedOffset::decode(key, &value)?;
        Ok((id, Row(partition, Some(committed))))
    }
}

/// The offsets of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    committed: RedBlackTreeMapSync<Partition, CommittedOffset>,
    /// Somebody has committed. A group of nothing but offsets outlives the last of them until it is next found useless,
    /// or loaded.
    are_known: bool,
}

impl Offsets {
    pub fn get(&self, partition: Partition) -> Option<&CommittedOffset> {
        self.committed.get(&partition)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Partition, &CommittedOffset)> {
        self.committed.iter().map(|(partition, committed)| (*partition, committed))
    }
}

/// Offsets wait for nothing.
impl Machine for Offsets {
    type Row = Row;
    type Timer = Timer;
    type Reply = Infallible;
    type World = World;
    type Heir = Offsets;

    fn apply(&mut self, Row(partition, committed): &Row) {
        match committed {
            Some(committed) => {
                self.are_known = true;
                self.committed.insert_mut(*partition, committed.clone());
            }
            None => {
                self.committed.remove_mut(partition);
            }
        }
    }

    /// True if they alone make a group.
    fn exists(&self) -> bool {
        self.are_known
    }

    fn forget(&self) -> Decision<Offsets> {
        let rows = self.committed.keys().map(|partition| Row(*partition, None)).collect();
        Decision { next: Some(Offsets::default()), rows, ..Decision::unchanged(()) }
    }
}

impl Reply for Infallible {
    fn take(self, _: &mut Waiting) -> Option<runtime::Notice> {
        match self {}
    }
}

/// A group that holds offsets, and has members or had them.
pub trait HasMembers: Holds<Offsets> {
    /// The members; `None` if there is no such group.
    fn members(&self) -> Option<&dyn Members>;
}

/// The decision of a group that these rows of its offsets change.
fn record<W: HasMembers, R>(whole: &W, rows: Vec<Row>, reply: R) -> Decision<W, R> {
    if rows.is_empty() {
        return Decision::unchanged(reply);
    }
    let mut draft = Draft::of(&whole.part().cloned().unwrap_or_default(), ());
    rows.into_iter().for_each(|row| draft.record(row));
    draft.decided(reply).within(whole)
}
