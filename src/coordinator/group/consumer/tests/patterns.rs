//! Subscriptions by pattern.

use super::*;

fn matching(id: &str, pattern: &str) -> Heartbeat {
    let mut request = joining(id, &[]);
    request.says.topics = None;
    request.says.pattern = Some(pattern.into());
    request
}

#[test]
fn a_pattern_is_a_subscription_to_the_topics_that_it_matches() {
    let mut place = Place::new();
    let (one, two) = (place.topics.put("orders-1", 1), place.topics.put("orders-2", 1));
    place.topics.put("other", 1);
    let reply = place.send(&matching("a", "orders-.*")).unwrap();
    let assigned: Vec<TopicId> = reply.assignment.unwrap().into_keys().collect();
    assert_eq!(assigned, [one, two]);
    assert!(place.group().is_subscribed("orders-1") && !place.group().is_subscribed("other"));
}

#[test]
fn a_new_topic_is_seen_after_ten_seconds() {
    let mut place = Place::new();
    place.topics.put("orders-1", 1);
    place.send(&matching("a", "orders-.*")).unwrap();
    let new = place.topics.put("orders-2", 1);
    place.pass(10_000);
    assert_eq!(place.send(&beating("a", 2)).unwrap().assignment, None);
    place.pass(1);
    let seen = place.send(&beating("a", 2)).unwrap();
    assert_eq!((seen.epoch, seen.assignment.unwrap().contains_key(&new)), (3, true));
    let written = place.written;
    place.pass(20_000);
    place.send(&beating("a", 3)).unwrap();
    assert_eq!(place.written, written, "topics are as they were");
}

#[test]
fn a_pattern_goes_with_its_last_subscriber() {
    let mut place = Place::new();
    place.topics.put("orders-1", 2);
    place.send(&matching("a", "orders-.*")).unwrap();
    place.send(&matching("b", "orders-.*")).unwrap();
    place.send(&beating("a", LEAVING)).unwrap();
    assert!(place.group().is_subscribed("orders-1"));
    let mut unsubscribed = beating("b", 3);
    unsubscribed.says.pattern = Some("".into());
    unsubscribed.owned = Some(Assignment::new());
    let reply = place.send(&unsubscribed).unwrap();
    assert_eq!(count(&reply.assignment.unwrap_or_default()), 0);
    assert!(!place.group().is_subscribed("orders-1"));
}

#[test]
fn a_pattern_that_cannot_be_read_is_refused() {
    let mut place = Place::new();
    let refused = place.send(&matching("a", "("));
    assert!(matches!(refused, Err(Refusal::InvalidPattern(_))), "{refused:?}");
    assert!(!place.whole.exists());
}

#[test]
fn what_is_named_comes_first_and_what_matches_with_the_next_heartbeat() {
    let mut place = Place::new();
    let (named, matched) = (place.topics.put("t", 1), place.topics.put("orders-1", 1));
    let both = Heartbeat {
        says: Says { topics: Some(["t".into()].into()), ..matching("a", "orders-.*").says },
        ..matching("a", "")
    };
    let first = place.send(&both).unwrap();
    let owned = first.assignment.unwrap();
    assert_eq!(owned.keys().copied().collect::<Vec<_>>(), [named]);
    let second = place.beat("a", first.epoch, &owned).unwrap();
    let assigned: BTreeSet<TopicId> = second.assignment.unwrap().into_keys().collect();
    assert_eq!(assigned, BTreeSet::from([named, matched]));
    let mut bad = both.clone();
    bad.member_id = "b".into();
    bad.says.pattern = Some("[".into());
    assert!(matches!(place.send(&bad), Err(Refusal::InvalidPattern(_))));
}

#[test]
fn after_loading_new_topics_are_seen_at_once() {
    let mut place = Place::new();
    place.topics.put("orders-1", 1);
    place.send(&matching("a", "orders-.*")).unwrap();
    let new = place.topics.put("orders-2", 1);
    place.put(place.loaded());
    assert!(place.send(&beating("a", 2)).unwrap().assignment.unwrap().contains_key(&new));
}
