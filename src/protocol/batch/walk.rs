//! A walk over the records of a batch while its payload unfolds: what their heads say, and that they are whole. Keys,
//! values and headers are stepped over where they lie.

use super::compression::DecompressError;
use super::header::Header;
use super::records::RecordError;
use super::unfold::Stream;
use super::varint::{self, ShortNumbers};
use thiserror::Error;

/// Most bytes of a record up to the length of its key: its own length, attributes, timestamp, offset, that length.
const HEAD_BYTES: usize = 5 + 1 + 10 + 5 + 5;
/// Of a record's attributes, which mean nothing.
const ATTRIBUTES_BYTES: usize = 1;
/// Most bytes of a length.
const LENGTH_BYTES: usize = 5;

/// A payload is not the records that its header announces.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WalkError {
    #[error(transparent)]
    Payload(#[from] DecompressError),
    #[error(transparent)]
    Records(#[from] RecordError),
}

/// The fields of a record in front of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHead {
    /// Place of the record in its batch, from 0.
    pub index: i32,
    /// Against the base timestamp of the batch, in milliseconds.
    pub timestamp_delta: i64,
    pub offset_delta: i32,
    pub has_key: bool,
}

impl RecordHead {
    /// The offset of the record in the log.
    pub fn offset(&self, batch: &Header) -> i64 {
        batch.base_offset.saturating_add(i64::from(self.offset_delta))
    }

    /// The record's timestamp in milliseconds.
    pub fn timestamp(&self, batch: &Header) -> i64 {
        batch.timestamp(self.timestamp_delta)
    }
}

/// The place to which a walk has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Record(RecordHead),
    /// The allowance is used up: the walk goes on when asked again.
    Pause,
    /// Behind the last record, and there is nothing more.
    End,
}

/// Takes the records that are walked over, to write them anew.
pub(super) trait Sink {
    /// A record begins; `rest` bytes follow its offset.
    fn record(&mut self, head: &RecordHead, rest: usize);
    fn bytes(&mut self, bytes: &[u8]);
}

/// Nobody wants them.
impl Sink for () {
    #[inline]
    fn record(&mut self, _: &RecordHead, _: usize) {}
    #[inline]
    fn bytes(&mut self, _: &[u8]) {}
}

/// The next part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Head,
    Value,
    HeaderCount,
    HeaderName { left: i32 },
    HeaderValue { left: i32 },
}

/// The records of one batch.
pub struct Walk {
    stream: Stream,
    part: Part,
    /// Bytes of a field to be stepped over before that.
    skip: usize,
    /// Bytes that the record has left, those of `skip` included.
    left: usize,
    index: i32,
    count: i32,
    /// Of a record's body (Kafka: `max.decompressed.message.bytes`).
    max_bytes: usize,
}

impl Walk {
    /// # Errors
    /// If the payload does not begin as one of the header's codec does.
    pub fn new(header: &Header, payload: bytes::Bytes) -> Result<Walk, WalkError> {
        let stream = Stream::new(header.codec()?, payload)?;
        Ok(Walk {
            stream,
            part: Part::Head,
            skip: 0,
            left: 0,
            index: 0,
            count: header.records_count,
            max_bytes: usize::MAX,
        })
    }

    /// The memory that a walk takes at most.
    pub fn memory(header: &Header, payload: &[u8]) -> usize {
        header.codec().map_or(0, |codec| Stream::memory(codec, payload))
    }

    /// Refuses records with a body above `bytes`.
    pub(super) fn limited(mut self, bytes: usize) -> Walk {
        self.max_bytes = bytes;
        self
    }

    /// Goes on to the next record. What is unfolded for that is taken off `allowance`; once it is used up, the walk pauses.
    pub fn next(&mut self, allowance: &mut usize) -> Result<Step, WalkError> {
        self.next_into(&mut (), allowance)
    }

    pub(super) fn next_into<S: Sink>(
        &mut self,
        sink: &mut S,
        allowance: &mut usize,
    ) -> Result<Step, WalkError> {
        loop {
            if !self.step_over(sink, allowance)? {
                return Ok(Step::Pause);
            }
            match self.part {
                Part::Head if self.index == self.count => return self.end(allowance),
                Part::Head => return self.head(sink, allowance),
                Part::Value => {
                    let length = self.length(sink, allowance)?;
                    self.part = Part::HeaderCount;
                    self.skip = self.field(length)?;
                }
                Part::HeaderCount => {
                    let count = self.length(sink, allowance)?;
                    // Each has a length at least.
                    if usize::try_from(count).map_or(true, |count| count > self.left) {
                        return Err(self.structure());
                    }
                    self.next_header(count)?;
                }
                Part::HeaderName { left } => {
                    let length = self.length(sink, allowance)?;
                    if length < 0 {
                        return Err(self.structure());
                    }
                    self.part = Part::HeaderValue { left };
                    self.skip = self.field(length)?;
                }
                Part::HeaderValue { left } => {
                    let length = self.length(sink, allowance)?;
                    self.skip = self.field(length)?;
                    self.next_header(left - 1)?;
                }
            }
        }
    }

    /// Moves over the field that lies ahead. False if the allowance does not suffice.
    #[inline]
    fn step_over<S: Sink>(&mut self, sink: &mut S, allowance: &mut usize) -> Result<bool, WalkError> {
        loop {
            let here = self.skip.min(self.stream.unread().len());
            if here > 0 {
                sink.bytes(&self.stream.unread()[..here]);
                self.stream.consume(here);
                self.skip -= here;
                self.left -= here;
            }
            if self.skip == 0 {
                return Ok(true);
            }
            if *allowance == 0 {
                return Ok(false);
            }
            if self.fill(allowance)? == 0 {
                return Err(RecordError::Truncated { index: self.index }.into());
            }
        }
    }

    fn fill(&mut self, allowance: &mut usize) -> Result<usize, WalkError> {
        let filled = self.stream.fill()?;
        *allowance = allowance.saturating_sub(filled);
        Ok(filled)
    }

    /// Unfolds until `bytes` are there, or all.
    #[inline]
    fn look_ahead(&mut self, bytes: usize, allowance: &mut usize) -> Result<(), WalkError> {
        while self.stream.unread().len() < bytes && self.fill(allowance)? > 0 {}
        Ok(())
    }

    /// Goes over the records that are there as a whole and as they should be. Most are; [`Walk::next`] takes the others.
    #[inline]
    pub(super) fn over_whole<S: Sink>(&mut self, sink: &mut S, mut see: impl FnMut(&RecordHead)) {
        if self.part != Part::Head || self.skip > 0 {
            return;
        }
        let unread = self.stream.unread();
        let (mut rest, mut index) = (unread, self.index);
        while index < self.count
            && let Some(record) = plain(rest).or_else(|| whole(rest))
            && record.body_len <= self.max_bytes
        {
            let (this, behind) = rest.split_at(record.end);
            let Whole { timestamp_delta, offset_delta, has_key, from_key, .. } = record;
            let head = RecordHead { index, timestamp_delta, offset_delta, has_key };
            sink.record(&head, this.len() - from_key);
            sink.bytes(&this[from_key..]);
            see(&head);
            rest = behind;
            index += 1;
        }
        let used = unread.len() - rest.len();
        self.index = index;
        self.stream.consume(used);
    }

    fn head<S: Sink>(&mut self, sink: &mut S, allowance: &mut usize) -> Result<Step, WalkError> {
        if *allowance == 0 && self.stream.unread().len() < HEAD_BYTES && !self.stream.is_finished() {
            return Ok(Step::Pause);
        }
        self.look_ahead(HEAD_BYTES, allowance)?;
        let index = self.index;
        let unread = self.stream.unread();
        let mut rest = unread;
        let length = varint::read_i32(&mut rest).ok_or(RecordError::Truncated { index })?;
        let body = usize::try_from(length).map_err(|_| RecordError::Structure { index })?;
        if body > self.max_bytes {
            return Err(RecordError::TooLarge { index, bytes: body, limit: self.max_bytes }.into());
        }
        let before_body = rest.len();
        let (timestamp_delta, offset_delta, key, after_offset) =
            parse_head(&mut rest).ok_or(match unread.len() < HEAD_BYTES {
                true => RecordError::Truncated { index },
                false => RecordError::Structure { index },
            })?;
        let used = before_body - rest.len();
        let head = RecordHead { index, timestamp_delta, offset_delta, has_key: key >= 0 };
        let Some(left) = body.checked_sub(used) else { return Err(self.structure()) };
        sink.record(&head, left + after_offset - rest.len());
        sink.bytes(&unread[unread.len() - after_offset..unread.len() - rest.len()]);
        let consumed = unread.len() - rest.len();
        self.stream.consume(consumed);
        self.left = left;
        self.part = Part::Value;
        self.skip = self.field(key)?;
        Ok(Step::Record(head))
    }

    /// Reads a length, or a count.
    #[inline]
    fn length<S: Sink>(&mut self, sink: &mut S, allowance: &mut usize) -> Result<i32, WalkError> {
        let wanted = LENGTH_BYTES.min(self.left);
        self.look_ahead(wanted, allowance)?;
        let unread = self.stream.unread();
        let unread = &unread[..unread.len().min(self.left)];
        let mut rest = unread;
        let Some(length) = varint::read_i32(&mut rest) else { return Err(self.structure()) };
        let used = unread.len() - rest.len();
        sink.bytes(&unread[..used]);
        self.stream.consume(used);
        self.left -= used;
        Ok(length)
    }

    /// The bytes of a field of this length; a negative one is null.
    #[inline]
    fn field(&self, length: i32) -> Result<usize, WalkError> {
        let length = usize::try_from(length).unwrap_or(0);
        if length > self.left { Err(self.structure()) } else { Ok(length) }
    }

    /// Behind a header, or the count of them.
    #[inline]
    fn next_header(&mut self, left: i32) -> Result<(), WalkError> {
        if left > 0 {
            self.part = Part::HeaderName { left };
            return Ok(());
        }
        if self.left != self.skip {
            return Err(self.structure());
        }
        self.part = Part::Head;
        self.index += 1;
        Ok(())
    }

    fn end(&mut self, allowance: &mut usize) -> Result<Step, WalkError> {
        if self.stream.unread().is_empty() && self.fill(allowance)? == 0 {
            return Ok(Step::End);
        }
        Err(RecordError::Remaining { count: self.count }.into())
    }

    fn structure(&self) -> WalkError {
        RecordError::Structure { index: self.index }.into()
    }
}

/// A record that is there as a whole. Places are in bytes from its beginning.
#[derive(Debug, PartialEq, Eq)]
struct Whole {
    timestamp_delta: i64,
    offset_delta: i32,
    has_key: bool,
    /// Behind the offset.
    from_key: usize,
    /// Of what its own length counts.
    body_len: usize,
    end: usize,
}

/// The record at the start of `bytes`, if it is like most: short numbers and no headers.
#[inline(always)]
fn plain(bytes: &[u8]) -> Option<Whole> {
    let mut numbers = ShortNumbers::at(bytes, 0)?;
    let body_len = usize::try_from(numbers.next()?).ok()?;
    let head = numbers.used() + ATTRIBUTES_BYTES;
    let end = numbers.used() + body_len;
    let mut numbers = ShortNumbers::at(bytes, head)?;
    let timestamp_delta = numbers.next()?.into();
    let offset_delta = numbers.next()?;
    let from_key = head + numbers.used();
    let key = numbers.next()?;
    let value_at = head + numbers.used() + usize::try_from(key).unwrap_or(0);
    let mut numbers = ShortNumbers::at(bytes, value_at)?;
    let value = numbers.next()?;
    let header_count = value_at + numbers.used() + usize::try_from(value).unwrap_or(0);
    let has_no_headers = header_count + 1 == end && bytes.get(header_count) == Some(&0);
    let record = Whole { timestamp_delta, offset_delta, has_key: key >= 0, from_key, body_len, end };
    has_no_headers.then_some(record)
}

/// The record at the start of `bytes`, whatever it is like.
fn whole(bytes: &[u8]) -> Option<Whole> {
    let mut rest = bytes;
    let body_len = usize::try_from(varint::read_i32(&mut rest)?).ok()?;
    let (mut body, behind) = rest.split_at_checked(body_len)?;
    let end = bytes.len() - behind.len();
    let (timestamp_delta, offset_delta, key, after_offset) = parse_head(&mut body)?;
    skip(&mut body, key)?;
    let value = varint::read_i32(&mut body)?;
    skip(&mut body, value)?;
    let headers = varint::read_i32(&mut body)?;
    if headers < 0 {
        return None;
    }
    for _ in 0..headers {
        let name = varint::read_i32(&mut body)?;
        skip(&mut body, usize::try_from(name).ok()? as i32)?;
        let value = varint::read_i32(&mut body)?;
        skip(&mut body, value)?;
    }
    let from_key = end - after_offset;
    let record = Whole { timestamp_delta, offset_delta, has_key: key >= 0, from_key, body_len, end };
    body.is_empty().then_some(record)
}

/// Steps over a field; a negative length is null.
#[inline(always)]
fn skip(rest: &mut &[u8], length: i32) -> Option<()> {
    *rest = rest.get(usize::try_from(length).unwrap_or(0)..)?;
    Some(())
}

/// Timestamp, offset, and the length of the key, behind the attributes, which mean nothing; and how many bytes of `rest`
/// come behind the offset.
#[inline(always)]
fn parse_head(rest: &mut &[u8]) -> Option<(i64, i32, i32, usize)> {
    *rest = rest.get(ATTRIBUTES_BYTES..)?;
    let timestamp_delta = varint::read_i64(rest)?;
    let offset_delta = varint::read_i32(rest)?;
    let after_offset = rest.len();
    let key = varint::read_i32(rest)?;
    Some((timestamp_delta, offset_delta, key, after_offset))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn field(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
        varint::write_i32(out, bytes.map_or(-1, |bytes| bytes.len() as i32));
        out.extend_from_slice(bytes.unwrap_or_default());
    }

    proptest! {
        #[test]
        fn records_like_most_are_read_as_any_are(
            deltas in (prop_oneof![-70i32..70, any::<i32>()], prop_oneof![0i32..9_000, any::<i32>()]),
            (key, value) in (option::of(vec(any::<u8>(), 0..90)), option::of(vec(any::<u8>(), 0..9_000))),
            headers in vec((vec(any::<u8>(), 0..3), option::of(vec(any::<u8>(), 0..3))), 0..2),
            behind in vec(any::<u8>(), 0..20),
            spoilt in option::of((any::<prop::sample::Index>(), any::<u8>())),
        ) {
            let mut body = vec![0];
            varint::write_i64(&mut body, i64::from(deltas.0));
            varint::write_i32(&mut body, deltas.1);
            field(&mut body, key.as_deref());
            field(&mut body, value.as_deref());
            varint::write_i32(&mut body, headers.len() as i32);
            for (name, value) in &headers {
                field(&mut body, Some(name));
                field(&mut body, value.as_deref());
            }
            let mut bytes = Vec::new();
            field(&mut bytes, Some(&body));
            let is_plain = headers.is_empty() && behind.len() >= 8 && spoilt.is_none();
            bytes.extend(behind);
            if let Some((place, byte)) = spoilt {
                let len = bytes.len().min(16);
                bytes[place.index(len)] = byte;
            }
            let (read, short) = (whole(&bytes), plain(&bytes));
            if short.is_some() {
                prop_assert_eq!(&short, &read);
            }
            if is_plain && [deltas.0, deltas.1].iter().all(|delta| (-1_000_000..1_000_000).contains(delta)) {
                prop_assert!(short.is_some());
            }
        }
    }
}
