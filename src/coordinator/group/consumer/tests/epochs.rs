//! A heartbeat counts only if it is of the member's epoch.

use super::*;

fn two_epochs() -> (Place, Assignment) {
    let mut place = Place::new();
    let topic = place.topics.put("t", 1);
    place.join("a", &["t"]);
    place.topics.put("t", 2);
    place.send(&beating("a", 2)).unwrap();
    (place, of(topic, 0..2))
}

fn fenced(relation: &'static str, received: i32, known: i32) -> Result<HeartbeatReply, Refusal> {
    Err(Refusal::FencedEpoch { relation, received, known })
}

#[test]
fn a_member_from_the_future_is_fenced() {
    let (mut place, _) = two_epochs();
    assert_eq!(place.send(&beating("a", 4)), fenced("greater", 4, 3));
}

#[test]
fn a_member_that_missed_an_answer_may_say_so_with_what_it_owns() {
    let (mut place, owned) = two_epochs();
    assert_eq!(place.send(&beating("a", 2)), fenced("smaller", 2, 3), "it says nothing of what it owns");
    assert_eq!(place.beat("a", 2, &owned).unwrap().epoch, 3);
    let foreign = of(TopicId(Uuid::from_u128(9)), [0]);
    assert_eq!(place.beat("a", 2, &foreign), fenced("smaller", 2, 3));
}

#[test]
fn a_member_that_joins_again_keeps_its_place() {
    let (mut place, owned) = two_epochs();
    let again = place.join("a", &["t"]);
    assert_eq!((again.epoch, again.assignment), (3, Some(owned)));
    assert_eq!(place.group().epoch(), 3);
}

#[test]
fn nobody_but_who_joins_makes_a_group() {
    let mut place = Place::new();
    assert_eq!(place.send(&beating("a", 2)), Err(Refusal::NoGroup));
    assert_eq!(place.send(&beating("a", LEAVING)), Err(Refusal::NoGroup));
    assert!(!place.whole.exists());
}

#[test]
fn a_client_without_an_id_is_given_one() {
    let mut place = Place::new();
    place.topics.put("t", 1);
    assert_eq!(&*place.join("", &["t"]).member_id, "fresh");
    assert_eq!(place.ids(), BTreeSet::from(["fresh".to_owned()]));
}
