//! Fetching: members and others ask how far has been read.

use super::{HasMembers, Offsets};
use crate::coordinator::group::members::{CommitRefusal, Reader};
use crate::coordinator::group::world::World;
use crate::coordinator::runtime::{Asker, Decided, Decision, Question};
use crate::log::keys::CommittedOffset;
use crate::types::Partition;

/// Asks for the committed offsets of these partitions, or of all that have any.
pub struct Fetch<'a> {
    pub reader: Reader<'a>,
    pub wanted: Option<&'a [Partition]>,
}

/// The offsets of partitions, in the order they were asked for; `None` where nothing is committed.
pub type Found = Vec<(Partition, Option<CommittedOffset>)>;

impl<W: HasMembers> Question<W> for Fetch<'_> {
    type Reply = Result<Found, CommitRefusal>;

    fn decide(self, whole: &W, _: Asker<Self::Reply>, _: &World) -> Decided<W, Self> {
        let check = whole.members().map_or(Ok(()), |members| members.check_fetch(self.reader));
        let offsets: Option<&Offsets> = whole.part();
        let found = check.map(|()| match self.wanted {
            Some(wanted) => {
                let find = |partition: &Partition| offsets?.get(*partition).cloned();
                wanted.iter().map(|partition| (*partition, find(partition))).collect()
            }
            None => {
                let all = offsets.into_iter().flat_map(Offsets::iter);
                all.map(|(partition, committed)| (partition, Some(committed.clone()))).collect()
            }
        });
        Decision::unchanged(Some(found))
    }
}
