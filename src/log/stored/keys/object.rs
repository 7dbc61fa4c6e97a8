//! Names of objects that hold record batches.

use bytes::{Buf, BufMut};

use super::Malformed;

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
    Packed { epoch: u64, ulid: u128 },
}

impl Object {
    const LOG: u8 = 1;
    const PACKED: u8 = 2;

    /// Number of bytes that [`Object::encode`] writes.
    pub(super) fn encoded_len(self) -> usize {
        match self {
            Object::Log(_) => 9,
            Object::Packed { .. } => 25,
        }
    }

    pub(super) fn encode(self, into: &mut impl BufMut) {
        match self {
            Object::Log(id) => {
                into.put_u8(Object::LOG);
                into.put_u64(id);
            }
            Object::Packed { epoch, ulid } => {
                into.put_u8(Object::PACKED);
                into.put_u64(epoch);
                into.put_u128(ulid);
            }
        }
    }

    pub(super) fn decode(name: &'static str, value: &mut &[u8]) -> Result<Object, Malformed> {
        let malformed = |_| Malformed(name);
        match value.try_get_u8().map_err(malformed)? {
            Object::LOG => Ok(Object::Log(value.try_get_u64().map_err(malformed)?)),
            Object::PACKED => Ok(Object::Packed {
                epoch: value.try_get_u64().map_err(malformed)?,
                ulid: value.try_get_u128().map_err(malformed)?,
            }),
            _ => Err(Malformed(name)),
        }
    }
}
