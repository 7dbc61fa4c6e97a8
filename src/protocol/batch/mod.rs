//! The record batch (magic 2): its header, records, compression, validation of what clients send, and a builder.
//! It must never know partitions, storage, or error codes of the wire.
//! Entry points: [`validate`] for a producer's bytes, [`Header::parse`] for stored ones, [`Builder`] for our own.
//! Invariant: a [`Batch`] has a right checksum, length and record count; its payload is never copied to get there.

mod builder;
mod compression;
mod header;
mod invalid;
mod records;
mod rewrite;
mod unfold;
mod validate;
mod varint;
mod walk;

use bytes::{BufMut as _, Bytes, BytesMut};

pub use builder::{Builder, NewRecord};
pub use compression::{Codec, Compression, DecompressError};
pub use header::{HEAD_LEN, Header, HeaderError, LENGTH_OVERHEAD, TimestampType, next_sequence};
pub use invalid::{Invalid, RejectReason, RejectedRecord};
pub use records::{Record, RecordError, RecordHeaders, Records};
pub use validate::{Depth, Rules, Validation, validate};
pub use walk::{RecordHead, Step, Walk, WalkError};

/// One whole batch. The payload is a slice of what it was read from, so it keeps that buffer alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub header: Header,
    /// The bytes behind the header's [`HEAD_LEN`]: the records, compressed if the header says so.
    pub payload: Bytes,
}

impl Batch {
    /// Length in bytes, header included.
    #[expect(clippy::len_without_is_empty, reason = "a batch has at least its header")]
    pub fn len(&self) -> usize {
        HEAD_LEN + self.payload.len()
    }

    /// Offset and leader epoch of the log that the batch is appended to. The checksum does not cover them.
    pub fn assign(&mut self, base_offset: i64, leader_epoch: i32) {
        self.header.base_offset = base_offset;
        self.header.partition_leader_epoch = leader_epoch;
    }

    /// The header's bytes; [`Batch::payload`] follows them.
    pub fn head(&self) -> [u8; HEAD_LEN] {
        self.header.encode()
    }

    /// The whole batch in one copy.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.len());
        out.put_slice(&self.head());
        out.put_slice(&self.payload);
        out.freeze()
    }

    /// The batch at the start of `bytes`, its checksum verified.
    pub fn parse(bytes: &Bytes) -> Result<Batch, HeaderError> {
        let header = Header::parse(bytes)?;
        let whole = bytes.get(..header.len()).ok_or(HeaderError::Truncated)?;
        header.verify(whole)?;
        Ok(Batch { payload: bytes.slice(HEAD_LEN..whole.len()), header })
    }

    /// The payload decompressed: at most `limit` bytes.
    ///
    /// # Errors
    /// If the payload is not of the header's codec, or grows beyond `limit`.
    pub fn decompress(&self, limit: usize) -> Result<Bytes, DecompressError> {
        self.header.codec()?.decompress(&self.payload, limit)
    }
}

#[cfg(test)]
mod tests;
