//! The bytes of a commit's batches, in few pieces.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::crc32c;
use crate::log::stored::segment;
use crate::protocol::batch::{Batch, HEAD_LEN};

/// Shorter records are copied next to their heads: a piece of its own costs a store more than copying this much.
const COPY_UP_TO: usize = 4 * 1024;
/// From this length on it is cheaper to derive a checksum from the batch's own than to read all bytes again.
const COMBINE_FROM: usize = 16 * 1024;
/// The first bytes of a batch, which its own checksum does not cover.
const UNCOVERED_LEN: usize = 21;

/// Collects batches.
#[derive(Default)]
pub struct PayloadBuilder {
    chunks: Vec<Bytes>,
    /// The chunk that grows.
    open: BytesMut,
    len: u64,
    crc: u32,
}

/// The location of a batch among the chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    chunk: usize,
    start: usize,
    /// Length of the records behind the head; `None` if they are the next chunk.
    copied: Option<usize>,
}

impl PayloadBuilder {
    /// Makes room for batches with payloads of these lengths.
    pub fn reserve(&mut self, payload_lens: impl Iterator<Item = usize>) {
        let (mut copied, mut own) = (0, 0);
        for len in payload_lens {
            copied += HEAD_LEN + if len <= COPY_UP_TO { len } else { 0 };
            own += usize::from(len > COPY_UP_TO);
        }
        self.open.reserve(copied);
        self.chunks.reserve(own * 2 + 1);
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Adds a batch whose offset and epoch are assigned.
    pub fn add(&mut self, batch: &Batch) -> Location {
        let head = batch.head();
        let copied = (batch.payload.len() <= COPY_UP_TO).then_some(batch.payload.len());
        let place = Location { chunk: self.chunks.len(), start: self.open.len(), copied };
        let len = head.len() + batch.payload.len();
        self.crc = if len >= COMBINE_FROM {
            let uncovered = crc32c::append(self.crc, &head[..UNCOVERED_LEN]);
            crc32c::combine(uncovered, batch.header.crc, len - UNCOVERED_LEN)
        } else {
            crc32c::append(crc32c::append(self.crc, &head), &batch.payload)
        };
        self.len += len as u64;
        self.open.put_slice(&head);
        if copied.is_some() {
            self.open.put_slice(&batch.payload);
        } else {
            self.close();
            self.chunks.push(batch.payload.clone());
        }
        place
    }

    /// The payload; its position is not known yet. The chunks are also what [`Location::of`] looks into.
    pub fn finish(mut self) -> segment::Payload {
        self.close();
        segment::Payload { chunks: self.chunks, len: self.len, crc: self.crc, position: 0 }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.chunks.push(self.open.split().freeze());
        }
    }
}

impl Location {
    /// Head and records of the batch here.
    pub fn of(self, chunks: &[Bytes]) -> [Bytes; 2] {
        let chunk = |index: usize| chunks.get(index).cloned().unwrap_or_default();
        let records = self.start + HEAD_LEN;
        let head = chunk(self.chunk).slice(self.start..records);
        match self.copied {
            Some(len) => [head, chunk(self.chunk).slice(records..records + len)],
            None => [head, chunk(self.chunk + 1)],
        }
    }
}
