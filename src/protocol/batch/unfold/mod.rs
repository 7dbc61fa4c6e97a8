//! A payload as a stream: it unfolds piece by piece into one buffer, so that its size unfolded costs no memory.
//! It must never know what the bytes mean.
//! Entry point: [`Stream`].
//! Invariant: what unfolds here is what Kafka's Java client unfolds, in the framings that it reads and no others.

mod gzip;
mod lz4;
mod pipe;
mod snappy;
mod spare;
mod zstd;

use bytes::Bytes;

use super::compression::{Codec, DecompressError};
use pipe::{PIECE_BYTES, Pipe};

/// A payload that is being unfolded.
pub(super) struct Stream {
    payload: Bytes,
    /// Bytes of the payload that are unfolded, or looked at.
    read: usize,
    decoder: Decoder,
    /// Holds what is unfolded and not yet consumed at `unread`.
    buffer: Vec<u8>,
    unread: std::ops::Range<usize>,
    finished: bool,
}

/// One per codec. A decoder appends its next piece to what the buffer holds.
enum Decoder {
    /// There is nothing to unfold: the payload itself is the buffer.
    None,
    Gzip(gzip::Decoder),
    Snappy(snappy::Decoder),
    Lz4(lz4::Decoder),
    Zstd(zstd::Decoder),
}

impl Stream {
    /// # Errors
    /// If the payload does not begin as one of `codec` does.
    pub fn new(codec: Codec, payload: Bytes) -> Result<Stream, DecompressError> {
        let mut read = 0;
        let corrupt = |reason| DecompressError::corrupt(codec, reason);
        let decoder = match codec {
            Codec::None => Decoder::None,
            Codec::Gzip => Decoder::Gzip(gzip::Decoder::new(&payload, &mut read).map_err(corrupt)?),
            Codec::Snappy => Decoder::Snappy(snappy::Decoder::new(&payload, &mut read).map_err(corrupt)?),
            Codec::Lz4 => Decoder::Lz4(lz4::Decoder::new(&payload, &mut read).map_err(corrupt)?),
            Codec::Zstd => Decoder::Zstd(zstd::Decoder::new().map_err(corrupt)?),
        };
        let (buffer, unread, finished) = match codec {
            Codec::None => (Vec::new(), 0..payload.len(), true),
            _ => (spare::buffer(), 0..0, false),
        };
        Ok(Stream { payload, read, decoder, buffer, unread, finished })
    }

    /// The memory that unfolding `payload` takes at most: what earlier bytes are looked up in, and one piece.
    pub fn memory(codec: Codec, payload: &[u8]) -> usize {
        match codec {
            Codec::None => 0,
            Codec::Gzip => gzip::MEMORY + PIECE_BYTES,
            Codec::Snappy => snappy::largest_block(payload),
            Codec::Lz4 => lz4::block_bytes(payload),
            Codec::Zstd => zstd::memory(payload) + PIECE_BYTES,
        }
    }

    /// Bytes that are unfolded and not yet consumed.
    #[inline]
    pub fn unread(&self) -> &[u8] {
        let held = if matches!(self.decoder, Decoder::None) { &self.payload[..] } else { &self.buffer[..] };
        &held[self.unread.clone()]
    }

    /// Takes `bytes` of what is unread away.
    #[inline]
    pub fn consume(&mut self, bytes: usize) {
        self.unread.start += bytes;
        debug_assert!(self.unread.start <= self.unread.end, "more was consumed than there is");
    }

    /// Unfolds the next piece, behind what is unread, and gives its length: 0 at the end.
    ///
    /// # Errors
    /// If the payload is not of its codec from here on.
    pub fn fill(&mut self) -> Result<usize, DecompressError> {
        if self.finished {
            return Ok(0);
        }
        // The reader stops in the middle of a few bytes: those are all that moves.
        self.buffer.copy_within(self.unread.clone(), 0);
        let before = self.unread.len();
        let mut end = before;
        let codec = self.codec();
        let mut pipe =
            Pipe { payload: &self.payload, read: &mut self.read, buffer: &mut self.buffer, end: &mut end };
        // A piece may be empty before the end.
        while *pipe.end == before && !self.finished {
            let more = match &mut self.decoder {
                Decoder::None => Ok(false),
                Decoder::Gzip(decoder) => decoder.fill(&mut pipe),
                Decoder::Snappy(decoder) => decoder.fill(&mut pipe),
                Decoder::Lz4(decoder) => decoder.fill(&mut pipe),
                Decoder::Zstd(decoder) => decoder.fill(&mut pipe),
            };
            self.finished = !more.map_err(|reason| DecompressError::corrupt(codec, reason))?;
        }
        self.unread = 0..end;
        Ok(end - before)
    }

    /// Nothing more will come.
    #[inline]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    fn codec(&self) -> Codec {
        match self.decoder {
            Decoder::None => Codec::None,
            Decoder::Gzip(_) => Codec::Gzip,
            Decoder::Snappy(_) => Codec::Snappy,
            Decoder::Lz4(_) => Codec::Lz4,
            Decoder::Zstd(_) => Codec::Zstd,
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        spare::keep_buffer(std::mem::take(&mut self.buffer));
    }
}
