//! Static members keep their assignment over a restart (KIP-345).

use super::*;

fn with_instance(request: Heartbeat, instance: &str) -> Heartbeat {
    Heartbeat { instance: Some(instance.into()), ..request }
}

fn started() -> (Harness, Assignment) {
    let mut harness = Harness::new();
    harness.topics.put("t", 4);
    let reply = harness.send(&with_instance(joining("a", &["t"]), "one")).unwrap();
    (harness, reply.assignment.unwrap())
}

#[test]
fn an_instance_that_went_for_a_while_comes_back_to_its_assignment() {
    let (mut harness, owned) = started();
    let gone = harness.send(&with_instance(beating("a", LEAVING_FOR_NOW), "one")).unwrap();
    assert_eq!((&*gone.member_id, gone.epoch), ("a", -2));
    assert_eq!(harness.group().epoch(), 2, "nobody else gets anything");
    harness.pass(20_000);
    let back = harness.send(&with_instance(joining("b", &["t"]), "one")).unwrap();
    assert_eq!((&*back.member_id, back.epoch, back.assignment), ("b", 2, Some(owned)));
    assert_eq!(harness.ids(), BTreeSet::from(["b".to_owned()]));
    let old = harness.send(&with_instance(beating("a", 2), "one"));
    assert_eq!(old, Err(Refusal::FencedInstance("b".into())));
}

#[test]
fn an_instance_that_does_not_come_back_goes_with_its_session() {
    let (mut harness, _) = started();
    harness.pass(30_000);
    harness.send(&with_instance(beating("a", LEAVING_FOR_NOW), "one")).unwrap();
    harness.pass(14_999);
    assert_eq!(harness.ids().len(), 1);
    harness.pass(1);
    assert!(harness.group().is_empty());
}

#[test]
fn an_instance_that_is_there_is_not_replaced() {
    let (mut harness, _) = started();
    let second = harness.send(&with_instance(joining("b", &["t"]), "one"));
    assert_eq!(second, Err(Refusal::UnreleasedInstance("a".into())));
}

#[test]
fn an_instance_that_nobody_has_is_unknown() {
    let (mut harness, _) = started();
    let unknown = Err(Refusal::UnknownInstance("two".into()));
    assert_eq!(harness.send(&with_instance(beating("a", 2), "two")), unknown);
    assert_eq!(harness.send(&with_instance(beating("a", LEAVING), "two")), unknown);
    let foreign = harness.send(&with_instance(beating("b", LEAVING), "one"));
    assert_eq!(foreign, Err(Refusal::FencedInstance("a".into())));
}

#[test]
fn an_instance_that_leaves_for_good_is_gone() {
    let (mut harness, _) = started();
    harness.send(&with_instance(beating("a", LEAVING), "one")).unwrap();
    assert!(harness.group().is_empty());
    assert!(harness.send(&with_instance(joining("b", &["t"]), "one")).is_ok());
}
