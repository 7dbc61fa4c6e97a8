//! The state machine: applies committed batches to the image, publishes it, and keeps its snapshots.

use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use openraft::storage::{RaftStateMachine, Snapshot};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use slatedb::WriteBatch;
use tokio::sync::watch;

use super::keys::{self, Key, SnapshotRow};
use super::types::{
    Batch, Entry, Group, LogId, Membership, Outcomes, SnapshotMeta, StorageError, StorageIOError,
};
use super::upkeep::Upkeep;
use crate::metadata::apply::{Checks, apply};
use crate::metadata::image::Image;
use crate::metadata::snapshot;

/// A snapshot is stored in pieces of this many bytes.
const PIECE_BYTES: usize = 1024 * 1024;

/// The state that committed entries lead to.
#[derive(Clone)]
pub(super) struct StateMachine {
    upkeep: Arc<Upkeep>,
    image: Arc<Image>,
    applied: Option<LogId>,
    membership: Membership,
    publish: Arc<watch::Sender<Arc<Image>>>,
    /// Held while a snapshot is stored: one may be built while another arrives.
    storing: Arc<tokio::sync::Mutex<()>>,
}

/// Why a snapshot could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(in crate::metadata) enum SnapshotError {
    #[error(transparent)]
    Database(#[from] slatedb::Error),
    #[error(transparent)]
    Row(#[from] keys::DecodeError),
    #[error(transparent)]
    Image(#[from] snapshot::DecodeError),
    #[error("the snapshot cannot be encoded")]
    Encode(#[from] postcard::Error),
    #[error("piece {0} of the snapshot is missing")]
    MissingPiece(u32),
}

impl StateMachine {
    /// The state of the stored snapshot, or none at all.
    pub(super) async fn open(
        upkeep: Arc<Upkeep>,
        publish: Arc<watch::Sender<Arc<Image>>>,
    ) -> Result<StateMachine, SnapshotError> {
        let mut machine = StateMachine {
            upkeep,
            image: Arc::new(Image::empty()),
            applied: None,
            membership: Membership::default(),
            publish,
            storing: Arc::default(),
        };
        if let Some((row, bytes)) = machine.stored().await? {
            machine.upkeep.snapshot_has(row.bytes);
            machine.take(&row.meta, snapshot::decode(&bytes)?);
        }
        Ok(machine)
    }

    pub(super) fn applied(&self) -> Option<LogId> {
        self.applied
    }

    fn take(&mut self, meta: &SnapshotMeta, image: Image) {
        self.image = Arc::new(image);
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.publish.send_replace(Arc::clone(&self.image));
    }

    /// Changes the image by an entry.
    pub(super) fn apply_entry(image: &mut Image, entry: &Entry) -> Outcomes {
        image.index = entry.log_id.index;
        match &entry.payload {
            EntryPayload::Normal(batch) => StateMachine::apply_batch(image, batch),
            EntryPayload::Blank | EntryPayload::Membership(_) => Outcomes(Vec::new()),
        }
    }

    fn apply_batch(image: &mut Image, batch: &Batch) -> Outcomes {
        Outcomes(batch.0.iter().map(|command| apply(image, command, Checks::Replay)).collect())
    }

    async fn stored_row(&self) -> Result<Option<SnapshotRow>, SnapshotError> {
        let value = self.upkeep.db().get(Key::Snapshot.encode()).await?;
        Ok(value.map(|value| keys::decode(&value)).transpose()?)
    }

    async fn stored(&self) -> Result<Option<(SnapshotRow, Vec<u8>)>, SnapshotError> {
        let Some(row) = self.stored_row().await? else { return Ok(None) };
        let mut bytes = Vec::new();
        for number in 0..row.pieces {
            let key = Key::Piece { generation: row.generation, number };
            let piece = self.upkeep.db().get(key.encode()).await?;
            bytes.extend_from_slice(&piece.ok_or(SnapshotError::MissingPiece(number))?);
        }
        Ok(Some((row, bytes)))
    }

    /// Stores a snapshot in place of the one before, unless that is newer. The pieces come first, each in a write of
    /// its own so that none is large; the row that names them makes them count.
    async fn store(&self, meta: &SnapshotMeta, bytes: &Bytes) -> Result<(), SnapshotError> {
        let _alone = self.storing.lock().await;
        let before = self.stored_row().await?;
        if before.as_ref().is_some_and(|row| row.meta.last_log_id > meta.last_log_id) {
            return Ok(());
        }
        let generation = before.map_or(0, |row| row.generation + 1);
        let mut pieces = 0;
        let mut offset = 0;
        while offset < bytes.len() {
            let piece = bytes.slice(offset..bytes.len().min(offset + PIECE_BYTES));
            offset += piece.len();
            let mut batch = WriteBatch::new();
            batch.put_bytes(Key::Piece { generation, number: pieces }.encode(), piece);
            self.upkeep.write(batch).await?;
            pieces += 1;
        }
        let row = SnapshotRow { meta: meta.clone(), generation, pieces, bytes: bytes.len() as u64 };
        let mut batch = self.older_pieces(generation).await?;
        batch.put(Key::Snapshot.encode(), keys::encode(&row)?);
        self.upkeep.write(batch).await?;
        self.upkeep.snapshot_has(row.bytes);
        Ok(())
    }

    /// Deletes the pieces of every earlier snapshot, also of one that was never finished.
    async fn older_pieces(&self, generation: u64) -> Result<WriteBatch, SnapshotError> {
        let first = Key::Piece { generation: 0, number: 0 };
        let end = Key::Piece { generation, number: 0 };
        let mut batch = WriteBatch::new();
        if generation == 0 {
            return Ok(batch);
        }
        let mut rows = self.upkeep.db().scan(first.encode()..end.encode()).await?;
        while let Some(row) = rows.next().await? {
            batch.delete(row.key);
        }
        Ok(batch)
    }

    /// The state as it is now.
    fn current(&self) -> Result<(SnapshotMeta, Bytes), SnapshotError> {
        let bytes = Bytes::from(snapshot::encode(&self.image)?);
        let snapshot_id = match self.applied {
            Some(id) => format!("{}-{}", id.leader_id, id.index),
            None => "empty".to_owned(),
        };
        let meta =
            SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone(), snapshot_id };
        Ok((meta, bytes))
    }

    async fn build(&self) -> Result<Snapshot<Group>, SnapshotError> {
        let (meta, bytes) = self.current()?;
        self.store(&meta, &bytes).await?;
        tracing::info!(bytes = bytes.len(), index = self.image.index, "metadata snapshot stored");
        Ok(Snapshot { meta, snapshot: Box::new(Cursor::new(bytes.into())) })
    }
}

impl RaftSnapshotBuilder<Group> for StateMachine {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Group>, StorageError> {
        self.build().await.map_err(|error| StorageIOError::write_snapshot(None, &error).into())
    }
}

impl RaftStateMachine<Group> for StateMachine {
    type SnapshotBuilder = StateMachine;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, Membership), StorageError> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Outcomes>, StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut image = Image::clone(&self.image);
        let mut answers = Vec::new();
        for entry in entries {
            self.applied = Some(entry.log_id);
            answers.push(StateMachine::apply_entry(&mut image, &entry));
            if let EntryPayload::Membership(membership) = entry.payload {
                self.membership = Membership::new(Some(entry.log_id), membership);
            }
        }
        self.image = Arc::new(image);
        self.publish.send_replace(Arc::clone(&self.image));
        Ok(answers)
    }

    /// A copy as the state is now: images share what does not change.
    async fn get_snapshot_builder(&mut self) -> StateMachine {
        self.upkeep.snapshot_begun();
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>, StorageError> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        data: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), StorageError> {
        let refused = |error: SnapshotError| StorageIOError::write_snapshot(Some(meta.signature()), &error);
        let bytes = Bytes::from(data.into_inner());
        let image = snapshot::decode(&bytes).map_err(|error| refused(error.into()))?;
        self.upkeep.snapshot_begun();
        self.store(meta, &bytes).await.map_err(refused)?;
        let membership = &meta.last_membership;
        self.upkeep.voters_are(membership.log_id().map_or(0, |id| id.index), membership.membership());
        tracing::info!(bytes = bytes.len(), index = image.index, "took a snapshot of the metadata");
        self.take(meta, image);
        Ok(())
    }

    /// Snapshots for others, made of the image: nothing is applied while this is waited for, so what is stored is not read, and
    /// a later state is as good.
    ///
    /// Condition: at the start, the library asks for this too, and takes the answer for stored: it may purge the log up to
    /// there. The image is the stored snapshot's then, because [`super::log_store::LogStore`] has no `read_committed`, and so
    /// nothing is applied again before. Had it one, the image would be newer than what is stored, and a restart would lack
    /// entries: then the answer at the start has to be read from the store.
    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Group>>, StorageError> {
        if !self.upkeep.has_snapshot() {
            return Ok(None);
        }
        let (meta, bytes) = self.current().map_err(|error| StorageIOError::read_snapshot(None, &error))?;
        Ok(Some(Snapshot { meta, snapshot: Box::new(Cursor::new(bytes.into())) }))
    }
}
