//! All rows of a kind, in order: for those who must look at the whole index.

use bytes::{BufMut as _, Bytes, BytesMut};
use slatedb::config::{DurabilityLevel, ScanOptions};
use slatedb::{Db, DbIterator, KeyValue};

use crate::log::stored::keys::{self, Tag};

/// Rows of one scan: a longer one would hold on to old tables of the index.
const ROWS_PER_SCAN: usize = 20_000;
/// Bytes that a scan reads ahead, so that a large index takes few requests. None of it is left in the cache.
const READ_AHEAD_BYTES: usize = 1 << 20;

/// The durable rows of one kind. Rows that are written while it goes on are met or not.
pub(in crate::log) struct AllRows<'a> {
    db: &'a Db,
    rest: std::ops::Range<Bytes>,
    rows: Option<DbIterator>,
    left: usize,
}

impl<'a> AllRows<'a> {
    pub fn new(db: &'a Db, tag: Tag) -> AllRows<'a> {
        AllRows { db, rest: keys::range(tag), rows: None, left: 0 }
    }

    pub async fn next(&mut self) -> Result<Option<KeyValue>, slatedb::Error> {
        if self.left == 0 {
            self.rows = None;
            tokio::task::yield_now().await;
        }
        let rows = match &mut self.rows {
            Some(rows) => rows,
            None => {
                let options = ScanOptions {
                    durability_filter: DurabilityLevel::Remote,
                    read_ahead_bytes: READ_AHEAD_BYTES,
                    ..ScanOptions::default()
                };
                self.left = ROWS_PER_SCAN;
                self.rows.insert(self.db.scan_with_options(self.rest.clone(), &options).await?)
            }
        };
        let row = rows.next().await?;
        if let Some(row) = &row {
            self.left -= 1;
            self.rest.start = next_key(&row.key);
        }
        Ok(row)
    }
}

/// The first key behind `key`.
fn next_key(key: &[u8]) -> Bytes {
    let mut next = BytesMut::with_capacity(key.len() + 1);
    next.put_slice(key);
    next.put_u8(0);
    next.freeze()
}
