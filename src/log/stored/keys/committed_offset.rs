//! How far a group has read a partition.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use uuid::Uuid;

use super::{Malformed, Tag, expect_version};
use crate::types::{Partition, TopicId};

const NAME: &str = "committed offset";
const VERSION: u8 = 1;
const NEVER: i64 = -1;

/// An offset that a group has committed.
///
/// ```text
/// key    tag 7 | group id length u16 | group id | topic id 16 | partition u32
/// value  version u8 = 1 | offset i64 | leader epoch i32 | committed ms i64 | expires ms i64, -1 for unset
///        | metadata, to the end
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// Whatever the client said: Kafka takes negative ones too.
    pub offset: i64,
    /// The leader epoch of the last record read, -1 if the client did not say (KIP-320).
    pub leader_epoch: i32,
    /// When it was committed, in milliseconds since the Unix epoch.
    pub committed_ms: i64,
    /// When it expires, if the client said so: up to version 4 of OffsetCommit it could.
    pub expires_ms: Option<i64>,
    /// The client's own words.
    pub metadata: String,
}

impl CommittedOffset {
    pub fn key(group: &str, partition: Partition) -> Bytes {
        let mut key = BytesMut::with_capacity(1 + 2 + group.len() + 16 + 4);
        key.put_u8(Tag::CommittedOffset as u8);
        // Kafka's strings have a length of two bytes at most.
        key.put_u16(u16::try_from(group.len()).unwrap_or(u16::MAX));
        key.put_slice(group.as_bytes());
        key.put_slice(partition.topic.0.as_bytes());
        key.put_i32(partition.index);
        key.freeze()
    }

    pub fn value(&self) -> Bytes {
        let mut value = BytesMut::with_capacity(1 + 8 + 4 + 8 + 8 + self.metadata.len());
        value.put_u8(VERSION);
        value.put_i64(self.offset);
        value.put_i32(self.leader_epoch);
        value.put_i64(self.committed_ms);
        value.put_i64(self.expires_ms.unwrap_or(NEVER));
        value.put_slice(self.metadata.as_bytes());
        value.freeze()
    }

    /// Reads a stored row back.
    pub fn decode(key: &[u8], mut value: &[u8]) -> Result<(String, Partition, CommittedOffset), Malformed> {
        let (group, partition) = decode_key(key)?;
        let value = &mut value;
        expect_version(NAME, value, VERSION)?;
        let committed = CommittedOffset {
            offset: value.try_get_i64().map_err(|_| Malformed(NAME))?,
            leader_epoch: value.try_get_i32().map_err(|_| Malformed(NAME))?,
            committed_ms: value.try_get_i64().map_err(|_| Malformed(NAME))?,
            expires_ms: Some(value.try_get_i64().map_err(|_| Malformed(NAME))?).filter(|ms| *ms != NEVER),
            metadata: text(value)?,
        };
        Ok((group, partition, committed))
    }
}

fn decode_key(mut key: &[u8]) -> Result<(String, Partition), Malformed> {
    let malformed = |_| Malformed(NAME);
    let key = &mut key;
    if key.try_get_u8().map_err(malformed)? != Tag::CommittedOffset as u8 {
        return Err(Malformed(NAME));
    }
    let length = usize::from(key.try_get_u16().map_err(malformed)?);
    let (group, rest) = key.split_at_checked(length).ok_or(Malformed(NAME))?;
    let (topic, mut index) = rest.split_at_checked(16).ok_or(Malformed(NAME))?;
    let topic = TopicId(Uuid::from_slice(topic).map_err(|_| Malformed(NAME))?);
    let partition = Partition { topic, index: index.try_get_i32().map_err(malformed)? };
    match index.is_empty() {
        true => Ok((text(group)?, partition)),
        false => Err(Malformed(NAME)),
    }
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed(NAME))
}
