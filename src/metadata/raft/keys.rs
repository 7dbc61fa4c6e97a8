//! Rows of a Raft database, and their keys. Numbers in keys are big-endian, so rows sort by them.
//!
//! Every value but a piece of a snapshot is: format u8 = 1 | the row, postcard.
//! Entries with commands of later versions than the fifth are: format u8 = 2 | that version u16 | the entry, postcard.

use bytes::Bytes;
use openraft::EntryPayload;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::types::{Entry, SnapshotMeta};
use crate::metadata::command::Command;
use crate::metadata::version;

const FORMAT: u8 = 1;
const VERSIONED: u8 = 2;

/// A row's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// tag 1. The last vote.
    Vote,
    /// tag 2. The id of the last entry that was removed because a snapshot has it.
    Purged,
    /// tag 3 | index u64. An entry of the log.
    Entry(u64),
    /// tag 4. The current snapshot: a [`SnapshotRow`].
    Snapshot,
    /// tag 5 | generation u64 | number u32. A piece of a snapshot's bytes.
    Piece { generation: u64, number: u32 },
    /// tag 6. Part of every write: the row's own creation time is that of the last one.
    LastWrite,
}

/// The current snapshot, without its bytes.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct SnapshotRow {
    pub meta: SnapshotMeta,
    /// Grows with every snapshot of this broker.
    pub generation: u64,
    pub pieces: u32,
    pub bytes: u64,
}

/// A value that is not what this version writes.
#[derive(Debug, thiserror::Error)]
pub(in crate::metadata) enum DecodeError {
    #[error("a row of the Raft database has format {0:?}, which this version does not know")]
    UnknownFormat(Option<u8>),
    #[error("a row of the Raft database is damaged")]
    Damaged(#[from] postcard::Error),
    #[error("it is at level {level}, and this program knows levels up to {}", version::LATEST)]
    TooNew { level: u16 },
}

impl Key {
    pub(super) fn encode(self) -> Bytes {
        let mut key = Vec::with_capacity(13);
        match self {
            Key::Vote => key.push(1),
            Key::Purged => key.push(2),
            Key::Entry(index) => {
                key.push(3);
                key.extend(index.to_be_bytes());
            }
            Key::Snapshot => key.push(4),
            Key::Piece { generation, number } => {
                key.push(5);
                key.extend(generation.to_be_bytes());
                key.extend(number.to_be_bytes());
            }
            Key::LastWrite => key.push(6),
        }
        key.into()
    }

    /// The index of an entry's key.
    pub(super) fn entry_index(key: &[u8]) -> Option<u64> {
        let (tag, index) = key.split_first()?;
        if *tag == 3 { Some(u64::from_be_bytes(index.try_into().ok()?)) } else { None }
    }
}

pub(super) fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_extend(row, vec![FORMAT])
}

pub(super) fn decode<T: DeserializeOwned>(value: &[u8]) -> Result<T, DecodeError> {
    match value.split_first() {
        Some((&FORMAT, row)) => Ok(postcard::from_bytes(row)?),
        other => Err(DecodeError::UnknownFormat(other.map(|(format, _)| *format))),
    }
}

pub(super) fn encode_entry(entry: &Entry) -> Result<Vec<u8>, postcard::Error> {
    let newest = newest_version(entry);
    if newest <= version::BEFORE_LEVELS {
        return encode(entry);
    }
    let mut bytes = vec![VERSIONED];
    bytes.extend(newest.to_be_bytes());
    postcard::to_extend(entry, bytes)
}

pub(super) fn decode_entry(value: &[u8]) -> Result<Entry, DecodeError> {
    match value.split_first_chunk() {
        Some(([VERSIONED, high, low], row)) => match u16::from_be_bytes([*high, *low]) {
            level if level > version::LATEST => Err(DecodeError::TooNew { level }),
            _ => Ok(postcard::from_bytes(row)?),
        },
        _ => decode(value),
    }
}

/// The version of the newest command in an entry.
pub(super) fn newest_version(entry: &Entry) -> u16 {
    let EntryPayload::Normal(batch) = &entry.payload else { return 0 };
    batch.0.iter().map(Command::newest_version).max().unwrap_or_default()
}
