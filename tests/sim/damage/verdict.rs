//! What comes of a harmed store: a new owner opens it, serves, collects twice, and somebody puts things right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kafkaesque::log::{OpenError, Shard, ShardState};
use object_store::memory::InMemory;

use super::harm::{self, Harmed, Objects};
use super::life::{Left, OWNERS, Told, limits, row_key};
use crate::engine::{World, append, batch};
use crate::world::{PARTITIONS, attacked, open, try_read_all};

/// Longest virtual time of anything that is waited for.
const PATIENCE: Duration = Duration::from_secs(100);

/// The end of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything is there.
    Served,
    /// It is refused, or what it concerns is, by a line that names the object.
    Refused(String),
    /// Acknowledged records are gone, and nobody says so.
    Lost(String),
    /// Anything else that must not be.
    Wrong(String),
}

/// A case and what came of it.
pub struct Verdict {
    pub end: End,
    /// Objects of the store, as it was before, that are gone.
    pub deleted: BTreeSet<String>,
}

async fn stored(objects: &Objects) -> Arc<InMemory> {
    let store = Arc::new(InMemory::new());
    harm::put(&*store, objects).await;
    store
}

/// Opens what is left of `left` once `harmed` was done to it.
pub async fn judge(left: &Left, window: u16, harmed: &Harmed) -> Verdict {
    let before = harm::apply(&left.objects, harmed);
    let store = stored(&before).await;
    let end = serve(Arc::clone(&store), window, &left.told, harmed).await;
    let after = harm::objects(&*store).await;
    let deleted = before.keys().filter(|path| !after.contains_key(*path)).cloned().collect();
    let end = match end {
        End::Refused(line) => match healed(&after, left, window, harmed).await {
            Ok(()) => End::Refused(line),
            Err(problem) => End::Wrong(format!("refused ({line}), and once all is as it was: {problem}")),
        },
        end => end,
    };
    Verdict { end, deleted }
}

async fn serve(store: Arc<InMemory>, window: u16, told: &Told, harmed: &Harmed) -> End {
    let world = World::on(store, 2, OWNERS);
    let mut refused = None;
    // A shard that is refused stays so, however often it is tried.
    for attempt in 0..3 {
        let broker = world.broker_of(attacked(limits(window)));
        world.assign(&broker);
        let opened = world.runtime.clock.timeout(PATIENCE, open(&broker)).await;
        match (opened, &refused) {
            (Ok(Err(OpenError::Damaged(damage))), _) => {
                if let Some(wrong) = unnamed(&damage.to_string(), harmed) {
                    return wrong;
                }
                refused = Some(damage.to_string());
            }
            (Ok(Ok(shard)), None) => return used(&world, &shard, told, harmed).await,
            (Ok(Ok(_)), Some(line)) => return End::Wrong(format!("opens at try {attempt}, after: {line}")),
            (Ok(Err(error)), _) => return End::Wrong(format!("not open: {error}")),
            (Err(_), _) => return End::Wrong("hangs while it opens".into()),
        }
    }
    End::Refused(refused.expect("refused three times"))
}

/// A line helps only if it says where.
fn unnamed(line: &str, harmed: &Harmed) -> Option<End> {
    let folder = |path: &str| path[..path.rfind('/').unwrap_or(0)].to_owned();
    let index = |path: &str| path.find("/index/").map(|end| path[..end + "/index".len()].to_owned());
    let named = harmed.keys().any(|path| {
        line.contains(path.as_str())
            || line.starts_with(&format!("{} ", folder(path)))
            || index(path).is_some_and(|index| line.starts_with(&format!("{index} ")))
    });
    // An index that is gone, or older, is seen by what the log says.
    let by_the_log = line.contains("index") && harmed.keys().all(|path| path.contains("/index/"));
    (!named && !by_the_log).then(|| End::Wrong(format!("an error that does not name it: {line}")))
}

/// An open shard is read and written, collected twice, and taken over once more.
async fn used(world: &World, shard: &Shard, told: &Told, harmed: &Harmed) -> End {
    let served = read_and_append(world, shard, told).await;
    for _ in 0..2 {
        // A pass that fails deletes nothing that it should not; that is seen later.
        let _ = world.runtime.clock.timeout(PATIENCE, shard.run_retention()).await;
        world.sleep(Duration::from_secs(130)).await;
    }
    let damage = shard.damage();
    let end = match served {
        Ok(end) => end,
        Err(error) => {
            let line = damage.as_ref().map_or(error, ToString::to_string);
            unnamed(&line, harmed).unwrap_or(End::Refused(line))
        }
    };
    let end = match (end, damage) {
        (End::Served, Some(damage)) => {
            unnamed(&damage.to_string(), harmed).unwrap_or(End::Refused(damage.to_string()))
        }
        (End::Served, None) if shard.status().state != ShardState::Open => {
            End::Wrong(format!("not open at last: {:?}", shard.unable()))
        }
        (end, _) => end,
    };
    match world.runtime.clock.timeout(PATIENCE, shard.close()).await {
        Ok(()) => end,
        Err(_) => End::Wrong("hangs while it closes".into()),
    }
}

/// Everything read, then a record appended to each partition. An error is the text of why not.
async fn read_and_append(world: &World, shard: &Shard, told: &Told) -> Result<End, String> {
    let clock = &world.runtime.clock;
    for index in 0..PARTITIONS {
        let read = clock.timeout(PATIENCE, try_read_all(shard, index)).await;
        let contents = match read {
            Ok(read) => read?,
            Err(_) => return Ok(End::Wrong(format!("hangs while partition {index} is read"))),
        };
        let shown: BTreeMap<i64, String> = contents.records.into_iter().collect();
        let start = told.log_start[index as usize];
        let records = told.records.range((index, start)..(index, i64::MAX));
        for ((_, offset), value) in records {
            match shown.get(offset) {
                Some(other) if other == value => {}
                Some(other) => {
                    return Ok(End::Wrong(format!("{index}, {offset} was {value} and is {other}")));
                }
                None => return Ok(End::Lost(format!("{value} at {index}, {offset}"))),
            }
        }
    }
    let row = clock.timeout(PATIENCE, async { Ok(shard.opened()?.index().get(row_key()).await) }).await;
    match row {
        Ok(Ok::<_, kafkaesque::log::NotOpen>(Ok(Some(row)))) => {
            let row: u64 = std::str::from_utf8(&row[1..]).expect("text").parse().expect("a number");
            if row < told.row {
                return Ok(End::Lost(format!("row {} is {row}", told.row)));
            }
        }
        Ok(Ok(Ok(None))) => return Ok(End::Lost(format!("row {}", told.row))),
        Ok(Ok(Err(error))) => return Err(error.to_string()),
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Ok(End::Wrong("hangs while a row is read".into())),
    }
    for index in 0..PARTITIONS {
        let ticket = append(shard, index, batch(&["after"])).map_err(|error| error.to_string())?;
        let appended = match clock.timeout(PATIENCE, ticket).await {
            Ok(appended) => appended.map_err(|error| error.to_string())?,
            Err(_) => return Ok(End::Wrong("hangs while a record is appended".into())),
        };
        if told.records.contains_key(&(index, appended.base_offset)) {
            return Ok(End::Wrong(format!("offset {} of {index} is given twice", appended.base_offset)));
        }
    }
    Ok(End::Served)
}

/// With the objects as they were before the harm, a new owner has everything.
async fn healed(after: &Objects, left: &Left, window: u16, harmed: &Harmed) -> Result<(), String> {
    let mut objects = after.clone();
    for path in harmed.keys() {
        match left.objects.get(path) {
            Some(bytes) => objects.insert(path.clone(), bytes.clone()),
            None => objects.remove(path),
        };
    }
    let world = World::on(stored(&objects).await, 3, OWNERS + 10);
    let broker = world.broker_of(attacked(limits(window)));
    world.assign(&broker);
    let shard = match world.runtime.clock.timeout(PATIENCE, open(&broker)).await {
        Ok(opened) => opened.map_err(|error| error.to_string())?,
        Err(_) => return Err("hangs while it opens".into()),
    };
    match read_and_append(&world, &shard, &left.told).await? {
        End::Served => Ok(()),
        end => Err(format!("{end:?}")),
    }
}
