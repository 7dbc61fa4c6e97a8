use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutMultipartOptions, PutPayload, Result};

use super::{Broken, LEN, Sealed};
use crate::store::database::harm::find_cause;

const MANIFEST: &str = "prefix/db/manifest/00000000000000000001.manifest";
const TABLE: &str = "prefix/db/compacted/01HF7YCS5J56VR30F15VTEYA57.sst";

fn sealed() -> (Arc<InMemory>, Sealed) {
    let raw = Arc::new(InMemory::new());
    let sealed = Sealed::new(raw.clone(), &Path::from("prefix"), true);
    (raw, sealed)
}

/// A store of another process: it knows nothing yet.
fn anew(raw: &Arc<InMemory>) -> Sealed {
    Sealed::new(raw.clone(), &Path::from("prefix"), true)
}

async fn stored(raw: &InMemory, path: &str) -> Bytes {
    raw.get(&path.into()).await.expect("is there").bytes().await.expect("reads")
}

async fn put(raw: &InMemory, path: &str, bytes: impl Into<PutPayload>) {
    raw.put(&path.into(), bytes.into()).await.expect("stored");
}

async fn read(sealed: &Sealed, path: &str) -> Result<Bytes> {
    sealed.get(&path.into()).await?.bytes().await
}

async fn read_range(sealed: &Sealed, path: &str, range: Range<u64>) -> Result<Bytes> {
    sealed.get_range(&path.into(), range).await
}

fn problem(read: Result<Bytes>) -> &'static str {
    let error = read.expect_err("is refused");
    assert!(!slatedb_common::retry::should_retry(&error), "it would be asked for again for ever");
    find_cause::<Broken>(&error).unwrap_or_else(|| panic!("no object is named: {error}")).problem
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_what_is_read_whole_is_never_served() {
    let (raw, sealed) = sealed();
    let content = Bytes::from((0..100).collect::<Vec<u8>>());
    sealed.put(&MANIFEST.into(), content.clone().into()).await.expect("stored");
    let whole = stored(&raw, MANIFEST).await;
    assert_eq!(whole.len(), content.len() + LEN);
    for at in 0..whole.len() {
        let mut flipped = whole.to_vec();
        flipped[at] ^= 1;
        put(&raw, MANIFEST, flipped).await;
        match read(&sealed, MANIFEST).await {
            Ok(bytes) => assert_eq!(bytes[..content.len()], content, "with byte {at} flipped"),
            refused => assert!(!problem(refused).is_empty()),
        }
    }
    put(&raw, MANIFEST, Bytes::new()).await;
    assert_eq!(problem(read(&sealed, MANIFEST).await), "is empty");
}

#[tokio::test]
async fn a_copy_of_another_object_is_told_by_its_name_wherever_the_store_lies() {
    let (raw, sealed) = sealed();
    let other = "prefix/db/manifest/00000000000000000002.manifest";
    sealed.put(&MANIFEST.into(), "one".into()).await.expect("stored");
    put(&raw, other, stored(&raw, MANIFEST).await).await;
    assert_eq!(problem(read(&sealed, other).await), "is a copy of another object");
    put(&raw, &MANIFEST["prefix/".len()..], stored(&raw, MANIFEST).await).await;
    let moved = Sealed::new(raw.clone(), &Path::default(), true);
    read(&moved, &MANIFEST["prefix/".len()..]).await.expect("a whole store may move");
}

#[tokio::test]
async fn a_table_that_is_a_copy_or_was_cut_or_emptied_is_refused_by_name() {
    let (raw, sealed) = sealed();
    let table = Bytes::from(vec![7; 1_000]);
    sealed.put(&TABLE.into(), table.clone().into()).await.expect("stored");
    assert_eq!(read_range(&sealed, TABLE, 900..1_000).await.expect("reads"), table[900..]);
    let whole = stored(&raw, TABLE).await;

    let other = "prefix/db/compacted/01HF7YCSS3WGEY90KNVCJKNE0A.sst";
    put(&raw, other, whole.clone()).await;
    assert_eq!(problem(read_range(&anew(&raw), other, 0..10).await), "is a copy of another object");
    for (len, asked) in [(500, 400..600), (500, 600..700), (950, 900..1_000)] {
        put(&raw, TABLE, whole.slice(..len)).await;
        assert_eq!(problem(read_range(&anew(&raw), TABLE, asked).await), "was cut");
    }
    put(&raw, TABLE, Bytes::new()).await;
    assert_eq!(problem(read_range(&anew(&raw), TABLE, 0..10).await), "is empty");
}

#[tokio::test]
async fn objects_of_before_and_those_read_from_their_ends_have_no_seal() {
    let (raw, sealed) = sealed();
    put(&raw, MANIFEST, "of before").await;
    assert_eq!(read(&sealed, MANIFEST).await.expect("reads"), "of before");
    put(&raw, TABLE, "of before").await;
    assert_eq!(read_range(&sealed, TABLE, 3..9).await.expect("reads"), "before");
    for path in ["prefix/db/wal/00000000000000000001.sst", "prefix/db/gc/manifest.boundary"] {
        sealed.put(&path.into(), "7".into()).await.expect("stored");
        assert_eq!(stored(&raw, path).await, "7");
    }
}

#[tokio::test]
async fn the_seal_of_an_upload_in_parts_is_in_its_last_part() {
    let (raw, sealed) = sealed();
    let options = PutMultipartOptions::default();
    let mut upload = sealed.put_multipart_opts(&TABLE.into(), options).await.expect("begins");
    for part in ["first ", "second ", "third"] {
        upload.put_part(part.into()).await.expect("is sent");
    }
    upload.complete().await.expect("completes");
    let whole = stored(&raw, TABLE).await;
    assert_eq!(whole[..whole.len() - LEN], *b"first second third");
    assert_eq!(read_range(&anew(&raw), TABLE, 0..5).await.expect("is what it should be"), "first");
}

const BOUNDARY: &str = "prefix/db/gc/manifest.boundary";

/// Lists the manifests and reads the first, as SlateDB does.
async fn list_and_read(sealed: &Sealed) {
    let folder = Path::from("prefix/db/manifest");
    let _: Vec<_> = sealed.list(Some(&folder)).collect().await;
    read(sealed, MANIFEST).await.expect("reads");
}

#[tokio::test]
async fn the_boundary_behind_a_listed_manifest_is_read_beside_it_and_answers_once() {
    let (raw, sealed) = sealed();
    sealed.put(&MANIFEST.into(), "content".into()).await.expect("stored");
    put(&raw, BOUNDARY, "1").await;
    list_and_read(&sealed).await;
    put(&raw, BOUNDARY, "2").await;
    assert_eq!(read(&sealed, BOUNDARY).await.expect("is there"), "1");
    assert_eq!(read(&sealed, BOUNDARY).await.expect("is there"), "2", "it was for one answer");
    read(&sealed, MANIFEST).await.expect("reads");
    put(&raw, BOUNDARY, "3").await;
    assert_eq!(read(&sealed, BOUNDARY).await.expect("is there"), "3", "nobody had listed anything");
}

#[tokio::test]
async fn a_boundary_that_was_read_before_something_changed_is_read_again() {
    let (raw, sealed) = sealed();
    sealed.put(&MANIFEST.into(), "content".into()).await.expect("stored");
    let next = "prefix/db/manifest/00000000000000000002.manifest";
    list_and_read(&sealed).await;
    put(&raw, BOUNDARY, "1").await;
    read(&sealed, next).await.expect_err("is not there");
    assert_eq!(read(&sealed, BOUNDARY).await.expect("is there"), "1", "a manifest was missed");
    list_and_read(&sealed).await;
    put(&raw, BOUNDARY, "2").await;
    sealed.put(&next.into(), "content".into()).await.expect("stored");
    assert_eq!(read(&sealed, BOUNDARY).await.expect("is there"), "2", "a manifest was written");
    list_and_read(&sealed).await;
    put(&raw, BOUNDARY, "3").await;
    let _: Vec<_> = sealed.list(Some(&Path::from("prefix/db/manifest"))).collect().await;
    assert_eq!(read(&sealed, BOUNDARY).await.expect("is there"), "3", "the folder was listed anew");
}

#[tokio::test]
async fn boundaries_that_nobody_writes_are_not_asked_for() {
    let raw = Arc::new(InMemory::new());
    let sealed = Sealed::new(raw.clone(), &Path::from("prefix"), false);
    put(&raw, BOUNDARY, "1").await;
    let answer = read(&sealed, BOUNDARY).await;
    assert!(matches!(answer, Err(object_store::Error::NotFound { .. })), "{answer:?}");
}
