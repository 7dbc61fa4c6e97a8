//! Gzip as Java's `GZIPInputStream` reads it: members follow each other, and what is none ends the stream.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::pipe::{PIECE_BYTES, Pipe};
use super::spare;

/// The window of deflate, and the state of its decoder.
pub const MEMORY: usize = 48 << 10;

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
const TRAILER_BYTES: usize = 8;
/// With no more bytes than this behind a member, there is no other one: a trailer, and the least that one can have.
const SMALLEST_NEXT: usize = TRAILER_BYTES + 10 + TRAILER_BYTES;

const HEADER_CHECKSUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

pub struct Decoder {
    /// There until it is kept for another payload.
    inflater: Option<Decompress>,
    /// Of the member so far.
    crc: Crc,
}

/// The length of a member's header.
fn header_bytes(bytes: &[u8]) -> Result<usize, &'static str> {
    const CUT: &str = "it is cut short";
    if bytes.len() < 10 {
        return Err(CUT);
    }
    if !bytes.starts_with(&MAGIC) {
        return Err("there is no gzip header");
    }
    let flags = bytes[3];
    let mut length = 10;
    if flags & EXTRA != 0 {
        let extra = bytes.get(length..).and_then(<[u8]>::first_chunk).ok_or(CUT)?;
        length += 2 + usize::from(u16::from_le_bytes(*extra));
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let rest = bytes.get(length..).ok_or(CUT)?;
            length += 1 + rest.iter().position(|&byte| byte == 0).ok_or(CUT)?;
        }
    }
    if flags & HEADER_CHECKSUM != 0 {
        let mut crc = Crc::new();
        crc.update(bytes.get(..length).ok_or(CUT)?);
        let stored = bytes[length..].first_chunk().ok_or(CUT)?;
        if u32::from(u16::from_le_bytes(*stored)) != crc.sum() & 0xffff {
            return Err("the checksum of the header is wrong");
        }
        length += 2;
    }
    if bytes.len() < length { Err(CUT) } else { Ok(length) }
}

impl Decoder {
    pub fn new(payload: &[u8], read: &mut usize) -> Result<Decoder, &'static str> {
        *read = header_bytes(payload)?;
        Ok(Decoder { inflater: Some(spare::inflater()), crc: Crc::new() })
    }

    /// Unfolds a piece. False at the end of the last member.
    pub fn fill(&mut self, pipe: &mut Pipe<'_>) -> Result<bool, &'static str> {
        let Some(inflater) = &mut self.inflater else { return Ok(false) };
        let (rest, room) = pipe.rest_and_room(PIECE_BYTES);
        let before = (inflater.total_in(), inflater.total_out());
        let status = inflater.decompress(rest, room, FlushDecompress::None).map_err(|_| "it is malformed")?;
        let (read, unfolded) = (inflater.total_in() - before.0, inflater.total_out() - before.1);
        self.crc.update(&room[..unfolded as usize]);
        *pipe.read += read as usize;
        *pipe.end += unfolded as usize;
        match status {
            Status::StreamEnd => self.next_member(pipe),
            _ if read == 0 && unfolded == 0 => Err("it is cut short"),
            _ => Ok(true),
        }
    }

    /// Checks the trailer of a member, and goes on with the next one. False if there is none.
    fn next_member(&mut self, pipe: &mut Pipe<'_>) -> Result<bool, &'static str> {
        let Some(inflater) = &mut self.inflater else { return Ok(false) };
        let rest = pipe.rest();
        let Some(trailer) = rest.first_chunk::<TRAILER_BYTES>() else { return Err("it is cut short") };
        let mut expected = [0; TRAILER_BYTES];
        expected[..4].copy_from_slice(&self.crc.sum().to_le_bytes());
        expected[4..].copy_from_slice(&(inflater.total_out() as u32).to_le_bytes());
        if *trailer != expected {
            return Err("its checksum is wrong");
        }
        if rest.len() <= SMALLEST_NEXT {
            return Ok(false);
        }
        let Ok(header) = header_bytes(&rest[TRAILER_BYTES..]) else { return Ok(false) };
        inflater.reset(false);
        self.crc.reset();
        *pipe.read += TRAILER_BYTES + header;
        Ok(true)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        if let Some(inflater) = self.inflater.take() {
            spare::keep_inflater(inflater);
        }
    }
}
