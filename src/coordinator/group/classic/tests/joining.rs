use super::*;

#[test]
fn a_client_without_an_id_must_join_again_with_the_one_it_gets() {
    let mut world = World::new();
    let join = world.joining("", "a");
    let asker = world.send(join);
    let reply = world.joined(asker);
    assert_eq!((reply.refusal, &*reply.member_id), (Some(Refusal::MemberIdRequired), "a"));
    assert_eq!(world.group().phase(), Phase::Empty);
    let asker = world.join("a");
    world.pass(3000);
    let reply = world.joined(asker);
    assert_eq!((reply.refusal, reply.generation, &*reply.leader), (None, 1, "a"));
    assert_eq!(reply.protocol_name.as_deref(), Some("range"));
}

#[test]
fn an_id_that_was_given_out_is_forgotten_after_a_session() {
    let mut world = World::new();
    let join = world.joining("", "a");
    world.send(join);
    world.pass(SESSION.into());
    let asker = world.join("a");
    assert_eq!(world.joined(asker).refusal, Some(Refusal::UnknownMember));
}

#[test]
fn old_versions_join_at_once() {
    let mut world = World::new();
    let mut join = world.joining("", "a");
    join.knows = Knows { member_id_required: false, skip_assignment: false };
    let asker = world.send(join);
    assert!(world.waits(asker));
    world.pass(3000);
    assert_eq!(&*world.joined(asker).member_id, "a");
}

#[test]
fn a_member_of_no_group_is_unknown_and_makes_none() {
    let mut world = World::new();
    let asker = world.join("a");
    assert_eq!(world.joined(asker).refusal, Some(Refusal::UnknownMember));
    assert!(world.group.is_none());
    assert_eq!(world.saves, 0);
}

#[test]
fn the_first_rebalance_waits_longer_while_members_come_but_not_for_ever() {
    let mut world = World::new();
    let a = world.join_new("a");
    world.pass(2000);
    let b = world.join_new("b");
    world.pass(1000);
    assert!(world.waits(a), "a member came, so it waits another delay");
    world.pass(2999);
    assert!(world.waits(a) && world.waits(b));
    world.pass(1);
    assert_eq!(world.joined(a).members.len(), 2);
    assert_eq!(world.joined(b).members.len(), 0);

    let mut world = World::new();
    let first = world.join_new("m0");
    for i in 1..100 {
        if !world.waits(first) {
            break;
        }
        world.pass(1000);
        world.join_new(&format!("m{i}"));
    }
    assert!(!world.waits(first));
    assert_eq!(world.now_ms, 1000 + i64::from(REBALANCE));
}

#[test]
fn a_new_member_makes_the_others_join_again() {
    let mut world = World::stable(&["a"]);
    let b = world.join_new("b");
    assert_eq!(world.heartbeat("a"), Err(Refusal::RebalanceInProgress));
    assert!(world.waits(b));
    let a = world.join("a");
    let reply = world.joined(a);
    assert_eq!((reply.generation, &*reply.leader), (2, "a"));
    let ids: Vec<&str> = reply.members.iter().map(|member| &*member.id).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(world.joined(b).generation, 2);
    assert_eq!(world.heartbeat("a"), Ok(()));
    world.settle();
}

#[test]
fn members_that_do_not_join_in_time_are_left_behind() {
    let mut world = World::stable(&["a", "b"]);
    let c = world.join_new("c");
    let b = world.join("b");
    for _ in 0..6 {
        world.pass(9_999);
        let _ = world.heartbeat("a");
    }
    assert!(world.waits(b));
    world.pass(6);
    assert_eq!(world.joined(b).generation, 2);
    let reply = world.joined(c);
    assert_eq!(&*reply.leader, "b", "the leader did not come, so another one leads");
    assert_eq!(world.heartbeat("a"), Err(Refusal::UnknownMember));
}

#[test]
fn a_follower_that_joins_again_unchanged_is_told_its_generation() {
    let mut world = World::stable(&["a", "b"]);
    let asker = world.join("b");
    let reply = world.joined(asker);
    assert_eq!((reply.refusal, reply.generation, &*reply.leader), (None, 1, "a"));
    assert_eq!(world.group().phase(), Phase::Stable);
    let asker = world.join("a");
    assert!(world.waits(asker), "a leader that joins again asks for a rebalance");
    assert_eq!(world.heartbeat("b"), Err(Refusal::RebalanceInProgress));
}

#[test]
fn a_changed_subscription_is_a_rebalance() {
    let mut world = World::stable(&["a", "b"]);
    let mut join = world.joining("b", "");
    join.protocols = protocols(&[("range", "other")]);
    let b = world.send(join);
    assert!(world.waits(b));
    let a = world.join("a");
    let reply = world.joined(a);
    assert_eq!(reply.members[1].metadata, "other");
    assert_eq!(world.joined(b).generation, 2);
}

#[test]
fn joining_twice_answers_the_earlier_request_too() {
    let mut world = World::stable(&["a", "b"]);
    let first = world.join("a");
    let second = world.join("a");
    assert_eq!(world.joined(first).refusal, Some(Refusal::RebalanceInProgress));
    assert!(world.waits(second));
}

#[test]
fn the_protocol_with_most_votes_among_those_all_understand_wins() {
    let mut world = World::new();
    let sets: [&[(&str, &str)]; 3] = [
        &[("only-a", "1"), ("sticky", "2"), ("range", "3")],
        &[("range", "4"), ("sticky", "5")],
        &[("range", "6"), ("sticky", "7")],
    ];
    let mut askers = Vec::new();
    for (id, set) in ["a", "b", "c"].into_iter().zip(sets) {
        let join = world.joining("", id);
        world.send(join);
        let mut join = world.joining(id, "");
        join.protocols = protocols(set);
        askers.push(world.send(join));
    }
    world.finish_first();
    let reply = world.joined(askers[0]);
    assert_eq!(reply.protocol_name.as_deref(), Some("range"));
    let metadata: Vec<&Bytes> = reply.members.iter().map(|member| &member.metadata).collect();
    assert_eq!(metadata, ["3", "4", "6"]);
}

#[test]
fn clients_that_have_no_protocol_in_common_with_the_group_are_refused() {
    let mut world = World::stable(&["a"]);
    let mut join = world.joining("", "b");
    join.protocols = protocols(&[("roundrobin", "")]);
    let asker = world.send(join);
    assert_eq!(world.joined(asker).refusal, Some(Refusal::InconsistentProtocol));
    let mut join = world.joining("", "b");
    join.protocol_type = "connect".into();
    let asker = world.send(join);
    assert_eq!(world.joined(asker).refusal, Some(Refusal::InconsistentProtocol));

    let mut world = World::new();
    let mut join = world.joining("", "a");
    join.protocols = protocols(&[]);
    let asker = world.send(join);
    assert_eq!(world.joined(asker).refusal, Some(Refusal::InconsistentProtocol));
    assert_eq!(world.group().phase(), Phase::Empty, "the group exists all the same, as in Kafka");
}

#[test]
fn an_empty_group_takes_another_type_of_protocol() {
    let mut world = World::stable(&["a"]);
    world.leave(&[("a", None)]);
    assert_eq!(world.group().phase(), Phase::Empty);
    let mut join = world.joining("", "b");
    join.protocol_type = "connect".into();
    join.knows.member_id_required = false;
    world.send(join);
    assert_eq!(world.group().protocol_type(), Some("connect"));
}

#[test]
fn a_full_group_takes_no_more_members() {
    let mut world = World::new();
    world.limits.max_size = 2;
    let askers = ["a", "b"].map(|id| world.join_new(id));
    let join = world.joining("", "c");
    let asker = world.send(join);
    let reply = world.joined(asker);
    assert_eq!((reply.refusal, &*reply.member_id), (Some(Refusal::GroupFull), ""));
    world.finish_first();
    for asker in askers {
        assert_eq!(world.joined(asker).refusal, None);
    }
    world.settle();
    let join = world.joining("", "c");
    let asker = world.send(join);
    assert_eq!(world.joined(asker).refusal, Some(Refusal::GroupFull));
}

#[test]
fn a_new_member_that_never_comes_back_goes_after_five_minutes() {
    let mut world = World::stable(&["a"]);
    world.limits.new_member_join_timeout_ms = 1000;
    let b = world.join_new("b");
    world.pass(1000);
    assert_eq!(world.joined(b).refusal, Some(Refusal::UnknownMember));
}

#[test]
fn a_member_with_more_metadata_than_can_be_stored_is_refused() {
    let mut world = World::new();
    world.limits.max_stored_bytes = 100;
    let mut join = world.joining("", "a");
    join.protocols = protocols(&[("range", &"x".repeat(100))]);
    let asker = world.send(join);
    assert_eq!(world.joined(asker).refusal, Some(Refusal::TooLarge));
}
