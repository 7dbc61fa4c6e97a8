//! Codecs of fields that are not written as their type says.

use super::{Codec, Plain, Reader, Sink};
use crate::types::LeaderEpoch;

/// A number of things or bytes, in so many bytes. There are never more than fit.
pub struct Count(pub usize);

impl Codec<usize> for Count {
    fn put(&self, number: &usize, into: &mut impl Sink) {
        let most = u64::MAX >> (64 - 8 * self.0);
        debug_assert!(*number as u64 <= most);
        into.write(&(*number as u64).min(most).to_be_bytes()[8 - self.0..]);
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<usize> {
        let bytes = from.take(self.0)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }
}

/// Text with its length in front, in so many bytes.
pub struct Text(pub usize);

impl Text {
    pub fn put_text(&self, text: &str, into: &mut impl Sink) {
        Count(self.0).put(&text.len(), into);
        into.write(text.as_bytes());
    }

    pub fn get_text<'a>(&self, from: &mut Reader<'a>) -> Option<&'a str> {
        let length = Count(self.0).get(from)?;
        std::str::from_utf8(from.take(length)?).ok()
    }
}

impl Codec<String> for Text {
    fn put(&self, text: &String, into: &mut impl Sink) {
        self.put_text(text, into);
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<String> {
        self.get_text(from).map(str::to_owned)
    }
}

/// Text to the end.
pub struct Rest;

impl Codec<String> for Rest {
    fn put(&self, text: &String, into: &mut impl Sink) {
        into.write(text.as_bytes());
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<String> {
        std::str::from_utf8(from.take_rest()).ok().map(str::to_owned)
    }
}

/// Any number of things, each by a codec, with their number in front, in so many bytes.
pub struct Many<C>(pub usize, pub C);

impl<T, C: Codec<T>> Codec<Vec<T>> for Many<C> {
    fn put(&self, all: &Vec<T>, into: &mut impl Sink) {
        Count(self.0).put(&all.len(), into);
        all.iter().for_each(|one| self.1.put(one, into));
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<Vec<T>> {
        let number = Count(self.0).get(from)?;
        (0..number).map(|_| self.1.get(from)).collect()
    }
}

/// An offset, which is never negative.
pub struct Offset;

impl Codec<i64> for Offset {
    fn put(&self, offset: &i64, into: &mut impl Sink) {
        Plain.put(offset, into);
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<i64> {
        Plain.get(from).filter(|offset| *offset >= 0)
    }
}

/// A number at the end of a key, which is never negative: one that is, in the bound of a scan, is taken for the first.
pub struct Seek;

impl Codec<i64> for Seek {
    fn put(&self, offset: &i64, into: &mut impl Sink) {
        Plain.put(offset.max(&0), into);
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<i64> {
        Offset.get(from)
    }
}

impl Codec<LeaderEpoch> for Seek {
    fn put(&self, epoch: &LeaderEpoch, into: &mut impl Sink) {
        Plain.put(epoch.max(&LeaderEpoch(0)), into);
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<LeaderEpoch> {
        Plain.get(from).filter(|epoch| *epoch >= LeaderEpoch(0))
    }
}

/// A time that may be none: -1 then.
pub struct OrMinusOne;

impl Codec<Option<i64>> for OrMinusOne {
    fn put(&self, time: &Option<i64>, into: &mut impl Sink) {
        Plain.put(&time.unwrap_or(-1), into);
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<Option<i64>> {
        Some(Plain.get(from).map(Some)?.filter(|time| *time != -1))
    }
}

/// Something that all rows of a version have, and those of earlier ones do not.
pub struct Present;

impl<T> Codec<Option<T>> for Present
where
    Plain: Codec<T>,
{
    fn put(&self, one: &Option<T>, into: &mut impl Sink) {
        one.iter().for_each(|one| Plain.put(one, into));
    }

    fn get(&self, from: &mut Reader<'_>) -> Option<Option<T>> {
        Plain.get(from).map(Some)
    }
}
