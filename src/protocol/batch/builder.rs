//! Makes batches.

use std::io;

use bytes::Bytes;

use super::compression::{Codec, Compression};
use super::header::{Header, TimestampType};
use super::{Batch, varint};

/// A record to be added to a [`Builder`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRecord<'a> {
    /// Milliseconds; -1 is none.
    pub timestamp: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Vec<(&'a [u8], Option<&'a [u8]>)>,
}

/// Collects records, then seals them into a batch. The first record added gives the base timestamp.
#[derive(Clone, Debug)]
pub struct Builder {
    header: Header,
    compression: Compression,
    payload: Vec<u8>,
    scratch: Vec<u8>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// An empty batch at offset 0, uncompressed, without a producer.
    pub fn new() -> Builder {
        let header = Header {
            base_offset: 0,
            batch_length: 0,
            partition_leader_epoch: -1,
            crc: 0,
            attributes: 0,
            last_offset_delta: -1,
            base_timestamp: -1,
            max_timestamp: -1,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            records_count: 0,
        };
        Builder { header, compression: Compression::default(), payload: Vec::new(), scratch: Vec::new() }
    }

    pub fn base_offset(mut self, offset: i64) -> Builder {
        self.header.base_offset = offset;
        self
    }

    pub fn leader_epoch(mut self, epoch: i32) -> Builder {
        self.header.partition_leader_epoch = epoch;
        self
    }

    pub fn producer(mut self, id: i64, epoch: i16, base_sequence: i32) -> Builder {
        self.header.producer_id = id;
        self.header.producer_epoch = epoch;
        self.header.base_sequence = base_sequence;
        self
    }

    pub fn compression(mut self, compression: Compression) -> Builder {
        self.compression = compression;
        self
    }

    pub fn transactional(mut self) -> Builder {
        self.header.set_transactional();
        self
    }

    pub fn control(mut self) -> Builder {
        self.header.set_control();
        self
    }

    /// Adds a record at the next offset.
    pub fn record(mut self, record: &NewRecord<'_>) -> Builder {
        self.push(record);
        self
    }

    /// Adds a record at the next offset.
    pub fn push(&mut self, record: &NewRecord<'_>) {
        let headers = record.headers.iter().copied();
        let fields = (record.key, record.value);
        self.append(
            self.header.last_offset_delta + 1,
            record.timestamp,
            fields,
            record.headers.len(),
            headers,
        );
    }

    fn append<'a>(
        &mut self,
        offset_delta: i32,
        timestamp: i64,
        (key, value): (Option<&[u8]>, Option<&[u8]>),
        headers_count: usize,
        headers: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) {
        let header = &mut self.header;
        if header.records_count == 0 {
            header.base_timestamp = timestamp;
        }
        if header.timestamp_type() == TimestampType::CreateTime {
            header.max_timestamp = header.max_timestamp.max(timestamp);
        }
        header.last_offset_delta = offset_delta;
        header.records_count += 1;
        let body = &mut self.scratch;
        body.clear();
        body.push(0);
        varint::write_i64(body, timestamp.wrapping_sub(header.base_timestamp));
        varint::write_i32(body, offset_delta);
        put(body, key);
        put(body, value);
        varint::write_i32(body, headers_count as i32);
        for (name, value) in headers {
            put(body, Some(name));
            put(body, value);
        }
        varint::write_i32(&mut self.payload, body.len() as i32);
        self.payload.extend_from_slice(body);
    }

    /// Compresses and seals the batch.
    ///
    /// # Errors
    /// If the codec refuses its level.
    pub fn build(mut self) -> io::Result<Batch> {
        let payload = match self.compression.codec {
            Codec::None => self.payload,
            _ => self.compression.compress(&self.payload)?,
        };
        self.header.set_codec(self.compression.codec);
        self.header.seal(&payload);
        Ok(Batch { header: self.header, payload: Bytes::from(payload) })
    }
}

fn put(out: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        None => varint::write_i32(out, -1),
        Some(bytes) => {
            varint::write_i32(out, bytes.len() as i32);
            out.extend_from_slice(bytes);
        }
    }
}
