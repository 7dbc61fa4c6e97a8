//! The image as it is stored, for whoever must not take part.

use slatedb::DbReader;

use super::keys::{self, Key, SnapshotRow};
use super::state_machine::{SnapshotError, StateMachine};
use crate::metadata::image::Image;
use crate::metadata::snapshot;

/// The image that snapshot and log of one broker give. In a group of several, the newest entries may not be agreed upon yet.
pub(in crate::metadata) async fn look(db: &DbReader) -> Result<Image, SnapshotError> {
    let mut image = match db.get(Key::Snapshot.encode()).await? {
        Some(value) => {
            let row: SnapshotRow = keys::decode(&value)?;
            let mut bytes = Vec::new();
            for number in 0..row.pieces {
                let piece = db.get(Key::Piece { generation: row.generation, number }.encode()).await?;
                bytes.extend_from_slice(&piece.ok_or(SnapshotError::MissingPiece(number))?);
            }
            snapshot::decode(&bytes)?
        }
        None => Image::empty(),
    };
    let from = Key::Entry(if image.is_formed() { image.index + 1 } else { 0 });
    let mut rows = db.scan(from.encode()..=Key::Entry(u64::MAX).encode()).await?;
    while let Some(row) = rows.next().await? {
        let entry = keys::decode_entry(&row.value)?;
        StateMachine::apply_entry(&mut image, &entry);
    }
    Ok(image)
}
