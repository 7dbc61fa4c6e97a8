//! Answers to clients, by the promises that rest on them.

use super::changes::Changes;
use super::groups::Groups;
use super::levels::Levels;
use super::members::Members;
use super::offsets::Offsets;
use super::records::Records;
use super::shards::Shards;
use super::starts::Starts;
use super::watermarks::Watermarks;
use crate::truth::Check;

/// Answers that clients had, by what must therefore be true.
#[derive(Default)]
pub struct Told {
    pub records: Records,
    pub watermarks: Watermarks,
    pub changes: Changes,
    pub offsets: Offsets,
    pub members: Members,
    pub groups: Groups,
    pub levels: Levels,
    pub starts: Starts,
    pub shards: Shards,
}

impl Told {
    /// All of a partition from its start on, when everything is over.
    pub fn found(&mut self, partition: i32, start: i64, records: Vec<(i64, String)>, now_ms: i64) -> Check {
        self.starts.has_kept(partition, start, records.len(), now_ms)?;
        self.records.may_delete(partition, start);
        self.records.found(partition, start, records)
    }
}
