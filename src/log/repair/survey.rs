//! Reading what is left of a shard.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use object_store::path::Path;
use slatedb::{RowEntry, VersionedManifest};

use super::partition::{self, Fate, Rows};
use super::{Repair, RepairError, Survey};
use crate::log::stored::damage::Damage;
use crate::log::stored::keys::{self, Extent, Object, Tag};
use crate::log::stored::segment::read::{self, ReadError};
use crate::log::stored::segment::{Header, Kind};
use crate::log::wal::fence::Depth;
use crate::log::wal::{Failure, Found, Inspection};
use crate::store::database::Role;
use crate::types::WriterEpoch;

/// Segments that are read at once.
const READ_AT_ONCE: usize = 64;
/// Time for looking whether log and index agree.
const LOOK_LIMIT: std::time::Duration = std::time::Duration::from_secs(60);
/// More records than a segment can have of one partition, however well they compress.
const MOST_RECORDS_OF_SEGMENT: i64 = 1 << 36;
/// By so much offsets rise where nobody can say how many segments are missing.
const UNKNOWN: i64 = 1 << 40;
/// They never rise by more at once, so that there is always room for more.
const MOST_RISE: i64 = 1 << 48;

/// The segments above the replay point.
pub(super) struct Log {
    pub readable: BTreeMap<u64, (Header, Vec<RowEntry>)>,
    broken: BTreeMap<u64, String>,
}

/// The index as it is stored.
pub(super) struct Index {
    /// Id of the newest manifest, and its writer epoch.
    pub stored: Option<(u64, WriterEpoch)>,
    /// None if it cannot be used.
    pub usable: Option<(VersionedManifest, Rows)>,
}

impl Repair {
    /// Looks at all that is there. Nothing is written.
    pub async fn survey(&self) -> Result<Survey, RepairError> {
        let mut damage = Vec::new();
        let index = self.index(&mut damage).await?;
        let replay_after = index.usable.as_ref().map_or(0, |(manifest, _)| manifest.replay_after_wal_id());
        let ids: BTreeSet<u64> = self.log.ids(0).await?.into_iter().collect();
        self.inspect(&index, &ids, &mut damage).await?;
        let mut log = self.log(ids.range(replay_after + 1..).copied()).await?;
        // The index needs no row of that one, and it may hold records.
        log.broken.extend(self.log(ids.range(replay_after..=replay_after).copied()).await?.broken);
        for (id, problem) in &log.broken {
            note(&mut damage, Damage::new(&self.paths.segment(*id), format!("is damaged: {problem}")));
        }
        let index_epoch = index.stored.map_or(WriterEpoch::NONE, |(_, epoch)| epoch);
        let above_epoch = log.readable.values().map(|(header, _)| header.epoch).max().unwrap_or_default();
        let above_epoch = above_epoch.max(self.expected.opened_epoch).max(index_epoch);
        let window = log.readable.values().map(|(header, _)| header.window).max().unwrap_or(1);
        let replayed = live(&log);
        let mut rows = index.usable.as_ref().map(|(_, rows)| rows.clone()).unwrap_or_default();
        for id in &replayed {
            overlay(&mut rows, &log.readable[id].1);
        }
        let there: BTreeSet<u64> = ids.iter().copied().filter(|id| !log.broken.contains_key(id)).collect();
        self.missing_objects(&rows, &there, &mut damage)?;
        let newest = ids.last().copied().unwrap_or(0).max(replay_after);
        let index_is_gone = index.usable.is_none();
        let stand_ins = stand_ins(&log);
        let is_missing = |id: &u64| !there.contains(id) || stand_ins.contains(id);
        let missing = (replay_after + 1..=newest).filter(is_missing).count() as i64;
        let jump = match index_is_gone || index_epoch < self.expected.opened_epoch {
            true => UNKNOWN,
            false => missing.saturating_mul(MOST_RECORDS_OF_SEGMENT).min(MOST_RISE),
        };
        let jump = if damage.is_empty() { 0 } else { jump };
        let fate = Fate { there: &there, jump, index_is_gone, leader_epoch: self.expected.leader_epoch };
        let mut survey = Survey {
            losses: Vec::new(),
            index_is_gone,
            stored: index.stored,
            newest,
            found: Found {
                replayed,
                replay_after,
                taken: ids.range(replay_after..).copied().collect(),
                newest,
                window,
                above_epoch,
            },
            broken: log.broken.into_keys().collect(),
            rows: Vec::new(),
            damage,
        };
        let mut partitions = partition::all(&rows)?;
        partitions.extend(&self.expected.partitions);
        for partition in partitions {
            let outcome = partition::settle(&rows, partition, &fate)?;
            survey.rows.extend(outcome.rows);
            survey.losses.extend(outcome.loss);
        }
        Ok(survey)
    }

    /// The index, with the rows of all partitions.
    pub(super) async fn index(&self, damage: &mut Vec<Damage>) -> Result<Index, RepairError> {
        let folder = self.paths.index().clone();
        let manifest = match self.databases.stored_manifest(&folder).await {
            Ok(Some(manifest)) => manifest,
            Ok(None) => return Ok(Index { stored: None, usable: None }),
            Err(error) => {
                let problem = "has a newest manifest that is damaged";
                note(damage, damage_of(error, &folder.join("manifest"), problem)?);
                return Ok(Index { stored: None, usable: None });
            }
        };
        let stored = Some((manifest.id(), WriterEpoch(manifest.writer_epoch())));
        match self.index_rows().await {
            Ok(rows) => Ok(Index { stored, usable: Some((manifest, rows)) }),
            Err(error) => {
                note(damage, damage_of(error, &folder, "cannot be read")?);
                Ok(Index { stored, usable: None })
            }
        }
    }

    async fn index_rows(&self) -> Result<Rows, slatedb::Error> {
        let db = self.databases.reader(self.paths.index().clone(), Role::ShardIndex).await?;
        let mut found = Rows::new();
        for tag in Tag::OF_PARTITION.into_iter().chain([Tag::Served, Tag::Topic]) {
            let mut rows = db.scan(keys::range(tag)).await?;
            while let Some(row) = rows.next().await? {
                found.insert(row.key, row.value);
            }
        }
        db.close().await?;
        Ok(found)
    }

    /// The same look that an opening has.
    async fn inspect(
        &self,
        index: &Index,
        ids: &BTreeSet<u64>,
        damage: &mut Vec<Damage>,
    ) -> Result<(), RepairError> {
        let known = self.expected.opened_epoch;
        let folder = self.paths.index();
        let Some((manifest, _)) = &index.usable else {
            if damage.is_empty() && (known > WriterEpoch::NONE || !ids.is_empty()) {
                note(damage, Damage::new(folder, "has no manifest"));
            }
            return Ok(());
        };
        if WriterEpoch(manifest.writer_epoch()) < known {
            let problem = format!(
                "is an older copy: it has epoch {}, and the metadata knows of epoch {known}",
                manifest.writer_epoch()
            );
            note(damage, Damage::new(folder, problem));
        }
        let inspection = Inspection {
            store: self.log.clone(),
            databases: self.databases.clone(),
            window: 1,
            deadline: self.runtime.clock.instant() + LOOK_LIMIT,
            runtime: self.runtime.clone(),
        };
        match inspection.run(Some(manifest.clone()), Depth::All).await {
            Ok(()) => Ok(()),
            Err(Failure::Damaged(found)) => {
                note(damage, found);
                Ok(())
            }
            Err(Failure::Fenced) => Err(RepairError::Busy),
            Err(Failure::Store(error)) => Err(RepairError::Other(error.to_string())),
            Err(Failure::Manifest(error)) => Err(RepairError::Other(error.to_string())),
        }
    }

    pub(super) async fn log(&self, ids: impl Iterator<Item = u64>) -> Result<Log, RepairError> {
        let objects = &self.log.objects;
        let reading = stream::iter(ids).map(|id| async move {
            let path = self.paths.segment(id);
            (id, read::index(&**objects, &path).await)
        });
        let mut reading = std::pin::pin!(reading.buffered(READ_AT_ONCE));
        let mut log = Log { readable: BTreeMap::new(), broken: BTreeMap::new() };
        while let Some((id, read)) = reading.next().await {
            match read {
                Ok((header, _)) if !header.belongs_at(self.paths.shard(), id) => {
                    log.broken.insert(id, "it is a copy of another object".to_owned());
                }
                Ok(read) => drop(log.readable.insert(id, read)),
                Err(ReadError::Malformed(malformed)) => drop(log.broken.insert(id, malformed.to_string())),
                // Whoever deletes is at work.
                Err(ReadError::Missing) => return Err(RepairError::Busy),
                Err(ReadError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(log)
    }

    /// Segments that hold records by the index's word.
    fn missing_objects(
        &self,
        rows: &Rows,
        there: &BTreeSet<u64>,
        damage: &mut Vec<Damage>,
    ) -> Result<(), RepairError> {
        let mut missing = BTreeSet::new();
        for (key, value) in rows.range(keys::range(Tag::Extent)) {
            let (_, extent) = Extent::decode(key, value)?;
            if let Object::Log(id) = extent.object
                && !there.contains(&id)
            {
                missing.insert(id);
            }
        }
        for id in missing {
            let problem = "is missing or damaged, and the index has records in it";
            note(damage, Damage::new(&self.paths.segment(id), problem));
        }
        Ok(())
    }
}

/// The damage that an error of the index tells of; the error itself if the store may only be out.
fn damage_of(error: slatedb::Error, path: &Path, problem: &str) -> Result<Damage, RepairError> {
    Damage::of_index(&error, path, problem).ok_or_else(|| error.into())
}

/// Each object is named once.
fn note(damage: &mut Vec<Damage>, found: Damage) {
    if damage.iter().all(|known| known.object != found.object) {
        damage.push(found);
    }
}

/// The segments that count: what an owner wrote after a later one had begun does not.
pub(super) fn live(log: &Log) -> Vec<u64> {
    let mut epoch = WriterEpoch::NONE;
    let mut live = Vec::new();
    let stand_ins = stand_ins(log);
    for (id, (header, _)) in &log.readable {
        if header.epoch < epoch || stand_ins.contains(id) {
            continue;
        }
        epoch = header.epoch;
        if header.kind == Kind::Data {
            live.push(*id);
        }
    }
    live
}

/// The ids that a repair which ended early has taken where segments are missing: before its fence, where an owner takes those
/// behind its own.
fn stand_ins(log: &Log) -> BTreeSet<u64> {
    let fences = log.readable.iter().filter(|(_, (header, _))| header.kind == Kind::Fence);
    let fences: BTreeMap<u128, u64> = fences.map(|(id, (header, _))| (header.nonce, *id)).collect();
    let closing = log.readable.iter().filter(|(_, (header, _))| header.kind == Kind::WindowFence);
    let early =
        closing.filter(|(id, (header, _))| fences.get(&header.nonce).is_some_and(|fence| *id < fence));
    early.map(|(id, _)| *id).collect()
}

pub(super) fn overlay(rows: &mut Rows, segment: &[RowEntry]) {
    for row in segment {
        match row.value.as_bytes() {
            Some(value) => drop(rows.insert(row.key.clone(), value)),
            None => drop(rows.remove(&row.key as &Bytes)),
        }
    }
}
