//! Fields of stored rows: how a value of each type is written, and the table that declares the fields of a struct.
//!
//! ```text
//! fields! { struct Name { FIELD, .. } }      declares the struct and its fields, in the order they are written
//! fields!(Name { FIELD, .. } but { .. })     the fields of a struct that is declared elsewhere; what others are when read
//! FIELD = name [SINCE ..] : TYPE as CODEC    no type where the struct is declared elsewhere; without a codec: `Plain`
//! ```
//!
//! A field that has come with a later version is its default in rows of earlier ones. A codec may name the fields before
//! its own. Numbers are big-endian.

mod macros;
mod shapes;
#[cfg(test)]
pub mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use uuid::Uuid;

use crate::types::{LeaderEpoch, Partition, ShardId, TopicId, WriterEpoch};

pub(crate) use macros::{codec, codes, fields};
pub use shapes::{Count, Many, Offset, OrMinusOne, Present, Rest, Seek, Text};

/// A way of writing values of a type.
pub trait Codec<T> {
    fn put(&self, value: &T, into: &mut impl Sink);

    /// Reads a value; `None` if that is not what was written.
    fn get(&self, from: &mut Reader<'_>) -> Option<T>;
}

/// The codec of most fields: text and bytes with their length (u32) in front, what there may be one of as 0, or 1 and
/// itself, and what there may be many of with their number (u32) in front.
pub struct Plain;

/// The place where bytes are written, or counted.
pub trait Sink {
    fn write(&mut self, bytes: &[u8]);
}

impl Sink for BytesMut {
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// The number of bytes that would be written.
#[derive(Default)]
pub struct Length(pub usize);

impl Sink for Length {
    fn write(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// Stored bytes that are being read.
pub struct Reader<'a> {
    rest: &'a [u8],
    version: u8,
}

impl<'a> Reader<'a> {
    /// Of a key, which has no version.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes, version: u8::MAX }
    }

    /// Of a value that begins with its version, one of `known`.
    pub fn versioned(value: &'a [u8], known: RangeInclusive<u8>) -> Option<Reader<'a>> {
        let (version, rest) = value.split_first()?;
        known.contains(version).then_some(Reader { rest, version: *version })
    }

    pub fn version(&self) -> u8 {
        self.version
    }

    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    pub fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        self.take(LENGTH)?.try_into().ok()
    }

    /// Something if all was read.
    pub fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

/// A row as it is stored, its version first.
pub fn write<T>(version: u8, row: &T) -> Bytes
where
    Plain: Codec<T>,
{
    let mut length = Length(1);
    Plain.put(row, &mut length);
    let mut into = BytesMut::with_capacity(length.0);
    into.write(&[version]);
    Plain.put(row, &mut into);
    into.freeze()
}

/// Reads a whole row of this version.
pub fn read<T>(version: u8, row: &[u8]) -> Option<T>
where
    Plain: Codec<T>,
{
    let mut from = Reader::versioned(row, version..=version)?;
    let row = Plain.get(&mut from)?;
    from.end()?;
    Some(row)
}

macro_rules! numbers {
    ($($number:ty)+) => {
        $(impl Codec<$number> for Plain {
            fn put(&self, number: &$number, into: &mut impl Sink) {
                into.write(&number.to_be_bytes());
            }

            fn get(&self, from: &mut Reader<'_>) -> Option<$number> {
                from.array().map(<$number>::from_be_bytes)
            }
        })+
    };
}

numbers!(u8 u16 u32 u64 u128 i16 i32 i64);

/// Types that are written as another: that type, and the ways to it and back.
macro_rules! written_as {
    ($($type:ty, $as:ty, $to:expr, $from:expr;)+) => {
        $(impl Codec<$type> for Plain {
            fn put(&self, value: &$type, into: &mut impl Sink) {
                Plain.put(&$to(value), into);
            }

            fn get(&self, from: &mut Reader<'_>) -> Option<$type> {
                Codec::<$as>::get(&Plain, from).map($from)
            }
        })+
    };
}

written_as! {
    TopicId, u128, |id: &TopicId| id.0.as_u128(), |id| TopicId(Uuid::from_u128(id));
    ShardId, u32, |id: &ShardId| id.0, ShardId;
    LeaderEpoch, i32, |epoch: &LeaderEpoch| epoch.0, LeaderEpoch;
    WriterEpoch, u64, |epoch: &WriterEpoch| epoch.0, WriterEpoch;
}

fields!(Partition { topic, index });

/// Read as a copy, so that the row's buffer does not live as long as what is read of it.
impl Codec<Bytes> for Plain {
    fn put(&self, bytes: &Bytes, into: &mut impl Sink) {
        Count(4).put(&bytes.len(), into);
        into.write(bytes);
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<Bytes> {
        let length = Count(4).get(from)?;
        from.take(length).map(Bytes::copy_from_slice)
    }
}

impl Codec<String> for Plain {
    fn put(&self, text: &String, into: &mut impl Sink) {
        Text(4).put(text, into);
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<String> {
        Text(4).get(from)
    }
}

impl Codec<Arc<str>> for Plain {
    fn put(&self, text: &Arc<str>, into: &mut impl Sink) {
        Text(4).put_text(text, into);
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<Arc<str>> {
        Text(4).get_text(from).map(Arc::from)
    }
}

impl<T> Codec<Option<T>> for Plain
where
    Plain: Codec<T>,
{
    fn put(&self, one: &Option<T>, into: &mut impl Sink) {
        into.write(&[u8::from(one.is_some())]);
        one.iter().for_each(|one| Plain.put(one, into));
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<Option<T>> {
        match from.take(1)? {
            [0] => Some(None),
            [1] => Plain.get(from).map(Some),
            _ => None,
        }
    }
}

impl<T> Codec<Arc<T>> for Plain
where
    Plain: Codec<T>,
{
    fn put(&self, value: &Arc<T>, into: &mut impl Sink) {
        Codec::<T>::put(self, value, into);
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<Arc<T>> {
        Plain.get(from).map(Arc::new)
    }
}

impl<K, V> Codec<(K, V)> for Plain
where
    Plain: Codec<K> + Codec<V>,
{
    fn put(&self, (key, value): &(K, V), into: &mut impl Sink) {
        Plain.put(key, into);
        Plain.put(value, into);
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<(K, V)> {
        Some((Plain.get(from)?, Plain.get(from)?))
    }
}

macro_rules! lists {
    ($([$($bound:tt)+] $type:ty;)+) => {
        $(impl<$($bound)+> Codec<$type> for Plain
        where
            Plain: Codec<T>,
        {
            fn put(&self, all: &$type, into: &mut impl Sink) {
                Count(4).put(&all.len(), into);
                all.iter().for_each(|one| Plain.put(one, into));
            }

            fn get(&self, from: &mut Reader<'_>) -> Option<$type> {
                let number = Count(4).get(from)?;
                (0..number).map(|_| Codec::<T>::get(self, from)).collect()
            }
        })+
    };
}

lists! {
    [T] Vec<T>;
    [T] Arc<[T]>;
    [T: Ord] BTreeSet<T>;
}

impl<K: Ord, V> Codec<BTreeMap<K, V>> for Plain
where
    Plain: Codec<K> + Codec<V>,
{
    fn put(&self, all: &BTreeMap<K, V>, into: &mut impl Sink) {
        Count(4).put(&all.len(), into);
        for (key, value) in all {
            Plain.put(key, into);
            Plain.put(value, into);
        }
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<BTreeMap<K, V>> {
        let number = Count(4).get(from)?;
        (0..number).map(|_| Codec::<(K, V)>::get(self, from)).collect()
    }
}
