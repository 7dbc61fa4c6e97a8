//! Fields of a stored group as they are written: numbers big-endian, `str` and `bytes` with their length (u32) in front,
//! `opt` as 0, or 1 and a `str`.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::coordinator::runtime::Malformed;

/// A length of something that came in one frame, or of which a group holds fewer than 2^32.
pub(super) fn length(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

pub(super) fn put_bytes(into: &mut BytesMut, bytes: &[u8]) {
    into.put_u32(length(bytes.len()));
    into.put_slice(bytes);
}

pub(super) fn put_opt(into: &mut BytesMut, text: Option<&str>) {
    into.put_u8(u8::from(text.is_some()));
    if let Some(text) = text {
        put_bytes(into, text.as_bytes());
    }
}

pub(super) fn get_u8(from: &mut Bytes) -> Result<u8, Malformed> {
    from.try_get_u8().map_err(|_| Malformed)
}

pub(super) fn get_u32(from: &mut Bytes) -> Result<u32, Malformed> {
    from.try_get_u32().map_err(|_| Malformed)
}

pub(super) fn get_i32(from: &mut Bytes) -> Result<i32, Malformed> {
    from.try_get_i32().map_err(|_| Malformed)
}

pub(super) fn get_i64(from: &mut Bytes) -> Result<i64, Malformed> {
    from.try_get_i64().map_err(|_| Malformed)
}

/// Copied, so that the row's buffer does not live as long as the group.
pub(super) fn get_bytes(from: &mut Bytes) -> Result<Bytes, Malformed> {
    let length = get_u32(from)? as usize;
    match length <= from.remaining() {
        true => Ok(Bytes::copy_from_slice(&from.split_to(length))),
        false => Err(Malformed),
    }
}

pub(super) fn get_str(from: &mut Bytes) -> Result<String, Malformed> {
    String::from_utf8(get_bytes(from)?.into()).map_err(|_| Malformed)
}

pub(super) fn get_opt(from: &mut Bytes) -> Result<Option<Arc<str>>, Malformed> {
    match get_u8(from)? {
        0 => Ok(None),
        1 => Ok(Some(get_str(from)?.into())),
        _ => Err(Malformed),
    }
}
