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
    let mut harness = Harness::new();
    let (one, two) = (harness.topics.put("orders-1", 1), harness.topics.put("orders-2", 1));
    harness.topics.put("other", 1);
    let reply = harness.send(&matching("a", "orders-.*")).unwrap();
    let assigned: Vec<TopicId> = reply.assignment.unwrap().into_keys().collect();
    assert_eq!(assigned, [one, two]);
    assert!(harness.group().is_subscribed("orders-1") && !harness.group().is_subscribed("other"));
}

#[test]
fn a_new_topic_is_seen_after_ten_seconds() {
    let mut harness = Harness::new();
    harness.topics.put("orders-1", 1);
    harness.send(&matching("a", "orders-.*")).unwrap();
    let new = harness.topics.put("orders-2", 1);
    harness.pass(10_000);
    assert_eq!(harness.send(&beating("a", 2)).unwrap().assignment, None);
    harness.pass(1);
    let seen = harness.send(&beating("a", 2)).unwrap();
    assert_eq!((seen.epoch, seen.assignment.unwrap().contains_key(&new)), (3, true));
    let written = harness.written;
    harness.pass(20_000);
    harness.send(&beating("a", 3)).unwrap();
    assert_eq!(harness.written, written, "topics are as they were");
}

#[test]
fn a_pattern_goes_with_its_last_subscriber() {
    let mut harness = Harness::new();
    harness.topics.put("orders-1", 2);
    harness.send(&matching("a", "orders-.*")).unwrap();
    harness.send(&matching("b", "orders-.*")).unwrap();
    harness.send(&beating("a", LEAVING)).unwrap();
    assert!(harness.group().is_subscribed("orders-1"));
    let mut unsubscribed = beating("b", 3);
    unsubscribed.says.pattern = Some("".into());
    unsubscribed.owned = Some(Assignment::new());
    let reply = harness.send(&unsubscribed).unwrap();
    assert_eq!(count(&reply.assignment.unwrap_or_default()), 0);
    assert!(!harness.group().is_subscribed("orders-1"));
}

#[test]
fn a_pattern_that_cannot_be_read_is_refused() {
    let mut harness = Harness::new();
    let refused = harness.send(&matching("a", "("));
    assert!(matches!(refused, Err(Refusal::InvalidPattern(_))), "{refused:?}");
    assert!(!harness.whole.exists());
}

#[test]
fn what_is_named_comes_first_and_what_matches_with_the_next_heartbeat() {
    let mut harness = Harness::new();
    let (named, matched) = (harness.topics.put("t", 1), harness.topics.put("orders-1", 1));
    let both = Heartbeat {
        says: Says { topics: Some(["t".into()].into()), ..matching("a", "orders-.*").says },
        ..matching("a", "")
    };
    let first = harness.send(&both).unwrap();
    let owned = first.assignment.unwrap();
    assert_eq!(owned.keys().copied().collect::<Vec<_>>(), [named]);
    let second = harness.beat("a", first.epoch, &owned).unwrap();
    let assigned: BTreeSet<TopicId> = second.assignment.unwrap().into_keys().collect();
    assert_eq!(assigned, BTreeSet::from([named, matched]));
    let mut bad = both.clone();
    bad.member_id = "b".into();
    bad.says.pattern = Some("[".into());
    assert!(matches!(harness.send(&bad), Err(Refusal::InvalidPattern(_))));
}

#[test]
fn after_loading_new_topics_are_seen_at_once() {
    let mut harness = Harness::new();
    harness.topics.put("orders-1", 1);
    harness.send(&matching("a", "orders-.*")).unwrap();
    let new = harness.topics.put("orders-2", 1);
    harness.put(harness.loaded());
    assert!(harness.send(&beating("a", 2)).unwrap().assignment.unwrap().contains_key(&new));
}
