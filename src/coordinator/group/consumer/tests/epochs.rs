//! A heartbeat counts only if it is of the member's epoch.

use super::*;

fn two_epochs() -> (Harness, Assignment) {
    let mut harness = Harness::new();
    let topic = harness.topics.put("t", 1);
    harness.join("a", &["t"]);
    harness.topics.put("t", 2);
    harness.send(&beating("a", 2)).unwrap();
    (harness, of(topic, 0..2))
}

fn fenced(relation: &'static str, received: i32, known: i32) -> Result<HeartbeatReply, Refusal> {
    Err(Refusal::FencedEpoch { relation, received, known })
}

#[test]
fn a_member_from_the_future_is_fenced() {
    let (mut harness, _) = two_epochs();
    assert_eq!(harness.send(&beating("a", 4)), fenced("greater", 4, 3));
}

#[test]
fn a_member_that_missed_an_answer_may_say_so_with_what_it_owns() {
    let (mut harness, owned) = two_epochs();
    assert_eq!(harness.send(&beating("a", 2)), fenced("smaller", 2, 3), "it says nothing of what it owns");
    assert_eq!(harness.beat("a", 2, &owned).unwrap().epoch, 3);
    let foreign = of(TopicId(Uuid::from_u128(9)), [0]);
    assert_eq!(harness.beat("a", 2, &foreign), fenced("smaller", 2, 3));
}

#[test]
fn a_member_that_joins_again_keeps_its_place() {
    let (mut harness, owned) = two_epochs();
    let again = harness.join("a", &["t"]);
    assert_eq!((again.epoch, again.assignment), (3, Some(owned)));
    assert_eq!(harness.group().epoch(), 3);
}

#[test]
fn nobody_but_who_joins_makes_a_group() {
    let mut harness = Harness::new();
    assert_eq!(harness.send(&beating("a", 2)), Err(Refusal::NoGroup));
    assert_eq!(harness.send(&beating("a", LEAVING)), Err(Refusal::NoGroup));
    assert!(!harness.whole.exists());
}

#[test]
fn a_client_without_an_id_is_given_one() {
    let mut harness = Harness::new();
    harness.topics.put("t", 1);
    assert_eq!(&*harness.join("", &["t"]).member_id, "fresh");
    assert_eq!(harness.ids(), BTreeSet::from(["fresh".to_owned()]));
}
