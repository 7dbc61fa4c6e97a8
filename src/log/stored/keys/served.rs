//! The metadata that a shard served under.

use super::row::*;

row! {
    /// The newest metadata that the shard served under, so that an older copy of the metadata is found out. Written beside
    /// what is committed, whenever it has changed.
    pub struct Served = Tag::Served, "served metadata", versions 1..=1;
    of {}
    key {}
    value {
        /// The shard whose row it is: another's is no word on this one.
        shard: ShardId,
        /// The last entry of the metadata's log by then.
        index: u64,
        /// The number of the newest life of a broker by then.
        nonce: u128,
        cluster_id: String as Rest,
    }
}
