//! The batches of one read, collected one by one as their places in objects are walked over.

use std::ops::Range;

use bytes::BytesMut;

use super::block_cache::Span;
use super::tail_cache::Run;
use crate::protocol::batch::{HEAD_LEN, Header};

/// Shorter pieces are copied out of their blocks rather than keeping those alive until the answer is sent.
const COPY_BELOW_BYTES: u64 = 64 * 1024;

/// A wish for a part of one partition's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log) struct Slice {
    /// The first batch is the one that holds this offset.
    pub offset: i64,
    /// The last batch ends before this offset. It need not be where an extent ends.
    pub end: i64,
    /// Nothing from here on is durable.
    pub high_watermark: i64,
    /// Of all batches together.
    pub max_bytes: usize,
    /// The first batch is given whatever its size.
    pub min_one: bool,
}

pub(super) fn parse(span: &Span, range: Range<u64>) -> Result<Header, String> {
    let mut head = [0; HEAD_LEN];
    let mut filled = 0;
    for piece in span.slices(range) {
        head[filled..filled + piece.len()].copy_from_slice(&piece);
        filled += piece.len();
    }
    Header::parse(&head[..filled]).map_err(|e| e.to_string())
}

/// The part of an object that is in hand, and what of it belongs to the run but is not in there yet.
pub(super) struct Window {
    pub span: Span,
    pub taken: Range<u64>,
}

pub(super) enum Choice {
    /// It ends before the wanted offset.
    Skip,
    Take,
    Stop,
}

/// The batches collected so far, and what is wanted.
pub(super) struct Walk {
    pub slice: Slice,
    pub run: Run,
    /// The first offset of the next batch. `None` if it holds the wanted offset.
    pub expected: Option<i64>,
}

impl Walk {
    pub fn new(slice: Slice) -> Walk {
        Walk { slice, run: Run { next_offset: slice.offset, ..Run::default() }, expected: None }
    }

    pub fn left(&self) -> usize {
        self.slice.max_bytes.saturating_sub(self.run.bytes)
    }

    /// Offsets follow one another, and a batch lies inside its extent.
    pub fn check(&mut self, header: Header, at: u64, end: u64) -> Result<Header, String> {
        if at + header.len() as u64 > end {
            return Err(format!("it has {} bytes and its extent ends at {end}", header.len()));
        }
        let offset = self.slice.offset;
        let fits = match self.expected {
            Some(expected) => header.base_offset == expected,
            None => (header.base_offset..=header.last_offset()).contains(&offset),
        };
        if header.last_offset_delta < 0 || !fits {
            let expected = self.expected.unwrap_or(offset);
            return Err(format!(
                "its offsets begin at {}, and those at {expected} should lie there",
                header.base_offset
            ));
        }
        self.expected = Some(header.last_offset() + 1);
        Ok(header)
    }

    pub fn decide(&mut self, header: &Header) -> Choice {
        if header.last_offset() < self.slice.offset {
            return Choice::Skip;
        }
        if header.last_offset() >= self.slice.end {
            return Choice::Stop;
        }
        if self.run.bytes + header.len() <= self.slice.max_bytes
            || (self.slice.min_one && self.run.bytes == 0)
        {
            return Choice::Take;
        }
        self.run.stopped_by_size = true;
        Choice::Stop
    }

    pub fn take(&mut self, header: &Header) {
        self.run.bytes += header.len();
        self.run.next_offset = header.last_offset() + 1;
    }

    /// Puts what was taken of the window into the run.
    pub fn collect(&mut self, window: &Window) {
        let (span, range) = (&window.span, window.taken.clone());
        let bytes = range.end - range.start;
        if bytes == 0 {
            return;
        }
        if bytes >= COPY_BELOW_BYTES {
            self.run.chunks.extend(span.slices(range));
            return;
        }
        let mut copy = BytesMut::with_capacity(bytes as usize);
        span.slices(range).for_each(|piece| copy.extend_from_slice(&piece));
        self.run.chunks.push(copy.freeze());
    }
}
