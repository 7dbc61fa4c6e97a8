//! The objects of a shard's log: bytes of segments and fences.
//! It knows nothing of tasks, commits or Kafka's batches: rows and a payload in, an object out, and back.
//! Entry point: [`Segment::encode`] and [`Header::parse`]; [`read`] for reading from the store.
//! Invariant: hostile bytes are a [`Malformed`], and never cost more memory than they are long.
//!
//! ```text
//! header   magic 8 | version u8 | kind u8 | window u16 | row count u32 | writer epoch u64 | nonce 16
//!          | rows length u32 | payload position u32 | payload length u64 | rows CRC32C u32 | payload CRC32C u32
//!          | origin, from version 2 on | header CRC32C u32
//! origin   shard u32 | id u64 | taken to u64 | durable id u64 | durable nonce 16 | replay point u64
//! rows     sequence u64 | create time i64 | row count x [flags u8 | key length u16 | value length u32
//!          | own sequence u64? | own create time i64? | expiry i64? | key | value]
//! padding  zeros up to the payload position
//! payload  whatever the rows point into
//! ```
//!
//! Numbers are big-endian. All lengths stand in front, so that replay reads header and rows with one ranged GET.
//! Objects of version 1 have no origin: they are read as before, and vouch for nothing.

mod origin;
pub mod read;
mod rows;
#[cfg(test)]
mod tests;

use bytes::{BufMut as _, Bytes, BytesMut};
use slatedb::RowEntry;

use crate::crc32c;
use crate::log::stored::fields::{Codec as _, Plain, Present, Reader, Sink as _, codes, fields};
use crate::types::{ShardId, WriterEpoch};

pub use origin::Origin;
pub use rows::planned_len as planned_rows_len;

const MAGIC: &[u8; 8] = b"kfkqseg\n";
const VERSION: u8 = 2;
/// The version before origins.
const WITHOUT_ORIGIN: u8 = 1;
const LEN_WITHOUT_ORIGIN: usize = 68;

/// Length of the header of every object that is written, in bytes; older ones have shorter ones.
pub const HEADER_LEN: usize = LEN_WITHOUT_ORIGIN + Origin::LEN;

/// The kind of an object of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One commit: rows and payload.
    Data,
    /// The first object of an owner. What older owners put behind it is not part of the log.
    Fence,
    /// Takes an id that an older owner could still write to. Carries nothing.
    WindowFence,
}

codes!(Kind { Data = 1, Fence = 2, WindowFence = 3 });

fields! {
    /// The first bytes of every object of the log: these fields behind magic and version, and a checksum behind them.
    #[derive(Copy)]
    pub struct Header {
        kind: Kind,
        /// The number of objects that the writer may have in flight. On a fence also what older owners may still have.
        window: u16,
        row_count: u32,
        /// The writer epoch of the owner that wrote it.
        epoch: WriterEpoch,
        /// Random: tells one's own object from another's.
        nonce: u128,
        rows_len: u32,
        /// The position of the payload, in bytes from the object's start.
        payload_position: u32,
        payload_len: u64,
        rows_crc: u32,
        payload_crc: u32,
        /// None in objects of version 1.
        origin [2..]: Option<Origin> as Present,
    }
}

/// Bytes that are not an object of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("malformed segment: {0}")]
    Bytes(&'static str),
    /// Another program may read it: its header may have any length and checksum.
    #[error("segment of version {0}, and this program reads {WITHOUT_ORIGIN} to {VERSION}")]
    Version(u8),
}

impl Header {
    fn encode(&self, into: &mut BytesMut) {
        let start = into.len();
        into.write(MAGIC);
        into.write(&[if self.origin.is_some() { VERSION } else { WITHOUT_ORIGIN }]);
        Plain.put(self, into);
        let crc = crc32c::checksum(&into[start..]);
        Plain.put(&crc, into);
        debug_assert_eq!(into.len() - start, self.len());
    }

    /// Length of the header itself, in bytes.
    fn len(&self) -> usize {
        if self.origin.is_some() { HEADER_LEN } else { LEN_WITHOUT_ORIGIN }
    }

    /// Reads the header at the start of `object`, which may be longer.
    pub fn parse(object: &[u8]) -> Result<Header, Malformed> {
        let version = *object.get(MAGIC.len()).ok_or(Malformed::Bytes("too short for a header"))?;
        let len = if version == WITHOUT_ORIGIN { LEN_WITHOUT_ORIGIN } else { HEADER_LEN };
        let fields = object.strip_prefix(MAGIC).ok_or(Malformed::Bytes("no magic"))?;
        let mut fields =
            Reader::versioned(fields, WITHOUT_ORIGIN..=VERSION).ok_or(Malformed::Version(version))?;
        let bytes = object.get(..len).ok_or(Malformed::Bytes("too short for a header"))?;
        let (checked, crc) = bytes.split_at(len - 4);
        if crc != crc32c::checksum(checked).to_be_bytes() {
            return Err(Malformed::Bytes("header checksum"));
        }
        let header: Header = Plain.get(&mut fields).ok_or(Malformed::Bytes("unknown kind"))?;
        if header.window == 0 {
            return Err(Malformed::Bytes("no window"));
        }
        if u64::from(header.payload_position) < header.index_len() {
            return Err(Malformed::Bytes("payload inside the rows"));
        }
        Ok(header)
    }

    /// Length of header and rows: what replay reads, in bytes.
    pub fn index_len(&self) -> u64 {
        self.len() as u64 + u64::from(self.rows_len)
    }

    /// All ids up to this one were taken when the object, whose id is `id`, was made; 0 if it does not say.
    pub fn vouches_to(&self, id: u64) -> u64 {
        match self.kind {
            Kind::Data => self.origin.map_or(0, |origin| origin.taken_to),
            // It was made at the first id that was free.
            Kind::Fence => id.saturating_sub(1),
            Kind::WindowFence => 0,
        }
    }

    /// True if this may be the header of the object `id` of `shard`: a copy of another object says that it is one.
    pub fn belongs_at(&self, shard: ShardId, id: u64) -> bool {
        self.origin.is_none_or(|origin| (origin.shard, origin.id) == (shard, id))
    }

    /// The rows of the object that begins with `object`, which must hold [`Header::index_len`] bytes at least.
    pub fn decode_rows(&self, object: &[u8]) -> Result<Vec<RowEntry>, Malformed> {
        let end = self.len().saturating_add(self.rows_len as usize);
        let rows = object.get(self.len()..end).ok_or(Malformed::Bytes("too short for its rows"))?;
        if crc32c::checksum(rows) != self.rows_crc {
            return Err(Malformed::Bytes("rows checksum"));
        }
        // One exact copy: the rows live on in the index's memory, and must not hold a whole read buffer there.
        rows::decode(&Bytes::copy_from_slice(rows), self.row_count)
    }
}

/// The position of the payload of a segment that has rows of these key and value lengths.
pub fn payload_position(rows: impl IntoIterator<Item = (usize, usize)>) -> usize {
    HEADER_LEN + rows::planned_len(rows)
}

/// An object to be written, but for its payload.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    pub kind: Kind,
    pub window: u16,
    pub epoch: WriterEpoch,
    pub nonce: u128,
    pub origin: Origin,
}

/// The payload of a segment: bytes in order, of which nothing is copied.
#[derive(Clone, Debug, Default)]
pub struct Payload {
    pub chunks: Vec<Bytes>,
    pub len: u64,
    /// CRC32C of all chunks.
    pub crc: u32,
    /// The payload's position as the rows believe it; 0 if no row points into it.
    pub position: usize,
}

impl Segment {
    /// The object's bytes, in chunks; the first holds header and rows.
    pub fn encode(self, rows: &[RowEntry], payload: Payload) -> Result<Vec<Bytes>, Malformed> {
        let mut first = BytesMut::with_capacity(payload.position.max(HEADER_LEN + rows::encoded_len(rows)));
        first.put_bytes(0, HEADER_LEN);
        rows::encode(rows, &mut first)?;
        let rows_len = first.len() - HEADER_LEN;
        let rows_crc = crc32c::checksum(&first[HEADER_LEN..]);
        if first.len() < payload.position {
            first.put_bytes(0, payload.position - first.len());
        } else if first.len() > payload.position && payload.position > 0 {
            return Err(Malformed::Bytes("rows longer than planned"));
        }
        let header = Header {
            kind: self.kind,
            window: self.window,
            epoch: self.epoch,
            nonce: self.nonce,
            row_count: u32::try_from(rows.len()).map_err(|_| Malformed::Bytes("too many rows"))?,
            rows_len: u32::try_from(rows_len).map_err(|_| Malformed::Bytes("rows too long"))?,
            payload_position: u32::try_from(first.len()).map_err(|_| Malformed::Bytes("rows too long"))?,
            payload_len: payload.len,
            rows_crc,
            payload_crc: payload.crc,
            origin: Some(self.origin),
        };
        let mut encoded = BytesMut::with_capacity(HEADER_LEN);
        header.encode(&mut encoded);
        first[..HEADER_LEN].copy_from_slice(&encoded);
        let mut chunks = Vec::with_capacity(1 + payload.chunks.len());
        chunks.push(first.freeze());
        chunks.extend(payload.chunks);
        Ok(chunks)
    }
}
