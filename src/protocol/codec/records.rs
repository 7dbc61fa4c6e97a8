//! Record data inside a message: a slice of the frame when read, a list of uncopied pieces when written.

use std::fmt;

use bytes::{Bytes, BytesMut};

/// Record batches, not looked into.
///
/// Equal when the bytes are, however they are cut.
#[derive(Clone)]
pub struct Records(Pieces);

#[derive(Clone)]
enum Pieces {
    One(Bytes),
    Many(Vec<Bytes>),
}

impl Records {
    /// Total length in bytes.
    pub fn len(&self) -> usize {
        self.chunks().iter().map(Bytes::len).sum()
    }

    /// True if there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.chunks().iter().all(Bytes::is_empty)
    }

    /// The pieces in order.
    pub fn chunks(&self) -> &[Bytes] {
        match &self.0 {
            Pieces::One(bytes) => std::slice::from_ref(bytes),
            Pieces::Many(list) => list,
        }
    }

    /// All bytes in one piece; copies only when there is more than one.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Pieces::One(bytes) => bytes,
            Pieces::Many(list) => {
                let mut all = BytesMut::with_capacity(list.iter().map(Bytes::len).sum());
                list.iter().for_each(|chunk| all.extend_from_slice(chunk));
                all.freeze()
            }
        }
    }
}

impl Default for Records {
    fn default() -> Self {
        Records(Pieces::One(Bytes::new()))
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Records(Pieces::One(bytes))
    }
}

impl From<Vec<Bytes>> for Records {
    fn from(list: Vec<Bytes>) -> Self {
        Records(Pieces::Many(list))
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        let bytes = |records: &Records| records.chunks().to_vec().into_iter().flatten();
        self.len() == other.len() && bytes(self).eq(bytes(other))
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Records({} bytes)", self.len())
    }
}
