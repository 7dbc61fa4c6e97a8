//! Faults for which a producer's bytes are not appended.

use thiserror::Error;

use super::compression::{Codec, DecompressError};
use super::header::HeaderError;
use super::records::RecordError;
use super::walk::WalkError;

/// One variant per cause; the comment names the Kafka error that fits it (`UnifiedLog.analyzeAndValidateRecords`,
/// `LogValidator`, `ProduceRequest.validateRecords`).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Invalid {
    /// `INVALID_RECORD`
    #[error("there is no record batch")]
    NoBatch,
    /// `INVALID_RECORD`
    #[error("there is more than one record batch")]
    MoreThanOneBatch,
    /// Magic 0 or 1: `INVALID_RECORD`
    #[error("record batch has magic {0}, and only magic 2 is allowed")]
    OldMagic(i8),
    /// `CORRUPT_MESSAGE`
    #[error(transparent)]
    Corrupt(#[from] HeaderError),
    /// `INVALID_RECORD`
    #[error("base offset of the record batch is {0} and should be 0")]
    BaseOffset(i64),
    /// `MESSAGE_TOO_LARGE`
    #[error("record batch has {bytes} bytes where {limit} are allowed")]
    TooLarge { bytes: usize, limit: usize },
    /// `INVALID_RECORD`
    #[error("record batch has {count} records and a last offset delta of {last_offset_delta}")]
    Count { count: i32, last_offset_delta: i32 },
    /// `INVALID_RECORD`
    #[error("clients are not allowed to write control records")]
    Control,
    /// A transactional batch where none is allowed: the API decides.
    #[error("transactional records are not allowed here")]
    Transactional,
    /// `INVALID_RECORD`
    #[error("record batch of producer {producer_id} has the sequence {sequence}")]
    Sequence { producer_id: i64, sequence: i32 },
    /// `UNSUPPORTED_COMPRESSION_TYPE`
    #[error("{0:?} compression is not allowed in this version of the request")]
    CodecNotAllowed(Codec),
    /// `INVALID_RECORD`, and so what cannot be decompressed: no client should send it again.
    #[error(transparent)]
    Payload(#[from] DecompressError),
    /// `INVALID_RECORD`
    #[error(transparent)]
    Records(#[from] RecordError),
    /// `INVALID_RECORD`
    #[error("offsets of the compressed records are not 0, 1, 2 and so on")]
    Offsets,
    /// `INVALID_TIMESTAMP` if one is refused for its timestamp, else `INVALID_RECORD`. Holds the first of them only.
    #[error("{total} records have been rejected")]
    Rejected { records: Vec<RejectedRecord>, total: usize },
}

impl Invalid {
    /// True if it is seen in what a request may hold at all, before anything is asked of the topic
    /// (`ProduceRequest.validateRecords`).
    pub fn is_shape(&self) -> bool {
        matches!(
            self,
            Invalid::NoBatch
                | Invalid::MoreThanOneBatch
                | Invalid::OldMagic(_)
                | Invalid::CodecNotAllowed(_)
                | Invalid::Corrupt(HeaderError::Length(_) | HeaderError::Magic(_))
        )
    }

    /// True if a record is refused for its timestamp.
    pub fn has_bad_timestamp(&self) -> bool {
        let Invalid::Rejected { records, .. } = self else { return false };
        records.iter().any(|r| !matches!(r.reason, RejectReason::NoKey))
    }
}

/// A record that makes its batch be refused (KIP-467).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRecord {
    /// Place of the record in its batch, from 0.
    pub index: i32,
    pub reason: RejectReason,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RejectReason {
    #[error("compacted topic cannot accept message without key")]
    NoKey,
    #[error("timestamp {timestamp} is out of range: it should be within [{earliest}, {latest}]")]
    Timestamp { timestamp: i64, earliest: i64, latest: i64 },
    #[error("a producer must not set the timestamp type to LogAppendTime")]
    TimestampType,
}

impl From<WalkError> for Invalid {
    fn from(error: WalkError) -> Invalid {
        match error {
            WalkError::Payload(error) => error.into(),
            WalkError::Records(error) => error.into(),
        }
    }
}
