//! The codecs of a batch's payload, in the framings that Kafka's Java client reads and writes.

use std::io::{self, Read, Write as _};

use bytes::Bytes;
use lz4::{BlockMode, BlockSize, ContentChecksum};
use lz4_flex::frame::FrameDecoder;
use thiserror::Error;

/// Most bytes that one batch may have decompressed: bounds what a small bomb can make the broker allocate.
/// Kafka bounds single records only (`max.decompressed.message.bytes`).
pub const MAX_DECOMPRESSED_BYTES: usize = 128 << 20;

/// Begins a stream of `SnappyOutputStream`: magic, version 1, oldest compatible version 1.
const XERIAL_HEADER: [u8; 16] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1];
const XERIAL_MAGIC: &[u8] = &[0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const XERIAL_BLOCK_BYTES: usize = 32 << 10;

/// Kafka's default of `compression.lz4.level`.
const LZ4_FAST_LEVEL: i32 = 9;
/// The first level of the LZ4 library that searches for longer matches.
const LZ4_FIRST_THOROUGH_LEVEL: u32 = 3;

/// Why a payload cannot be decompressed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecompressError {
    #[error("compression codec {0} does not exist")]
    UnknownCodec(i16),
    #[error("{codec:?} payload is corrupt: {reason}")]
    Corrupt { codec: Codec, reason: String },
    #[error("payload is larger than {limit} bytes when decompressed")]
    TooLarge { limit: usize },
}

/// How a payload is compressed.
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
    pub fn decompress(self, payload: &Bytes, limit: usize) -> Result<Bytes, DecompressError> {
        let data = match self {
            Codec::None => return Ok(payload.clone()),
            Codec::Gzip => self.drain(flate2::read::MultiGzDecoder::new(&payload[..]), payload.len(), limit),
            Codec::Lz4 => self.drain(FrameDecoder::new(&payload[..]), payload.len(), limit),
            Codec::Zstd => {
                let decoder =
                    zstd::stream::read::Decoder::with_buffer(&payload[..]).map_err(|e| self.corrupt(&e))?;
                self.drain(decoder, payload.len(), limit)
            }
            Codec::Snappy => unsnap(payload, limit),
        };
        data.map(Bytes::from)
    }

    /// Reads `source` to its end. What is allocated grows with what really comes out of it.
    fn drain(self, source: impl Read, hint: usize, limit: usize) -> Result<Vec<u8>, DecompressError> {
        let mut data = Vec::with_capacity(hint.saturating_mul(2).min(limit));
        source.take(limit as u64 + 1).read_to_end(&mut data).map_err(|e| self.corrupt(&e))?;
        if data.len() > limit {
            return Err(DecompressError::TooLarge { limit });
        }
        Ok(data)
    }

    fn corrupt(self, reason: &impl ToString) -> DecompressError {
        DecompressError::Corrupt { codec: self, reason: reason.to_string() }
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
    pub fn compress(self, data: Vec<u8>) -> io::Result<Vec<u8>> {
        match self.codec {
            Codec::None => Ok(data),
            Codec::Gzip => {
                let level = self.level.and_then(|l| u32::try_from(l).ok());
                let level = level.map_or(flate2::Compression::default(), flate2::Compression::new);
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(&data)?;
                encoder.finish()
            }
            Codec::Snappy => snap_blocks(&data),
            Codec::Lz4 => lz4_frame(&data, self.level),
            Codec::Zstd => zstd::stream::encode_all(&data[..], self.level.unwrap_or(3)),
        }
    }
}

/// The frame that Kafka's own reader takes: independent blocks, no dictionary. Its default level is the fast compressor,
/// every other one the thorough one (`Lz4BlockOutputStream`). Reading is left to safe code, which has no such levels.
fn lz4_frame(data: &[u8], level: Option<i32>) -> io::Result<Vec<u8>> {
    let level = match level {
        None | Some(LZ4_FAST_LEVEL) => 0,
        Some(level) => u32::try_from(level).unwrap_or(0).max(LZ4_FIRST_THOROUGH_LEVEL),
    };
    let mut encoder = lz4::EncoderBuilder::new()
        .block_mode(BlockMode::Independent)
        .block_size(BlockSize::Max64KB)
        .checksum(ContentChecksum::NoChecksum)
        .level(level)
        .build(Vec::new())?;
    encoder.write_all(data)?;
    let (packed, outcome) = encoder.finish();
    outcome.map(|()| packed)
}

/// Xerial's framing: blocks of 32 KiB, each behind its compressed length.
fn snap_blocks(data: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = XERIAL_HEADER.to_vec();
    let mut encoder = snap::raw::Encoder::new();
    for block in data.chunks(XERIAL_BLOCK_BYTES) {
        let packed = encoder.compress_vec(block).map_err(io::Error::other)?;
        out.extend_from_slice(&(packed.len() as u32).to_be_bytes());
        out.extend_from_slice(&packed);
    }
    Ok(out)
}

/// Reads xerial's framing, or one plain block: librdkafka writes the latter.
fn unsnap(payload: &[u8], limit: usize) -> Result<Vec<u8>, DecompressError> {
    let mut out = Vec::new();
    if !payload.starts_with(XERIAL_MAGIC) {
        unsnap_block(payload, limit, &mut out)?;
        return Ok(out);
    }
    let mut rest = payload.get(XERIAL_HEADER.len()..).ok_or_else(|| Codec::Snappy.corrupt(&"cut short"))?;
    while !rest.is_empty() {
        // Streams may be joined, each with its header.
        if rest.starts_with(XERIAL_MAGIC) && rest.len() >= XERIAL_HEADER.len() {
            rest = &rest[XERIAL_HEADER.len()..];
            continue;
        }
        let (length, after) =
            rest.split_first_chunk::<4>().ok_or_else(|| Codec::Snappy.corrupt(&"cut short"))?;
        let length = u32::from_be_bytes(*length) as usize;
        let block = after.get(..length).ok_or_else(|| Codec::Snappy.corrupt(&"cut short"))?;
        unsnap_block(block, limit, &mut out)?;
        rest = &after[length..];
    }
    Ok(out)
}

fn unsnap_block(block: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), DecompressError> {
    let length = snap::raw::decompress_len(block).map_err(|e| Codec::Snappy.corrupt(&e))?;
    if length > limit - out.len() {
        return Err(DecompressError::TooLarge { limit });
    }
    // Snappy cannot shrink data below 3 bytes in 64: a longer claim is a lie, and would be allocated for.
    if length / 32 > block.len() {
        return Err(Codec::Snappy.corrupt(&"claims an impossible length"));
    }
    let start = out.len();
    out.resize(start + length, 0);
    let written = snap::raw::Decoder::new()
        .decompress(block, &mut out[start..])
        .map_err(|e| Codec::Snappy.corrupt(&e))?;
    out.truncate(start + written);
    Ok(())
}
