//! Committing: members and others say how far they have read.

use super::{HasMembers, Limits, Row, record};
use crate::coordinator::group::members::{CommitRefusal, Committer, Members};
use crate::coordinator::group::world::World;
use crate::coordinator::runtime::{Asker, Decided, Decision, Question};
use crate::log::keys::CommittedOffset;
use crate::types::Partition;

/// Offsets to be stored together.
#[derive(Clone, Debug)]
pub struct Commit<'a> {
    pub by: Committer<'a>,
    /// The offsets, of which it does not matter yet when they were committed.
    pub offsets: Vec<(Partition, CommittedOffset)>,
}

/// The client's words about an offset are too long to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the metadata of the offset is too long")]
pub struct TooLarge;

/// The outcome of each offset of a commit, in their order.
pub type Outcomes = Vec<Result<(), TooLarge>>;

/// The rows of a commit, and what becomes of each offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    pub rows: Vec<Row>,
    pub outcomes: Outcomes,
}

/// Decides on a commit. A group that does not exist begins with the commits of those who are no members
/// (`OffsetMetadataManager.validateOffsetCommit`).
pub fn commit(
    members: Option<&dyn Members>,
    commit: Commit<'_>,
    limits: &Limits,
    now_ms: i64,
) -> Result<Committed, CommitRefusal> {
    let partitions: Vec<Partition> = commit.offsets.iter().map(|(partition, _)| *partition).collect();
    match members {
        Some(members) => members.check_commit(commit.by, &partitions)?,
        None if commit.by.generation < 0 => {}
        None => return Err(CommitRefusal::NoGroup),
    }
    let mut committed = Committed { rows: Vec::new(), outcomes: Vec::new() };
    for (partition, offset) in commit.offsets {
        if offset.metadata.encode_utf16().count() > limits.max_metadata_len {
            committed.outcomes.push(Err(TooLarge));
            continue;
        }
        committed.outcomes.push(Ok(()));
        committed.rows.push(Row(partition, Some(CommittedOffset { committed_ms: now_ms, ..offset })));
    }
    Ok(committed)
}

impl<W: HasMembers> Question<W> for Commit<'_> {
    type Reply = Result<Outcomes, CommitRefusal>;

    fn decide(self, whole: &W, _: Asker<Self::Reply>, world: &World) -> Decided<W, Self> {
        let member_id = self.by.member_id;
        let members = whole.members();
        match commit(members, self, &world.settings.offsets, world.now_ms) {
            Ok(Committed { rows, outcomes }) => {
                let mut decision = record(whole, rows, Some(Ok(outcomes)));
                decision.timers.extend(members.and_then(|members| members.renew_by_commit(member_id)));
                decision
            }
            Err(refusal) => Decision::unchanged(Some(Err(refusal))),
        }
    }
}
