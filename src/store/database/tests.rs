use std::time::Duration;

use futures::TryStreamExt as _;
use object_store::ObjectStore as _;
use object_store::path::Path;
use slatedb::config::{FlushOptions, FlushType};
use slatedb::{CloseReason, Db, ErrorKind};
use slatedb_common::clock::SystemClock as _;

use super::{DatabaseClock, Databases, Role};
use crate::runtime::{Clock, Runtime};
use crate::store::Store;

fn databases(store: &Store, runtime: &Runtime) -> Databases {
    Databases::new(store, 1024 * 1024, runtime)
}

/// SlateDB says so too when one of its own tasks has ended first.
async fn close(db: &Db) {
    match db.close().await {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), ErrorKind::Closed(CloseReason::Clean)) => {}
        Err(error) => panic!("does not close: {error}"),
    }
}

async fn flush_memtable(db: &Db) {
    db.flush_with_options(FlushOptions { flush_type: FlushType::MemTable }).await.expect("flushes");
}

/// Until few of the level-0 tables are left.
async fn until_compacted(databases: &Databases, path: &Path) {
    let compacted = async {
        while databases.stored_manifest(path).await.expect("is read").expect("is there").l0().len() > 4 {
            databases.runtime.clock.sleep(Duration::from_millis(100)).await;
        }
    };
    databases.runtime.clock.timeout(Duration::from_secs(20), compacted).await.expect("is compacted in time");
}

#[tokio::test(start_paused = true)]
async fn the_clock_advances_and_is_raised_but_never_lowered() {
    let clock = DatabaseClock::new(Clock::simulated(1_000));
    assert_eq!(clock.now_ms(), 1_000);
    tokio::time::advance(Duration::from_millis(500)).await;
    assert_eq!(clock.now_ms(), 1_500);
    clock.raise(40_000);
    clock.raise(20_000);
    assert_eq!(clock.now().timestamp_millis(), 40_000);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(clock.now_ms(), 40_001);
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let runtime = Runtime::system();
    let store = Store::memory(&runtime);
    for role in [Role::ShardIndex, Role::Raft] {
        let path = Path::from(format!("{role:?}"));
        let databases = databases(&store, &runtime);
        assert!(databases.stored_manifest(&path).await.expect("is asked").is_none());
        let db = databases.builder(path.clone(), role).build().await.expect("opens");
        db.put(b"key", b"value").await.expect("is written");
        db.flush().await.expect("is flushed");
        close(&db).await;
        let before =
            databases.stored_manifest(&path).await.expect("is read").expect("is there").writer_epoch();
        let db =
            databases.builder(path.clone(), role).with_expected_epoch(before).build().await.expect("reopens");
        assert_eq!(db.get(b"key").await.expect("is read").as_deref(), Some(&b"value"[..]));
        let after = databases.stored_manifest(&path).await.expect("is read").expect("is there");
        assert_eq!(after.writer_epoch(), before + 1);
        close(&db).await;
    }
}

/// Without the raised clock SlateDB waits out the difference, or closes.
#[tokio::test]
async fn an_owner_whose_clock_is_behind_writes_at_once() {
    let ahead = Runtime::system();
    let store = Store::memory(&ahead);
    let path = Path::from("db");
    let first = databases(&store, &ahead);
    first.clock().raise(ahead.clock.now_ms() + 3_600_000);
    let db = first.builder(path.clone(), Role::Raft).build().await.expect("opens");
    db.put(b"key", b"value").await.expect("is written");
    flush_memtable(&db).await;
    close(&db).await;

    let behind = Runtime::system();
    let second = databases(&store, &behind);
    second.stored_manifest(&path).await.expect("is read");
    let started = behind.clock.instant();
    let db = second.builder(path, Role::Raft).build().await.expect("opens");
    db.put(b"key", b"other").await.expect("is written");
    db.flush().await.expect("is flushed");
    assert!(behind.clock.instant().duration_since(started) < Duration::from_secs(2));
    close(&db).await;
}

/// Tables are named by the time of their making, which is later than that of the rows in them.
#[tokio::test]
async fn an_owner_whose_clock_is_behind_the_last_table_flushes_and_compacts() {
    let ahead = Runtime::system();
    let store = Store::memory(&ahead);
    let path = Path::from("db");
    let first = databases(&store, &ahead);
    let db = first.builder(path.clone(), Role::ShardIndex).build().await.expect("opens");
    let hour = 3_600_000;
    for number in 0..8 {
        db.put(b"key", [number]).await.expect("is written");
        first.clock().raise(first.clock().now_ms() + hour);
        flush_memtable(&db).await;
    }
    let maintenance = first.maintain(&db, &path, Role::ShardIndex);
    until_compacted(&first, &path).await;
    maintenance.stop().await;
    close(&db).await;

    let behind = Runtime::system();
    let second = databases(&store, &behind);
    second.stored_manifest(&path).await.expect("is read");
    let db = second.builder(path.clone(), Role::ShardIndex).build().await.expect("opens");
    for number in 0..8 {
        db.put(b"key", [number]).await.expect("is written");
        flush_memtable(&db).await;
    }
    let maintenance = second.maintain(&db, &path, Role::ShardIndex);
    until_compacted(&second, &path).await;
    maintenance.stop().await;
    close(&db).await;
}

#[tokio::test]
async fn a_grown_database_is_compacted() {
    let runtime = Runtime::system();
    let store = Store::memory(&runtime);
    let path = Path::from("db");
    let databases = databases(&store, &runtime);
    let db = databases.builder(path.clone(), Role::ShardIndex).build().await.expect("opens");
    let maintenance = databases.maintain(&db, &path, Role::ShardIndex);
    for round in 0..10u32 {
        for key in 0..10u32 {
            db.put(key.to_be_bytes(), round.to_be_bytes()).await.expect("is written");
        }
        flush_memtable(&db).await;
    }
    assert!(db.manifest().l0().len() >= 8);
    until_compacted(&databases, &path).await;
    assert_eq!(db.get(3u32.to_be_bytes()).await.expect("is read").as_deref(), Some(&9u32.to_be_bytes()[..]));
    maintenance.stop().await;
    close(&db).await;
}

#[tokio::test(start_paused = true)]
async fn what_compactions_replaced_is_deleted() {
    let runtime = Runtime::simulated(1);
    let store = Store::memory(&runtime);
    let path = Path::from("db");
    let databases = databases(&store, &runtime);
    let db = databases.builder(path.clone(), Role::ShardIndex).build().await.expect("opens");
    let maintenance = databases.maintain(&db, &path, Role::ShardIndex);
    for round in 0..60u32 {
        for key in 0..10u32 {
            db.put(key.to_be_bytes(), round.to_be_bytes()).await.expect("is written");
        }
        flush_memtable(&db).await;
        runtime.clock.sleep(Duration::from_secs(30)).await;
    }
    let tables: Vec<_> =
        store.object_store().list(Some(&Path::from("db/compacted"))).try_collect().await.expect("are listed");
    // Ten minutes' worth, and what compactions made of them.
    assert!(tables.len() < 30, "{} tables are left of 60", tables.len());
    assert_eq!(db.get(3u32.to_be_bytes()).await.expect("is read").as_deref(), Some(&59u32.to_be_bytes()[..]));
    maintenance.stop().await;
    close(&db).await;
}

#[tokio::test]
async fn databases_of_one_cache_do_not_mix() {
    let runtime = Runtime::system();
    let store = Store::memory(&runtime);
    let databases = databases(&store, &runtime);
    let mut open = Vec::new();
    for name in ["a", "b"] {
        let db = databases.builder(Path::from(name), Role::ShardIndex).build().await.expect("opens");
        db.put(b"key", name.as_bytes()).await.expect("is written");
        flush_memtable(&db).await;
        open.push((name, db));
    }
    for _ in 0..2 {
        for (name, db) in &open {
            assert_eq!(db.get(b"key").await.expect("is read").as_deref(), Some(name.as_bytes()));
        }
    }
    for (_, db) in open {
        close(&db).await;
    }
}
