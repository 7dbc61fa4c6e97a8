//! Consumer groups of KIP-848: the coordinator assigns, and each member comes to its target by its own heartbeats.
//! It must never know time, sockets, storage or other groups: the clock is an argument, records are data.
//! Entry points: [`assignor::Assignor`], [`pattern::Pattern`], [`reconcile::Reconciliation`].
//! Invariant: a partition goes to a member only once no other member can still be working on it.

pub mod assignor;
pub mod pattern;
pub mod reconcile;

use std::collections::{BTreeMap, BTreeSet};

use crate::types::TopicId;

/// Partitions by topic. A topic without partitions is not in it.
pub type Assignment = BTreeMap<TopicId, BTreeSet<i32>>;

/// Partitions that a member holds, each with the epoch in which it got it (KIP-1251): a commit of an earlier epoch
/// cannot be about this holding of the partition.
pub type Held = BTreeMap<TopicId, BTreeMap<i32, i32>>;
