//! Features that a cluster finalises: what all its brokers agree to speak.

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
    Feature { name: "metadata.version", min: 7, max: 33, at_birth: 33 },
];

/// From level 1 on there are consumer groups of KIP-848.
pub const GROUP_VERSION: &str = "group.version";

/// The feature of that name, if there is one.
pub fn lookup(name: &str) -> Option<&'static Feature> {
    FEATURES.iter().find(|feature| feature.name == name)
}
