//! Input and output of decoders.

/// Bytes that a codec without blocks of its own unfolds at a time.
pub const PIECE_BYTES: usize = 64 << 10;

/// The input and output of a decoder.
pub struct Pipe<'a> {
    pub payload: &'a [u8],
    pub read: &'a mut usize,
    pub buffer: &'a mut Vec<u8>,
    /// The buffer is filled up to here.
    pub end: &'a mut usize,
}

impl Pipe<'_> {
    pub fn rest(&self) -> &[u8] {
        &self.payload[*self.read..]
    }

    /// The payload from here on, and room for `bytes` more in the buffer.
    pub fn rest_and_room(&mut self, bytes: usize) -> (&[u8], &mut [u8]) {
        let end = *self.end;
        if self.buffer.len() < end + bytes {
            self.buffer.resize(end + bytes, 0);
        }
        (&self.payload[*self.read..], &mut self.buffer[end..end + bytes])
    }
}
