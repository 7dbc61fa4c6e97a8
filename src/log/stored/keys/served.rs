//! The metadata that a shard served under.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Malformed, Tag, expect_end, expect_version};
use crate::types::ShardId;

const NAME: &str = "served metadata";
const VERSION: u8 = 1;

/// The newest metadata that the shard served under, so that an older copy of the metadata is found out. Written beside what
/// is committed, whenever it has changed.
///
/// ```text
/// key    tag 9
/// value  version u8 = 1 | shard u32 | index u64 | nonce 16 | cluster id, the rest
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The shard whose row it is: another's is no word on this one.
    pub shard: ShardId,
    /// The last entry of the metadata's log by then.
    pub index: u64,
    /// The number of the newest life of a broker by then.
    pub nonce: u128,
    pub cluster_id: String,
}

impl Served {
    pub fn key() -> Bytes {
        Bytes::from_static(&[Tag::Served as u8])
    }

    pub fn value(&self) -> Bytes {
        let mut into = BytesMut::with_capacity(1 + 4 + 8 + 16 + self.cluster_id.len());
        into.put_u8(VERSION);
        into.put_u32(self.shard.0);
        into.put_u64(self.index);
        into.put_u128(self.nonce);
        into.put_slice(self.cluster_id.as_bytes());
        into.freeze()
    }

    pub fn decode(key: &[u8], mut value: &[u8]) -> Result<Served, Malformed> {
        let malformed = |_| Malformed(NAME);
        expect_end(NAME, key.strip_prefix(&[Tag::Served as u8]).ok_or(Malformed(NAME))?)?;
        let value = &mut value;
        expect_version(NAME, value, VERSION)?;
        Ok(Served {
            shard: ShardId(value.try_get_u32().map_err(malformed)?),
            index: value.try_get_u64().map_err(malformed)?,
            nonce: value.try_get_u128().map_err(malformed)?,
            cluster_id: std::str::from_utf8(value).map_err(|_| Malformed(NAME))?.to_owned(),
        })
    }
}
