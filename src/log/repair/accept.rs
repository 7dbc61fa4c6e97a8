//! Carrying a repair out.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use slatedb::config::{CloseOptions, FlushOptions, FlushType};
use slatedb::wal::WalError;
use slatedb::{Db, WriteBatch};

use super::{Repair, RepairError, Survey};
use crate::log::stored::keys;
use crate::log::stored::metrics::{LogMetrics, ShardMetrics};
use crate::log::wal::{Init, Salvage};
use crate::store::database::Role;
use crate::types::WriterEpoch;

/// Whoever holds the shard, and writes, does so at least as often.
const WATCH: Duration = Duration::from_secs(3);
/// Time for opening the shard once.
const OPEN_LIMIT: Duration = Duration::from_secs(120);
/// Epochs that an index is counted up by, at most: it takes two requests each.
const MOST_EPOCHS: u64 = 100_000;

impl Repair {
    /// Gives up what the survey says is lost. Afterwards the shard is sound, and its survey says so.
    pub async fn accept(&self, survey: &Survey) -> Result<(), RepairError> {
        self.runtime.clock.sleep(WATCH).await;
        self.check_unchanged(survey).await?;
        let aside = self.paths.damaged(self.runtime.clock.now_ms());
        let metrics = Arc::new(LogMetrics::register(&self.runtime.metrics).shard(self.paths.shard()));
        // From here on a try that ends early leaves the shard damaged, and can be made again.
        let marked = Salvage::mark(&self.init(Arc::clone(&metrics)), &survey.found).await;
        marked.map_err(|error| match error {
            WalError::Fenced => RepairError::Busy,
            error => RepairError::Other(error.to_string()),
        })?;
        if survey.index_is_gone {
            self.move_folder(self.paths.index(), &aside.clone().join("index")).await?;
        }
        let db = self.take_over(survey, &metrics).await?;
        let written = self.write(&db, survey).await;
        let closing = db.close_with_options(CloseOptions::default());
        let closed = self.runtime.clock.timeout(OPEN_LIMIT, closing).await;
        written?;
        closed.map_err(|_| RepairError::Other("closing the index took too long".to_owned()))??;
        // The index needs none of them any more.
        for id in &survey.broken {
            let from = self.paths.segment(*id);
            self.move_aside(&from, &aside.clone().join("log").join(from.filename().unwrap_or_default()))
                .await?;
        }
        match self.survey().await?.damage.into_iter().next() {
            None => Ok(()),
            Some(damage) => Err(RepairError::StillDamaged(damage)),
        }
    }

    /// An owner who has written meanwhile has the shard open.
    async fn check_unchanged(&self, survey: &Survey) -> Result<(), RepairError> {
        let newest = self.log.ids(0).await?.last().copied().unwrap_or(0);
        let stored = self.databases.stored_manifest(self.paths.index()).await;
        // A manifest that cannot be read was none at the survey, too.
        let stored =
            stored.ok().flatten().map(|manifest| (manifest.id(), WriterEpoch(manifest.writer_epoch())));
        match stored == survey.stored && newest <= survey.newest {
            true => Ok(()),
            false => Err(RepairError::Busy),
        }
    }

    async fn move_folder(&self, folder: &Path, to: &Path) -> Result<(), RepairError> {
        let objects: Vec<_> = self.log.objects.list(Some(folder)).try_collect().await?;
        for object in objects {
            let rest = object.location.prefix_match(folder).into_iter().flatten();
            let target: Path = to.parts().chain(rest).collect();
            self.move_aside(&object.location, &target).await?;
        }
        Ok(())
    }

    async fn move_aside(&self, from: &Path, to: &Path) -> Result<(), RepairError> {
        let bytes = self.log.objects.get(from).await?.bytes().await?;
        self.log.objects.put(to, bytes.into()).await?;
        self.log.objects.delete(from).await?;
        tracing::info!(%from, %to, "moved aside");
        Ok(())
    }

    /// Opens the shard with an epoch that nobody had. Every try takes the next one.
    async fn take_over(&self, survey: &Survey, metrics: &Arc<ShardMetrics>) -> Result<Db, RepairError> {
        let mut epoch = match survey.index_is_gone {
            true => WriterEpoch::NONE,
            false => survey.stored.map_or(WriterEpoch::NONE, |(_, epoch)| epoch),
        };
        if survey.found.above_epoch.0.saturating_sub(epoch.0) > MOST_EPOCHS {
            return Err(RepairError::Other(format!("epoch {} is too far away", survey.found.above_epoch)));
        }
        loop {
            let opening = self
                .databases
                .builder(self.paths.index().clone(), Role::ShardIndex)
                .with_wal_writer(Box::new(Salvage {
                    init: self.init(Arc::clone(metrics)),
                    found: survey.found.clone(),
                }))
                .with_expected_epoch(epoch.0)
                .build();
            let opened = self.runtime.clock.timeout(OPEN_LIMIT, opening).await;
            let error = match opened {
                Ok(Ok(db)) => return Ok(db),
                Ok(Err(error)) => error,
                Err(_) => return Err(RepairError::Other("opening the index took too long".to_owned())),
            };
            let stored = self.databases.stored_manifest(self.paths.index()).await?;
            let stored = stored.map_or(WriterEpoch::NONE, |manifest| WriterEpoch(manifest.writer_epoch()));
            // Only an epoch that was used before is a reason to try the next one.
            if stored != epoch.next() || epoch >= survey.found.above_epoch {
                tracing::debug!(%error, %stored, %epoch, "not taken over");
                return Err(match error.kind() {
                    slatedb::ErrorKind::Closed(_) => RepairError::Busy,
                    _ => RepairError::Index(error),
                });
            }
            epoch = stored;
        }
    }

    fn init(&self, metrics: Arc<ShardMetrics>) -> Init {
        Init {
            store: self.log.clone(),
            databases: self.databases.clone(),
            width: 1,
            flush_after: u64::MAX,
            deadline: self.runtime.clock.instant() + OPEN_LIMIT,
            runtime: self.runtime.clone(),
            metrics,
            clock: Arc::clone(self.databases.clock()),
            opened: Arc::new(OnceLock::new()),
            damage: Arc::new(OnceLock::new()),
        }
    }

    /// Writes what stands for what is lost, and has the index need nothing of the log that was damaged.
    async fn write(&self, db: &Db, survey: &Survey) -> Result<(), RepairError> {
        // All in one write: the index takes it whole or not at all.
        let mut batch = WriteBatch::new();
        let (key, value) = keys::flush_marker();
        batch.put_bytes(key, value);
        for (key, value) in &survey.rows {
            match value {
                Some(value) => batch.put_bytes(key.clone(), value.clone()),
                None => batch.delete(key),
            }
        }
        db.write(batch).await?;
        db.flush_with_options(FlushOptions { flush_type: FlushType::MemTable }).await?;
        Ok(())
    }
}
