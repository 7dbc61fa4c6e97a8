//! Any commands in any order: the image stays consistent, is the same everywhere, and survives being stored.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::tests::{formed, register, topic};
use super::{Checks, apply};
use crate::auth::{SaltKey, Scram, ScramCredential};
use crate::metadata::command::{Command, ConfigChange, ConfigOp, ConfigResource, IfExists, NewTopic};
use crate::metadata::image::{Image, Owner};
use crate::metadata::snapshot;
use crate::types::{BrokerId, Incarnation, LeaderEpoch, ShardId, TopicId};

const SHARDS: u32 = 3;

fn topic_id() -> impl Strategy<Value = TopicId> {
    (0u128..6).prop_map(|id| TopicId(Uuid::from_u128(id)))
}

/// One shard too many, so that some commands are refused.
fn placement() -> impl Strategy<Value = Vec<ShardId>> {
    vec((0..=SHARDS).prop_map(ShardId), 0..4)
}

fn owner() -> impl Strategy<Value = Owner> {
    (0..3i32, 1..4u64)
        .prop_map(|(broker, life)| Owner { broker: BrokerId(broker), incarnation: Incarnation(life) })
}

fn resource() -> impl Strategy<Value = ConfigResource> {
    prop_oneof![
        topic_id().prop_map(ConfigResource::Topic),
        (0..3i32).prop_map(|id| ConfigResource::Broker(BrokerId(id))),
        Just(ConfigResource::Cluster),
        "[gh]".prop_map(ConfigResource::Group),
    ]
}

fn config() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![Just("retention.ms"), Just("max.message.bytes"), Just("wrong")];
    (name, "[0-9]{1,3}").prop_map(|(name, value)| (name.to_owned(), value))
}

fn change() -> impl Strategy<Value = ConfigChange> {
    let op = |(name, value): (String, String), kind| {
        let op = match kind {
            0 => ConfigOp::Set(value),
            1 => ConfigOp::Delete,
            2 => ConfigOp::Append(value),
            _ => ConfigOp::Subtract(value),
        };
        ConfigChange { name, op }
    };
    (config(), 0..4).prop_map(move |(config, kind)| op(config, kind))
}

fn create() -> impl Strategy<Value = Command> {
    let name = prop_oneof!["[ab][._]?c", Just("bad name".to_owned())];
    (0u128..6, name, placement(), any::<bool>()).prop_map(|(id, name, placement, accept)| {
        let if_exists = if accept { IfExists::Accept } else { IfExists::Refuse };
        Command::CreateTopic(NewTopic { placement, if_exists, ..topic(id, &name, &[]) })
    })
}

fn scram() -> impl Strategy<Value = Command> {
    let credential = |iterations| ScramCredential {
        salt: vec![1],
        stored_key: vec![2; 32],
        server_key: vec![3; 32],
        iterations,
    };
    let credential = proptest::option::of((4096..4100u32).prop_map(credential));
    ("[ab]", prop_oneof![Just(Scram::Sha256), Just(Scram::Sha512)], credential).prop_map(
        |(user, mechanism, credential)| Command::AlterScram { user: user.into(), mechanism, credential },
    )
}

fn command() -> impl Strategy<Value = Command> {
    let form = |shards| Command::FormCluster {
        cluster_id: "again".to_owned(),
        shards,
        slots: 1024,
        features: BTreeMap::new(),
    };
    prop_oneof![
        1 => (0..3u32).prop_map(form),
        2 => (0..3i32, 1..4u64).prop_map(|(id, life)| register(id, life)),
        3 => (0..=SHARDS, proptest::option::of(owner()))
            .prop_map(|(shard, owner)| Command::AssignShard { shard: ShardId(shard), owner }),
        6 => create(),
        3 => topic_id().prop_map(|id| Command::DeleteTopic { id, deleted_ms: 9 }),
        2 => (topic_id(), 0..=SHARDS)
            .prop_map(|(id, shard)| Command::TopicDataRemoved { id, shard: ShardId(shard) }),
        3 => (topic_id(), 0..6u32, placement())
            .prop_map(|(id, from, placement)| Command::CreatePartitions { id, from, placement }),
        2 => (resource(), vec(config(), 0..3)).prop_map(|(resource, configs)| Command::AlterConfigs {
            resource,
            configs: configs.into_iter().collect(),
        }),
        3 => (resource(), vec(change(), 0..3))
            .prop_map(|(resource, changes)| Command::IncrementalAlterConfigs { resource, changes }),
        2 => (0..=SHARDS, proptest::option::of(owner()), 0..6i32).prop_map(|(shard, owner, epoch)| {
            Command::MoveShard { shard: ShardId(shard), owner, replaces: LeaderEpoch(epoch - 1) }
        }),
        2 => (owner(), any::<bool>()).prop_map(|(owner, is_fenced)| {
            Command::Fence { broker: owner.broker, incarnation: owner.incarnation, is_fenced }
        }),
        2 => owner().prop_map(|owner| Command::AllocateProducerIds {
            broker: owner.broker,
            incarnation: owner.incarnation,
        }),
        2 => scram(),
        1 => any::<u8>().prop_map(|byte| Command::MakeSaltKey(SaltKey::new([byte; 32]))),
        1 => (0..40i16)
            .prop_map(|level| Command::SetFeature { name: "metadata.version".to_owned(), level }),
    ]
}

fn check(image: &Image) {
    let topics = &image.topics;
    assert_eq!(topics.iter().count(), topics.len());
    for found in topics.iter() {
        assert_eq!(topics.get(found.id), Some(found));
        assert_eq!(topics.by_name(&found.name), Some(found));
        assert!(!image.deleted.contains_key(&found.id));
        assert!(!found.partitions.is_empty());
        for (_, shard) in found.partitions() {
            assert!(image.shard(shard).is_some(), "{found:?}");
        }
    }
    for (id, deleted) in &image.deleted {
        assert!(topics.get(*id).is_none());
        assert!(!deleted.shards.is_empty());
        assert!(deleted.shards.iter().all(|shard| image.shard(*shard).is_some()));
    }
    assert!(image.slots.iter().all(|shard| image.shard(*shard).is_some()));
    for shard in image.shards.values() {
        assert!(shard.epoch.0 < image.counters.next_leader_epoch);
        assert!(shard.owner.is_none_or(|owner| image.broker(owner.broker).is_some()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_commands_leave_a_consistent_image(
        commands in vec(command(), 1..60),
        checked in any::<bool>(),
    ) {
        let checks = if checked { Checks::Admission } else { Checks::Replay };
        let mut image = formed(SHARDS);
        let mut twin = image.clone();
        for command in &commands {
            let before = image.clone();
            let outcome = apply(&mut image, command, checks);
            prop_assert_eq!(&outcome, &apply(&mut twin, command, checks));
            if outcome.is_err() {
                prop_assert_eq!(&image, &before);
            }
            check(&image);
            for (id, shard) in &before.shards {
                prop_assert!(image.shards[id].epoch >= shard.epoch);
            }
            prop_assert!(image.counters.next_leader_epoch >= before.counters.next_leader_epoch);
            prop_assert!(image.counters.next_producer_id >= before.counters.next_producer_id);
            prop_assert!(image.features.epoch >= before.features.epoch);
            for (id, broker) in &before.brokers {
                prop_assert!(image.brokers[id].incarnation >= broker.incarnation);
            }
        }
        prop_assert_eq!(&image, &twin);

        let bytes = snapshot::encode(&image).expect("it can be encoded");
        prop_assert_eq!(&bytes, &snapshot::encode(&twin).expect("it can be encoded"));
        let mut restored = snapshot::decode(&bytes).expect("it can be decoded");
        prop_assert_eq!(&restored, &image);
        // The restored image goes on as the original would, indexes included.
        for command in &commands {
            let outcome = apply(&mut restored, command, checks);
            prop_assert_eq!(outcome, apply(&mut image, command, checks));
        }
        prop_assert_eq!(&restored, &image);
        check(&restored);
    }

    #[test]
    fn commands_survive_encoding(command in command()) {
        let bytes = postcard::to_stdvec(&command).expect("it can be encoded");
        prop_assert_eq!(postcard::from_bytes::<Command>(&bytes).expect("it can be decoded"), command);
    }
}
