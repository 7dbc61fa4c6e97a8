//! Zigzag variable-length integers of the record format.

/// Takes one from the front of `bytes`. At most five bytes, as Kafka's `ByteUtils.readVarint`.
#[inline(always)]
pub(super) fn read_i32(bytes: &mut &[u8]) -> Option<i32> {
    // Nearly all are of one byte or two.
    let value = match **bytes {
        [first, ref rest @ ..] if first < 0x80 => {
            *bytes = rest;
            u32::from(first)
        }
        [first, second, ref rest @ ..] if second < 0x80 => {
            *bytes = rest;
            u32::from(first & 0x7f) | u32::from(second) << 7
        }
        _ => read_long(bytes, 5)? as u32,
    };
    Some((value >> 1) as i32 ^ -((value & 1) as i32))
}

/// Takes one from the front of `bytes`. At most ten bytes, as Kafka's `ByteUtils.readVarlong`.
#[inline(always)]
pub(super) fn read_i64(bytes: &mut &[u8]) -> Option<i64> {
    let value = match **bytes {
        [first, ref rest @ ..] if first < 0x80 => {
            *bytes = rest;
            u64::from(first)
        }
        _ => read_long(bytes, 10)?,
    };
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

/// Numbers of at most three bytes, as nearly all are, in a row of eight bytes that are read at once.
pub(super) struct ShortNumbers {
    /// Those that were not taken yet, in its lowest bytes.
    word: u64,
    used: usize,
}

impl ShortNumbers {
    #[inline(always)]
    pub fn at(bytes: &[u8], at: usize) -> Option<ShortNumbers> {
        let row = bytes.get(at..)?.first_chunk()?;
        Some(ShortNumbers { word: u64::from_le_bytes(*row), used: 0 })
    }

    /// The next one. None if it is longer, or ends behind the row.
    #[inline(always)]
    pub fn next(&mut self) -> Option<i32> {
        let word = self.word;
        let (value, len) = match word {
            _ if word & 0x80 == 0 => (word & 0x7f, 1),
            _ if word & 0x8000 == 0 => (word & 0x7f | word >> 1 & 0x3f80, 2),
            _ if word & 0x80_0000 == 0 => (word & 0x7f | word >> 1 & 0x3f80 | word >> 2 & 0x1f_c000, 3),
            _ => return None,
        };
        self.word >>= 8 * len;
        self.used += len;
        // Bits that were shifted in from behind the row look like zeros.
        if self.used > size_of::<u64>() {
            return None;
        }
        Some((value >> 1) as i32 ^ -((value & 1) as i32))
    }

    /// Bytes of those that were taken.
    #[inline(always)]
    pub fn used(&self) -> usize {
        self.used
    }
}

fn read_long(bytes: &mut &[u8], most: usize) -> Option<u64> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(most).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *bytes = &bytes[index + 1..];
            return Some(value);
        }
    }
    None
}

pub(super) fn write_i64(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// The same bytes as those of the 64-bit form.
pub(super) fn write_i32(out: &mut Vec<u8>, value: i32) {
    write_i64(out, i64::from(value));
}
