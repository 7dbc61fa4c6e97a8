//! Refusals of groups, as Kafka's error codes.

use super::Failure;
use crate::coordinator::group::offsets::TooLarge;
use crate::coordinator::group::{CommitRefusal, DeleteRefusal, classic, consumer};
use crate::protocol::ErrorCode;

impl From<classic::Refusal> for Failure {
    fn from(refusal: classic::Refusal) -> Failure {
        use classic::Refusal;
        let code = match refusal {
            Refusal::UnknownMember => ErrorCode::UnknownMemberId,
            Refusal::FencedInstance => ErrorCode::FencedInstanceId,
            Refusal::IllegalGeneration => ErrorCode::IllegalGeneration,
            Refusal::InconsistentProtocol => ErrorCode::InconsistentGroupProtocol,
            Refusal::RebalanceInProgress => ErrorCode::RebalanceInProgress,
            Refusal::MemberIdRequired => ErrorCode::MemberIdRequired,
            Refusal::GroupFull => ErrorCode::GroupMaxSizeReached,
            // As Kafka, for a group that no record of its offsets topic could hold.
            Refusal::TooLarge => ErrorCode::UnknownServerError,
        };
        code.into()
    }
}

/// From version 9 of OffsetCommit on, clients know that a group may not exist (KIP-848).
pub fn commit_refused(refusal: CommitRefusal, version: i16) -> Failure {
    match refusal {
        CommitRefusal::NoGroup if version < 9 => ErrorCode::IllegalGeneration.into(),
        refusal => refusal.into(),
    }
}

impl From<CommitRefusal> for Failure {
    fn from(refusal: CommitRefusal) -> Failure {
        let code = match refusal {
            CommitRefusal::NoGroup => ErrorCode::GroupIdNotFound,
            CommitRefusal::UnknownMember => ErrorCode::UnknownMemberId,
            CommitRefusal::FencedInstance => ErrorCode::FencedInstanceId,
            CommitRefusal::IllegalGeneration => ErrorCode::IllegalGeneration,
            CommitRefusal::RebalanceInProgress => ErrorCode::RebalanceInProgress,
            CommitRefusal::StaleEpoch => ErrorCode::StaleMemberEpoch,
            CommitRefusal::OldVersion => ErrorCode::UnsupportedVersion,
        };
        code.into()
    }
}

impl From<consumer::Refusal> for Failure {
    fn from(refusal: consumer::Refusal) -> Failure {
        use consumer::Refusal;
        let code = match &refusal {
            Refusal::NoGroup | Refusal::NotUpgraded(_) => ErrorCode::GroupIdNotFound,
            Refusal::UnknownMember(_) | Refusal::UnknownInstance(_) => ErrorCode::UnknownMemberId,
            Refusal::FencedInstance(_) => ErrorCode::FencedInstanceId,
            Refusal::UnreleasedInstance(_) => ErrorCode::UnreleasedInstanceId,
            Refusal::FencedEpoch { .. } => ErrorCode::FencedMemberEpoch,
            Refusal::GroupFull(_) => ErrorCode::GroupMaxSizeReached,
            // As Kafka, for a member that no record of its offsets topic could hold.
            Refusal::TooLarge => ErrorCode::UnknownServerError,
            Refusal::InvalidPattern(_) => ErrorCode::InvalidRegularExpression,
        };
        Failure::new(code, refusal.to_string())
    }
}

impl From<TooLarge> for Failure {
    fn from(_: TooLarge) -> Failure {
        ErrorCode::OffsetMetadataTooLarge.into()
    }
}

impl From<DeleteRefusal> for Failure {
    fn from(refusal: DeleteRefusal) -> Failure {
        let code = match refusal {
            DeleteRefusal::NoGroup => ErrorCode::GroupIdNotFound,
            DeleteRefusal::NotEmpty => ErrorCode::NonEmptyGroup,
            DeleteRefusal::Subscribed => ErrorCode::GroupSubscribedToTopic,
        };
        code.into()
    }
}
