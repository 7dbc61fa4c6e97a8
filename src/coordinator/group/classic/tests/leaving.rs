use super::*;

#[test]
fn a_member_that_leaves_makes_room_at_once() {
    let mut world = World::stable(&["a", "b"]);
    assert_eq!(world.leave(&[("a", None)]), [Ok(())]);
    assert_eq!(world.heartbeat("b"), Err(Refusal::RebalanceInProgress));
    let b = world.join("b");
    assert_eq!((&*world.joined(b).leader, world.group().generation()), ("b", 2));
}

#[test]
fn the_last_one_to_leave_stores_an_empty_group() {
    let mut world = World::stable(&["a"]);
    let saves = world.saves;
    world.pass(5);
    world.leave(&[("a", None)]);
    let stored = world.saved.as_ref().unwrap();
    assert_eq!((world.saves, stored.members.len(), stored.generation), (saves + 1, 0, 2));
    assert_eq!((stored.since_ms, stored.protocol_type.as_deref()), (world.now_ms, Some("consumer")));
    assert_eq!(world.group().protocol_name(), None);
}

#[test]
fn each_member_that_leaves_gets_its_own_answer() {
    let mut world = World::stable(&["a", "b"]);
    let join = world.joining("", "waiting");
    world.send(join);
    let outcomes = world.leave(&[("a", None), ("a", None), ("waiting", None), ("", None), ("", Some("i"))]);
    let unknown = Err(Refusal::UnknownMember);
    assert_eq!(outcomes, [Ok(()), unknown, Ok(()), unknown, unknown]);
}

#[test]
fn leaving_ends_a_rebalance_that_waited_for_the_member() {
    let mut world = World::stable(&["a", "b", "c"]);
    let a = world.join("a");
    let b = world.join("b");
    assert!(world.waits(a));
    world.leave(&[("c", None)]);
    assert_eq!(world.joined(a).members.len(), 2);
    assert_eq!(world.joined(b).generation, 2);
}

#[test]
fn what_a_removed_member_waits_for_is_answered() {
    let mut world = World::stable(&["a", "b"]);
    let a = world.join("a");
    world.leave(&[("a", None)]);
    assert_eq!(world.joined(a).refusal, Some(Refusal::UnknownMember));
    let b = world.join("b");
    world.joined(b);
    let c = world.join_new("c");
    let b = world.join("b");
    world.joined(b);
    world.joined(c);
    let sync = world.sync("c");
    world.leave(&[("c", None)]);
    assert_eq!(world.synced(sync).refusal, Some(Refusal::UnknownMember));
}

#[test]
fn nobody_left_in_a_first_rebalance_is_an_empty_group() {
    let mut world = World::new();
    let a = world.join_new("a");
    world.leave(&[("a", None)]);
    assert_eq!(world.joined(a).refusal, Some(Refusal::UnknownMember));
    world.pass(3000);
    assert_eq!((world.group().phase(), world.group().generation()), (Phase::Empty, 1));
}
