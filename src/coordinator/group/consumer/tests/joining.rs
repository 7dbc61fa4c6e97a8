//! Members come and go, and partitions move between them.

use super::*;
use crate::coordinator::group::assignor::Assignor;

#[test]
fn the_first_member_gets_everything_at_once() {
    let mut harness = Harness::new();
    let topic = harness.topics.put("t", 4);
    let reply = harness.join("a", &["t", "missing"]);
    assert_eq!(
        reply,
        HeartbeatReply {
            member_id: "a".into(),
            epoch: 2,
            heartbeat_interval_ms: 5000,
            assignment: Some(of(topic, 0..4)),
        }
    );
    assert_eq!(harness.group().state(), State::Stable);
}

#[test]
fn a_member_without_topics_is_past_the_epoch_of_joining() {
    let mut harness = Harness::new();
    assert_eq!(harness.join("a", &[]).epoch, 1);
    assert_eq!(harness.join("b", &["missing"]).epoch, 2, "another subscription, though to nothing");
    assert_eq!(harness.send(&beating("a", 1)).unwrap().epoch, 2);
}

#[test]
fn a_partition_moves_only_once_its_owner_has_given_it_up() {
    let mut harness = Harness::new();
    let topic = harness.topics.put("t", 4);
    let all = harness.join("a", &["t"]).assignment.unwrap();
    let joined = harness.join("b", &["t"]);
    assert_eq!((joined.epoch, joined.assignment), (3, Some(Assignment::new())));
    assert_eq!(harness.group().state(), State::Reconciling);

    // The first member learns that it must give up two, and stays in its epoch until it has.
    let told = harness.beat("a", 2, &all).unwrap();
    let kept = told.assignment.clone().unwrap();
    assert_eq!((told.epoch, count(&kept)), (2, 2));
    assert_eq!(harness.beat("b", 3, &Assignment::new()).unwrap().assignment, None);
    assert_eq!(harness.beat("a", 2, &all).unwrap().assignment, None, "it has not given them up yet");

    let done = harness.beat("a", 2, &kept).unwrap();
    assert_eq!((done.epoch, done.assignment), (3, None));
    let given = harness.beat("b", 3, &Assignment::new()).unwrap().assignment.unwrap();
    assert_eq!(count(&given), 2);
    assert!(given[&topic].is_disjoint(&kept[&topic]));
    assert_eq!(harness.group().state(), State::Stable);
}

#[test]
fn a_heartbeat_that_changes_nothing_writes_nothing() {
    let mut harness = Harness::new();
    harness.topics.put("t", 4);
    let all = harness.join("a", &["t"]).assignment.unwrap();
    let written = harness.written;
    for _ in 0..3 {
        harness.pass(5000);
        assert_eq!(harness.send(&beating("a", 2)).unwrap().assignment, None);
        assert_eq!(harness.beat("a", 2, &all).unwrap().epoch, 2);
    }
    assert_eq!(harness.written, written);
}

#[test]
fn a_whole_request_is_answered_with_the_whole_assignment() {
    let mut harness = Harness::new();
    harness.topics.put("t", 2);
    let all = harness.join("a", &["t"]).assignment.unwrap();
    let whole = Heartbeat { epoch: 2, owned: Some(all.clone()), ..joining("a", &["t"]) };
    assert_eq!(harness.send(&whole).unwrap().assignment, Some(all));
}

#[test]
fn what_a_leaving_member_held_goes_to_the_others() {
    let mut harness = Harness::new();
    let topic = harness.topics.put("t", 2);
    harness.join("a", &["t"]);
    let left = harness.send(&beating("a", LEAVING)).unwrap();
    assert_eq!((left.epoch, left.heartbeat_interval_ms, left.assignment), (-1, 0, None));
    assert_eq!((harness.group().state(), harness.group().epoch()), (State::Empty, 3));
    assert!(harness.timers.is_empty());
    assert_eq!(harness.join("b", &["t"]).assignment, Some(of(topic, 0..2)));
}

#[test]
fn a_silent_member_goes_after_its_session() {
    let mut harness = Harness::new();
    let topic = harness.topics.put("t", 2);
    harness.join("a", &["t"]);
    harness.join("b", &["t"]);
    harness.pass(44_000);
    harness.send(&beating("b", 3)).unwrap();
    harness.pass(2000);
    assert_eq!(harness.ids(), BTreeSet::from(["b".to_owned()]));
    assert_eq!(harness.send(&beating("b", 3)).unwrap().assignment, Some(of(topic, 0..2)));
    assert_eq!(harness.send(&beating("a", 2)), Err(Refusal::UnknownMember("a".into())));
}

#[test]
fn a_member_that_does_not_give_up_its_partitions_goes_after_its_rebalance_timeout() {
    let mut harness = Harness::new();
    harness.topics.put("t", 2);
    let all = harness.join("a", &["t"]).assignment.unwrap();
    harness.join("b", &["t"]);
    for _ in 0..6 {
        harness.beat("a", 2, &all).unwrap();
        harness.beat("b", 3, &Assignment::new()).unwrap();
        harness.pass(10_001);
    }
    assert_eq!(harness.ids(), BTreeSet::from(["b".to_owned()]));
}

#[test]
fn a_member_that_gave_up_its_partitions_in_time_stays() {
    let mut harness = Harness::new();
    harness.topics.put("t", 2);
    let all = harness.join("a", &["t"]).assignment.unwrap();
    harness.join("b", &["t"]);
    let kept = harness.beat("a", 2, &all).unwrap().assignment.unwrap();
    harness.pass(40_000);
    harness.beat("a", 2, &kept).unwrap();
    harness.beat("b", 3, &Assignment::new()).unwrap();
    harness.pass(40_000);
    assert_eq!(harness.ids().len(), 2);
}

#[test]
fn a_full_group_takes_only_those_it_knows() {
    let mut harness = Harness::new();
    harness.settings.max_size = 1;
    harness.topics.put("t", 2);
    harness.join("a", &["t"]);
    assert_eq!(harness.send(&joining("b", &["t"])), Err(Refusal::GroupFull(1)));
    assert!(harness.send(&beating("a", 2)).is_ok());
}

#[test]
fn more_partitions_and_a_topic_made_later_lead_to_a_new_target() {
    let mut harness = Harness::new();
    let topic = harness.topics.put("t", 1);
    harness.join("a", &["t", "later"]);
    harness.topics.put("t", 3);
    let grown = harness.send(&beating("a", 2)).unwrap();
    assert_eq!((grown.epoch, grown.assignment), (3, Some(of(topic, 0..3))));
    let later = harness.topics.put("later", 1);
    let found = harness.send(&beating("a", 3)).unwrap();
    assert_eq!((found.epoch, found.assignment.unwrap()[&later].len()), (4, 1));
    let written = harness.written;
    harness.topics.put("unrelated", 1);
    assert_eq!(harness.send(&beating("a", 4)).unwrap().epoch, 4);
    assert_eq!(harness.written, written);
}

#[test]
fn targets_are_not_made_more_often_than_the_interval_allows() {
    let mut harness = Harness::new();
    harness.settings.assignment_interval_ms = 1000;
    harness.topics.put("t", 2);
    harness.join("a", &["t"]);
    let early = harness.join("b", &["t"]);
    assert_eq!((early.epoch, harness.group().state()), (2, State::Assigning));
    harness.pass(1000);
    assert_eq!(harness.send(&beating("b", 2)).unwrap().epoch, 3);
}

#[test]
fn the_assignor_is_the_choice_of_the_majority() {
    let mut harness = Harness::new();
    harness.topics.put("t", 2);
    let with = |id: &str, assignor| {
        let mut request = joining(id, &["t"]);
        request.says.assignor = assignor;
        request
    };
    harness.send(&with("a", Some(Assignor::Range))).unwrap();
    harness.send(&with("b", None)).unwrap();
    assert_eq!(harness.group().preferred_assignor(), Some(Assignor::Range));
    let before = harness.group().epoch();
    harness.send(&Heartbeat { epoch: before, owned: None, ..with("b", Some(Assignor::Uniform)) }).unwrap();
    assert_eq!(harness.group().preferred_assignor(), Some(Assignor::Uniform));
    assert_eq!(harness.group().epoch(), before + 1);
}

#[test]
fn what_could_not_be_stored_is_refused_and_changes_nothing() {
    let mut harness = Harness::new();
    harness.topics.put("t", 1);
    harness.limits.max_stored_bytes = 1_000;
    let long = "n".repeat(1_000);
    assert_eq!(harness.send(&joining("a", &[&long])), Err(Refusal::TooLarge));
    assert!(!harness.whole.exists());
    harness.join("a", &["t"]);
    let wordy = Heartbeat { says: joining("a", &[&long]).says, ..beating("a", 2) };
    assert_eq!(harness.send(&wordy), Err(Refusal::TooLarge));
    assert!(harness.group().is_subscribed("t"));
}
