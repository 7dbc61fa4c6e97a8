//! Does the store keep the promises that durability and fencing stand on? Asked once, at start.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{join_all, try_join_all};
use futures::{StreamExt as _, TryStreamExt as _, stream, try_join};
use object_store::path::Path;
use object_store::{
    Attribute, AttributeValue, Attributes, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _,
    PutMode, PutOptions, PutPayload, UpdateVersion,
};

use super::error::RefusedStore;
use super::trouble::{Trouble, cause};
use crate::runtime::{Runtime, TaskKind};

/// The longest that the whole self-test may take. Kafka tools give up on a silent start sooner than an operator finds
/// a wrong credential.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(14);

/// Concurrent creates of one key in a race, and races. One race tells little of a store that lets several win only now
/// and then.
const RACERS: usize = 16;
const RACES: usize = 8;
const RACES_AT_ONCE: usize = 4;
const RERUNS: usize = 5;

/// Deletions at a time when it cleans up.
const DELETIONS: usize = 16;

/// PUTs whose latency is measured: a few at a time, so that they neither wait for each other nor for long.
const MEASURED_PUTS: usize = 10;
const MEASURED_AT_ONCE: usize = 2;

/// Object metadata that SlateDB marks its conditional PUTs with, to know them again after a lost response.
const METADATA_KEY: &str = "slatedbputid";

/// The self-test's findings about the store.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// Median and highest time of small PUTs. Raft's timeouts are derived from them.
    pub put_p50: Duration,
    pub put_p99: Duration,
    /// User metadata of objects comes back. SlateDB can do without where a PUT's response is not lost on a network.
    pub metadata: bool,
    /// Overwriting only a known version (If-Match) works.
    pub conditional_update: bool,
}

/// Tests `store`, whose kind is called `name` in messages, and removes what the test wrote.
pub(super) async fn run(store: &super::Store, name: &str, runtime: &Runtime) -> Result<Probe, RefusedStore> {
    let test = SelfTest {
        objects: store.object_store(),
        racing: Arc::clone(&store.counted),
        folder: store.path(&format!("probe/{}", runtime.rng.uuid().simple())),
        name: name.to_owned(),
        runtime: runtime.clone(),
    };
    let operation = parking_lot::Mutex::new("starting");
    let outcome = runtime.clock.timeout(OPEN_TIMEOUT, test.all(&operation)).await;
    let result = match outcome {
        Ok(result) => result,
        Err(_) => Err(RefusedStore::TimedOut {
            store: name.to_owned(),
            operation: *operation.lock(),
            seconds: OPEN_TIMEOUT.as_secs(),
        }),
    };
    if result.is_ok() {
        // Nobody waits for that.
        runtime.tasks.spawn(TaskKind::Deletion, async move { test.clean_up().await });
    }
    result
}

async fn create(objects: &dyn ObjectStore, key: &Path, content: Bytes) -> Result<(), Error> {
    objects.put_opts(key, PutPayload::from_bytes(content), PutMode::Create.into()).await.map(drop)
}

struct SelfTest {
    objects: Arc<dyn ObjectStore>,
    /// In a race each create is one request: who looks what became of it would only cost time.
    racing: Arc<dyn ObjectStore>,
    folder: Path,
    name: String,
    runtime: Runtime,
}

impl SelfTest {
    async fn all(&self, operation: &parking_lot::Mutex<&'static str>) -> Result<Probe, RefusedStore> {
        let mut probe = Probe::default();
        *operation.lock() = "create an object";
        // Alone: a wrong credential is tried once, and a connection is there before anything is measured.
        self.create_first().await?;
        // A broker that starts must not wait for forty answers one after the other. The races come last: so many
        // requests at once would be measured too.
        *operation.lock() = "create, overwrite, read and delete single objects";
        ((probe.put_p50, probe.put_p99), _, _, probe.metadata, probe.conditional_update) = try_join!(
            self.measure_puts(),
            self.refuse_second_then_delete(),
            self.read_range(),
            self.metadata(),
            self.conditional_update()
        )?;
        *operation.lock() = "concurrent creates of one object";
        self.races().await?;
        Ok(probe)
    }

    fn key(&self, name: &str) -> Path {
        self.folder.parts().chain(Path::from(name).parts()).collect()
    }

    fn failed(&self, operation: &'static str, error: Error) -> RefusedStore {
        let (trouble, cause) = (Trouble::of(&error), cause(&error));
        RefusedStore::Failed { store: self.name.clone(), operation, trouble, cause }
    }

    async fn create(&self, key: &Path, content: Bytes) -> Result<(), Error> {
        create(&*self.objects, key, content).await
    }

    async fn create_first(&self) -> Result<(), RefusedStore> {
        let created = self.create(&self.key("twice"), Bytes::from_static(b"first")).await;
        created.map_err(|error| self.failed("create an object", error))
    }

    /// A second create of a key must be refused, and leave the first object as it is.
    async fn refuse_second_then_delete(&self) -> Result<(), RefusedStore> {
        let key = self.key("twice");
        match self.create(&key, Bytes::from_static(b"other")).await {
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
            Ok(()) => return Err(RefusedStore::CreateOverwrites { store: self.name.clone() }),
            Err(error) => return Err(self.failed("create an object that exists", error)),
        }
        self.expect_content(&key, b"first", "after a refused create").await?;
        self.delete(&key).await
    }

    async fn expect_content(
        &self,
        key: &Path,
        content: &[u8],
        what: &'static str,
    ) -> Result<(), RefusedStore> {
        let read = self.read(key).await?;
        if read == content { Ok(()) } else { Err(self.wrong(what)) }
    }

    async fn read(&self, key: &Path) -> Result<Bytes, RefusedStore> {
        let got = self.objects.get(key).await.map_err(|error| self.failed("read an object", error))?;
        got.bytes().await.map_err(|error| self.failed("read an object", error))
    }

    fn wrong(&self, what: &'static str) -> RefusedStore {
        RefusedStore::WrongContent { store: self.name.clone(), what }
    }

    /// Median and highest latency of small PUTs.
    async fn measure_puts(&self) -> Result<(Duration, Duration), RefusedStore> {
        let clock = &self.runtime.clock;
        let put = |number| async move {
            let started = clock.instant();
            self.create(&self.key(&format!("put-{number}")), Bytes::from_static(&[7; 1024]))
                .await
                .map_err(|error| self.failed("create an object", error))?;
            Ok(clock.instant().duration_since(started))
        };
        let times = stream::iter((0..MEASURED_PUTS).map(put)).buffer_unordered(MEASURED_AT_ONCE);
        let mut times: Vec<Duration> = times.try_collect().await?;
        times.sort();
        Ok((times[MEASURED_PUTS / 2], times[MEASURED_PUTS - 1]))
    }

    async fn races(&self) -> Result<(), RefusedStore> {
        stream::iter((0..RACES).map(|race| self.race(race))).buffered(RACES_AT_ONCE).try_collect().await
    }

    /// Of concurrent creates of one key exactly one may win, and its bytes must be what is read.
    async fn race(&self, number: usize) -> Result<(), RefusedStore> {
        // A create whose answer was lost and which the client repeated is told that the object exists, and all who race
        // may be told so for the moment: then nobody seems to have won, and the race is run again.
        for attempt in 0..RERUNS {
            let key = self.key(&format!("race-{number}-{attempt}"));
            let content = |racer: usize| Bytes::from(vec![racer as u8; 512 + racer]);
            let start = |racer| create(&*self.racing, &key, content(racer));
            let outcomes = join_all((0..RACERS).map(start)).await;
            let mut winners = Vec::new();
            for (racer, outcome) in outcomes.into_iter().enumerate() {
                match outcome {
                    Ok(()) => winners.push(racer),
                    Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
                    Err(error) => return Err(self.failed("concurrent creates of one object", error)),
                }
            }
            match winners.as_slice() {
                [] => continue,
                [winner] => {
                    return self.expect_content(&key, &content(*winner), "after a race of creates").await;
                }
                several => {
                    return Err(RefusedStore::SeveralWinners {
                        store: self.name.clone(),
                        winners: several.len(),
                        racers: RACERS,
                    });
                }
            }
        }
        Err(RefusedStore::NoWinner { store: self.name.clone(), racers: RACERS })
    }

    /// Replay reads the head of segments, fetches read their middle.
    async fn read_range(&self) -> Result<(), RefusedStore> {
        let key = self.key("range");
        let content: Vec<u8> = (0..=255).cycle().take(4096).collect();
        self.create(&key, Bytes::from(content.clone()))
            .await
            .map_err(|error| self.failed("create an object", error))?;
        let read = [(0, 64), (1000, 1100), (4000, 4096)].map(|(start, end)| {
            let (key, content) = (&key, &content);
            async move {
                let options = GetOptions::new().with_range(Some(GetRange::Bounded(start..end)));
                let got = self.objects.get_opts(key, options).await;
                let got = got.map_err(|error| self.failed("read a range of an object", error))?;
                let size = got.meta.size;
                let bytes =
                    got.bytes().await.map_err(|error| self.failed("read a range of an object", error))?;
                let same = bytes == content[start as usize..end as usize] && size == 4096;
                if same { Ok(()) } else { Err(self.wrong("a range")) }
            }
        });
        try_join_all(read).await.map(drop)
    }

    /// False where the client says itself that it has no metadata, as that of a local directory does.
    async fn metadata(&self) -> Result<bool, RefusedStore> {
        let key = self.key("metadata");
        let id = self.runtime.rng.uuid().simple().to_string();
        let attribute = Attribute::Metadata(METADATA_KEY.into());
        let attributes = Attributes::from_iter([(attribute.clone(), AttributeValue::from(id.clone()))]);
        let options = PutOptions { mode: PutMode::Create, attributes, ..PutOptions::default() };
        match self.objects.put_opts(&key, PutPayload::from_static(b"x"), options).await {
            Ok(_) => {}
            Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => return Ok(false),
            Err(error) => return Err(self.failed("create an object with metadata", error)),
        }
        let head = self.objects.get_opts(&key, GetOptions::new().with_head(true)).await;
        let head = head.map_err(|error| self.failed("read the metadata of an object", error))?;
        match head.attributes.get(&attribute) {
            Some(value) if value.as_ref() == id => Ok(true),
            _ => Err(RefusedStore::NoMetadata { store: self.name.clone() }),
        }
    }

    /// True if an overwrite of a known version works, and one of an outdated version is refused.
    async fn conditional_update(&self) -> Result<bool, RefusedStore> {
        let key = self.key("update");
        let put = |content: &'static [u8], mode: PutMode| {
            self.objects.put_opts(&key, PutPayload::from_static(content), mode.into())
        };
        let first = put(b"first", PutMode::Create).await;
        let first = first.map_err(|error| self.failed("create an object", error))?;
        let version = UpdateVersion { e_tag: first.e_tag, version: first.version };
        match put(b"second", PutMode::Update(version.clone())).await {
            Ok(_) => {}
            Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => return Ok(false),
            Err(error) => return Err(self.failed("conditional update of an object", error)),
        }
        Ok(matches!(put(b"third", PutMode::Update(version)).await, Err(Error::Precondition { .. })))
    }

    async fn delete(&self, key: &Path) -> Result<(), RefusedStore> {
        self.objects.delete(key).await.map_err(|error| self.failed("delete an object", error))?;
        match self.objects.head(key).await {
            Err(Error::NotFound { .. }) => Ok(()),
            Ok(_) => Err(self.wrong("deleted, but still there")),
            Err(error) => Err(self.failed("look for a deleted object", error)),
        }
    }

    /// Removes the test's objects. What remains after a failure here is a few bytes in a folder that nobody reads.
    async fn clean_up(&self) {
        let objects = &self.objects;
        let deleted = objects
            .list(Some(&self.folder))
            .map_ok(|object| async move { objects.delete(&object.location).await })
            .try_buffer_unordered(DELETIONS);
        let all = async {
            if let Err(error) = deleted.try_collect::<()>().await {
                tracing::warn!(%error, folder = %self.folder, "cannot remove objects of the start-up test");
            }
        };
        let _ = self.runtime.clock.timeout(OPEN_TIMEOUT, all).await;
    }
}
