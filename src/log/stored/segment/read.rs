//! Reading headers and rows from the store.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};
use slatedb::RowEntry;

use super::{HEADER_LEN, Header, Malformed};
use crate::store::ranges;

/// Most segments have their rows within this many bytes, so that one request suffices.
const GUESS_LEN: u64 = 64 * 1024;

/// Why an object could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("it does not exist")]
    Missing,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Store(object_store::Error),
}

impl From<object_store::Error> for ReadError {
    fn from(error: object_store::Error) -> ReadError {
        match error {
            object_store::Error::NotFound { .. } => ReadError::Missing,
            error => ReadError::Store(error),
        }
    }
}

/// Reads the header of the object at `path`.
pub async fn header(store: &dyn ObjectStore, path: &Path) -> Result<Header, ReadError> {
    let bytes = range(store, path, 0..HEADER_LEN as u64).await?;
    Ok(Header::parse(&bytes)?)
}

/// Reads header and rows of the object at `path`: with one request, unless the rows are unusually many.
pub async fn index(store: &dyn ObjectStore, path: &Path) -> Result<(Header, Vec<RowEntry>), ReadError> {
    let mut bytes = range(store, path, 0..GUESS_LEN).await?;
    let header = Header::parse(&bytes)?;
    if header.index_len() > bytes.len() as u64 {
        bytes = range(store, path, 0..header.index_len()).await?;
    }
    let rows = header.decode_rows(&bytes)?;
    Ok((header, rows))
}

/// The bytes of `range`, or fewer if the object is shorter.
async fn range(
    store: &dyn ObjectStore,
    path: &Path,
    range: std::ops::Range<u64>,
) -> Result<Bytes, ReadError> {
    let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
    match store.get_opts(path, options).await {
        Ok(result) => Ok(result.bytes().await?),
        Err(error @ object_store::Error::NotFound { .. }) => Err(error.into()),
        Err(error) => match ranges::is_shorter(store, path, 1).await {
            true => Err(Malformed::Bytes("it is empty").into()),
            false => Err(error.into()),
        },
    }
}
