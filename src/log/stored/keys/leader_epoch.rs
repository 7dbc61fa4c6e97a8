//! Where each leader epoch of a partition begins.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Malformed, Tag, expect_end, expect_version, long_key, offset, split_key};
use crate::types::{LeaderEpoch, Partition};

const NAME: &str = "leader epoch";
const VERSION: u8 = 1;

/// The offset of the first batch of a leader epoch; written together with that batch.
///
/// ```text
/// key    tag 4 | topic id 16 | partition u32 | epoch u32
/// value  version u8 = 1 | start offset u64
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderEpochStart {
    pub epoch: LeaderEpoch,
    pub start_offset: i64,
}

impl LeaderEpochStart {
    pub fn key(partition: Partition, epoch: LeaderEpoch) -> Bytes {
        long_key(Tag::LeaderEpoch, partition, &epoch.0.max(0).to_be_bytes())
    }

    pub fn value(self) -> Bytes {
        let mut into = BytesMut::with_capacity(9);
        into.put_u8(VERSION);
        into.put_i64(self.start_offset);
        into.freeze()
    }

    pub fn decode(key: &[u8], mut value: &[u8]) -> Result<(Partition, LeaderEpochStart), Malformed> {
        let (partition, mut rest) = split_key(Tag::LeaderEpoch, NAME, key)?;
        let epoch = rest.try_get_i32().map_err(|_| Malformed(NAME))?;
        expect_end(NAME, rest)?;
        expect_version(NAME, &mut value, VERSION)?;
        let start_offset = offset(NAME, &mut value)?;
        expect_end(NAME, value)?;
        if epoch < 0 {
            return Err(Malformed(NAME));
        }
        Ok((partition, LeaderEpochStart { epoch: LeaderEpoch(epoch), start_offset }))
    }
}
