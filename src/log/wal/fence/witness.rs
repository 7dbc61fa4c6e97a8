//! Comparing what objects of a log say of themselves, and of those before them, with what is there.
//! It knows nothing of the store: headers in, a [`Flaw`] out.

use std::collections::HashMap;

use super::Identity;
use crate::log::stored::segment::{Header, Kind};
use crate::types::ShardId;

/// An object that a healthy log cannot have, or lack. For an owner that was overtaken it may be the newer owner's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw {
    pub id: u64,
    /// The rest of a sentence that begins with the object.
    pub problem: &'static str,
}

impl Flaw {
    pub const REPLAY_POINT: &str = "is missing, although the index needs everything from there on";
    pub const VOUCHED: &str = "is missing, although later objects of the log were written when it was there";
    pub const GONE: &str = "is missing, although it was listed";
    const COPY: &str = "is a copy of another object";
    const NEWER: &str = "is of a later owner than the index knows: the index is older than the log, or gone";
    const OLDER_INDEX: &str = "was written when the index was newer than it is now";
    const REPLACED: &str = "is not the object that later ones were written after";
    const NO_FENCE: &str = "is of an owner without a fence before it";

    pub fn replaced(id: u64) -> Flaw {
        Flaw { id, problem: Flaw::REPLACED }
    }

    pub fn newer(id: u64) -> Flaw {
        Flaw { id, problem: Flaw::NEWER }
    }

    pub fn no_fence(id: u64) -> Flaw {
        Flaw { id, problem: Flaw::NO_FENCE }
    }

    pub fn missing(id: u64, problem: &'static str) -> Flaw {
        Flaw { id, problem }
    }
}

/// Hears the headers of a log in order of ids; not all of them need be among those.
#[derive(Clone, Debug)]
pub struct Witness {
    shard: ShardId,
    /// Whoever takes the log over now.
    own: Identity,
    /// The stored replay point.
    replay_after: u64,
    nonces: HashMap<u64, u128>,
}

impl Witness {
    pub fn new(shard: ShardId, own: Identity, replay_after: u64) -> Witness {
        Witness { shard, own, replay_after, nonces: HashMap::new() }
    }

    /// Compares the header of the object `id` with all heard before.
    pub fn hear(&mut self, id: u64, header: &Header) -> Result<(), Flaw> {
        if !header.belongs_at(self.shard, id) {
            return Err(Flaw { id, problem: Flaw::COPY });
        }
        if header.epoch >= self.own.epoch && header.nonce != self.own.nonce {
            return Err(Flaw::newer(id));
        }
        self.nonces.insert(id, header.nonce);
        let Some(origin) = header.origin.filter(|_| header.kind == Kind::Data) else { return Ok(()) };
        if origin.replay_after > self.replay_after {
            return Err(Flaw { id, problem: Flaw::OLDER_INDEX });
        }
        match self.nonces.get(&origin.durable_id) {
            Some(nonce) if *nonce != origin.durable_nonce => Err(Flaw::replaced(origin.durable_id)),
            _ => Ok(()),
        }
    }
}
