//! Deleting offsets one by one, as operators do.

use super::{HasMembers, Offsets, Row, record};
use crate::coordinator::group::members::{DeleteRefusal, Members};
use crate::coordinator::group::world::World;
use crate::coordinator::runtime::{Asker, Decided, Decision, Question};
use crate::types::Partition;

/// Asks for offsets of topics to be deleted, unless members may still use them. Answers for each topic, in their order.
pub struct DeleteOffsets<'a> {
    pub topics: &'a [(&'a str, Vec<Partition>)],
}

/// The rows of what is deleted, and what becomes of each topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    pub rows: Vec<Row>,
    pub outcomes: Vec<Result<(), DeleteRefusal>>,
}

/// Decides on offsets of topics: members know a topic by its name. Offsets that there are not count as deleted.
pub fn delete(
    members: Option<&dyn Members>,
    offsets: &Offsets,
    topics: &[(&str, Vec<Partition>)],
) -> Result<Deleted, DeleteRefusal> {
    let members = members.ok_or(DeleteRefusal::NoGroup)?;
    members.check_delete_offsets()?;
    let mut deleted = Deleted { rows: Vec::new(), outcomes: Vec::new() };
    for (name, partitions) in topics {
        if members.is_subscribed(name) {
            deleted.outcomes.push(Err(DeleteRefusal::Subscribed));
            continue;
        }
        deleted.outcomes.push(Ok(()));
        let kept = partitions.iter().filter(|partition| offsets.get(**partition).is_some());
        deleted.rows.extend(kept.map(|partition| Row(*partition, None)));
    }
    Ok(deleted)
}

impl<W: HasMembers> Question<W> for DeleteOffsets<'_> {
    type Reply = Result<Vec<Result<(), DeleteRefusal>>, DeleteRefusal>;

    fn decide(self, whole: &W, _: Asker<Self::Reply>, _: &World) -> Decided<W, Self> {
        let offsets = whole.part().cloned().unwrap_or_default();
        match delete(whole.members(), &offsets, self.topics) {
            Ok(Deleted { rows, outcomes }) => record(whole, rows, Some(Ok(outcomes))),
            Err(refusal) => Decision::unchanged(Some(Err(refusal))),
        }
    }
}
