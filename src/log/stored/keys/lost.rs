//! Offsets of a partition that were lost, and given up.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Malformed, Tag, expect_end, expect_version, long_key, offset, split_key};
use crate::types::Partition;

const NAME: &str = "lost offsets";
const VERSION: u8 = 1;

/// A run of offsets without records, which an operator accepted as lost when the shard was repaired: readers pass over it,
/// where they would refuse any other hole.
///
/// ```text
/// key    tag 10 | topic id 16 | partition u32 | last offset u64   (a seek to an offset lands on its run)
/// value  version u8 = 1 | first offset u64
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    pub first: i64,
    pub last: i64,
}

impl Lost {
    pub fn key(partition: Partition, last: i64) -> Bytes {
        long_key(Tag::Lost, partition, &last.max(0).to_be_bytes())
    }

    pub fn value(self) -> Bytes {
        let mut into = BytesMut::with_capacity(9);
        into.put_u8(VERSION);
        into.put_i64(self.first);
        into.freeze()
    }

    pub fn decode(key: &[u8], mut value: &[u8]) -> Result<(Partition, Lost), Malformed> {
        let (partition, mut rest) = split_key(Tag::Lost, NAME, key)?;
        let last = rest.try_get_i64().map_err(|_| Malformed(NAME))?;
        expect_end(NAME, rest)?;
        expect_version(NAME, &mut value, VERSION)?;
        let first = offset(NAME, &mut value)?;
        expect_end(NAME, value)?;
        if first > last {
            return Err(Malformed(NAME));
        }
        Ok((partition, Lost { first, last }))
    }
}
