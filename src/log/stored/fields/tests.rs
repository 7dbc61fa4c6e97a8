//! Random values of every codec, for the tests of declared rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::types::WriterEpoch;

/// Numbers that follow from a seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    pub fn one_of<T: Clone, const N: usize>(&mut self, values: [T; N]) -> T {
        values[self.below(N as u64) as usize].clone()
    }
}

/// A codec of which random values can be had: those that it may be given to write.
pub trait Sample<T>: Codec<T> {
    fn sample(&self, random: &mut Random) -> T;
}

macro_rules! samples {
    ($([$($bound:tt)*] $codec:ty, $type:ty, |$self:ident, $random:ident| $sample:expr;)+) => {
        $(impl<$($bound)*> Sample<$type> for $codec {
            fn sample(&self, $random: &mut Random) -> $type {
                let $self = self;
                $sample
            }
        })+
    };
}

samples! {
    [] Plain, u8, |_codec, random| random.number() as u8;
    [] Plain, u16, |_codec, random| random.number() as u16;
    [] Plain, u32, |_codec, random| random.number() as u32;
    [] Plain, u64, |_codec, random| random.number();
    [] Plain, u128, |_codec, random| u128::from(random.number()) << 64 | u128::from(random.number());
    [] Plain, i16, |_codec, random| random.number() as i16;
    [] Plain, i32, |_codec, random| random.number() as i32;
    [] Plain, i64, |_codec, random| random.number() as i64;
    [] Plain, TopicId, |codec, random| TopicId(Uuid::from_u128(codec.sample(random)));
    [] Plain, ShardId, |codec, random| ShardId(codec.sample(random));
    [] Plain, LeaderEpoch, |codec, random| LeaderEpoch(codec.sample(random));
    [] Plain, WriterEpoch, |codec, random| WriterEpoch(codec.sample(random));
    [] Plain, Bytes, |_codec, random| text(random).into();
    [] Plain, String, |_codec, random| text(random);
    [] Plain, Arc<str>, |_codec, random| text(random).into();
    [] Text, String, |_codec, random| text(random);
    [] Rest, String, |_codec, random| text(random);
    [] Offset, i64, |_codec, random| random.below(1 << 63) as i64;
    [] Seek, i64, |_codec, random| random.below(1 << 63) as i64;
    [] Seek, LeaderEpoch, |_codec, random| LeaderEpoch(random.below(1 << 31) as i32);
    [] OrMinusOne, Option<i64>, |_codec, random| random.one_of([None, Some(0), Some(7)]);
    [T, C: Sample<T>] Many<C>, Vec<T>,
        |codec, random| (0..random.below(4)).map(|_| codec.1.sample(random)).collect();
}

fn text(random: &mut Random) -> String {
    (0..random.below(9)).map(|_| random.one_of(['a', 'z', 'é', '0', '-'])).collect()
}

macro_rules! collections {
    ($([$($bound:tt)+] $type:ty;)+) => {
        $(impl<$($bound)+> Sample<$type> for Plain
        where
            Plain: Sample<T>,
        {
            fn sample(&self, random: &mut Random) -> $type {
                (0..random.below(4)).map(|_| Sample::<T>::sample(self, random)).collect()
            }
        })+
    };
}

collections! {
    [T] Vec<T>;
    [T] Arc<[T]>;
    [T: Ord] BTreeSet<T>;
}

impl<K: Ord, V> Sample<BTreeMap<K, V>> for Plain
where
    Plain: Sample<K> + Sample<V>,
{
    fn sample(&self, random: &mut Random) -> BTreeMap<K, V> {
        (0..random.below(4)).map(|_| (Plain.sample(random), Plain.sample(random))).collect()
    }
}

impl<T> Sample<Option<T>> for Plain
where
    Plain: Sample<T>,
{
    fn sample(&self, random: &mut Random) -> Option<T> {
        (random.below(2) == 0).then(|| Plain.sample(random))
    }
}

impl<T> Sample<Option<T>> for Present
where
    Plain: Sample<T>,
{
    fn sample(&self, random: &mut Random) -> Option<T> {
        Some(Plain.sample(random))
    }
}

impl<T> Sample<Arc<T>> for Plain
where
    Plain: Sample<T>,
{
    fn sample(&self, random: &mut Random) -> Arc<T> {
        Arc::new(Plain.sample(random))
    }
}

impl<K, V> Sample<(K, V)> for Plain
where
    Plain: Sample<K> + Sample<V>,
{
    fn sample(&self, random: &mut Random) -> (K, V) {
        (Plain.sample(random), Plain.sample(random))
    }
}

/// Checks that a row of any fields comes back, and that no other bytes do.
pub fn check_round_trip<T: std::fmt::Debug + PartialEq>(random: &mut Random)
where
    Plain: Sample<T>,
{
    let row: T = Plain.sample(random);
    let stored = write(1, &row);
    assert_eq!(read(1, &stored).as_ref(), Some(&row));
    for end in 0..stored.len() {
        assert_eq!(read::<T>(1, &stored[..end]), None, "{row:?} to {end}");
    }
    assert_eq!(read::<T>(1, &[&stored[..], &[0]].concat()), None);
    assert_eq!(read::<T>(2, &stored), None);
}

fields! {
    /// A row whose last field came later.
    pub struct Grown {
        first: u32,
        later [2..]: Vec<u16>,
    }
}

proptest! {
    #[test]
    fn declared_fields_come_back(seed in any::<u64>()) {
        check_round_trip::<Partition>(&mut Random(seed));
        check_round_trip::<(Partition, Option<ShardId>)>(&mut Random(seed));
    }

    #[test]
    fn a_field_that_came_later_is_its_default_in_earlier_rows(first in any::<u32>()) {
        let earlier = [&[1][..], &first.to_be_bytes()].concat();
        prop_assert_eq!(read(1, &earlier), Some(Grown { first, later: vec![] }));
        prop_assert_eq!(read::<Grown>(2, &[&[2], &earlier[1..]].concat()), None);
        let row = Grown { first, later: vec![1, 2] };
        prop_assert_eq!(read(2, &write(2, &row)), Some(row));
    }
}

#[test]
fn counts_of_any_width_come_back() {
    for (width, number) in [(1, 255), (2, 65_535), (4, 1_000_000)] {
        let mut into = BytesMut::new();
        Count(width).put(&number, &mut into);
        assert_eq!(into.len(), width);
        assert_eq!(Count(width).get(&mut Reader::new(&into)), Some(number));
    }
}
