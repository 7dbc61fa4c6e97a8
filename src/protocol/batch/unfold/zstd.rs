//! Zstandard: frames that follow each other, to the last byte.

use zstd::stream::raw::{Decoder as Context, InBuffer, Operation as _, OutBuffer};

use super::pipe::{PIECE_BYTES, Pipe};
use super::spare;

/// The largest window that is unfolded without being asked for more (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`).
const LARGEST_WINDOW: u64 = 1 << 27;
/// The decoder's tables, and the block in its hands.
const STATE_BYTES: usize = 384 << 10;
/// A decoder with a larger window is not kept.
const KEPT_WINDOW: usize = 8 << 20;
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

pub struct Decoder {
    /// There until it is kept for another payload.
    context: Option<Context<'static>>,
    /// The last frame that began has ended.
    between_frames: bool,
    window: usize,
}

/// The window of the first frame, of which nothing is read but its header (RFC 8878, 3.1.1.1).
fn window(payload: &[u8]) -> usize {
    let Some([descriptor, rest @ ..]) = payload.strip_prefix(&MAGIC) else { return 0 };
    if descriptor & 0x20 == 0 {
        let Some(&window) = rest.first() else { return 0 };
        let base = 1u64 << (10 + (window >> 3));
        return (base + base / 8 * u64::from(window & 7)).min(LARGEST_WINDOW) as usize;
    }
    // A frame in one segment: its window is its content.
    let at = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = match (descriptor >> 6, rest.get(at..)) {
        (0, Some([size, ..])) => u64::from(*size),
        (1, Some([a, b, ..])) => u64::from(u16::from_le_bytes([*a, *b])) + 256,
        (2, Some([a, b, c, d, ..])) => u64::from(u32::from_le_bytes([*a, *b, *c, *d])),
        (3, Some(rest)) => rest.first_chunk().map_or(0, |size| u64::from_le_bytes(*size)),
        _ => 0,
    };
    size.min(LARGEST_WINDOW) as usize
}

/// Of the frame with the largest window.
pub fn memory(mut payload: &[u8]) -> usize {
    let mut largest = 0;
    while !payload.is_empty() {
        largest = largest.max(window(payload));
        let frame = zstd::zstd_safe::find_frame_compressed_size(payload).unwrap_or(payload.len());
        payload = payload.get(frame.max(1)..).unwrap_or_default();
    }
    largest + STATE_BYTES
}

impl Decoder {
    pub fn new() -> Result<Decoder, &'static str> {
        let context = spare::zstd().map_err(|_| "there is no memory for it")?;
        Ok(Decoder { context: Some(context), between_frames: true, window: 0 })
    }

    /// Unfolds a piece. False at the end of the payload.
    pub fn fill(&mut self, pipe: &mut Pipe<'_>) -> Result<bool, &'static str> {
        let Some(context) = &mut self.context else { return Ok(false) };
        if self.between_frames {
            if pipe.rest().is_empty() {
                return Ok(false);
            }
            self.window = self.window.max(window(pipe.rest()));
        }
        let (rest, room) = pipe.rest_and_room(PIECE_BYTES);
        let (mut input, mut output) = (InBuffer::around(rest), OutBuffer::around(room));
        let hint = context.run(&mut input, &mut output).map_err(|_| "it is malformed")?;
        let (read, unfolded) = (input.pos(), output.pos());
        *pipe.read += read;
        *pipe.end += unfolded;
        self.between_frames = hint == 0;
        if read == 0 && unfolded == 0 && !self.between_frames {
            return Err("it is cut short");
        }
        Ok(true)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        if let Some(context) = self.context.take()
            && self.window <= KEPT_WINDOW
        {
            spare::keep_zstd(context);
        }
    }
}
