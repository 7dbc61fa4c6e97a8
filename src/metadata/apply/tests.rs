//! Effects and refusals of each command, on images made by commands.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::{Checks, apply, check_topic_name};
use crate::metadata::Placing;
use crate::metadata::command::{Command, ConfigChange, ConfigOp, ConfigResource, IfExists, NewTopic, Step};
use crate::metadata::image::{Broker, Image, Owner};
use crate::metadata::outcome::{Applied, Outcome, Refused};
use crate::metadata::version;
use crate::types::{BrokerId, Incarnation, LeaderEpoch, ProducerId, ShardId, TopicId};

pub(super) fn formed(shards: u32) -> Image {
    let mut image = Image::empty();
    let features = BTreeMap::from([("metadata.version".to_owned(), 33)]);
    let form = Command::FormCluster { cluster_id: "c".to_owned(), shards, slots: 1024, features };
    run(&mut image, &form).expect("a cluster");
    run(&mut image, &register(0, 1)).expect("a broker");
    image
}

pub(super) fn register(id: i32, incarnation: u64) -> Command {
    Command::RegisterBroker(Broker {
        id: BrokerId(id),
        incarnation: Incarnation(incarnation),
        listeners: Vec::new(),
        rack: None,
        command_version: 1,
    })
}

pub(super) fn topic(id: u128, name: &str, shards: &[u32]) -> NewTopic {
    NewTopic {
        id: TopicId(Uuid::from_u128(id)),
        name: name.into(),
        placement: shards.iter().map(|shard| ShardId(*shard)).collect(),
        configs: BTreeMap::new(),
        created_ms: 5,
        if_exists: IfExists::Refuse,
    }
}

fn id(id: u128) -> TopicId {
    TopicId(Uuid::from_u128(id))
}

fn owner(broker: i32, incarnation: u64) -> Owner {
    Owner { broker: BrokerId(broker), incarnation: Incarnation(incarnation) }
}

/// Applies with all checks, and sees to it that a refusal leaves no trace.
fn run(image: &mut Image, command: &Command) -> Outcome {
    let before = image.clone();
    let outcome = apply(image, command, Checks::Admission);
    if outcome.is_err() {
        assert_eq!(*image, before, "{command:?}");
    }
    outcome
}

fn created(image: &mut Image, new: NewTopic) -> TopicId {
    match run(image, &Command::CreateTopic(new)) {
        Ok(Applied::Topic { id, created: true }) => id,
        other => panic!("{other:?}"),
    }
}

fn configs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn incremental(resource: ConfigResource, changes: &[(&str, ConfigOp)]) -> Command {
    let changes = changes.iter().map(|(name, op)| ConfigChange { name: (*name).to_owned(), op: op.clone() });
    Command::IncrementalAlterConfigs { resource, changes: changes.collect() }
}

#[test]
fn a_cluster_is_formed_once() {
    let mut image = formed(3);
    assert_eq!(image.shards.size(), 3);
    assert!(image.shards.values().all(|shard| shard.owner.is_none() && shard.epoch == LeaderEpoch(-1)));
    assert_eq!(&image.slots[..4], &[ShardId(0), ShardId(1), ShardId(2), ShardId(0)]);
    assert_eq!(image.features.levels["metadata.version"], 33);
    let again = Command::FormCluster {
        cluster_id: "d".to_owned(),
        shards: 1,
        slots: 1024,
        features: BTreeMap::new(),
    };
    assert_eq!(run(&mut image, &again), Err(Refused::AlreadyFormed { cluster_id: "c".to_owned() }));
}

#[test]
fn nothing_is_possible_before_the_cluster_is_formed() {
    let mut image = Image::empty();
    assert_eq!(run(&mut image, &register(0, 1)), Err(Refused::NotFormed));
    assert_eq!(run(&mut image, &Command::CreateTopic(topic(1, "t", &[0]))), Err(Refused::NotFormed));
}

#[test]
fn only_the_newest_process_of_a_broker_counts() {
    let mut image = formed(1);
    run(&mut image, &register(0, 4)).expect("a newer process");
    run(&mut image, &register(0, 4)).expect("the same again");
    let stale =
        Refused::StaleIncarnation { broker: BrokerId(0), given: Incarnation(3), current: Incarnation(4) };
    assert_eq!(run(&mut image, &register(0, 3)), Err(stale.clone()));
    let assign = |who| Command::AssignShard { shard: ShardId(0), owner: Some(who) };
    assert_eq!(run(&mut image, &assign(owner(0, 3))), Err(stale.clone()));
    assert_eq!(run(&mut image, &assign(owner(0, 5))), Err(Refused::UnknownBroker(BrokerId(0))));
    assert_eq!(run(&mut image, &assign(owner(1, 1))), Err(Refused::UnknownBroker(BrokerId(1))));
    let ids = Command::AllocateProducerIds { broker: BrokerId(0), incarnation: Incarnation(3) };
    assert_eq!(run(&mut image, &ids), Err(stale));
}

#[test]
fn every_assignment_takes_a_new_epoch_from_one_counter() {
    let mut image = formed(2);
    let assign = |shard, owner| Command::AssignShard { shard: ShardId(shard), owner };
    for (n, shard) in [0, 1, 1, 0].into_iter().enumerate() {
        let epoch = LeaderEpoch(n as i32);
        let outcome = run(&mut image, &assign(shard, Some(owner(0, 1))));
        assert_eq!(outcome, Ok(Applied::Assigned { epoch }));
        let assigned = image.shard(ShardId(shard)).expect("the shard");
        assert_eq!((assigned.owner, assigned.epoch), (Some(owner(0, 1)), epoch));
    }
    assert_eq!(image.shards_of(owner(0, 1)).count(), 2);
    let outcome = run(&mut image, &assign(1, None));
    assert_eq!(outcome, Ok(Applied::Assigned { epoch: LeaderEpoch(4) }));
    assert_eq!(image.shard(ShardId(1)).expect("the shard").owner, None);
    assert_eq!(run(&mut image, &assign(2, None)), Err(Refused::UnknownShard(ShardId(2))));
}

#[test]
fn a_move_replaces_the_assignment_that_it_names_and_no_other() {
    let mut image = formed(1);
    let to = |replaces| {
        let replaces = LeaderEpoch(replaces);
        Command::MoveShard { shard: ShardId(0), owner: Some(owner(0, 1)), replaces }
    };
    assert_eq!(run(&mut image, &to(-1)), Ok(Applied::Assigned { epoch: LeaderEpoch(0) }));
    let moved = Refused::Reassigned { shard: ShardId(0), current: LeaderEpoch(0) };
    assert_eq!(run(&mut image, &to(-1)), Err(moved.clone()));
    assert_eq!(run(&mut image, &to(1)), Err(moved));
    assert_eq!(run(&mut image, &to(0)), Ok(Applied::Assigned { epoch: LeaderEpoch(1) }));
}

#[test]
fn a_numbered_proposal_is_applied_once() {
    let mut image = formed(1);
    let numbered = |life, number| {
        let assign = Command::AssignShard { shard: ShardId(0), owner: None };
        let steps = vec![Step::Do(assign), Step::Refuse(Refused::NotFormed)];
        Command::Numbered { from: owner(0, life), number, steps }
    };
    let each = |epoch| {
        let assigned = Applied::Assigned { epoch: LeaderEpoch(epoch) };
        Ok(Applied::Each(vec![Ok(assigned), Err(Refused::NotFormed)]))
    };
    assert_eq!(run(&mut image, &numbered(1, 5)), each(0));
    assert_eq!(run(&mut image, &numbered(1, 5)), each(0), "the outcomes of the first time");
    assert_eq!(run(&mut image, &numbered(1, 4)), Err(Refused::Superseded));
    assert_eq!(run(&mut image, &numbered(1, 6)), each(1));
    assert_eq!(run(&mut image, &numbered(2, 1)), each(2), "a newer process counts anew");
    assert_eq!(run(&mut image, &numbered(1, 7)), Err(Refused::Superseded));
    assert_eq!(image.counters.next_leader_epoch, 3);
}

#[test]
fn a_fenced_broker_is_counted_on_again_when_it_registers() {
    let mut image = formed(1);
    let fence =
        |life, is_fenced| Command::Fence { broker: BrokerId(0), incarnation: Incarnation(life), is_fenced };
    assert!(image.counts_on(owner(0, 1)));
    run(&mut image, &fence(1, true)).expect("fenced");
    assert!(!image.counts_on(owner(0, 1)) && image.live_brokers().count() == 0);
    run(&mut image, &fence(1, false)).expect("not fenced");
    assert!(image.counts_on(owner(0, 1)) && !image.counts_on(owner(0, 2)));
    run(&mut image, &fence(1, true)).expect("fenced");
    let Command::RegisterBroker(broker) = register(0, 2) else { unreachable!() };
    run(&mut image, &Command::Register { broker, address: "h:1".to_owned() }).expect("registered");
    assert!(image.counts_on(owner(0, 2)));
    assert!(run(&mut image, &fence(1, true)).is_err(), "of an older process");
    assert_eq!(image.members.get(BrokerId(0)).map(|member| member.address.as_str()), Some("h:1"));
}

#[test]
fn a_life_that_was_unregistered_does_not_come_back_by_a_late_proposal() {
    let registration = |life| {
        let Command::RegisterBroker(broker) = register(0, life) else { unreachable!() };
        let broker = Broker { command_version: Command::LATEST, ..broker };
        Step::Do(Command::Register { broker, address: "h:1".to_owned() })
    };
    for level in [version::OF_LEVELS, Command::LATEST] {
        let mut image = formed(1);
        image.brokers = Default::default();
        image.features.levels.insert(version::LEVEL.to_owned(), level as i16);
        let numbered = |life, number| Command::Numbered {
            from: owner(0, life),
            number,
            steps: vec![registration(life)],
        };
        run(&mut image, &numbered(4, 1)).expect("registered");
        let gone = Command::Unregister { broker: BrokerId(0), incarnation: Incarnation(4) };
        run(&mut image, &gone).expect("unregistered");
        let keeps = level >= version::OF_ENDED_LIVES;
        let expected =
            if keeps { Err(Refused::Superseded) } else { Ok(Applied::Each(vec![Ok(Applied::Done)])) };
        assert_eq!(run(&mut image, &numbered(4, 2)), expected, "level {level}");
        run(&mut image, &numbered(5, 1)).expect("a new broker of that id");
        assert_eq!(image.members.get(BrokerId(0)).map(|member| member.address.as_str()), Some("h:1"));
    }
}

#[test]
fn a_counter_that_is_used_up_refuses_rather_than_wraps() {
    let mut image = formed(1);
    image.counters.next_leader_epoch = i32::MAX;
    image.counters.next_producer_id = i64::MAX - 10;
    let assign = Command::AssignShard { shard: ShardId(0), owner: None };
    assert_eq!(run(&mut image, &assign), Err(Refused::Exhausted));
    let ids = Command::AllocateProducerIds { broker: BrokerId(0), incarnation: Incarnation(1) };
    assert_eq!(run(&mut image, &ids), Err(Refused::Exhausted));
}

#[test]
fn producer_ids_come_in_blocks() {
    let mut image = formed(1);
    let ids = Command::AllocateProducerIds { broker: BrokerId(0), incarnation: Incarnation(1) };
    for first in [0, 1000, 2000] {
        let expected = Applied::ProducerIds { first: ProducerId(first), count: 1000 };
        assert_eq!(run(&mut image, &ids), Ok(expected));
    }
}

#[test]
fn a_resent_create_is_a_success_and_a_taken_name_is_not() {
    let mut image = formed(1);
    let new = topic(1, "t", &[0, 0]);
    created(&mut image, new.clone());
    let before = image.clone();
    let again = run(&mut image, &Command::CreateTopic(new));
    assert_eq!(again, Ok(Applied::Topic { id: id(1), created: true }));
    assert_eq!(image, before);

    let other = topic(2, "t", &[0]);
    let taken = run(&mut image, &Command::CreateTopic(other.clone()));
    assert_eq!(taken, Err(Refused::TopicExists("t".to_owned())));
    let automatic = NewTopic { if_exists: IfExists::Accept, ..other };
    let accepted = run(&mut image, &Command::CreateTopic(automatic));
    assert_eq!(accepted, Ok(Applied::Topic { id: id(1), created: false }));
    assert_eq!(image, before);
}

#[test]
fn an_id_is_used_once_even_after_its_topic_is_deleted() {
    let mut image = formed(1);
    created(&mut image, topic(1, "t", &[0]));
    let same_id = Command::CreateTopic(topic(1, "u", &[0]));
    assert_eq!(run(&mut image, &same_id), Err(Refused::TopicIdTaken(id(1))));
    run(&mut image, &Command::DeleteTopic { id: id(1), deleted_ms: 6 }).expect("deleted");
    assert_eq!(run(&mut image, &same_id), Err(Refused::TopicIdTaken(id(1))));
    let zero = Command::CreateTopic(topic(0, "u", &[0]));
    assert_eq!(run(&mut image, &zero), Err(Refused::TopicIdTaken(TopicId::ZERO)));
}

#[test]
fn topics_that_cannot_be() {
    let mut image = formed(1);
    let mut refused = |new: NewTopic| run(&mut image, &Command::CreateTopic(new)).expect_err("a refusal");
    assert!(matches!(refused(topic(1, "a b", &[0])), Refused::InvalidTopicName(_)));
    assert!(matches!(refused(topic(1, "t", &[])), Refused::InvalidPartitions(_)));
    assert_eq!(refused(topic(1, "t", &[0, 1])), Refused::UnknownShard(ShardId(1)));
    let many = Refused::TooManyPartitions { given: 10_001, most: 10_000 };
    assert_eq!(refused(topic(1, "t", &[0; 10_001])), many);
    let wrong = NewTopic { configs: configs(&[("no.such", "1")]), ..topic(1, "t", &[0]) };
    assert!(matches!(refused(wrong), Refused::InvalidConfig(_)));
}

#[test]
fn names_follow_kafkas_rules() {
    for good in ["a", "A-z_0.9", "...", &"x".repeat(249)] {
        assert_eq!(check_topic_name(good), Ok(()), "{good}");
    }
    let reasons = [
        ("", "Topic name is invalid: the empty string is not allowed"),
        (".", "Topic name is invalid: '.' is not allowed"),
        ("..", "Topic name is invalid: '..' is not allowed"),
        (
            "a/b",
            "Topic name is invalid: 'a/b' contains one or more characters other than ASCII alphanumerics, \
             '.', '_' and '-'",
        ),
    ];
    for (bad, reason) in reasons {
        assert_eq!(check_topic_name(bad), Err(Refused::InvalidTopicName(reason.to_owned())));
    }
    assert!(check_topic_name(&"x".repeat(250)).is_err());
    assert!(check_topic_name("ä").is_err());
}

#[test]
fn names_that_metrics_cannot_tell_apart_collide() {
    let mut image = formed(1);
    created(&mut image, topic(1, "a.b_c", &[0]));
    let other = Command::CreateTopic(topic(2, "a_b.c", &[0]));
    let collision = "Topic 'a_b.c' collides with existing topic: a.b_c".to_owned();
    assert_eq!(run(&mut image, &other), Err(Refused::InvalidTopicName(collision)));
    created(&mut image, topic(3, "a-b-c", &[0]));
    run(&mut image, &Command::DeleteTopic { id: id(1), deleted_ms: 6 }).expect("deleted");
    run(&mut image, &other).expect("the name is free now");
}

#[test]
fn a_deleted_topic_is_remembered_until_every_shard_has_removed_it() {
    let mut image = formed(3);
    created(&mut image, topic(1, "t", &[0, 2, 0]));
    let delete = Command::DeleteTopic { id: id(1), deleted_ms: 6 };
    run(&mut image, &delete).expect("deleted");
    assert!(image.topic(id(1)).is_none() && image.topic_by_name("t").is_none());
    assert_eq!(run(&mut image, &delete), Err(Refused::UnknownTopic(id(1))));
    let entry = image.deleted.get(&id(1)).expect("remembered");
    assert_eq!((entry.partitions, entry.shards.len(), &*entry.name), (3, 2, "t"));

    created(&mut image, topic(2, "t", &[1]));
    let removed = |shard| Command::TopicDataRemoved { id: id(1), shard: ShardId(shard) };
    run(&mut image, &removed(0)).expect("noted");
    run(&mut image, &removed(0)).expect("noted twice");
    assert!(image.deleted.contains_key(&id(1)));
    run(&mut image, &removed(2)).expect("noted");
    assert!(image.deleted.is_empty());
    run(&mut image, &removed(2)).expect("nothing left to do");
    assert_eq!(image.topic_by_name("t").map(|topic| topic.id), Some(id(2)));
}

#[test]
fn partitions_are_added_and_never_taken_away() {
    let mut image = formed(2);
    created(&mut image, topic(1, "t", &[0]));
    let more = |from, placement: &[u32]| Command::CreatePartitions {
        id: id(1),
        from,
        placement: placement.iter().map(|shard| ShardId(*shard)).collect(),
    };
    run(&mut image, &more(1, &[1, 1])).expect("three");
    let shards: Vec<u32> =
        image.topic(id(1)).expect("the topic").partitions().map(|(_, shard)| shard.0).collect();
    assert_eq!(shards, [0, 1, 1]);

    // Decided when the topic had one partition: five in all are still wanted, so only two are missing.
    run(&mut image, &more(1, &[0, 0, 0, 1])).expect("five");
    let topic = image.topic(id(1)).expect("the topic").clone();
    assert_eq!(topic.partitions.len(), 5);
    assert_eq!((topic.shard(3), topic.shard(4), topic.shard(5)), (Some(ShardId(0)), Some(ShardId(1)), None));
    assert_eq!(topic.shard(-1), None);

    let already = "Topic already has 5 partition(s).".to_owned();
    assert_eq!(run(&mut image, &more(4, &[0])), Err(Refused::InvalidPartitions(already)));
    let fewer = "The topic t currently has 5 partition(s); 3 would not be an increase.".to_owned();
    assert_eq!(run(&mut image, &more(1, &[0, 0])), Err(Refused::InvalidPartitions(fewer)));
    assert!(run(&mut image, &more(7, &[0])).is_err(), "no partition is left out");
    assert_eq!(run(&mut image, &more(5, &[9])), Err(Refused::UnknownShard(ShardId(9))));
    let unknown = Command::CreatePartitions { id: id(9), from: 1, placement: vec![ShardId(0)] };
    assert_eq!(run(&mut image, &unknown), Err(Refused::UnknownTopic(id(9))));
}

#[test]
fn configs_of_a_topic_are_replaced_or_changed() {
    let mut image = formed(1);
    created(&mut image, topic(1, "t", &[0]));
    let resource = ConfigResource::Topic(id(1));
    let replace = Command::AlterConfigs {
        resource: resource.clone(),
        configs: configs(&[("max.message.bytes", "10"), ("retention.ms", "20")]),
    };
    run(&mut image, &replace).expect("replaced");
    let change = incremental(
        resource.clone(),
        &[
            ("max.message.bytes", ConfigOp::Delete),
            ("retention.ms", ConfigOp::Set("30".to_owned())),
            ("segment.bytes", ConfigOp::Delete),
        ],
    );
    run(&mut image, &change).expect("changed");
    let values = |image: &Image| image.topic(id(1)).expect("the topic").configs.clone();
    assert_eq!(values(&image), configs(&[("retention.ms", "30")]));
    run(&mut image, &Command::AlterConfigs { resource, configs: BTreeMap::new() }).expect("cleared");
    assert_eq!(values(&image), BTreeMap::new());
}

#[test]
fn lists_grow_and_shrink_by_elements() {
    let mut image = formed(1);
    created(&mut image, topic(1, "t", &[0]));
    let name = "follower.replication.throttled.replicas";
    let value = |image: &Image| image.topic(id(1)).expect("the topic").configs.get(name).cloned();
    let mut change = |op| run(&mut image, &incremental(ConfigResource::Topic(id(1)), &[(name, op)]));
    change(ConfigOp::Append("0:1,1:1".to_owned())).expect("appended");
    change(ConfigOp::Append("1:1,2:1".to_owned())).expect("appended");
    change(ConfigOp::Subtract("0:1".to_owned())).expect("subtracted");
    assert_eq!(value(&image).as_deref(), Some("1:1,2:1"));
    let wrong =
        incremental(ConfigResource::Topic(id(1)), &[("retention.ms", ConfigOp::Append("1".to_owned()))]);
    assert!(matches!(run(&mut image, &wrong), Err(Refused::InvalidConfig(_))));
}

#[test]
fn one_bad_change_spoils_its_command_only() {
    let mut image = formed(1);
    created(&mut image, topic(1, "t", &[0]));
    let bad = incremental(
        ConfigResource::Topic(id(1)),
        &[("retention.ms", ConfigOp::Set("1".to_owned())), ("no.such", ConfigOp::Set("1".to_owned()))],
    );
    assert!(matches!(run(&mut image, &bad), Err(Refused::InvalidConfig(_))));
    let twice = incremental(
        ConfigResource::Topic(id(1)),
        &[("retention.ms", ConfigOp::Set("1".to_owned())), ("retention.ms", ConfigOp::Delete)],
    );
    assert!(matches!(run(&mut image, &twice), Err(Refused::InvalidConfig(_))));
    assert!(image.topic(id(1)).expect("the topic").configs.is_empty());
}

#[test]
fn brokers_and_the_cluster_have_configs_too() {
    let mut image = formed(1);
    let set = |resource| incremental(resource, &[("log.retention.ms", ConfigOp::Set("5".to_owned()))]);
    run(&mut image, &set(ConfigResource::Cluster)).expect("set for all");
    run(&mut image, &set(ConfigResource::Broker(BrokerId(0)))).expect("set for one");
    assert_eq!(*image.configs.cluster, configs(&[("log.retention.ms", "5")]));
    let unknown = run(&mut image, &set(ConfigResource::Broker(BrokerId(3))));
    assert_eq!(unknown, Err(Refused::UnknownBroker(BrokerId(3))));
    let delete = incremental(ConfigResource::Broker(BrokerId(0)), &[("log.retention.ms", ConfigOp::Delete)]);
    run(&mut image, &delete).expect("deleted");
    assert!(image.configs.brokers.is_empty());
}

/// A follower of another version may know other configs; what the leader admitted is applied all the same.
#[test]
fn replay_takes_values_that_admission_would_refuse() {
    let mut image = formed(1);
    created(&mut image, topic(1, "t", &[0]));
    let from_the_future =
        incremental(ConfigResource::Topic(id(1)), &[("not.yet.known", ConfigOp::Set("1".to_owned()))]);
    assert!(apply(&mut image, &from_the_future, Checks::Admission).is_err());
    assert_eq!(apply(&mut image, &from_the_future, Checks::Replay), Ok(Applied::Done));
    assert_eq!(image.topic(id(1)).expect("the topic").configs["not.yet.known"], "1");
}

#[test]
fn features_are_finalised_within_their_levels() {
    let mut image = formed(1);
    let set = |name: &str, level| Command::SetFeature { name: name.to_owned(), level };
    let epoch = image.features.epoch;
    run(&mut image, &set("metadata.version", 33)).expect("no change");
    assert_eq!(image.features.epoch, epoch);
    run(&mut image, &set("metadata.version", 20)).expect("lowered");
    assert_eq!(image.features.epoch, epoch + 1);
    assert!(matches!(run(&mut image, &set("metadata.version", 99)), Err(Refused::InvalidFeature(_))));
    assert!(matches!(run(&mut image, &set("no.such", 1)), Err(Refused::InvalidFeature(_))));
    run(&mut image, &set("metadata.version", 0)).expect("removed");
    assert!(image.features.levels.is_empty());
}

#[test]
fn placement_goes_round_the_shards() {
    let image = formed(3);
    let placed: Vec<u32> = Placing::of(&image).place(4, 2).into_iter().map(|shard| shard.0).collect();
    assert_eq!(placed, [2, 0, 1, 2]);
    assert!(Placing::of(&Image::empty()).place(4, 0).is_empty());
}

#[test]
fn topics_are_listed_by_name_and_from_any_name_on() {
    let mut image = formed(1);
    for (n, name) in ["b", "a", "c"].into_iter().enumerate() {
        created(&mut image, topic(n as u128 + 1, name, &[0]));
    }
    let names = |topics: Vec<&Arc<crate::metadata::Topic>>| -> Vec<String> {
        topics.into_iter().map(|topic| topic.name.to_string()).collect()
    };
    assert_eq!(names(image.topics.iter().collect()), ["a", "b", "c"]);
    assert_eq!(names(image.topics.after("a").collect()), ["b", "c"]);
    assert_eq!(names(image.topics.after("bb").collect()), ["c"]);
}

#[test]
fn slots_spread_over_the_shards() {
    let image = formed(4);
    let mut counts = [0u32; 4];
    for n in 0..1000 {
        let shard = image.coordinator(&format!("group-{n}")).expect("a shard");
        counts[shard.0 as usize] += 1;
    }
    assert!(counts.iter().all(|count| (150..350).contains(count)), "{counts:?}");
}
