//! Committing: members and others say how far they have read.

use super::{Change, Limits};
use crate::coordinator::group::consumer::{self, CommitCheck};
use crate::coordinator::group::{Committer, Members, classic};
use crate::log::keys::CommittedOffset;
use crate::types::Partition;

/// Offsets to be stored together.
#[derive(Clone, Debug)]
pub struct Commit<'a> {
    pub by: Committer<'a>,
    /// The offsets, of which it does not matter yet when they were committed.
    pub offsets: Vec<(Partition, CommittedOffset)>,
}

/// Why nothing is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitRefusal {
    #[error("there is no such group")]
    NoGroup,
    #[error(transparent)]
    Member(#[from] classic::Refusal),
    #[error(transparent)]
    Consumer(#[from] consumer::CommitRefusal),
}

/// The client's words about an offset are too long to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the metadata of the offset is too long")]
pub struct TooLarge;

/// What is committed, and what becomes of each offset in the order they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    pub changes: Vec<Change>,
    pub outcomes: Vec<Result<(), TooLarge>>,
}

/// Decides on a commit. A group that does not exist begins with the commits of those who are no members
/// (`OffsetMetadataManager.validateOffsetCommit`).
pub fn commit(
    members: Option<Members<'_>>,
    commit: Commit<'_>,
    limits: &Limits,
    now_ms: i64,
) -> Result<Committed, CommitRefusal> {
    let check = match members {
        Some(members) => members.check_commit(commit.by)?,
        None if commit.by.generation < 0 => CommitCheck::Anything,
        None => return Err(CommitRefusal::NoGroup),
    };
    // One offset that may not be committed is the end of them all, as in Kafka.
    commit.offsets.iter().try_for_each(|(partition, _)| check.allows(*partition))?;
    let mut committed = Committed { changes: Vec::new(), outcomes: Vec::new() };
    for (partition, offset) in commit.offsets {
        if offset.metadata.encode_utf16().count() > limits.max_metadata_len {
            committed.outcomes.push(Err(TooLarge));
            continue;
        }
        committed.outcomes.push(Ok(()));
        committed.changes.push((partition, Some(CommittedOffset { committed_ms: now_ms, ..offset })));
    }
    Ok(committed)
}
