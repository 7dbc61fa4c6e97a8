//! Static members keep their assignment over a restart (KIP-345).

use super::*;

fn with_instance(request: Heartbeat, instance: &str) -> Heartbeat {
    Heartbeat { instance: Some(instance.into()), ..request }
}

fn started() -> (Place, Assignment) {
    let mut place = Place::new();
    place.topics.put("t", 4);
    let reply = place.send(&with_instance(joining("a", &["t"]), "one")).unwrap();
    (place, reply.assignment.unwrap())
}

#[test]
fn an_instance_that_went_for_a_while_comes_back_to_its_assignment() {
    let (mut place, owned) = started();
    let gone = place.send(&with_instance(beating("a", LEAVING_FOR_NOW), "one")).unwrap();
    assert_eq!((&*gone.member_id, gone.epoch), ("a", -2));
    assert_eq!(place.group().epoch(), 2, "nobody else gets anything");
    place.pass(20_000);
    let back = place.send(&with_instance(joining("b", &["t"]), "one")).unwrap();
    assert_eq!((&*back.member_id, back.epoch, back.assignment), ("b", 2, Some(owned)));
    assert_eq!(place.ids(), BTreeSet::from(["b".to_owned()]));
    let old = place.send(&with_instance(beating("a", 2), "one"));
    assert_eq!(old, Err(Refusal::FencedInstance("b".into())));
}

#[test]
fn an_instance_that_does_not_come_back_goes_with_its_session() {
    let (mut place, _) = started();
    place.pass(30_000);
    place.send(&with_instance(beating("a", LEAVING_FOR_NOW), "one")).unwrap();
    place.pass(14_999);
    assert_eq!(place.ids().len(), 1);
    place.pass(1);
    assert!(place.group().is_empty());
}

#[test]
fn an_instance_that_is_there_is_not_replaced() {
    let (mut place, _) = started();
    let second = place.send(&with_instance(joining("b", &["t"]), "one"));
    assert_eq!(second, Err(Refusal::UnreleasedInstance("a".into())));
}

#[test]
fn an_instance_that_nobody_has_is_unknown() {
    let (mut place, _) = started();
    let unknown = Err(Refusal::UnknownInstance("two".into()));
    assert_eq!(place.send(&with_instance(beating("a", 2), "two")), unknown);
    assert_eq!(place.send(&with_instance(beating("a", LEAVING), "two")), unknown);
    let foreign = place.send(&with_instance(beating("b", LEAVING), "one"));
    assert_eq!(foreign, Err(Refusal::FencedInstance("a".into())));
}

#[test]
fn an_instance_that_leaves_for_good_is_gone() {
    let (mut place, _) = started();
    place.send(&with_instance(beating("a", LEAVING), "one")).unwrap();
    assert!(place.group().is_empty());
    assert!(place.send(&with_instance(joining("b", &["t"]), "one")).is_ok());
}
