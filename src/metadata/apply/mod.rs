//! Applying commands to an image: what each one checks and changes.
//! It must never read a clock, draw a number, or ask anything but the image and the command.
//! Entry point: [`apply`].
//! Invariant: a refused command changes nothing, and the same commands give the same image everywhere.

mod checks;
mod cluster;
mod configs;
mod numbered;
mod topics;
mod users;

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;

pub(super) use checks::Checks;
pub(super) use cluster::PRODUCER_ID_BLOCK;
pub use topics::{MOST_PARTITIONS, check_topic_name};

use super::command::Command;
use super::image::Image;
use super::outcome::Outcome;

/// Changes `image` by one command, or refuses it and leaves the image as it is.
pub(super) fn apply(image: &mut Image, command: &Command, checks: Checks) -> Outcome {
    match command {
        Command::FormCluster { cluster_id, shards, slots, features } => {
            cluster::form(image, cluster_id, *shards, *slots, features)
        }
        Command::RegisterBroker(broker) => cluster::register(image, broker),
        Command::AssignShard { shard, owner } => cluster::assign(image, *shard, *owner),
        Command::CreateTopic(topic) => topics::create(image, topic, checks),
        Command::DeleteTopic { id, deleted_ms } => topics::delete(image, *id, *deleted_ms),
        Command::TopicDataRemoved { id, shard } => topics::data_removed(image, *id, *shard),
        Command::CreatePartitions { id, from, placement } => {
            topics::create_partitions(image, *id, *from, placement)
        }
        Command::AlterConfigs { resource, configs } => configs::replace(image, resource, configs, checks),
        Command::IncrementalAlterConfigs { resource, changes } => {
            configs::change(image, resource, changes, checks)
        }
        Command::AllocateProducerIds { broker, incarnation } => {
            cluster::allocate_producer_ids(image, *broker, *incarnation)
        }
        Command::SetFeature { name, level } => cluster::set_feature(image, name, *level, checks),
        Command::RaiseLevel { level } => cluster::raise_level(image, *level, checks),
        Command::Declare { broker, incarnation, settings } => {
            cluster::declare(image, *broker, *incarnation, settings)
        }
        Command::AddShards { shards } => cluster::add_shards(image, *shards),
        Command::BeginLife { nonce, after } => cluster::begin_life(image, *nonce, *after),
        Command::AcceptPast { nonces, index } => cluster::accept_past(image, nonces, *index),
        Command::RaiseCounters { next_leader_epoch, next_producer_id } => {
            cluster::raise_counters(image, *next_leader_epoch, *next_producer_id)
        }
        Command::ShardOpened { shard, epoch } => cluster::shard_opened(image, *shard, *epoch),
        Command::Register { broker, address } => cluster::register_member(image, broker, address),
        Command::Fence { broker, incarnation, is_fenced } => {
            cluster::fence(image, *broker, *incarnation, *is_fenced)
        }
        Command::Unregister { broker, incarnation } => cluster::unregister(image, *broker, *incarnation),
        Command::MoveShard { shard, owner, replaces } => {
            cluster::move_shard(image, *shard, *owner, *replaces)
        }
        Command::Numbered { from, number, steps } => {
            numbered::apply_once(image, *from, *number, steps, checks)
        }
        Command::AlterScram { user, mechanism, credential } => {
            users::alter_scram(image, user, *mechanism, credential.as_ref())
        }
        Command::MakeSaltKey(key) => users::make_salt_key(image, key),
    }
}
