//! The part of a header that says where the object belongs, and what was there when it was made.

use crate::log::stored::fields::fields;
use crate::types::ShardId;

fields! {
    /// An object's word for itself and for those before it. It may know less than is true, never more: so whatever
    /// contradicts it was damaged.
    #[derive(Copy)]
    pub struct Origin {
        shard: ShardId,
        id: u64,
        /// All ids up to this one were taken by durable objects. Only those of segments count.
        taken_to: u64,
        /// The writer's newest durable object, at or below `taken_to`: its own fence before its first segment. 0 on fences.
        durable_id: u64,
        /// The nonce of that object.
        durable_nonce: u128,
        /// Up to where a replay read nothing any more, as last read back from the stored manifest.
        replay_after: u64,
    }
}

impl Origin {
    /// Length in a header, in bytes.
    pub(super) const LEN: usize = 4 + 8 + 8 + 8 + 16 + 8;

    /// The origin of an object that vouches for nothing.
    pub fn of(shard: ShardId, id: u64) -> Origin {
        Origin { shard, id, taken_to: 0, durable_id: 0, durable_nonce: 0, replay_after: 0 }
    }
}
