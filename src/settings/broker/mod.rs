//! Broker configs: what tools ask for, what topics and groups inherit, and what this process obeys.
//! They know no process setting: what was fixed at start comes as a layer.
//! Entry point: [`definitions`].
//! Invariant: a value shown here is the one that counts.
//!
//! All of Kafka's that can change while a broker runs are here. Of those that are fixed at start, the ones of threads, files,
//! replication, quorum and tiers are left out: they would describe machinery that is not here.

mod defaults;
mod groups;
mod machinery;
mod process;
mod security;

use std::sync::LazyLock;

use super::definition::Definition;

static TABLE: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let tables = [
        defaults::DEFINITIONS,
        groups::DEFINITIONS,
        machinery::DEFINITIONS,
        process::DEFINITIONS,
        security::DEFINITIONS,
    ];
    let mut table = tables.concat();
    table.sort_by_key(|definition| definition.name);
    table
});

/// Sorted by name.
pub(super) fn definitions() -> &'static [Definition] {
    &TABLE
}
