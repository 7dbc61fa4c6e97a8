use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::*;
use crate::coordinator::group::classic::tests::{World, protocols};
use crate::coordinator::group::classic::{Join, Phase};
use crate::coordinator::group::consumer;
use crate::coordinator::group::members::{CommitRefusal, Committer, DeleteRefusal, Members, Nobody};
use crate::protocol::consumer::{Subscription, encode};
use crate::types::TopicId;

const NOBODY: Committer<'_> =
    Committer { member_id: "", instance: None, generation: -1, is_transactional: false, version: 9 };
const WEEK: i64 = 7 * 24 * 60 * 60 * 1000;

fn partition(topic: u128, index: i32) -> Partition {
    Partition { topic: TopicId(Uuid::from_u128(topic)), index }
}

fn offset(offset: i64, metadata: &str) -> CommittedOffset {
    CommittedOffset {
        offset,
        leader_epoch: 3,
        committed_ms: 0,
        expires_ms: None,
        metadata: metadata.to_owned(),
    }
}

fn commit_as(
    members: Option<&dyn Members>,
    by: Committer<'_>,
    offsets: Vec<(Partition, CommittedOffset)>,
) -> Result<Committed, CommitRefusal> {
    commit(members, Commit { by, offsets }, &Limits::default(), 5_000)
}

/// Offsets 7 of one partition of each topic, committed at time 1,000.
fn offsets(topics: &[u128]) -> Offsets {
    let mut offsets = Offsets::default();
    for topic in topics {
        let committed = CommittedOffset { committed_ms: 1_000, ..offset(7, "") };
        offsets.apply(&Row(partition(*topic, 0), Some(committed)));
    }
    offsets
}

/// A stable group whose member is subscribed to a topic.
fn subscribed_to(topic: &str) -> World {
    let subscription = Subscription { topics: vec![topic.to_owned()], ..Subscription::default() };
    let metadata: Bytes = encode(&subscription, 1).unwrap();
    let mut world = World::new();
    let join = world.joining("", "a");
    let mut protocols = protocols(&[("range", "")]).to_vec();
    protocols[0].metadata = metadata;
    let protocols: Arc<[_]> = protocols.into();
    world.send(Join { protocols: Arc::clone(&protocols), ..join });
    let join = world.joining("a", "");
    world.send(Join { protocols, ..join });
    world.finish_first();
    world.settle();
    world
}

fn name(id: TopicId) -> Option<Arc<str>> {
    match id.0.as_u128() {
        1 => Some("read".into()),
        2 => Some("other".into()),
        _ => None,
    }
}

fn expired(members: &dyn Members, offsets: &Offsets, now_ms: i64) -> (Vec<Partition>, bool) {
    let topics = Topics { name: &name, are_all: true };
    let expired = expire(members, offsets, topics, &Limits::default(), now_ms);
    assert!(expired.rows.iter().all(|Row(_, committed)| committed.is_none()));
    (expired.rows.into_iter().map(|Row(partition, _)| partition).collect(), expired.is_group)
}

#[test]
fn who_is_no_member_commits_only_where_there_are_none() {
    let committed = commit_as(None, NOBODY, vec![(partition(1, 0), offset(7, "mine"))]).unwrap();
    assert_eq!(committed.outcomes, [Ok(())]);
    let stored = CommittedOffset { committed_ms: 5_000, ..offset(7, "mine") };
    assert_eq!(committed.rows, [Row(partition(1, 0), Some(stored))]);
    assert!(commit_as(Some(&Nobody), NOBODY, Vec::new()).is_ok());

    let mut world = World::stable(&["a"]);
    let refused = commit_as(Some(world.group()), NOBODY, Vec::new());
    assert_eq!(refused, Err(CommitRefusal::UnknownMember));
    world.leave(&[("a", None)]);
    assert_eq!(world.group().phase(), Phase::Empty);
    assert!(commit_as(Some(world.group()), NOBODY, Vec::new()).is_ok());
}

#[test]
fn a_generation_that_never_was_commits_nothing() {
    let by = Committer { member_id: "a", generation: 4, ..NOBODY };
    assert_eq!(commit_as(None, by, Vec::new()), Err(CommitRefusal::NoGroup));
    let refused = commit_as(Some(&Nobody), by, Vec::new());
    assert_eq!(refused, Err(CommitRefusal::UnknownMember));
    let nameless = Committer { generation: 4, ..NOBODY };
    let refused = commit_as(Some(&Nobody), nameless, Vec::new());
    assert_eq!(refused, Err(CommitRefusal::UnknownMember));
}

#[test]
fn long_words_about_an_offset_are_refused_and_the_others_are_committed() {
    // Java counts a character outside the basic plane as two.
    let long = "\u{1f600}".repeat(2_048);
    let offsets = vec![
        (partition(1, 0), offset(1, &format!("{long}x"))),
        (partition(1, 1), offset(2, &long)),
        (partition(1, 2), offset(-1, "")),
    ];
    let committed = commit_as(None, NOBODY, offsets).unwrap();
    assert_eq!(committed.outcomes, [Err(TooLarge), Ok(()), Ok(())]);
    let changed: Vec<Partition> = committed.rows.iter().map(|Row(partition, _)| *partition).collect();
    assert_eq!(changed, [partition(1, 1), partition(1, 2)]);
}

#[test]
fn offsets_that_members_may_use_are_not_deleted() {
    let topics = [("read", vec![partition(1, 0)]), ("other", vec![partition(2, 0), partition(2, 9)])];
    let world = subscribed_to("read");
    let members: Option<&dyn Members> = Some(world.group());
    let deleted = delete(members, &offsets(&[1, 2]), &topics).unwrap();
    assert_eq!(deleted.outcomes, [Err(DeleteRefusal::Subscribed), Ok(())]);
    assert_eq!(deleted.rows, [Row(partition(2, 0), None)]);
    let deleted = delete(Some(&Nobody), &offsets(&[1, 2]), &topics).unwrap();
    assert_eq!(deleted.outcomes, [Ok(()), Ok(())]);
    assert_eq!(delete(None, &offsets(&[]), &topics), Err(DeleteRefusal::NoGroup));
}

#[test]
fn of_members_that_are_no_consumers_nothing_is_deleted_or_expires() {
    let mut world = World::new();
    let join = Join { protocol_type: "connect".into(), ..world.joining("", "a") };
    world.send(join);
    let join = Join { protocol_type: "connect".into(), ..world.joining("a", "") };
    world.send(join);
    world.finish_first();
    world.settle();
    let members = world.group();
    assert_eq!(delete(Some(members), &offsets(&[1]), &[]), Err(DeleteRefusal::NotEmpty));
    assert_eq!(expired(members, &offsets(&[1]), 9 * WEEK), (vec![], false));
    world.leave(&[("a", None)]);
    assert!(delete(Some(world.group()), &offsets(&[1]), &[]).is_ok());
}

#[test]
fn offsets_without_members_expire_a_while_after_they_were_committed() {
    let offsets = offsets(&[1, 2]);
    assert_eq!(expired(&Nobody, &offsets, 999 + WEEK), (vec![], false));
    assert_eq!(expired(&Nobody, &offsets, 1_000 + WEEK), (vec![partition(1, 0), partition(2, 0)], true));
}

#[test]
fn offsets_of_an_empty_group_expire_a_while_after_the_last_member_left() {
    let mut world = subscribed_to("read");
    world.pass(5_000);
    world.leave(&[("a", None)]);
    let (left, offsets) = (world.now_ms, offsets(&[1]));
    let members = world.group();
    assert_eq!(expired(members, &offsets, left + WEEK - 1), (vec![], false));
    assert_eq!(expired(members, &offsets, left + WEEK), (vec![partition(1, 0)], true));
    assert_eq!(
        expired(members, &Offsets::default(), left),
        (vec![], true),
        "an empty group with nothing goes"
    );
}

#[test]
fn offsets_of_topics_that_the_metadata_may_have_lost_are_kept_for_ever() {
    let topics = Topics { name: &name, are_all: false };
    let expired = expire(&Nobody, &offsets(&[1, 8]), topics, &Limits::default(), 9 * WEEK);
    assert_eq!(expired, Expired { rows: vec![Row(partition(1, 0), None)], is_group: false });
}

#[test]
fn of_a_stable_group_only_offsets_of_topics_without_subscribers_expire() {
    let mut world = subscribed_to("read");
    let offsets = offsets(&[1, 2]);
    let late = 1_000 + WEEK;
    assert_eq!(expired(world.group(), &offsets, late), (vec![partition(2, 0)], false));
    world.join_new("b");
    assert_eq!(expired(world.group(), &offsets, late), (vec![], false), "it is rebalancing");
}

#[test]
fn offsets_of_deleted_topics_go_at_once() {
    let world = subscribed_to("read");
    assert_eq!(expired(world.group(), &offsets(&[1, 8]), 0), (vec![partition(8, 0)], false));
}

#[test]
fn a_client_may_say_itself_when_an_offset_expires() {
    let mut offsets = Offsets::default();
    let committed = CommittedOffset { expires_ms: Some(2_000), ..offset(7, "") };
    offsets.apply(&Row(partition(1, 0), Some(committed)));
    assert_eq!(expired(&Nobody, &offsets, 1_999), (vec![], false));
    assert_eq!(expired(&Nobody, &offsets, 2_000), (vec![partition(1, 0)], true));
}

#[test]
fn of_a_consumer_group_only_offsets_of_topics_without_subscribers_go() {
    let mut group = consumer::Group::default();
    let member = consumer::Member {
        topics: Arc::new(consumer::Names::from(["read".into()])),
        ..consumer::Member::new("m".into())
    };
    group.apply(&consumer::Row::Member("m".into(), Some(Arc::new(member))));
    let late = 1_000 + WEEK;
    let members = &group;
    assert_eq!(expired(members, &offsets(&[1, 2]), late - 1), (vec![], false));
    assert_eq!(expired(members, &offsets(&[1, 2]), late), (vec![partition(2, 0)], false));
    let topics = [("read", vec![partition(1, 0)]), ("other", vec![partition(2, 0)])];
    let deleted = delete(Some(members), &offsets(&[1, 2]), &topics).unwrap();
    assert_eq!(deleted.outcomes, [Err(DeleteRefusal::Subscribed), Ok(())]);
    assert_eq!(members.check_delete(), Err(DeleteRefusal::NotEmpty));

    group.apply(&consumer::Row::Member("m".into(), None));
    let members = &group;
    assert_eq!(members.check_delete(), Ok(()));
    let gone = (vec![partition(1, 0), partition(2, 0)], true);
    assert_eq!(
        expired(members, &offsets(&[1, 2]), late),
        gone,
        "the last offset takes an empty group with it"
    );
}

#[test]
fn one_offset_that_a_late_member_does_not_hold_is_the_end_of_its_commit() {
    let held = |index| consumer::Held::from([(TopicId(Uuid::from_u128(1)), [(index, 3)].into())]);
    let progress = consumer::reconcile::Progress {
        epoch: 5,
        assigned: held(0),
        ..consumer::reconcile::Progress::at_start()
    };
    let mut group = consumer::Group::default();
    let member = Arc::new(consumer::Member::new("m".into()));
    group.apply(&consumer::Row::Member("m".into(), Some(member)));
    group.apply(&consumer::Row::Progress("m".into(), Some(Arc::new(progress))));
    let members: Option<&dyn Members> = Some(&group);
    let by = Committer { member_id: "m", generation: 4, ..NOBODY };
    let own = (partition(1, 0), offset(7, ""));
    assert!(commit_as(members, by, vec![own.clone()]).is_ok());
    let refused = commit_as(members, by, vec![own, (partition(1, 1), offset(7, ""))]);
    assert_eq!(refused, Err(CommitRefusal::StaleEpoch));
    let older = Committer { version: 8, ..by };
    let refused = commit_as(members, older, Vec::new());
    assert_eq!(refused, Err(CommitRefusal::OldVersion));
}
