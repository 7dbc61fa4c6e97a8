//! Versions of what is proposed and stored: each is a level that the cluster can be at.

/// The newest there is: what this program can apply, write and read.
pub const LATEST: u16 = 7;

/// The first with numbered proposals, fenced brokers and moves of shards.
pub const OF_CLUSTERS: u16 = 3;

/// The last of programs that know of no levels.
pub const BEFORE_LEVELS: u16 = 5;

/// The first with levels.
pub const OF_LEVELS: u16 = 6;

/// The first in which nothing is applied that comes late from a life of a broker that was unregistered.
pub const OF_ENDED_LIVES: u16 = 7;

/// The feature whose level is that of the cluster. Clusters that older programs formed have none until all of their brokers know
/// of levels.
pub const LEVEL: &str = "kafkaesque.version";
