//! The index rows inside a segment.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use slatedb::{RowEntry, ValueDeletable};

use super::Malformed;

const KIND: u8 = 0b11;
const VALUE: u8 = 0;
const MERGE: u8 = 1;
const TOMBSTONE: u8 = 2;
/// The row has a sequence number of its own.
const OWN_SEQ: u8 = 1 << 2;
/// The row has a create time of its own.
const OWN_CREATED: u8 = 1 << 3;
/// The row has no create time.
const NO_CREATED: u8 = 1 << 4;
const EXPIRES: u8 = 1 << 5;
const KNOWN: u8 = KIND | OWN_SEQ | OWN_CREATED | NO_CREATED | EXPIRES;

/// Lengths of the head of all rows, and of that of each.
const BASE_LEN: usize = 8 + 8;
const ROW_LEN: usize = 1 + 2 + 4;

/// Length of rows that share sequence number and create time and do not expire, by the lengths of their keys and
/// values: those of one write.
pub fn planned_len(rows: impl IntoIterator<Item = (usize, usize)>) -> usize {
    BASE_LEN + rows.into_iter().map(|(key, value)| ROW_LEN + key + value).sum::<usize>()
}

/// At least the length of `rows` encoded, and exactly it for rows of one write.
pub(super) fn encoded_len(rows: &[RowEntry]) -> usize {
    planned_len(rows.iter().map(|row| (row.key.len(), row.value.len())))
}

pub(super) fn encode(rows: &[RowEntry], into: &mut BytesMut) -> Result<(), Malformed> {
    let Some(first) = rows.first() else { return Ok(()) };
    let base_created = first.create_ts.unwrap_or(0);
    into.put_u64(first.seq);
    into.put_i64(base_created);
    for row in rows {
        let (kind, value) = match &row.value {
            ValueDeletable::Value(value) => (VALUE, &value[..]),
            ValueDeletable::Merge(value) => (MERGE, &value[..]),
            ValueDeletable::Tombstone => (TOMBSTONE, &[][..]),
        };
        let own_seq = (row.seq != first.seq).then_some(row.seq);
        let own_created = row.create_ts.filter(|created| *created != base_created);
        let mut flags = kind;
        flags |= if own_seq.is_some() { OWN_SEQ } else { 0 };
        flags |= if own_created.is_some() { OWN_CREATED } else { 0 };
        flags |= if row.create_ts.is_none() { NO_CREATED } else { 0 };
        flags |= if row.expire_ts.is_some() { EXPIRES } else { 0 };
        into.put_u8(flags);
        into.put_u16(u16::try_from(row.key.len()).map_err(|_| Malformed::Bytes("key too long"))?);
        into.put_u32(u32::try_from(value.len()).map_err(|_| Malformed::Bytes("value too long"))?);
        if let Some(seq) = own_seq {
            into.put_u64(seq);
        }
        for time in [own_created, row.expire_ts].into_iter().flatten() {
            into.put_i64(time);
        }
        into.put_slice(&row.key);
        into.put_slice(value);
    }
    Ok(())
}

/// Keys and values are slices of `bytes`.
pub(super) fn decode(bytes: &Bytes, count: u32) -> Result<Vec<RowEntry>, Malformed> {
    let short = |_| Malformed::Bytes("rows cut short");
    let mut rest = bytes.clone();
    let count = count as usize;
    if count == 0 {
        return if rest.is_empty() { Ok(Vec::new()) } else { Err(Malformed::Bytes("bytes but no rows")) };
    }
    let base_seq = rest.try_get_u64().map_err(short)?;
    let base_created = rest.try_get_i64().map_err(short)?;
    if count > rest.len() / ROW_LEN {
        return Err(Malformed::Bytes("more rows than bytes"));
    }
    let mut rows = Vec::with_capacity(count);
    for _ in 0..count {
        let flags = rest.try_get_u8().map_err(short)?;
        if flags & !KNOWN != 0 {
            return Err(Malformed::Bytes("unknown row flags"));
        }
        let key_len = usize::from(rest.try_get_u16().map_err(short)?);
        let value_len = rest.try_get_u32().map_err(short)? as usize;
        let seq = if flags & OWN_SEQ != 0 { rest.try_get_u64().map_err(short)? } else { base_seq };
        let own_created =
            if flags & OWN_CREATED != 0 { Some(rest.try_get_i64().map_err(short)?) } else { None };
        let expire_ts = if flags & EXPIRES != 0 { Some(rest.try_get_i64().map_err(short)?) } else { None };
        if rest.len() < key_len || rest.len() - key_len < value_len {
            return Err(Malformed::Bytes("rows cut short"));
        }
        let key = rest.split_to(key_len);
        let value = rest.split_to(value_len);
        let create_ts = match flags & NO_CREATED {
            0 => Some(own_created.unwrap_or(base_created)),
            _ => None,
        };
        let value = match flags & KIND {
            VALUE => ValueDeletable::Value(value),
            MERGE => ValueDeletable::Merge(value),
            TOMBSTONE if value.is_empty() => ValueDeletable::Tombstone,
            _ => return Err(Malformed::Bytes("unknown row kind")),
        };
        rows.push(RowEntry { key, value, seq, create_ts, expire_ts });
    }
    if rest.is_empty() { Ok(rows) } else { Err(Malformed::Bytes("bytes behind the rows")) }
}
