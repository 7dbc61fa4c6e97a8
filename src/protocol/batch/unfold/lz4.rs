//! LZ4 frames, as far as Kafka's `Lz4BlockInputStream` reads them: one frame of independent blocks. What follows the
//! frame is not looked at, nor is a checksum of the whole content.

use lz4::block::decompress_to_buffer;
use twox_hash::XxHash32;

use super::pipe::Pipe;

const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
/// The top bit of a block's length: the block is stored as it is.
const STORED: u32 = 1 << 31;
/// No input byte unfolds to more than this many.
const LARGEST_RATIO: usize = 255;

const INDEPENDENT_BLOCKS: u8 = 1 << 5;
const BLOCK_CHECKSUMS: u8 = 1 << 4;
const CONTENT_SIZE: u8 = 1 << 3;
const CONTENT_CHECKSUM: u8 = 1 << 2;

pub struct Decoder {
    block_bytes: usize,
    block_checksums: bool,
    content_checksum: bool,
}

/// The most that one block of the frame unfolds to.
pub fn block_bytes(payload: &[u8]) -> usize {
    match payload.get(5).map(|descriptor| (descriptor >> 4) & 7) {
        Some(size @ 4..=7) => 1 << (2 * size + 8),
        _ => 0,
    }
}

impl Decoder {
    /// Reads the frame's header.
    pub fn new(payload: &[u8], read: &mut usize) -> Result<Decoder, &'static str> {
        let [flags, descriptor] = match payload.strip_prefix(&MAGIC) {
            Some([flags, descriptor, ..]) => [*flags, *descriptor],
            Some(_) => return Err("it is cut short"),
            None => return Err("there is no frame"),
        };
        if flags >> 6 != 1 || flags & 3 != 0 || descriptor & 0x8f != 0 {
            return Err("the frame has an unknown version or flags");
        }
        if flags & INDEPENDENT_BLOCKS == 0 {
            return Err("its blocks depend on each other");
        }
        let block_bytes = block_bytes(payload);
        if block_bytes == 0 {
            return Err("its block size is impossible");
        }
        let described = MAGIC.len()..MAGIC.len() + if flags & CONTENT_SIZE == 0 { 2 } else { 10 };
        let Some(&checksum) = payload.get(described.end) else { return Err("it is cut short") };
        *read = described.end + 1;
        if checksum != (XxHash32::oneshot(0, &payload[described]) >> 8) as u8 {
            return Err("the checksum of the frame's header is wrong");
        }
        Ok(Decoder {
            block_bytes,
            block_checksums: flags & BLOCK_CHECKSUMS != 0,
            content_checksum: flags & CONTENT_CHECKSUM != 0,
        })
    }

    /// Unfolds a block. False at the end of the frame.
    pub fn fill(&mut self, pipe: &mut Pipe<'_>) -> Result<bool, &'static str> {
        let Some((length, rest)) = pipe.rest().split_first_chunk() else { return Err("it is cut short") };
        let length = u32::from_le_bytes(*length);
        let bytes = (length & !STORED) as usize;
        if bytes == 0 {
            let whole = !self.content_checksum || rest.len() >= 4;
            return if whole { Ok(false) } else { Err("it is cut short") };
        }
        if bytes > self.block_bytes {
            return Err("a block is larger than the frame says");
        }
        let Some(block) = rest.get(..bytes) else { return Err("it is cut short") };
        let mut used = size_of::<u32>() + bytes;
        if self.block_checksums {
            let Some(checksum) = rest[bytes..].first_chunk() else { return Err("it is cut short") };
            if XxHash32::oneshot(0, block) != u32::from_le_bytes(*checksum) {
                return Err("the checksum of a block is wrong");
            }
            used += checksum.len();
        }
        let is_stored = length & STORED != 0;
        let most = if is_stored { bytes } else { self.block_bytes.min(bytes * LARGEST_RATIO) };
        let (rest, room) = pipe.rest_and_room(most);
        let block = &rest[size_of::<u32>()..][..bytes];
        let unfolded = if is_stored {
            room.copy_from_slice(block);
            bytes
        } else {
            decompress_to_buffer(block, Some(most as i32), room).map_err(|_| "a block is malformed")?
        };
        // Kafka takes it for the end.
        if unfolded == 0 {
            return Err("a block is empty");
        }
        *pipe.end += unfolded;
        *pipe.read += used;
        Ok(true)
    }
}
