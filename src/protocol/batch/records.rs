//! The records inside a batch, walked in place.

use thiserror::Error;

use super::header::Header;
use super::varint;

/// A batch's payload is not the records that its header announces (all `INVALID_RECORD` in Kafka).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    #[error("payload ends inside record {index}")]
    Truncated { index: i32 },
    #[error("record {index} has an impossible structure")]
    Structure { index: i32 },
    #[error("bytes remain after the last of {count} records")]
    Remaining { count: i32 },
    #[error("record {index} has {bytes} bytes where {limit} are allowed")]
    TooLarge { index: i32, bytes: usize, limit: usize },
}

/// One record, borrowed from its (decompressed) payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub attributes: i8,
    /// Against the base timestamp of the batch, in milliseconds.
    pub timestamp_delta: i64,
    pub offset_delta: i32,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: RecordHeaders<'a>,
}

impl<'a> Record<'a> {
    /// The offset of the record in the log.
    pub fn offset(&self, batch: &Header) -> i64 {
        batch.base_offset.saturating_add(i64::from(self.offset_delta))
    }

    /// The record's timestamp in milliseconds.
    pub fn timestamp(&self, batch: &Header) -> i64 {
        batch.timestamp(self.timestamp_delta)
    }

    fn parse(mut body: &'a [u8]) -> Option<Record<'a>> {
        let (&attributes, rest) = body.split_first()?;
        body = rest;
        let timestamp_delta = varint::read_i64(&mut body)?;
        let offset_delta = varint::read_i32(&mut body)?;
        let key = nullable(&mut body)?;
        let value = nullable(&mut body)?;
        let headers = RecordHeaders::parse(body)?;
        Some(Record { attributes: attributes as i8, timestamp_delta, offset_delta, key, value, headers })
    }
}

/// Takes bytes behind their length; -1 is null. Kafka takes every negative length for null.
#[inline]
fn nullable<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let Ok(length) = usize::try_from(varint::read_i32(bytes)?) else { return Some(None) };
    let (field, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(Some(field))
}

/// The headers of a record: checked once, read when wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeaders<'a> {
    count: i32,
    bytes: &'a [u8],
}

impl<'a> RecordHeaders<'a> {
    /// Headers that fill `bytes` to the last.
    #[inline]
    fn parse(mut bytes: &'a [u8]) -> Option<RecordHeaders<'a>> {
        let count = varint::read_i32(&mut bytes)?;
        let headers = RecordHeaders { count, bytes };
        if count < 0 {
            return None;
        }
        for _ in 0..count {
            nullable(&mut bytes)??;
            nullable(&mut bytes)?;
        }
        bytes.is_empty().then_some(headers)
    }

    pub fn len(&self) -> usize {
        self.count as usize
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Names and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let mut rest = self.bytes;
        (0..self.count).map_while(move |_| Some((nullable(&mut rest)??, nullable(&mut rest)?)))
    }
}

/// Walks the records of a decompressed payload. Ends after `records_count` records or the first error; bytes behind
/// the last record are an error.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    index: i32,
    count: i32,
    failed: bool,
}

impl<'a> Records<'a> {
    pub fn new(header: &Header, payload: &'a [u8]) -> Records<'a> {
        Records { rest: payload, index: 0, count: header.records_count, failed: false }
    }

    fn read(&mut self) -> Result<Record<'a>, RecordError> {
        let index = self.index;
        let length = varint::read_i32(&mut self.rest).ok_or(RecordError::Truncated { index })?;
        let length = usize::try_from(length).map_err(|_| RecordError::Structure { index })?;
        let (body, rest) = self.rest.split_at_checked(length).ok_or(RecordError::Truncated { index })?;
        self.rest = rest;
        self.index += 1;
        if self.index == self.count && !rest.is_empty() {
            return Err(RecordError::Remaining { count: self.count });
        }
        Record::parse(body).ok_or(RecordError::Structure { index })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.index >= self.count {
            return None;
        }
        let record = self.read();
        self.failed = record.is_err();
        Some(record)
    }
}
