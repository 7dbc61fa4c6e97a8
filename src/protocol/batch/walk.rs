//! A walk over the records of a batch while its payload unfolds: what their heads say, and that they are whole. Keys,
//! values and headers are stepped over where they lie.

use super::compression::DecompressError;
use super::header::Header;
use super::records::RecordError;
use super::unfold::Stream;
use super::varint;
use thiserror::Error;

/// Most bytes of a record up to the length of its key: its own length, attributes, timestamp, offset, that length.
const HEAD_BYTES: usize = 5 + 1 + 10 + 5 + 5;
/// Most bytes of a length.
const LENGTH_BYTES: usize = 5;

/// Why a payload is not the records that its header announces.
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

    /// The next record if it is there as a whole and as it should be. Most are; [`Walk::next`] takes the others.
    #[inline(always)]
    pub(super) fn next_whole<S: Sink>(&mut self, sink: &mut S) -> Option<RecordHead> {
        if self.part != Part::Head || self.skip > 0 || self.index == self.count {
            return None;
        }
        let unread = self.stream.unread();
        let mut rest = unread;
        let length = usize::try_from(varint::read_i32(&mut rest)?).ok()?;
        let (mut body, _) = rest.split_at_checked(length)?;
        let used = unread.len() - rest.len() + length;
        if length > self.max_bytes {
            return None;
        }
        let (timestamp_delta, offset_delta, key, after_offset) = parse_head(&mut body)?;
        let from_key = used - after_offset..used;
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
        if !body.is_empty() {
            return None;
        }
        let head = RecordHead { index: self.index, timestamp_delta, offset_delta, has_key: key >= 0 };
        sink.record(&head, after_offset);
        sink.bytes(&unread[from_key]);
        self.stream.consume(used);
        self.index += 1;
        Some(head)
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
    *rest = rest.get(1..)?;
    let timestamp_delta = varint::read_i64(rest)?;
    let offset_delta = varint::read_i32(rest)?;
    let after_offset = rest.len();
    let key = varint::read_i32(rest)?;
    Some((timestamp_delta, offset_delta, key, after_offset))
}
