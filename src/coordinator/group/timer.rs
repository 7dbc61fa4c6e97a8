//! Timers of groups.

use std::sync::Arc;

/// A timer of a group, by what it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// A sign of life of the member.
    Session(Arc<str>),
    /// The member to give up what it was told to.
    Rebalance(Arc<str>),
    /// The member to join again.
    Join(Arc<str>),
    /// The member to ask for its assignment.
    Sync(Arc<str>),
    /// All members to join again.
    Joins,
    /// All members to ask for their assignments.
    Syncs,
}

impl Timer {
    /// The member that one timer is about.
    pub fn member(&self) -> Option<&Arc<str>> {
        match self {
            Timer::Session(id) | Timer::Rebalance(id) | Timer::Join(id) | Timer::Sync(id) => Some(id),
            Timer::Joins | Timer::Syncs => None,
        }
    }
}
