//! Names of objects that hold record batches.

use super::row::*;
use crate::types::WriterEpoch;

/// The object that an extent lies in, within its shard.
///
/// ```text
/// segment of the log   1 | id u64
/// packed object        2 | epoch u64 | ulid u128
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// A segment of the shard's log, by its id.
    Log(u64),
    /// A packed object, by the writer epoch that made it and its own id.
    Packed { epoch: WriterEpoch, ulid: u128 },
}

impl Codec<Object> for Plain {
    fn put(&self, object: &Object, into: &mut impl Sink) {
        match *object {
            Object::Log(id) => Plain.put(&(1u8, id), into),
            Object::Packed { epoch, ulid } => Plain.put(&(2u8, (epoch, ulid)), into),
        }
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<Object> {
        match Plain.get(from)? {
            1u8 => Plain.get(from).map(Object::Log),
            2 => Plain.get(from).map(|(epoch, ulid)| Object::Packed { epoch, ulid }),
            _ => None,
        }
    }
}
