//! The members of a consumer group, as offsets and operators see them.

use std::cmp::Ordering;

use super::group::Group;
use super::reconcile::Progress;
use crate::coordinator::group::members::{CommitRefusal, Committer, DeleteRefusal, Members, Reader};
use crate::types::Partition;

/// The first version of OffsetCommit with which members of the newer protocol may commit.
const FIRST_WITH_EPOCHS: i16 = 9;

impl Members for Group {
    fn kind(&self) -> &'static str {
        "consumer"
    }

    fn state(&self) -> &'static str {
        Group::state(self).name()
    }

    fn count(&self) -> usize {
        self.members.size()
    }

    fn protocol_type(&self) -> &'static str {
        "consumer"
    }

    /// As `ConsumerGroup.validateOffsetCommit`. In an epoch that is over a member commits what it has held since then
    /// (KIP-1251); one offset that it may not commit is the end of them all.
    fn check_commit(&self, by: Committer<'_>, partitions: &[Partition]) -> Result<(), CommitRefusal> {
        if by.generation < 0 && self.is_empty() {
            return Ok(());
        }
        let is_anonymous = by.generation == -1 && by.member_id.is_empty() && by.instance.is_none();
        if by.is_transactional && is_anonymous {
            return Ok(());
        }
        let member = self.member(by.member_id).ok_or(CommitRefusal::UnknownMember)?;
        let is_classic = member.classic.is_some();
        if !by.is_transactional && !is_classic && by.version < FIRST_WITH_EPOCHS {
            return Err(CommitRefusal::OldVersion);
        }
        // A transaction knows generations alone (`OffsetMetadataManager.validateTransactionalOffsetCommit`).
        let refusal = stale(is_classic || by.is_transactional);
        let progress = self.progress(by.member_id);
        let may_commit = match by.generation.cmp(&progress.epoch) {
            Ordering::Equal => true,
            Ordering::Greater => false,
            Ordering::Less => partitions.iter().all(|own| has_held(&progress, *own, by.generation)),
        };
        if may_commit { Ok(()) } else { Err(refusal) }
    }

    /// Anybody may fetch offsets who does not say that it is a member.
    fn check_fetch(&self, reader: Reader<'_>) -> Result<(), CommitRefusal> {
        let epoch = reader.member_epoch;
        let Some(id) = reader.member_id else {
            return if epoch < 0 { Ok(()) } else { Err(CommitRefusal::UnknownMember) };
        };
        let member = self.member(id).ok_or(CommitRefusal::UnknownMember)?;
        match self.progress(id).epoch == epoch {
            true => Ok(()),
            false => Err(stale(member.classic.is_some())),
        }
    }

    fn check_delete(&self) -> Result<(), DeleteRefusal> {
        if self.is_empty() { Ok(()) } else { Err(DeleteRefusal::NotEmpty) }
    }

    fn is_subscribed(&self, topic: &str) -> bool {
        self.subscribed.contains_key(topic)
    }
}

/// True if a member has held a partition since an epoch.
fn has_held(progress: &Progress, partition: Partition, epoch: i32) -> bool {
    let mut held = [&progress.assigned, &progress.revoking].into_iter();
    let since = held.find_map(|held| held.get(&partition.topic)?.get(&partition.index).copied());
    since.is_some_and(|since| epoch >= since)
}

fn stale(has_generations: bool) -> CommitRefusal {
    if has_generations { CommitRefusal::IllegalGeneration } else { CommitRefusal::StaleEpoch }
}
