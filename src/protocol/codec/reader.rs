//! Primitive types out of a frame, each checked against what is left of it.

use bytes::Bytes;
use uuid::Uuid;

use super::Fault;

/// Kafka takes no more fields in one tagged section.
const MAX_TAGS: usize = 10_000;

/// A place in a frame. Copying it is cheap and keeps the place.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    frame: &'a Bytes,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// At the start of `frame`.
    pub fn new(frame: &'a Bytes) -> Self {
        Reader { frame, rest: frame }
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The rest of the frame, as a slice of it.
    pub fn rest(&self) -> Bytes {
        self.frame.slice_ref(self.rest)
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Fault::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `length` bytes, kept alive by the frame.
    pub fn take_bytes(&mut self, length: usize) -> Result<Bytes, Fault> {
        let taken = self.take(length)?;
        Ok(self.frame.slice_ref(taken))
    }

    /// A reader over the next `length` bytes alone.
    pub fn split(&mut self, length: usize) -> Result<Reader<'a>, Fault> {
        Ok(Reader { frame: self.frame, rest: self.take(length)? })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Fault::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn int8(&mut self) -> Result<i8, Fault> {
        self.array().map(i8::from_be_bytes)
    }

    pub fn int16(&mut self) -> Result<i16, Fault> {
        self.array().map(i16::from_be_bytes)
    }

    pub fn uint16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn int32(&mut self) -> Result<i32, Fault> {
        self.array().map(i32::from_be_bytes)
    }

    pub fn int64(&mut self) -> Result<i64, Fault> {
        self.array().map(i64::from_be_bytes)
    }

    pub fn float64(&mut self) -> Result<f64, Fault> {
        self.array().map(f64::from_be_bytes)
    }

    pub fn uuid(&mut self) -> Result<Uuid, Fault> {
        self.array().map(Uuid::from_bytes)
    }

    /// An unsigned varint of at most five bytes: seven bits a byte, lowest first. Bits above the 32nd are lost.
    pub fn varint(&mut self) -> Result<u32, Fault> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let [byte] = self.array()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Fault::VarintOverflow)
    }

    /// A length in a compact encoding: one more than the length. Null is 0, and what is negative as 32 signed bits.
    pub fn compact_length(&mut self) -> Result<Option<usize>, Fault> {
        let length = self.varint()?.cast_signed().wrapping_sub(1);
        Ok(usize::try_from(length).ok())
    }

    /// A length in 16 bits, any negative one for null.
    pub fn length16(&mut self) -> Result<Option<usize>, Fault> {
        Ok(usize::try_from(self.int16()?).ok())
    }

    /// A length in 32 bits, any negative one for null.
    pub fn length32(&mut self) -> Result<Option<usize>, Fault> {
        Ok(usize::try_from(self.int32()?).ok())
    }

    /// The number of fields of a tagged section.
    pub fn tag_count(&mut self) -> Result<u32, Fault> {
        let count = self.varint()?;
        match count as usize > self.remaining().min(MAX_TAGS) {
            true => Err(Fault::TooManyTags),
            false => Ok(count),
        }
    }

    /// Reads over the value of a tagged field that nobody knows.
    pub fn skip_tag(&mut self, size: u32) -> Result<(), Fault> {
        self.take(size as usize).map(drop)
    }
}
