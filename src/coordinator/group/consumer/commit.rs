//! Who may commit and fetch offsets of a consumer group (`ConsumerGroup.validateOffsetCommit`, KIP-1251).

use std::sync::Arc;

use super::group::Group;
use super::reconcile::Progress;
use crate::coordinator::group::Committer;
use crate::types::Partition;

/// The first version of OffsetCommit with which members of the newer protocol may commit.
const FIRST_WITH_EPOCHS: i16 = 9;

/// Why offsets are not committed or fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitRefusal {
    #[error("the group has no such member")]
    UnknownMember,
    #[error("the member's epoch is not the one that the offsets are of")]
    StaleEpoch,
    #[error("the generation is not the member's epoch")]
    IllegalGeneration,
    #[error("members of the consumer protocol commit with version 9 or above")]
    OldVersion,
}

/// What a commit may contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitCheck {
    Anything,
    /// An epoch that is over: only partitions that the member has held since then.
    HeldSince {
        epoch: i32,
        progress: Arc<Progress>,
        refusal: CommitRefusal,
    },
}

impl CommitCheck {
    /// Whether the offset of this partition may be committed.
    pub fn allows(&self, partition: Partition) -> Result<(), CommitRefusal> {
        let CommitCheck::HeldSince { epoch, progress, refusal } = self else { return Ok(()) };
        let held = [&progress.assigned, &progress.revoking]
            .into_iter()
            .find_map(|held| held.get(&partition.topic)?.get(&partition.index).copied());
        match held {
            Some(since) if *epoch >= since => Ok(()),
            Some(_) | None => Err(*refusal),
        }
    }
}

impl Group {
    /// Whether these offsets may be committed.
    pub fn check_commit(&self, by: Committer<'_>) -> Result<CommitCheck, CommitRefusal> {
        if by.generation < 0 && self.is_empty() {
            return Ok(CommitCheck::Anything);
        }
        let is_anonymous = by.generation == -1 && by.member_id.is_empty() && by.instance.is_none();
        if by.is_transactional && is_anonymous {
            return Ok(CommitCheck::Anything);
        }
        let member = self.member(by.member_id).ok_or(CommitRefusal::UnknownMember)?;
        let is_classic = member.classic.is_some();
        if !by.is_transactional && !is_classic && by.version < FIRST_WITH_EPOCHS {
            return Err(CommitRefusal::OldVersion);
        }
        // A transaction knows generations alone (`OffsetMetadataManager.validateTransactionalOffsetCommit`).
        let refusal = stale(is_classic || by.is_transactional);
        let progress = self.progress(by.member_id);
        match by.generation.cmp(&progress.epoch) {
            std::cmp::Ordering::Equal => Ok(CommitCheck::Anything),
            std::cmp::Ordering::Greater => Err(refusal),
            std::cmp::Ordering::Less => {
                Ok(CommitCheck::HeldSince { epoch: by.generation, progress, refusal })
            }
        }
    }

    /// Whether offsets may be fetched by a member; anybody may who does not say that it is one.
    pub fn check_fetch(&self, member_id: Option<&str>, epoch: i32) -> Result<(), CommitRefusal> {
        let Some(id) = member_id else {
            return if epoch < 0 { Ok(()) } else { Err(CommitRefusal::UnknownMember) };
        };
        let member = self.member(id).ok_or(CommitRefusal::UnknownMember)?;
        match self.progress(id).epoch == epoch {
            true => Ok(()),
            false => Err(stale(member.classic.is_some())),
        }
    }
}

fn stale(has_generations: bool) -> CommitRefusal {
    if has_generations { CommitRefusal::IllegalGeneration } else { CommitRefusal::StaleEpoch }
}
