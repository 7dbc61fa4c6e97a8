//! Fields of stored groups as they are written: numbers big-endian, `str` and `bytes` with their length (u32) in front,
//! what there may be one of as 0, or 1 and itself, and what there may be many of with their number (u32) in front.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use uuid::Uuid;

use crate::coordinator::runtime::Malformed;
use crate::types::TopicId;

/// A field of a row.
pub(super) trait Field: Sized {
    fn put(&self, into: &mut BytesMut);

    fn get(from: &mut Bytes) -> Result<Self, Malformed>;
}

/// Declares the fields of a struct in the order they are written; what stands behind `but` is not written.
macro_rules! fields {
    ($type:ty { $($field:ident),+ } $(but $($other:ident),+)?) => {
        impl crate::coordinator::group::fields::Field for $type {
            fn put(&self, into: &mut bytes::BytesMut) {
                $(self.$field.put(into);)+
            }

            fn get(from: &mut bytes::Bytes) -> Result<Self, crate::coordinator::runtime::Malformed> {
                Ok(Self {
                    $($field: crate::coordinator::group::fields::Field::get(from)?,)+
                    $($($other: Default::default(),)+)?
                })
            }
        }
    };
}
pub(super) use fields;

/// Writes a row, its version first.
pub(super) fn write(version: u8, row: &impl Field) -> Bytes {
    let mut into = BytesMut::new();
    version.put(&mut into);
    row.put(&mut into);
    into.freeze()
}

/// Reads a whole row of this version.
pub(super) fn read<T: Field>(version: u8, mut from: Bytes) -> Result<T, Malformed> {
    if u8::get(&mut from)? != version {
        return Err(Malformed);
    }
    let row = T::get(&mut from)?;
    if from.has_remaining() { Err(Malformed) } else { Ok(row) }
}

macro_rules! numbers {
    ($($number:ty, $put:ident, $get:ident;)+) => {
        $(impl Field for $number {
            fn put(&self, into: &mut BytesMut) {
                into.$put(*self);
            }

            fn get(from: &mut Bytes) -> Result<$number, Malformed> {
                from.$get().map_err(|_| Malformed)
            }
        })+
    };
}

numbers! {
    u8, put_u8, try_get_u8;
    u32, put_u32, try_get_u32;
    u64, put_u64, try_get_u64;
    i32, put_i32, try_get_i32;
    i64, put_i64, try_get_i64;
}

/// Writes a length: of something that came in one frame, or of which a group holds fewer than 2^32.
fn put_length(of: usize, into: &mut BytesMut) {
    u32::try_from(of).unwrap_or(u32::MAX).put(into);
}

/// Read as a copy, so that the row's buffer does not live as long as the group.
impl Field for Bytes {
    fn put(&self, into: &mut BytesMut) {
        put_length(self.len(), into);
        into.put_slice(self);
    }

    fn get(from: &mut Bytes) -> Result<Bytes, Malformed> {
        let length = u32::get(from)? as usize;
        match length <= from.remaining() {
            true => Ok(Bytes::copy_from_slice(&from.split_to(length))),
            false => Err(Malformed),
        }
    }
}

impl Field for String {
    fn put(&self, into: &mut BytesMut) {
        put_length(self.len(), into);
        into.put_slice(self.as_bytes());
    }

    fn get(from: &mut Bytes) -> Result<String, Malformed> {
        String::from_utf8(Bytes::get(from)?.into()).map_err(|_| Malformed)
    }
}

impl Field for Arc<str> {
    fn put(&self, into: &mut BytesMut) {
        put_length(self.len(), into);
        into.put_slice(self.as_bytes());
    }

    fn get(from: &mut Bytes) -> Result<Arc<str>, Malformed> {
        Ok(String::get(from)?.into())
    }
}

impl Field for TopicId {
    fn put(&self, into: &mut BytesMut) {
        into.put_slice(self.0.as_bytes());
    }

    fn get(from: &mut Bytes) -> Result<TopicId, Malformed> {
        from.try_get_u128().map(|id| TopicId(Uuid::from_u128(id))).map_err(|_| Malformed)
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, into: &mut BytesMut) {
        u8::from(self.is_some()).put(into);
        self.iter().for_each(|field| field.put(into));
    }

    fn get(from: &mut Bytes) -> Result<Option<T>, Malformed> {
        match u8::get(from)? {
            0 => Ok(None),
            1 => T::get(from).map(Some),
            _ => Err(Malformed),
        }
    }
}

impl<T: Field> Field for Arc<T> {
    fn put(&self, into: &mut BytesMut) {
        T::put(self, into);
    }

    fn get(from: &mut Bytes) -> Result<Arc<T>, Malformed> {
        T::get(from).map(Arc::new)
    }
}

impl<K: Field, V: Field> Field for (K, V) {
    fn put(&self, into: &mut BytesMut) {
        self.0.put(into);
        self.1.put(into);
    }

    fn get(from: &mut Bytes) -> Result<(K, V), Malformed> {
        Ok((K::get(from)?, V::get(from)?))
    }
}

fn put_all<T>(all: impl ExactSizeIterator<Item = T>, into: &mut BytesMut, put: impl Fn(T, &mut BytesMut)) {
    put_length(all.len(), into);
    all.for_each(|one| put(one, into));
}

fn get_all<T: Field, C: FromIterator<T>>(from: &mut Bytes) -> Result<C, Malformed> {
    let number = u32::get(from)?;
    (0..number).map(|_| T::get(from)).collect()
}

impl<T: Field> Field for Vec<T> {
    fn put(&self, into: &mut BytesMut) {
        put_all(self.iter(), into, T::put);
    }

    fn get(from: &mut Bytes) -> Result<Vec<T>, Malformed> {
        get_all(from)
    }
}

impl<T: Field> Field for Arc<[T]> {
    fn put(&self, into: &mut BytesMut) {
        put_all(self.iter(), into, T::put);
    }

    fn get(from: &mut Bytes) -> Result<Arc<[T]>, Malformed> {
        get_all(from)
    }
}

impl<T: Field + Ord> Field for BTreeSet<T> {
    fn put(&self, into: &mut BytesMut) {
        put_all(self.iter(), into, T::put);
    }

    fn get(from: &mut Bytes) -> Result<BTreeSet<T>, Malformed> {
        get_all(from)
    }
}

impl<K: Field + Ord, V: Field> Field for BTreeMap<K, V> {
    fn put(&self, into: &mut BytesMut) {
        put_all(self.iter(), into, |(key, value), into| {
            key.put(into);
            value.put(into);
        });
    }

    fn get(from: &mut Bytes) -> Result<BTreeMap<K, V>, Malformed> {
        get_all(from)
    }
}
