//! Features that a cluster finalises: what all its brokers agree to speak.

use std::collections::BTreeMap;

use super::version::{self, LEVEL};

/// A feature with the levels that this program supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature {
    pub name: &'static str,
    pub min: i16,
    pub max: i16,
    /// The level that a new cluster starts with; 0 is not finalised.
    pub at_birth: i16,
}

/// All features, by name. Levels are those of Kafka 4.4: 33 of `metadata.version` is 4.4-IV2, and 7 (3.3-IV3) is
/// the lowest that Kafka 4 knows.
pub const FEATURES: &[Feature] = &[
    // Consumer groups of KIP-848.
    Feature { name: GROUP_VERSION, min: 0, max: 1, at_birth: 1 },
    // The versions of this program's commands and stored bytes.
    Feature { name: LEVEL, min: 1, max: version::LATEST as i16, at_birth: version::LATEST as i16 },
    Feature { name: METADATA_VERSION, min: 7, max: 33, at_birth: 33 },
];

const METADATA_VERSION: &str = "metadata.version";

/// From level 1 on there are consumer groups of KIP-848.
pub const GROUP_VERSION: &str = "group.version";

impl Feature {
    /// True if it is never lowered: what that would lose of the metadata is not known.
    pub fn only_rises(&self) -> bool {
        self.name == LEVEL || self.name == METADATA_VERSION
    }
}

/// The feature of that name, if there is one.
pub fn lookup(name: &str) -> Option<&'static Feature> {
    FEATURES.iter().find(|feature| feature.name == name)
}

/// The features of a cluster that a process of this level forms.
pub(super) fn at_birth(level: u16) -> BTreeMap<String, i16> {
    let born = FEATURES.iter().filter(|feature| feature.at_birth != 0);
    let mut levels: BTreeMap<String, i16> =
        born.map(|feature| (feature.name.to_owned(), feature.at_birth)).collect();
    if level < version::LATEST {
        // A program from before levels knows none; others have their own.
        levels.remove(LEVEL);
        let own = i16::try_from(level).ok().filter(|_| level >= version::OF_LEVELS);
        levels.extend(own.map(|own| (LEVEL.to_owned(), own)));
    }
    levels
}
