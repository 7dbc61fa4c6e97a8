use super::*;

fn stable() -> World {
    let mut world = World::new();
    let a = world.join_static("a", "A");
    let b = world.join_static("b", "B");
    world.finish_first();
    assert_eq!(world.joined(a).members.len(), 2);
    world.joined(b);
    world.settle();
    world
}

#[test]
fn a_static_member_that_restarts_gets_its_assignment_back_without_a_rebalance() {
    let mut world = stable();
    let saves = world.saves;
    let again = world.join_static("b2", "B");
    let reply = world.joined(again);
    assert_eq!((reply.refusal, reply.generation, &*reply.member_id), (None, 1, "b2"));
    assert_eq!((world.group().phase(), world.saves), (Phase::Stable, saves + 1));
    let sync = world.sync("b2");
    assert_eq!(world.synced(sync).assignment, "b");
    assert_eq!(world.heartbeat("a"), Ok(()));
    assert_eq!(world.heartbeat_as("b", Some("B"), 1), Err(Refusal::FencedInstance));
    assert_eq!(world.heartbeat_as("b", None, 1), Err(Refusal::UnknownMember));
    world.restart();
    assert_eq!(world.heartbeat_as("b2", Some("B"), 1), Ok(()));
}

#[test]
fn a_leader_that_restarts_is_told_to_assign_nothing() {
    let mut world = stable();
    let again = world.join_static("a2", "A");
    let reply = world.joined(again);
    assert_eq!((reply.skip_assignment, &*reply.leader, reply.members.len()), (true, "a2", 2));

    let mut world = stable();
    let mut join = world.joining("", "a2");
    join.instance = Some("A".into());
    join.knows.skip_assignment = false;
    let again = world.send(join);
    let reply = world.joined(again);
    assert_eq!((reply.skip_assignment, &*reply.leader, reply.members.len()), (false, "a", 0));
}

#[test]
fn a_static_member_that_changes_the_choice_of_protocol_is_a_rebalance() {
    let mut world = World::new();
    let both: &[(&str, &str)] = &[("range", "r"), ("sticky", "s")];
    for (id, instance) in [("a", "A"), ("b", "B")] {
        let mut join = world.joining("", id);
        join.instance = Some(instance.into());
        join.protocols = protocols(both);
        world.send(join);
    }
    world.finish_first();
    world.settle();
    let mut join = world.joining("", "b2");
    join.instance = Some("B".into());
    join.protocols = protocols(&[("sticky", "s")]);
    let asker = world.send(join);
    assert!(world.waits(asker));
    assert_eq!(world.heartbeat("a"), Err(Refusal::RebalanceInProgress));
}

#[test]
fn whoever_waits_under_the_old_id_is_fenced() {
    let mut world = World::new();
    let first = world.join_static("a", "A");
    let second = world.join_static("a2", "A");
    let reply = world.joined(first);
    assert_eq!((reply.refusal, reply.protocol_name), (Some(Refusal::FencedInstance), None));
    world.finish_first();
    assert_eq!(&*world.joined(second).leader, "a2");
}

#[test]
fn a_static_member_that_restarts_while_others_sync_is_a_rebalance() {
    let mut world = stable();
    let a = world.join("a");
    let mut join = world.joining("b", "");
    join.instance = Some("B".into());
    world.send(join);
    world.joined(a);
    let b = world.sync("b");
    let again = world.join_static("b2", "B");
    assert_eq!(world.synced(b).refusal, Some(Refusal::FencedInstance));
    assert!(world.waits(again));
    assert_eq!(world.heartbeat("a"), Err(Refusal::RebalanceInProgress));
}

#[test]
fn static_members_that_do_not_join_in_time_stay_until_their_session_ends() {
    let mut world = stable();
    let c = world.join_new("c");
    let a = world.join("a");
    for _ in 0..6 {
        world.pass(9_999);
        let _ = world.heartbeat("b");
    }
    world.pass(6);
    world.joined(a);
    assert_eq!(world.joined(c).generation, 2);
    assert!(world.group().member("b").is_some());
}

#[test]
fn an_operator_removes_static_members_by_their_instance() {
    let mut world = stable();
    let outcomes = world.leave(&[("", Some("B")), ("wrong", Some("A")), ("", Some("nobody"))]);
    assert_eq!(outcomes, [Ok(()), Err(Refusal::FencedInstance), Err(Refusal::UnknownMember)]);
    assert_eq!(world.heartbeat("b"), Err(Refusal::UnknownMember));
}
