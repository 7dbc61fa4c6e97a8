//! The one map from what goes wrong below to Kafka's error codes.

mod groups;
mod responses;

use super::fetch_session::SessionError;
use crate::cluster::Unchanged;
use crate::coordinator::Gone;
use crate::log;
use crate::log::ReadError;
use crate::log::list_offsets::LookupError;
use crate::metadata::{ProposeError, Refused};
use crate::protocol::ErrorCode;
use crate::protocol::batch;
use crate::settings::InvalidConfig;

pub use groups::commit_refused;

/// A code and, where a message helps, a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: ErrorCode,
    pub message: Option<String>,
}

impl Failure {
    pub fn new(code: ErrorCode, message: String) -> Failure {
        Failure { code, message: Some(message) }
    }
}

/// The refusal of the APIs that change access rules, while there is no authorizer (`AclApis`).
pub fn no_authorizer() -> Failure {
    Failure::new(ErrorCode::SecurityDisabled, "No Authorizer is configured.".to_owned())
}

/// The same of the API that reads them, which Kafka answers at the broker instead of the controller.
pub fn no_authorizer_to_ask() -> Failure {
    Failure::new(ErrorCode::SecurityDisabled, "No Authorizer is configured on the broker".to_owned())
}

/// The time for an answer ran out before the outcome was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut;

/// Refuses a change of the metadata that gives itself no time: Kafka's controller does not begin it. Any time at all is
/// enough, as what was begun is answered when its outcome is known.
pub fn must_have_time(timeout_ms: i32) -> Result<(), TimedOut> {
    if timeout_ms > 0 { Ok(()) } else { Err(TimedOut) }
}

/// The refusal of a producer id, as Kafka tells it while the controller gives out none: producers wait, and ask again.
pub fn no_producer_id(error: ProposeError) -> Failure {
    match error {
        ProposeError::NotLeader { .. } => ErrorCode::CoordinatorLoadInProgress.into(),
        error => error.into(),
    }
}

/// The refusal of a topic that would be made because it was asked about: while the controller does not answer, the topic is
/// one that does not exist yet (`AutoTopicCreationManager`).
pub fn not_created(failure: &Failure) -> Failure {
    match failure.code {
        ErrorCode::NotController | ErrorCode::RequestTimedOut => ErrorCode::UnknownTopicOrPartition.into(),
        _ => failure.clone(),
    }
}

impl From<TimedOut> for Failure {
    fn from(_: TimedOut) -> Failure {
        ErrorCode::RequestTimedOut.into()
    }
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Failure {
        Failure { code, message: None }
    }
}

impl From<InvalidConfig> for Failure {
    fn from(error: InvalidConfig) -> Failure {
        Failure::new(ErrorCode::InvalidConfig, error.message)
    }
}

impl From<batch::Invalid> for Failure {
    fn from(invalid: batch::Invalid) -> Failure {
        use batch::Invalid;
        let code = match &invalid {
            Invalid::NoBatch
            | Invalid::MoreThanOneBatch
            | Invalid::OldMagic(_)
            | Invalid::BaseOffset(_)
            | Invalid::Count { .. }
            | Invalid::Control
            | Invalid::Sequence { .. }
            | Invalid::Offsets
            | Invalid::Payload(_)
            | Invalid::Records(_) => ErrorCode::InvalidRecord,
            Invalid::Corrupt(_) => ErrorCode::CorruptMessage,
            Invalid::TooLarge { .. } => ErrorCode::MessageTooLarge,
            Invalid::Transactional => ErrorCode::TransactionalIdAuthorizationFailed,
            Invalid::CodecNotAllowed(_) => ErrorCode::UnsupportedCompressionType,
            Invalid::Rejected { .. } if invalid.has_bad_timestamp() => ErrorCode::InvalidTimestamp,
            Invalid::Rejected { .. } => ErrorCode::InvalidRecord,
        };
        Failure::new(code, invalid.to_string())
    }
}

impl From<log::AppendError> for Failure {
    fn from(error: log::AppendError) -> Failure {
        use log::AppendError;
        let code = match error {
            AppendError::NotOpen(_) | AppendError::IncarnationEnded => ErrorCode::NotLeaderOrFollower,
            AppendError::UnknownPartition => ErrorCode::UnknownTopicOrPartition,
            AppendError::InvalidProducerEpoch => ErrorCode::InvalidProducerEpoch,
            AppendError::OutOfOrderSequence => ErrorCode::OutOfOrderSequenceNumber,
            AppendError::OffsetOutOfRange => ErrorCode::OffsetOutOfRange,
            AppendError::Full | AppendError::Malformed | AppendError::NotAtLevel => {
                ErrorCode::KafkaStorageError
            }
        };
        Failure::new(code, error.to_string())
    }
}

impl From<log::Damage> for Failure {
    fn from(damage: log::Damage) -> Failure {
        Failure::new(ErrorCode::KafkaStorageError, damage.to_string())
    }
}

impl From<Gone> for Failure {
    fn from(_: Gone) -> Failure {
        ErrorCode::NotCoordinator.into()
    }
}

impl From<log::PartitionError> for Failure {
    fn from(error: log::PartitionError) -> Failure {
        use log::PartitionError;
        match error {
            PartitionError::NotOpen(_) => ErrorCode::NotLeaderOrFollower.into(),
            PartitionError::Unknown(_) => ErrorCode::UnknownTopicOrPartition.into(),
            PartitionError::Index(_) | PartitionError::Malformed(_) => ErrorCode::KafkaStorageError.into(),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Failure {
        match error {
            ReadError::NotOpen(_) => ErrorCode::NotLeaderOrFollower.into(),
            ReadError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange.into(),
            ReadError::Corrupt { .. } => ErrorCode::CorruptMessage.into(),
            ReadError::Index(_) | ReadError::Malformed(_) | ReadError::Object(_) | ReadError::Gap { .. } => {
                ErrorCode::KafkaStorageError.into()
            }
        }
    }
}

impl From<LookupError> for Failure {
    fn from(error: LookupError) -> Failure {
        match error {
            LookupError::Read(error) => error.into(),
            LookupError::Header(_) | LookupError::Records(_) => ErrorCode::CorruptMessage.into(),
        }
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Failure {
        match error {
            SessionError::NotFound => ErrorCode::FetchSessionIdNotFound,
            SessionError::InvalidEpoch => ErrorCode::InvalidFetchSessionEpoch,
            SessionError::TopicIds => ErrorCode::FetchSessionTopicIdError,
        }
        .into()
    }
}

impl From<Unchanged> for Failure {
    fn from(unchanged: Unchanged) -> Failure {
        let code = match unchanged {
            Unchanged::Duplicate { .. } => ErrorCode::DuplicateVoter,
            Unchanged::NotFound { .. } => ErrorCode::VoterNotFound,
            Unchanged::NotReady(_) => ErrorCode::RequestTimedOut,
            Unchanged::Later(_) => ErrorCode::NotLeaderOrFollower,
            Unchanged::Alone { .. } | Unchanged::NobodyElse(_) | Unchanged::NoMajority(_) => {
                ErrorCode::InvalidRequest
            }
        };
        Failure::new(code, unchanged.to_string())
    }
}

impl From<ProposeError> for Failure {
    fn from(error: ProposeError) -> Failure {
        let code = match error {
            ProposeError::NotLeader { .. } => ErrorCode::NotController,
            ProposeError::Timeout | ProposeError::Stopped => ErrorCode::RequestTimedOut,
            ProposeError::Overloaded => ErrorCode::ThrottlingQuotaExceeded,
            ProposeError::TooLarge { .. } => ErrorCode::InvalidRequest,
            ProposeError::NotSupported { .. } => ErrorCode::UnsupportedVersion,
        };
        Failure::new(code, error.to_string())
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        let code = match &refused {
            Refused::AlreadyFormed { .. }
            | Refused::NotFormed
            | Refused::UnknownBroker(_)
            | Refused::UnknownShard(_)
            | Refused::TopicIdTaken(_)
            | Refused::Reassigned { .. }
            | Refused::Superseded
            | Refused::Exhausted => ErrorCode::UnknownServerError,
            Refused::StaleIncarnation { .. } => ErrorCode::StaleBrokerEpoch,
            Refused::TopicExists(_) => ErrorCode::TopicAlreadyExists,
            Refused::UnknownTopic(_) => ErrorCode::UnknownTopicOrPartition,
            Refused::InvalidTopicName(_) => ErrorCode::InvalidTopicException,
            Refused::InvalidPartitions(_) | Refused::TooManyPartitions { .. } => ErrorCode::InvalidPartitions,
            Refused::InvalidShards(_) => ErrorCode::InvalidRequest,
            Refused::InvalidConfig(_) => ErrorCode::InvalidConfig,
            Refused::TooOld { .. } => ErrorCode::UnsupportedVersion,
            Refused::InvalidFeature(_) => ErrorCode::InvalidUpdateVersion,
            Refused::NoScramCredential => ErrorCode::ResourceNotFound,
        };
        Failure::new(code, refused.to_string())
    }
}
