//! The part of a header that says where the object belongs, and what was there when it was made.

use bytes::{Buf, BufMut, BytesMut};

use crate::types::ShardId;

/// An object's word for itself and for those before it. It may know less than is true, never more: so whatever
/// contradicts it was damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub shard: ShardId,
    pub id: u64,
    /// All ids up to this one were taken by durable objects. Only those of segments count.
    pub taken_to: u64,
    /// The writer's newest durable object, at or below `taken_to`: its own fence before its first segment. 0 on fences.
    pub durable_id: u64,
    /// The nonce of that object.
    pub durable_nonce: u128,
    /// Up to where a replay read nothing any more, as last read back from the stored manifest.
    pub replay_after: u64,
}

impl Origin {
    /// Length in a header, in bytes.
    pub(super) const LEN: usize = 4 + 8 + 8 + 8 + 16 + 8;

    /// The origin of an object that vouches for nothing.
    pub fn of(shard: ShardId, id: u64) -> Origin {
        Origin { shard, id, taken_to: 0, durable_id: 0, durable_nonce: 0, replay_after: 0 }
    }

    pub(super) fn encode(&self, into: &mut BytesMut) {
        into.put_u32(self.shard.0);
        into.put_u64(self.id);
        into.put_u64(self.taken_to);
        into.put_u64(self.durable_id);
        into.put_u128(self.durable_nonce);
        into.put_u64(self.replay_after);
    }

    /// `from` holds [`Origin::LEN`] bytes at least.
    pub(super) fn decode(from: &mut &[u8]) -> Origin {
        Origin {
            shard: ShardId(from.get_u32()),
            id: from.get_u64(),
            taken_to: from.get_u64(),
            durable_id: from.get_u64(),
            durable_nonce: from.get_u128(),
            replay_after: from.get_u64(),
        }
    }
}
