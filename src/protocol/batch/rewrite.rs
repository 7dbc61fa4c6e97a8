//! Writes the records of a batch anew, with offsets in order and another codec, while they are walked over.

use std::io::{self, BufWriter, Write};

use bytes::Bytes;

use super::compression::{Compression, Encoder};
use super::header::{Header, TimestampType};
use super::invalid::Invalid;
use super::walk::{RecordHead, Sink};
use super::{Batch, HEAD_LEN, varint};

/// The new payload as it grows. Memory for more than `limit` bytes is never taken.
struct Bounded {
    out: Vec<u8>,
    limit: usize,
}

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.len() > self.limit - self.out.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.out.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A batch that is being written.
pub(super) struct Rewriting {
    header: Header,
    target: Compression,
    out: BufWriter<Encoder<Bounded>>,
    /// Of the next record.
    offset_delta: i32,
    scratch: Vec<u8>,
    failed: Option<io::Error>,
    limit: usize,
}

impl Rewriting {
    /// A batch of at most `limit` bytes with what `header` says of its producer and time.
    ///
    /// # Errors
    /// If the codec refuses its level.
    pub fn new(header: &Header, target: Compression, limit: usize) -> Result<Rewriting, Invalid> {
        let room = Bounded { out: Vec::new(), limit: limit.saturating_sub(HEAD_LEN) };
        let encoder = Encoder::new(target, room);
        let failed = |_| Invalid::CodecNotAllowed(target.codec);
        let mut header = header.clone();
        header.clear_unknown();
        header.set_codec(target.codec);
        Ok(Rewriting {
            header,
            target,
            out: BufWriter::with_capacity(16 << 10, encoder.map_err(failed)?),
            offset_delta: 0,
            scratch: Vec::new(),
            failed: None,
            limit,
        })
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.failed = self.out.write_all(bytes).err();
        }
    }

    /// The batch, with the greatest timestamp that was found or the time of the append.
    pub fn finish(self, kind: TimestampType, max_timestamp: i64) -> Result<Batch, Invalid> {
        let Rewriting { mut header, target, out, failed, limit, .. } = self;
        let payload = match failed {
            Some(error) => Err(error),
            None => out.into_inner().map_err(io::IntoInnerError::into_error).and_then(Encoder::finish),
        };
        let payload = payload.map_err(|error| match error.kind() {
            // Nobody knows how large it would have become.
            io::ErrorKind::FileTooLarge => Invalid::TooLarge { bytes: limit + 1, limit },
            _ => Invalid::CodecNotAllowed(target.codec),
        })?;
        header.set_timestamp_type(kind);
        header.max_timestamp = max_timestamp;
        header.seal(&payload.out);
        Ok(Batch { header, payload: Bytes::from(payload.out) })
    }
}

impl Sink for Rewriting {
    fn record(&mut self, head: &RecordHead, rest: usize) {
        let mut body = std::mem::take(&mut self.scratch);
        body.clear();
        body.push(0);
        varint::write_i64(&mut body, head.timestamp_delta);
        varint::write_i32(&mut body, self.offset_delta);
        let mut length = Vec::with_capacity(5);
        varint::write_i32(&mut length, (body.len() + rest) as i32);
        self.write(&length);
        self.write(&body);
        self.scratch = body;
        self.offset_delta += 1;
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.write(bytes);
    }
}
