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

use super::definition::{Definition, Synonym};

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

impl Definition {
    /// Broker configs that stand in for it, strongest first. The default of the first is its own.
    pub(super) const fn like(mut self, synonyms: &'static [Synonym]) -> Definition {
        self.default = default_of(synonyms[0].name);
        self.synonyms(synonyms)
    }
}

/// The default of a broker config that topics or groups have as well.
const fn default_of(name: &str) -> Option<&'static str> {
    let tables = [defaults::DEFINITIONS, groups::DEFINITIONS];
    let mut at = 0;
    while at < tables[0].len() + tables[1].len() {
        let (table, row) = if at < tables[0].len() { (0, at) } else { (1, at - tables[0].len()) };
        if is_same(name.as_bytes(), tables[table][row].name.as_bytes()) {
            return tables[table][row].default;
        }
        at += 1;
    }
    panic!("there is no such broker config")
}

/// Equality, which a constant cannot ask by `==`.
const fn is_same(mut one: &[u8], mut other: &[u8]) -> bool {
    while let ([first, rest @ ..], [second, others @ ..]) = (one, other) {
        if *first != *second {
            return false;
        }
        (one, other) = (rest, others);
    }
    one.is_empty() && other.is_empty()
}
