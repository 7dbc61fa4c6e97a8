//! Deleting offsets one by one, as operators do.

use super::{Change, Offsets};
use crate::coordinator::group::Members;
use crate::types::Partition;

/// Why a group, or offsets of it, are not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeleteRefusal {
    #[error("there is no such group")]
    NoGroup,
    #[error("the group has members")]
    NotEmpty,
    #[error("members are subscribed to the topic")]
    Subscribed,
}

/// What is deleted, and what becomes of each topic in the order they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    pub changes: Vec<Change>,
    pub outcomes: Vec<Result<(), DeleteRefusal>>,
}

/// Decides on offsets of topics: members know a topic by its name. Offsets that there are not count as deleted.
pub fn delete(
    members: Option<Members<'_>>,
    offsets: &Offsets,
    topics: &[(&str, Vec<Partition>)],
) -> Result<Deleted, DeleteRefusal> {
    let members = members.ok_or(DeleteRefusal::NoGroup)?;
    members.check_delete_offsets()?;
    let mut deleted = Deleted { changes: Vec::new(), outcomes: Vec::new() };
    for (name, partitions) in topics {
        if members.is_subscribed(name) {
            deleted.outcomes.push(Err(DeleteRefusal::Subscribed));
            continue;
        }
        deleted.outcomes.push(Ok(()));
        let kept = partitions.iter().filter(|partition| offsets.get(**partition).is_some());
        deleted.changes.extend(kept.map(|partition| (*partition, None)));
    }
    Ok(deleted)
}
