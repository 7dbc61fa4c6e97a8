//! Metadata: one Raft group that agrees on brokers, topics, shards and configs, and publishes them as one image.
//! It must never know the data path: no produce, fetch, join or commit waits for it, and no wire code appears here.
//! Entry point: `Metadata`, started once per process: read its image, change it by proposing commands.
//! Invariant: the image is what applying the committed commands in order gives, on every broker the same.

mod command;
mod error;
mod features;
mod image;
mod settings;

pub use command::{
    Applied, Command, ConfigChange, ConfigOp, ConfigResource, IfExists, NewTopic, Outcome, Refused,
};
pub use error::{ProposeError, StartError};
pub use features::{FEATURES, Feature};
pub use image::{
    Broker, Configs, Counters, DeletedTopic, Features, Image, Incarnation, Listener, Owner, PartitionState,
    REPLICATION_FACTOR, SLOTS, Shard, Topic, Topics,
};
pub use settings::{MetadataSettings, Timeouts};
