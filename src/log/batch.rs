//! A record batch as commits see it.

use bytes::Bytes;

/// Length of a batch's head: base offset, length, leader epoch, magic, checksum. What changes at commit lies in it, and
/// the checksum does not cover it.
pub const HEAD_LEN: usize = 21;

/// The fields of a batch that commits read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub max_timestamp: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub base_sequence: i32,
    pub records_count: i32,
}

/// One whole, validated batch.
#[derive(Clone, Debug)]
pub struct Batch {
    pub header: Header,
    pub bytes: Bytes,
}
