//! The codecs of a batch's payload, in the framings that Kafka's Java client reads and writes.

use std::io::{self, Write};

use bytes::Bytes;
use lz4::{BlockMode, BlockSize, ContentChecksum};
use thiserror::Error;

use super::unfold::Stream;

/// Begins a stream of `SnappyOutputStream`: magic, version 1, oldest compatible version 1.
const XERIAL_HEADER: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
const XERIAL_BLOCK_BYTES: usize = 32 << 10;

/// Kafka's default of `compression.lz4.level`.
const LZ4_FAST_LEVEL: i32 = 9;
/// The first level of the LZ4 library that searches for longer matches.
const LZ4_FIRST_THOROUGH_LEVEL: u32 = 3;

/// A payload cannot be decompressed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecompressError {
    #[error("compression codec {0} does not exist")]
    UnknownCodec(i16),
    #[error("{codec:?} payload is corrupt: {reason}")]
    Corrupt { codec: Codec, reason: &'static str },
    #[error("payload is larger than {limit} bytes when decompressed")]
    TooLarge { limit: usize },
}

/// The codec of a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Codec {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// A codec and how hard it tries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compression {
    pub codec: Codec,
    /// In the codec's own scale: gzip 1-9 (its default is 6), lz4 1-17 (9), zstd from -131072 to 22 (3); others have none.
    pub level: Option<i32>,
}

impl Codec {
    /// # Errors
    /// If no codec has that number in batch attributes.
    pub fn from_id(id: i16) -> Result<Codec, DecompressError> {
        match id {
            0 => Ok(Codec::None),
            1 => Ok(Codec::Gzip),
            2 => Ok(Codec::Snappy),
            3 => Ok(Codec::Lz4),
            4 => Ok(Codec::Zstd),
            other => Err(DecompressError::UnknownCodec(other)),
        }
    }

    /// The codec of the batch that begins with `head`, as far as that can be told.
    pub(super) fn of_head(head: &[u8]) -> Option<Codec> {
        head.get(22).and_then(|&attributes| Codec::from_id(i16::from(attributes & 7)).ok())
    }

    pub fn id(self) -> i16 {
        match self {
            Codec::None => 0,
            Codec::Gzip => 1,
            Codec::Snappy => 2,
            Codec::Lz4 => 3,
            Codec::Zstd => 4,
        }
    }

    /// Decompresses `payload` to at most `limit` bytes.
    ///
    /// # Errors
    /// If the payload is not of this codec, or is larger.
    pub fn decompress(self, payload: &Bytes, limit: usize) -> Result<Bytes, DecompressError> {
        if self == Codec::None {
            return Ok(payload.clone());
        }
        let mut stream = Stream::new(self, payload.clone())?;
        let mut data = Vec::new();
        while stream.fill()? > 0 {
            let piece = stream.unread();
            if piece.len() > limit - data.len() {
                return Err(DecompressError::TooLarge { limit });
            }
            data.extend_from_slice(piece);
            let bytes = piece.len();
            stream.consume(bytes);
        }
        Ok(Bytes::from(data))
    }
}

impl DecompressError {
    pub(super) fn corrupt(codec: Codec, reason: &'static str) -> DecompressError {
        DecompressError::Corrupt { codec, reason }
    }
}

impl Compression {
    pub fn new(codec: Codec) -> Compression {
        Compression { codec, level: None }
    }

    /// Compresses `data`.
    ///
    /// # Errors
    /// If the codec refuses its level.
    pub fn compress(self, data: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoder = Encoder::new(self, Vec::new())?;
        encoder.write_all(data)?;
        encoder.finish()
    }
}

/// Compresses what is written to it.
pub(super) enum Encoder<W: Write> {
    None(W),
    Gzip(flate2::write::GzEncoder<W>),
    Snappy(SnappyBlocks<W>),
    Lz4(lz4::Encoder<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    pub fn new(compression: Compression, out: W) -> io::Result<Encoder<W>> {
        let level = compression.level;
        Ok(match compression.codec {
            Codec::None => Encoder::None(out),
            Codec::Gzip => {
                let level = level.and_then(|l| u32::try_from(l).ok());
                let level = level.map_or(flate2::Compression::default(), flate2::Compression::new);
                Encoder::Gzip(flate2::write::GzEncoder::new(out, level))
            }
            Codec::Snappy => Encoder::Snappy(SnappyBlocks::new(out)?),
            Codec::Lz4 => Encoder::Lz4(lz4_frame(out, level)?),
            Codec::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(out, level.unwrap_or(3))?),
        })
    }

    /// Ends the payload.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Encoder::None(out) => Ok(out),
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Snappy(blocks) => blocks.finish(),
            Encoder::Lz4(encoder) => {
                let (out, outcome) = encoder.finish();
                outcome.map(|()| out)
            }
            Encoder::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Encoder::None(out) => out.write(data),
            Encoder::Gzip(encoder) => encoder.write(data),
            Encoder::Snappy(blocks) => blocks.write(data),
            Encoder::Lz4(encoder) => encoder.write(data),
            Encoder::Zstd(encoder) => encoder.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The frame that Kafka's own reader takes: independent blocks, no dictionary. Its default level is the fast compressor,
/// every other one the thorough one (`Lz4BlockOutputStream`).
fn lz4_frame<W: Write>(out: W, level: Option<i32>) -> io::Result<lz4::Encoder<W>> {
    let level = match level {
        None | Some(LZ4_FAST_LEVEL) => 0,
        Some(level) => u32::try_from(level).unwrap_or(0).max(LZ4_FIRST_THOROUGH_LEVEL),
    };
    lz4::EncoderBuilder::new()
        .block_mode(BlockMode::Independent)
        .block_size(BlockSize::Max64KB)
        .checksum(ContentChecksum::NoChecksum)
        .level(level)
        .build(out)
}

/// Xerial's framing: blocks of 32 KiB, each behind its compressed length.
pub(super) struct SnappyBlocks<W> {
    out: W,
    block: Vec<u8>,
}

impl<W: Write> SnappyBlocks<W> {
    fn new(mut out: W) -> io::Result<SnappyBlocks<W>> {
        out.write_all(&XERIAL_HEADER)?;
        Ok(SnappyBlocks { out, block: Vec::with_capacity(XERIAL_BLOCK_BYTES) })
    }

    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let room = XERIAL_BLOCK_BYTES - self.block.len();
        let taken = &data[..data.len().min(room)];
        self.block.extend_from_slice(taken);
        if self.block.len() == XERIAL_BLOCK_BYTES {
            self.end_block()?;
        }
        Ok(taken.len())
    }

    fn end_block(&mut self) -> io::Result<()> {
        let packed = snap::raw::Encoder::new().compress_vec(&self.block).map_err(io::Error::other)?;
        self.block.clear();
        self.out.write_all(&(packed.len() as u32).to_be_bytes())?;
        self.out.write_all(&packed)
    }

    fn finish(mut self) -> io::Result<W> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        Ok(self.out)
    }
}
