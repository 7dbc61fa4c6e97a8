//! Ranged GETs. The local store answers them with open files, which are read here.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetResult, GetResultPayload, ObjectStore};

use crate::runtime::Tasks;

/// Looking for one byte in so many tells whether a part of a file is in memory.
#[cfg(target_os = "linux")]
const PROBE_EVERY: usize = 64 * 1024;

/// The bytes of `range`; fewer if the object ends before. What the operating system holds in memory of a file is read at
/// once, since changing threads would cost more than the reading; the rest beside the asynchronous tasks.
///
/// # Errors
/// If the object is not there or has no byte of `range`, or the store fails.
pub async fn get_range(
    objects: &dyn ObjectStore,
    path: &Path,
    range: Range<u64>,
    tasks: &Tasks,
) -> object_store::Result<Bytes> {
    match objects.get_opts(path, GetOptions::new().with_range(Some(range))).await? {
        GetResult { payload: GetResultPayload::File(file, _), range, .. } => {
            let read = read(file, range, tasks).await;
            read.map_err(|error| object_store::Error::Generic { store: "local", source: error.into() })
        }
        got => got.bytes().await,
    }
}

async fn read(file: File, range: Range<u64>, tasks: &Tasks) -> io::Result<Bytes> {
    if in_memory(&file, &range) {
        read_now(file, range)
    } else {
        tasks.blocking(move || read_now(file, range)).await?
    }
}

fn read_now(mut file: File, range: Range<u64>) -> io::Result<Bytes> {
    let len = range.end - range.start;
    let mut bytes = Vec::with_capacity(usize::try_from(len).map_err(io::Error::other)?);
    file.seek(SeekFrom::Start(range.start))?;
    if file.take(len).read_to_end(&mut bytes)? as u64 == len {
        Ok(bytes.into())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// True if `range` can be read without waiting for a disk, as far as a few bytes of it tell.
#[cfg(target_os = "linux")]
fn in_memory(file: &File, range: &Range<u64>) -> bool {
    use rustix::io::{ReadWriteFlags, preadv2};

    let held = |at| {
        let mut byte = [0];
        preadv2(file, &mut [io::IoSliceMut::new(&mut byte)], at, ReadWriteFlags::NOWAIT) == Ok(1)
    };
    range.clone().step_by(PROBE_EVERY).chain(range.end.checked_sub(1)).all(held)
}

/// Other systems do not tell.
#[cfg(not(target_os = "linux"))]
fn in_memory(_file: &File, _range: &Range<u64>) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::runtime::Runtime;

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[tokio::test]
    async fn a_range_of_a_file() {
        let bytes: Vec<u8> = (0..300_000u32).map(|at| (at % 251) as u8).collect();
        let tasks = Runtime::system().tasks;
        for range in [0..300_000, 7..299_999, 100_000..100_001, 5..5, 0..0] {
            let expected = &bytes[range.start as usize..range.end as usize];
            assert_eq!(read(file_of(&bytes), range.clone(), &tasks).await.unwrap(), expected, "{range:?}");
        }
    }

    #[tokio::test]
    async fn a_file_that_ends_too_early_is_an_error() {
        let tasks = Runtime::system().tasks;
        for range in [0..11, 9..11, 10..11, 50..60] {
            let error = read(file_of(&[7; 10]), range.clone(), &tasks).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{range:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_was_just_written_is_in_memory_and_what_is_not_there_is_not() {
        let file = file_of(&[7; 200_000]);
        assert!(!in_memory(&file, &(0..200_001)));
        // A file system that cannot tell says no to all.
        assert_eq!(in_memory(&file, &(0..200_000)), in_memory(&file, &(50_000..60_000)));
    }
}
