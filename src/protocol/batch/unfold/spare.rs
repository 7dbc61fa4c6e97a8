//! Buffers and decoders of batches that are done with, for the next ones on the same thread: making them anew costs more
//! than unfolding a small batch.

use std::cell::RefCell;

use flate2::Decompress;
use zstd::stream::raw::{Decoder as ZstdDecoder, Operation as _};

/// A larger buffer is given back to the allocator. The largest blocks of lz4 fit.
const KEPT_BYTES: usize = (4 << 20) + 4_096;
/// Of each kind. Batches that pause while they are unfolded may end on another thread than they began on.
const KEPT: usize = 2;

#[derive(Default)]
struct Spare {
    buffers: Vec<Vec<u8>>,
    inflaters: Vec<Decompress>,
    zstd: Vec<ZstdDecoder<'static>>,
}

thread_local! {
    static SPARE: RefCell<Spare> = RefCell::default();
}

/// The result of `take`; none if the thread is ending.
fn with<T>(take: impl FnOnce(&mut Spare) -> Option<T>) -> Option<T> {
    SPARE.try_with(|spare| take(&mut spare.borrow_mut())).ok().flatten()
}

fn keep<T>(into: impl FnOnce(&mut Spare) -> &mut Vec<T>, thing: T) {
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        let things = into(&mut spare);
        if things.len() < KEPT {
            things.push(thing);
        }
    });
}

/// A buffer of any length, with any content.
pub fn buffer() -> Vec<u8> {
    with(|spare| spare.buffers.pop()).unwrap_or_default()
}

pub fn keep_buffer(buffer: Vec<u8>) {
    if (1..=KEPT_BYTES).contains(&buffer.len()) {
        keep(|spare| &mut spare.buffers, buffer);
    }
}

/// A decoder of raw deflate streams.
pub fn inflater() -> Decompress {
    match with(|spare| spare.inflaters.pop()) {
        Some(mut inflater) => {
            inflater.reset(false);
            inflater
        }
        None => Decompress::new(false),
    }
}

pub fn keep_inflater(inflater: Decompress) {
    keep(|spare| &mut spare.inflaters, inflater);
}

/// A decoder of zstd frames.
pub fn zstd() -> std::io::Result<ZstdDecoder<'static>> {
    match with(|spare| spare.zstd.pop()) {
        Some(mut decoder) => {
            decoder.reinit()?;
            Ok(decoder)
        }
        None => ZstdDecoder::new(),
    }
}

pub fn keep_zstd(decoder: ZstdDecoder<'static>) {
    keep(|spare| &mut spare.zstd, decoder);
}
