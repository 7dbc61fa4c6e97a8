//! Where a partition's readable records begin.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Malformed, Tag, expect_end, offset, plain_key, split_key};
use crate::types::Partition;

const NAME: &str = "log start";
const VERSION: u8 = 2;

/// The first offset that can be read, and how far what lies below it is removed. Absent while it is 0; neither goes back.
///
/// ```text
/// key    tag 3 | topic id 16 | partition u32
/// value  version u8 = 2 | offset u64 | removed to u64 | removed bytes u64
///        version u8 = 1 | offset u64                      (nothing is removed yet)
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStart {
    pub offset: i64,
    /// No extent row ends below this offset any more.
    pub removed_to: i64,
    /// Bytes of all extents whose rows were ever removed: written together with the removals, so that what is left can
    /// be told exactly at any time.
    pub removed_bytes: u64,
}

impl LogStart {
    pub fn key(partition: Partition) -> Bytes {
        plain_key(Tag::LogStart, partition)
    }

    pub fn value(self) -> Bytes {
        let mut into = BytesMut::with_capacity(1 + 8 + 8 + 8);
        into.put_u8(VERSION);
        into.put_i64(self.offset);
        into.put_i64(self.removed_to);
        into.put_u64(self.removed_bytes);
        into.freeze()
    }

    pub fn decode(key: &[u8], mut value: &[u8]) -> Result<(Partition, LogStart), Malformed> {
        let malformed = |_| Malformed(NAME);
        let (partition, rest) = split_key(Tag::LogStart, NAME, key)?;
        expect_end(NAME, rest)?;
        let value = &mut value;
        let version = value.try_get_u8().map_err(malformed)?;
        let mut start = LogStart { offset: offset(NAME, value)?, ..LogStart::default() };
        match version {
            1 => {}
            VERSION => {
                start.removed_to = offset(NAME, value)?;
                start.removed_bytes = value.try_get_u64().map_err(malformed)?;
            }
            _ => return Err(Malformed(NAME)),
        }
        expect_end(NAME, value)?;
        if start.removed_to > start.offset {
            return Err(Malformed(NAME));
        }
        Ok((partition, start))
    }
}
