use proptest::prelude::*;

use crate::protocol::consumer;

use super::super::stored::{Key, StoredMember};
use super::*;
use crate::coordinator::runtime::Malformed;
use crate::log::fields::Plain;
use crate::log::fields::tests::{Random, Sample, check_round_trip};
use crate::log::keys::{self, Tag};

#[test]
fn a_group_is_stored_when_it_is_born() {
    let mut world = World::new();
    let join = world.joining("", "a");
    world.send(join);
    assert_eq!(world.saved, Some(Stored::of(&Group::empty(1000))));
}

#[test]
fn a_restart_goes_on_with_the_last_stored_generation() {
    let mut world = World::stable(&["a", "b"]);
    world.restart();
    let group = world.group();
    assert_eq!((group.phase(), group.generation(), group.members().count()), (Phase::Stable, 1, 2));
    assert_eq!(world.heartbeat("a"), Ok(()));
    let sync = world.sync("b");
    assert_eq!(world.synced(sync).assignment, "b");
    let follower = world.join("b");
    assert_eq!(world.joined(follower).generation, 1, "no rebalance");
}

#[test]
fn a_restart_in_a_rebalance_forgets_it() {
    let mut world = World::stable(&["a", "b"]);
    let saves = world.saves;
    world.join_new("c");
    world.join("a");
    assert_eq!(world.saves, saves, "nothing is stored before the leader has assigned");
    world.restart();
    assert_eq!(world.heartbeat("a"), Ok(()));
    let c = world.join("c");
    assert_eq!(world.joined(c).refusal, Some(Refusal::UnknownMember));
    let c = world.join_new("c");
    world.join("a");
    world.join("b");
    assert_eq!(world.joined(c).generation, 2);
}

#[test]
fn sessions_begin_anew_after_a_restart() {
    let mut world = World::stable(&["a", "b"]);
    world.pass(9_000);
    world.restart();
    world.pass(9_999);
    assert_eq!(world.heartbeat("a"), Ok(()));
    world.pass(1);
    assert_eq!(world.heartbeat("b"), Err(Refusal::UnknownMember));
}

#[test]
fn a_loaded_group_that_is_too_large_by_now_rebalances() {
    let mut world = World::stable(&["a", "b", "c"]);
    world.limits.max_size = 2;
    world.restart();
    assert_eq!(world.heartbeat("a"), Err(Refusal::RebalanceInProgress));
    let (a, b, c) = (world.join("a"), world.join("b"), world.join("c"));
    assert_eq!(world.joined(c).refusal, Some(Refusal::GroupFull));
    assert_eq!(world.joined(a).members.len(), 2);
    assert_eq!(world.joined(b).generation, 2);
}

#[test]
fn the_golden_row_is_read_and_written() {
    let stored = golden();
    let bytes = Bytes::from_static(include_bytes!("golden/group.bin"));
    assert_eq!(stored.encode(), bytes);
    assert_eq!(Stored::decode(bytes), Ok(stored));
}

fn golden() -> Stored {
    let member = |id: &str, instance: Option<&str>| StoredMember {
        id: id.into(),
        instance: instance.map(Arc::from),
        client_id: "client".into(),
        client_host: "/10.0.0.1".into(),
        session_timeout_ms: 45_000,
        rebalance_timeout_ms: 300_000,
        metadata: Bytes::from_static(b"subscription"),
        assignment: Bytes::from_static(b"assignment"),
    };
    Stored {
        since_ms: 1_700_000_000_000,
        generation: 7,
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        leader: Some("a-1".into()),
        members: vec![member("a-1", None), member("b-2", Some("b"))],
    }
}

#[test]
fn bytes_cut_short_or_with_something_behind_are_malformed() {
    let row = golden().encode();
    for end in 0..row.len() {
        assert_eq!(Stored::decode(row.slice(..end)), Err(Malformed::Bytes), "{end}");
    }
    let mut longer = row.to_vec();
    longer.push(0);
    let mut later = row.to_vec();
    later[0] = 2;
    assert_eq!(Stored::decode(later.into()), Err(Malformed::TooNew { version: 2, latest: 1 }));
    assert_eq!(Stored::decode(longer.into()), Err(Malformed::Bytes));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(seed in any::<u64>()) {
        let random = &mut Random(seed);
        check_round_trip::<Stored>(random);
        let key: Key = Plain.sample(random);
        assert_eq!(keys::fields_of(Tag::ClassicGroup, &keys::key(Tag::ClassicGroup, &key)), Ok(key));
    }
}

#[test]
fn offsets_are_of_use_while_a_member_subscribes_to_the_topic() {
    let subscription = consumer::Subscription { topics: vec!["orders".into()], ..Default::default() };
    let metadata = consumer::encode(&subscription, 1).unwrap();
    let mut world = World::new();
    let join = world.joining("", "a");
    world.send(join);
    let mut join = world.joining("a", "");
    join.protocols = [Protocol { name: "range".into(), metadata }].into();
    world.send(join);
    world.finish_first();
    world.settle();
    assert!(world.group().is_subscribed("orders"));
    assert!(!world.group().is_subscribed("payments"));
    world.leave(&[("a", None)]);
    assert!(!world.group().is_subscribed("orders"));
    assert!(World::stable(&["b"]).group().is_subscribed("payments"), "what is not understood is kept");
}
