//! Snappy in the framing of `SnappyOutputStream`, or one plain block, which is what librdkafka writes.

use super::pipe::Pipe;

/// Begins a stream of `SnappyOutputStream`; two version numbers follow.
const MAGIC: &[u8] = &[0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const HEADER_BYTES: usize = MAGIC.len() + 8;
/// The first four bytes of the header, where the length of a block might be.
const NEXT_HEADER: u32 = u32::from_be_bytes([0x82, b'S', b'N', b'A']);
/// No compressed byte unfolds to more than this many: a longer claim is a lie, and would be allocated for.
const LARGEST_RATIO: usize = 32;

const BROKEN_HEADER: &str = "a stream that is joined on has a broken header";

pub struct Decoder {
    is_framed: bool,
}

/// True if a stream begins here.
fn begins(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER_BYTES && bytes.starts_with(MAGIC)
}

/// The same of one that is joined on: only there does Java look at the version.
fn is_header(bytes: &[u8]) -> bool {
    let version = bytes.get(MAGIC.len()..).and_then(<[u8]>::first_chunk);
    begins(bytes) && version.is_some_and(|version| i32::from_be_bytes(*version) >= 1)
}

/// The next element of a framed stream.
enum Next<'a> {
    Block { block: &'a [u8], used: usize },
    End,
}

/// The next block of a framed stream, behind the headers of joined streams.
fn next(mut rest: &[u8]) -> Result<Next<'_>, &'static str> {
    let mut used = 0;
    loop {
        // Too few bytes for a length end the stream, as they do for Kafka.
        let Some((length, after)) = rest.split_first_chunk() else { return Ok(Next::End) };
        let length = u32::from_be_bytes(*length);
        if length == NEXT_HEADER {
            if rest.len() < HEADER_BYTES {
                return Err("it is cut short");
            }
            // Java's reader takes this for an end, and may yet read on behind it.
            if !is_header(rest) {
                return Err(BROKEN_HEADER);
            }
            rest = &rest[HEADER_BYTES..];
            used += HEADER_BYTES;
            continue;
        }
        let Some(block) = after.get(..length as usize) else { return Err("it is cut short") };
        return Ok(Next::Block { block, used: used + size_of::<u32>() + block.len() });
    }
}

fn unfolded_bytes(block: &[u8]) -> Result<usize, &'static str> {
    let bytes = snap::raw::decompress_len(block).map_err(|_| "a block is malformed")?;
    if bytes / LARGEST_RATIO > block.len() {
        return Err("a block claims an impossible length");
    }
    Ok(bytes)
}

/// The most that one block unfolds to.
pub fn largest_block(payload: &[u8]) -> usize {
    if !begins(payload) {
        return unfolded_bytes(payload).unwrap_or(0);
    }
    let mut rest = &payload[HEADER_BYTES..];
    let mut largest = 0;
    while let Ok(Next::Block { block, used }) = next(rest) {
        largest = largest.max(unfolded_bytes(block).unwrap_or(0));
        rest = &rest[used..];
    }
    largest
}

impl Decoder {
    pub fn new(payload: &[u8], read: &mut usize) -> Result<Decoder, &'static str> {
        if payload.is_empty() {
            return Err("it is empty");
        }
        let is_framed = begins(payload);
        *read = if is_framed { HEADER_BYTES } else { 0 };
        Ok(Decoder { is_framed })
    }

    /// Unfolds a block. False at the end.
    pub fn fill(&mut self, pipe: &mut Pipe<'_>) -> Result<bool, &'static str> {
        let (bytes, used) = match self.is_framed {
            true => match next(pipe.rest())? {
                Next::Block { block, used } => (unfolded_bytes(block)?, used),
                Next::End => return Ok(false),
            },
            false if pipe.rest().is_empty() => return Ok(false),
            false => (unfolded_bytes(pipe.rest())?, pipe.rest().len()),
        };
        let is_framed = self.is_framed;
        let (rest, room) = pipe.rest_and_room(bytes);
        let block = match next(rest) {
            Ok(Next::Block { block, .. }) if is_framed => block,
            _ => rest,
        };
        let unfolded =
            snap::raw::Decoder::new().decompress(block, room).map_err(|_| "a block is malformed")?;
        *pipe.end += unfolded;
        *pipe.read += used;
        Ok(true)
    }
}
