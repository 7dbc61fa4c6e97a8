use super::*;
use crate::coordinator::group::{CommitRefusal, Committer};

/// A group whose members have joined and not synced.
fn completing(ids: &[&str]) -> World {
    let mut world = World::new();
    for id in ids {
        world.join_new(id);
    }
    world.finish_first();
    assert_eq!(world.group().phase(), Phase::Completing);
    world
}

#[test]
fn followers_wait_for_the_leader() {
    let mut world = completing(&["a", "b"]);
    let saves = world.saves;
    let b = world.sync("b");
    assert!(world.waits(b));
    assert_eq!(world.heartbeat("b"), Ok(()));
    let a = world.sync_leader();
    assert_eq!(world.synced(a).assignment, "a");
    let reply = world.synced(b);
    assert_eq!((reply.refusal, &reply.assignment[..]), (None, &b"b"[..]));
    assert_eq!(reply.protocol_type.as_deref(), Some("consumer"));
    assert_eq!(world.saves, saves + 1);
}

#[test]
fn a_member_that_the_leader_left_out_gets_nothing() {
    let mut world = completing(&["a", "b"]);
    let sync = world.sync_of("a");
    world.send_sync(sync);
    let b = world.sync("b");
    assert_eq!(world.synced(b), world.group().sync_reply(Bytes::new()));
}

#[test]
fn a_sync_says_which_generation_member_and_protocol_it_means() {
    let mut world = completing(&["a", "b"]);
    let mut sync = world.sync_of("a");
    sync.generation = 7;
    let asker = world.send_sync(sync);
    assert_eq!(world.synced(asker).refusal, Some(Refusal::IllegalGeneration));
    let asker = world.sync("nobody");
    assert_eq!(world.synced(asker).refusal, Some(Refusal::UnknownMember));
    let mut sync = world.sync_of("a");
    sync.protocol_name = Some("roundrobin".into());
    let asker = world.send_sync(sync);
    assert_eq!(world.synced(asker).refusal, Some(Refusal::InconsistentProtocol));
    let mut sync = world.sync_of("a");
    sync.protocol_type = Some("connect".into());
    let asker = world.send_sync(sync);
    assert_eq!(world.synced(asker).refusal, Some(Refusal::InconsistentProtocol));
}

#[test]
fn a_rebalance_sends_those_back_who_wait_for_their_assignment() {
    let mut world = completing(&["a", "b"]);
    let b = world.sync("b");
    world.join_new("c");
    assert_eq!(world.synced(b).refusal, Some(Refusal::RebalanceInProgress));
    let a = world.sync("a");
    assert_eq!(world.synced(a).refusal, Some(Refusal::RebalanceInProgress));
}

#[test]
fn members_that_never_sync_are_removed() {
    let mut world = completing(&["a", "b"]);
    world.sync_leader();
    for _ in 0..6 {
        world.pass(9_999);
        world.heartbeat("a").unwrap();
        world.heartbeat("b").unwrap();
    }
    world.pass(6);
    assert_eq!(world.heartbeat("b"), Err(Refusal::UnknownMember));
    assert_eq!(world.heartbeat("a"), Err(Refusal::RebalanceInProgress));
}

#[test]
fn a_leader_that_dies_before_it_assigns_is_replaced() {
    let mut world = completing(&["a", "b"]);
    let b = world.sync("b");
    world.pass(SESSION.into());
    assert_eq!(world.synced(b).refusal, Some(Refusal::RebalanceInProgress));
    let b = world.join("b");
    let reply = world.joined(b);
    assert_eq!((&*reply.leader, reply.members.len()), ("b", 1));
}

#[test]
fn silence_for_a_session_removes_a_member() {
    let mut world = World::stable(&["a", "b"]);
    world.pass(9_999);
    world.heartbeat("a").unwrap();
    world.pass(1);
    assert_eq!(world.heartbeat("b"), Err(Refusal::UnknownMember));
    assert_eq!(world.heartbeat("a"), Err(Refusal::RebalanceInProgress));
    let a = world.join("a");
    assert_eq!(world.joined(a).generation, 2);
}

#[test]
fn a_member_that_waits_for_us_does_not_expire() {
    let mut world = World::stable(&["a", "b"]);
    let a = world.join("a");
    for _ in 0..5 {
        world.pass(9_000);
        assert_eq!(world.heartbeat("b"), Err(Refusal::RebalanceInProgress));
    }
    assert!(world.waits(a));
    world.join("b");
    assert_eq!(world.joined(a).generation, 2);
}

#[test]
fn a_group_too_large_to_be_stored_rebalances_instead() {
    let mut world = completing(&["a", "b"]);
    world.limits.max_stored_bytes = world.saved.as_ref().unwrap().encode().len() + 10;
    let b = world.sync("b");
    let a = world.sync_leader();
    assert_eq!(world.synced(a).refusal, Some(Refusal::TooLarge));
    assert_eq!(world.synced(b).refusal, Some(Refusal::TooLarge));
    assert_eq!(world.heartbeat("a"), Err(Refusal::RebalanceInProgress));
}

#[test]
fn heartbeats_of_other_generations_are_refused() {
    let mut world = World::stable(&["a"]);
    assert_eq!(world.heartbeat_as("a", None, 0), Err(Refusal::IllegalGeneration));
    assert_eq!(world.heartbeat_as("x", None, 1), Err(Refusal::UnknownMember));
    assert_eq!(world.heartbeat_as("a", None, 1), Ok(()));
}

#[test]
fn commits_are_checked_against_member_generation_and_phase() {
    let by = |member_id, generation| Committer {
        member_id,
        instance: None,
        generation,
        is_transactional: false,
        version: 9,
    };
    let mut world = World::stable(&["a"]);
    let check = |world: &World, by| world.group().check_commit(by, &[]);
    assert_eq!(check(&world, by("a", 1)), Ok(()));
    assert_eq!(check(&world, by("a", 0)), Err(CommitRefusal::IllegalGeneration));
    assert_eq!(check(&world, by("b", 1)), Err(CommitRefusal::UnknownMember));
    assert_eq!(check(&world, by("", -1)), Err(CommitRefusal::UnknownMember));
    world.join_new("b");
    assert_eq!(check(&world, by("a", 1)), Ok(()), "members commit before they join again");
    world.join("a");
    assert_eq!(world.group().phase(), Phase::Completing);
    assert_eq!(check(&world, by("a", 2)), Err(CommitRefusal::RebalanceInProgress));
    assert_eq!(world.group().check_commit(Committer { is_transactional: true, ..by("a", 2) }, &[]), Ok(()));
    world.leave(&[("a", None), ("b", None)]);
    assert_eq!(check(&world, by("", -1)), Ok(()));
    assert_eq!(check(&world, by("a", 2)), Err(CommitRefusal::UnknownMember));
}

#[test]
fn a_commit_keeps_a_session_alive() {
    let mut world = World::stable(&["a"]);
    world.pass(9_000);
    let renewed = world.group().renew_by_commit("a");
    world.apply(Decision { timers: renewed.into_iter().collect(), ..Decision::unchanged(()) });
    world.pass(9_000);
    assert_eq!(world.heartbeat("a"), Ok(()));
}
