//! Where a partition's readable records begin.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Malformed, Tag, expect_end, expect_version, offset, plain_key, split_key};
use crate::types::Partition;

const NAME: &str = "log start";
const VERSION: u8 = 1;

/// The first offset that can be read. Absent while it is 0; it never goes back.
///
/// ```text
/// key    tag 3 | topic id 16 | partition u32
/// value  version u8 = 1 | offset u64
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogStart {
    pub offset: i64,
}

impl LogStart {
    pub fn key(partition: Partition) -> Bytes {
        plain_key(Tag::LogStart, partition)
    }

    pub fn value(self) -> Bytes {
        let mut into = BytesMut::with_capacity(9);
        into.put_u8(VERSION);
        into.put_i64(self.offset);
        into.freeze()
    }

    pub fn decode(key: &[u8], mut value: &[u8]) -> Result<(Partition, LogStart), Malformed> {
        let (partition, rest) = split_key(Tag::LogStart, NAME, key)?;
        expect_end(NAME, rest)?;
        expect_version(NAME, &mut value, VERSION)?;
        let start = LogStart { offset: offset(NAME, &mut value)? };
        expect_end(NAME, value)?;
        Ok((partition, start))
    }
}
