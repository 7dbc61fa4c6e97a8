//! Room for the bytes of one frame.
//!
//! A frame of up to 1 MiB gets memory of the allocator, which keeps what it is given back for a while: most frames find theirs
//! there. A larger one gets pages of its own, which the system takes back at once. Frames that arrive side by side and wait
//! for memory would otherwise cost the bound of all requests twice: what those hold that went before, and the allocator keeps,
//! is of no use to those that have their place already.

use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Weak};

use bytes::{BufMut as _, Bytes};
use memmap2::MmapMut;
use tokio::io::{AsyncRead, AsyncReadExt as _};

const KIB: usize = 1024;
/// The largest room of the allocator's memory.
const MOST_OF_ALLOCATOR_BYTES: usize = 1024 * KIB;

/// Room that grows with what has arrived. What is not written to costs no memory.
pub(super) enum Room {
    Allocated(Vec<u8>),
    Mapped { pages: MmapMut, filled: usize },
}

/// Pages of a frame, and the token that goes with them.
struct Pages {
    pages: MmapMut,
    _alive: Arc<()>,
}

impl AsRef<[u8]> for Pages {
    fn as_ref(&self) -> &[u8] {
        &self.pages
    }
}

impl Room {
    /// Room for a frame of `length` bytes that begins with `begun`; for `paid` bytes exactly if that is given.
    pub fn new(begun: &[u8], length: usize, paid: Option<usize>) -> Result<Room> {
        let mut room = Room::Allocated(Vec::new());
        room.grow(length, paid)?;
        if let Room::Allocated(bytes) = &mut room {
            bytes.extend_from_slice(begun);
        }
        Ok(room)
    }

    /// Bytes that are there.
    pub fn len(&self) -> usize {
        match self {
            Room::Allocated(bytes) => bytes.len(),
            Room::Mapped { filled, .. } => *filled,
        }
    }

    fn capacity(&self) -> usize {
        match self {
            Room::Allocated(bytes) => bytes.capacity(),
            Room::Mapped { pages, .. } => pages.len(),
        }
    }

    /// Makes room for more than there is, of a frame of `length` bytes: for `paid` bytes exactly if that is given.
    pub fn grow(&mut self, length: usize, paid: Option<usize>) -> Result<()> {
        if self.len() < self.capacity() {
            return Ok(());
        }
        let capacity = paid.unwrap_or_else(|| next_capacity(self.len(), length));
        match self {
            Room::Allocated(bytes) if capacity <= MOST_OF_ALLOCATOR_BYTES => {
                let more = capacity.saturating_sub(bytes.len());
                bytes.try_reserve_exact(more).map_err(|_| Error::from(ErrorKind::OutOfMemory))
            }
            Room::Allocated(bytes) => {
                let mut pages = MmapMut::map_anon(length)?;
                pages[..bytes.len()].copy_from_slice(bytes);
                *self = Room::Mapped { pages, filled: bytes.len() };
                Ok(())
            }
            Room::Mapped { .. } => Err(Error::from(ErrorKind::OutOfMemory)),
        }
    }

    /// Reads what has come, until there are `most` bytes at most. Nothing is lost if this is dropped.
    pub async fn read(&mut self, io: &mut (impl AsyncRead + Unpin), most: usize) -> Result<usize> {
        let room = most.min(self.capacity()).saturating_sub(self.len());
        match self {
            Room::Allocated(bytes) => io.read_buf(&mut bytes.limit(room)).await,
            Room::Mapped { pages, filled } => {
                let read = io.read(&mut pages[*filled..*filled + room]).await?;
                *filled += read;
                Ok(read)
            }
        }
    }

    /// The frame, which has filled its room, and the token that is gone when its pages are, if it has any.
    pub fn into_bytes(self) -> (Bytes, Option<Weak<()>>) {
        match self {
            Room::Allocated(bytes) => (Bytes::from(bytes), None),
            Room::Mapped { pages, .. } => {
                let alive = Arc::new(());
                let token = Arc::downgrade(&alive);
                (Bytes::from_owner(Pages { pages, _alive: alive }), Some(token))
            }
        }
    }
}

/// Room for a frame of `length` bytes once `arrived` of them are there.
fn next_capacity(arrived: usize, length: usize) -> usize {
    match arrived {
        0..0x1_0000 => length.min(64 * KIB),
        0x1_0000..0x10_0000 => length.min(1024 * KIB),
        _ => length,
    }
}
