//! A frame being written: small parts gathered in one buffer, payloads put between them uncopied.

use bytes::{BufMut, Bytes, BytesMut};

/// Payloads shorter than this are copied: a piece of its own costs more than the copy.
const COPY_BELOW: usize = 1024;

/// A frame being written.
#[derive(Debug, Default)]
pub struct Writer {
    small: BytesMut,
    /// Payloads, each with the length of `small` it stands behind.
    payloads: Vec<(usize, Bytes)>,
    payload_bytes: usize,
}

impl Writer {
    /// With room for `capacity` bytes, payloads not counted.
    pub fn with_capacity(capacity: usize) -> Self {
        Writer { small: BytesMut::with_capacity(capacity), ..Writer::default() }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.small.len() + self.payload_bytes
    }

    /// True if nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The buffer of the small parts.
    pub fn small(&mut self) -> &mut BytesMut {
        &mut self.small
    }

    /// A payload, kept as it is unless it is short.
    pub fn payload(&mut self, bytes: &Bytes) {
        if bytes.len() < COPY_BELOW {
            self.small.extend_from_slice(bytes);
        } else {
            self.payload_bytes += bytes.len();
            self.payloads.push((self.small.len(), bytes.clone()));
        }
    }

    /// Everything that was written into `other`.
    pub fn append(&mut self, other: Writer) {
        other.finish().iter().for_each(|chunk| self.payload(chunk));
    }

    /// An unsigned varint: seven bits a byte, lowest first.
    pub fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.small.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.small.put_u8(value as u8);
    }

    /// Overwrites four bytes written earlier among the small parts, before any payload; `at` counts from the start.
    ///
    /// # Panics
    /// When those bytes were not written yet.
    pub fn patch_int32(&mut self, at: usize, value: i32) {
        self.small[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }

    /// The pieces in order, none of them empty; their lengths add up to [`Writer::len`].
    pub fn finish(self) -> Vec<Bytes> {
        let mut small = self.small.freeze();
        let mut chunks = Vec::with_capacity(self.payloads.len() * 2 + 1);
        let mut done = 0;
        for (at, payload) in self.payloads {
            if at > done {
                chunks.push(small.split_to(at - done));
                done = at;
            }
            chunks.push(payload);
        }
        if !small.is_empty() {
            chunks.push(small);
        }
        chunks
    }

    /// Everything in one piece; payloads are copied.
    pub fn into_bytes(self) -> Bytes {
        super::Records::from(self.finish()).into_bytes()
    }
}
