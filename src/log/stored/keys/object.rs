//! Names of objects that hold record batches.

use std::fmt;

use super::row::*;
use crate::types::WriterEpoch;

/// The object that an extent lies in: of the extent's shard, unless it names one.
///
/// ```text
/// segment of the log   1 | id u64
/// packed object        2 | epoch u64 | ulid u128
/// that of a shard      3 | shard u32 | epoch u64 | ulid u128     in extents from version 2 on
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// A segment of the shard's log, by its id.
    Log(u64),
    /// A packed object, by the writer epoch that made it and its own id.
    Packed { epoch: WriterEpoch, ulid: u128 },
    /// A packed object of any shard.
    OfShard { shard: ShardId, epoch: WriterEpoch, ulid: u128 },
}

impl Object {
    /// The name of a packed object in its folder.
    pub fn packed_name(epoch: WriterEpoch, ulid: u128) -> String {
        format!("{epoch:020}-{ulid:032x}.seg")
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Object::Log(id) => write!(f, "log/{id:020}.seg"),
            Object::Packed { epoch, ulid } => write!(f, "packed/{}", Object::packed_name(epoch, ulid)),
            Object::OfShard { shard, epoch, ulid } => {
                write!(f, "shards/{shard}/packed/{}", Object::packed_name(epoch, ulid))
            }
        }
    }
}

impl Codec<Object> for Plain {
    fn put(&self, object: &Object, into: &mut impl Sink) {
        match *object {
            Object::Log(id) => Plain.put(&(1u8, id), into),
            Object::Packed { epoch, ulid } => Plain.put(&(2u8, (epoch, ulid)), into),
            Object::OfShard { shard, epoch, ulid } => Plain.put(&(3u8, (shard, (epoch, ulid))), into),
        }
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<Object> {
        match Plain.get(from)? {
            1u8 => Plain.get(from).map(Object::Log),
            2 => Plain.get(from).map(|(epoch, ulid)| Object::Packed { epoch, ulid }),
            3 => Plain.get(from).map(|(shard, (epoch, ulid))| Object::OfShard { shard, epoch, ulid }),
            _ => None,
        }
    }
}
