//! Groups change their protocol while their members work.

use super::*;
use crate::coordinator::group::classic::{Join, Knows, Leaver, Protocol};
use crate::protocol::consumer::{self, Subscription, TopicPartition};

fn subscribed(owned: &[i32]) -> Arc<[Protocol]> {
    let owned_partitions = match owned {
        [] => Vec::new(),
        owned => vec![TopicPartition { topic: "t".into(), partitions: owned.to_vec() }],
    };
    let subscription = Subscription { topics: vec!["t".into()], owned_partitions, ..Default::default() };
    let metadata = consumer::encode(&subscription, 1).unwrap();
    [Protocol { name: "cooperative-sticky".into(), metadata }].into()
}

fn classic_join(id: &str, instance: Option<&str>, owned: &[i32]) -> Join {
    Join {
        member_id: id.into(),
        fresh_id: "fresh".into(),
        instance: instance.map(Into::into),
        client_id: "c".into(),
        client_host: "/h".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".into(),
        protocols: subscribed(owned),
        knows: Knows { member_id_required: true, skip_assignment: true },
    }
}

impl Harness {
    /// A stable classic group of members that own these partitions.
    fn of_classic(members: &[(&str, &[i32])]) -> Harness {
        let mut harness = Harness::new();
        let topic = harness.topics.put("t", 4);
        let all = members.iter().map(|(id, owned)| classic::Member {
            id: Arc::from(*id),
            instance: None,
            client_id: "c".into(),
            client_host: "/h".into(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 60_000,
            protocols: subscribed(owned),
            assignment: Bytes::new(),
            is_new: false,
        });
        let owned = |member: &classic::Member, _: &str| {
            let owned = members.iter().find(|(id, _)| **id == *member.id).unwrap().1;
            super::super::convert::embedded(
                &of(topic, owned.iter().copied()),
                &member.protocols[0].metadata,
                &harness.topics,
            )
        };
        let group = classic::Group::taken_over(7, all.collect(), harness.now_ms, owned);
        harness.put(group);
        harness
    }

    fn classic_joins(&mut self, join: &Join) -> classic::JoinReply {
        self.ask(join.clone())
    }

    fn classic_syncs(&mut self, id: &str, generation: i32) -> Result<Vec<i32>, classic::Refusal> {
        let sync = classic::Sync {
            member_id: id.into(),
            instance: None,
            generation,
            protocol_type: Some("consumer".into()),
            protocol_name: Some("cooperative-sticky".into()),
            assignments: Default::default(),
        };
        let reply = self.ask(sync);
        match reply.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(partitions(&reply.assignment)),
        }
    }

    fn classic_beats(&mut self, id: &str, generation: i32) -> Result<(), classic::Refusal> {
        let heartbeat = classic::Heartbeat { member_id: id.into(), instance: None, generation };
        self.ask(heartbeat)
    }
}

fn partitions(assignment: &Bytes) -> Vec<i32> {
    let (assignment, version) = consumer::decode::<consumer::Assignment>(assignment).unwrap();
    assert_eq!(version, 1, "as the member subscribed");
    assignment.assigned_partitions.into_iter().flat_map(|topic| topic.partitions).collect()
}

#[test]
fn a_client_of_the_newer_protocol_makes_a_classic_group_a_consumer_group() {
    let mut harness = Harness::of_classic(&[("a", &[0, 1, 2, 3])]);
    let topic = harness.topics.by_name("t").unwrap().id;
    let joined = harness.join("b", &["t"]);
    assert_eq!((joined.epoch, joined.assignment), (8, Some(Assignment::new())));
    assert_eq!(harness.group().progress("a").epoch, 7);

    // The classic member is called to join, gives up two partitions, and joins once more for the epoch.
    assert_eq!(harness.classic_beats("a", 7), Err(classic::Refusal::RebalanceInProgress));
    let reply = harness.classic_joins(&classic_join("a", None, &[0, 1, 2, 3]));
    assert_eq!((reply.refusal, reply.generation, &*reply.leader), (None, 7, ""));
    assert_eq!(reply.protocol_name.as_deref(), Some("cooperative-sticky"));
    let kept = harness.classic_syncs("a", 7).unwrap();
    assert_eq!(kept.len(), 2);
    assert_eq!(harness.classic_beats("a", 7), Err(classic::Refusal::RebalanceInProgress), "to be revoked");
    assert_eq!(harness.classic_joins(&classic_join("a", None, &kept)).generation, 8);
    assert_eq!(harness.classic_syncs("a", 8), Ok(kept.clone()));
    assert_eq!(harness.classic_beats("a", 8), Ok(()));

    let given = harness.beat("b", 8, &Assignment::new()).unwrap().assignment.unwrap();
    assert_eq!(given[&topic].iter().filter(|index| !kept.contains(*index)).count(), 2);
    assert_eq!(harness.group().state(), State::Stable);
}

#[test]
fn when_the_last_client_of_the_newer_protocol_leaves_the_group_is_classic_again() {
    let mut harness = Harness::of_classic(&[("a", &[0, 1, 2, 3])]);
    harness.join("b", &["t"]);
    harness.classic_joins(&classic_join("a", None, &[0, 1, 2, 3]));
    harness.send(&beating("b", LEAVING)).unwrap();
    assert_eq!(harness.classic().phase().name(), "PreparingRebalance");
    assert_eq!((harness.classic().generation(), harness.classic().members().count()), (8, 1));
    assert_eq!(harness.timers_of_consumers(), 0);
    assert!(harness.timers.contains_key(&Timer::Session("a".into())));
    assert_eq!(partitions(&harness.classic().member("a").unwrap().assignment).len(), 2);
}

#[test]
fn with_its_last_client_of_the_newer_protocol_silent_the_group_is_classic_again() {
    let mut harness = Harness::of_classic(&[("a", &[0, 1, 2, 3])]);
    harness.join("b", &["t"]);
    for _ in 0..5 {
        let _ = harness.classic_beats("a", 7);
        harness.pass(9000);
    }
    assert_eq!(harness.classic().members().count(), 1);
}

#[test]
fn the_policy_says_which_way_groups_may_go() {
    for (policy, upgrades) in [
        (MigrationPolicy::Disabled, false),
        (MigrationPolicy::Downgrade, false),
        (MigrationPolicy::Upgrade, true),
    ] {
        let mut harness = Harness::of_classic(&[("a", &[0])]);
        harness.settings.migration = policy;
        let outcome = harness.send(&joining("b", &["t"]));
        assert_eq!(outcome.is_ok(), upgrades, "{policy:?}: {outcome:?}");
        if upgrades {
            harness.send(&beating("b", LEAVING)).unwrap();
            assert_eq!(harness.ids().len(), 1, "it stays a consumer group");
        }
    }
}

#[test]
fn a_group_whose_assignments_cannot_be_read_stays_classic() {
    let mut harness = Harness::of_classic(&[("a", &[0])]);
    let assignment =
        consumer::Assignment { assigned_partitions: Vec::new(), user_data: Some(Bytes::from_static(b"own")) };
    let bytes = consumer::encode(&assignment, 1).unwrap();
    let members = harness.classic().members().cloned().collect();
    let group = classic::Group::taken_over(7, members, 0, |_, _| bytes.clone());
    harness.put(group);
    let refused = harness.send(&joining("b", &["t"]));
    assert_eq!(refused, Err(Refusal::NotUpgraded("an unsupported custom assignor is in use")));
    assert_eq!(harness.classic().generation(), 7);
}

#[test]
fn an_empty_classic_group_becomes_a_consumer_group_whatever_the_policy() {
    let mut harness = Harness::new();
    harness.topics.put("t", 1);
    harness.settings.migration = MigrationPolicy::Disabled;
    harness.put(classic::Group::empty(0));
    assert_eq!(harness.join("a", &["t"]).epoch, 2);
}

#[test]
fn a_classic_client_joins_a_consumer_group() {
    let mut harness = Harness::new();
    harness.topics.put("t", 4);
    let all = harness.join("a", &["t"]).assignment.unwrap();
    let first = harness.classic_joins(&classic_join("", None, &[]));
    assert_eq!((first.refusal, &*first.member_id), (Some(classic::Refusal::MemberIdRequired), "fresh"));
    let joined = harness.classic_joins(&classic_join("fresh", None, &[]));
    assert_eq!((joined.refusal, joined.generation), (None, 3));
    assert_eq!(harness.classic_syncs("fresh", 3), Ok(vec![]));
    assert_eq!(harness.classic_beats("fresh", 3), Ok(()), "it waits for the other");

    let kept = harness.beat("a", 2, &all).unwrap().assignment.unwrap();
    harness.beat("a", 2, &kept).unwrap();
    assert_eq!(
        harness.classic_beats("fresh", 3),
        Err(classic::Refusal::RebalanceInProgress),
        "now it need not"
    );
    harness.classic_joins(&classic_join("fresh", None, &[]));
    assert_eq!(harness.classic_syncs("fresh", 3).unwrap().len(), 2);
    assert_eq!(harness.group().state(), State::Stable);
}

#[test]
fn a_classic_client_that_does_not_come_when_called_goes() {
    let mut harness = Harness::new();
    harness.topics.put("t", 4);
    harness.join("a", &["t"]);
    harness.classic_joins(&classic_join("fresh", None, &[]));
    harness.pass(9000);
    harness.classic_syncs("fresh", 3).unwrap();
    harness.topics.put("t", 5);
    for _ in 0..7 {
        harness.send(&beating("a", 3)).ok();
        let _ = harness.send(&Heartbeat { owned: Some(Assignment::new()), ..beating("a", 2) });
        let _ = harness.classic_beats("fresh", 3);
        harness.pass(9000);
    }
    assert_eq!(harness.ids(), BTreeSet::from(["a".to_owned()]));
}

#[test]
fn a_classic_client_that_joined_must_ask_for_its_assignment() {
    let mut harness = Harness::new();
    harness.topics.put("t", 4);
    harness.join("a", &["t"]);
    harness.classic_joins(&classic_join("fresh", None, &[]));
    for _ in 0..7 {
        harness.send(&Heartbeat { owned: Some(Assignment::new()), ..beating("a", 2) }).ok();
        harness.send(&beating("a", 3)).ok();
        let _ = harness.classic_beats("fresh", 3);
        harness.pass(9000);
    }
    assert_eq!(harness.ids(), BTreeSet::from(["a".to_owned()]));
}

#[test]
fn requests_of_a_wrong_generation_protocol_or_member_are_refused() {
    let mut harness = Harness::of_classic(&[("a", &[0])]);
    harness.join("b", &["t"]);
    assert_eq!(harness.classic_beats("a", 6), Err(classic::Refusal::IllegalGeneration));
    assert_eq!(harness.classic_beats("x", 7), Err(classic::Refusal::UnknownMember));
    assert_eq!(
        harness.classic_beats("b", 8),
        Err(classic::Refusal::UnknownMember),
        "not of the classic protocol"
    );
    let other = Join { protocol_type: "connect".into(), ..classic_join("c", None, &[]) };
    assert_eq!(harness.classic_joins(&other).refusal, Some(classic::Refusal::InconsistentProtocol));
    let foreign: Arc<[Protocol]> =
        [Protocol { name: "range".into(), metadata: Bytes::from_static(&[0, 1]) }].into();
    let other = Join { protocols: foreign, ..classic_join("c", None, &[]) };
    assert_eq!(harness.classic_joins(&other).refusal, Some(classic::Refusal::InconsistentProtocol));
}

#[test]
fn a_static_client_that_comes_back_with_the_classic_protocol_makes_the_group_classic() {
    let mut harness = Harness::new();
    let topic = harness.topics.put("t", 4);
    let joined = harness.send(&Heartbeat { instance: Some("one".into()), ..joining("a", &["t"]) }).unwrap();
    assert_eq!(joined.assignment, Some(of(topic, 0..4)));
    let gone = Heartbeat { instance: Some("one".into()), ..beating("a", LEAVING_FOR_NOW) };
    harness.send(&gone).unwrap();
    let reply = harness.classic_joins(&classic_join("", Some("one"), &[]));
    assert_eq!((reply.refusal, &*reply.member_id, reply.generation), (None, "fresh", 2));
    let group = harness.classic();
    assert_eq!((group.phase().name(), group.generation()), ("Stable", 2));
    assert_eq!(partitions(&group.member("fresh").unwrap().assignment), [0, 1, 2, 3]);
    assert_eq!(harness.timers_of_consumers(), 0);
}

#[test]
fn an_operator_removes_members_of_either_protocol() {
    let mut harness = Harness::of_classic(&[("a", &[0])]);
    harness.send(&Heartbeat { instance: Some("one".into()), ..joining("b", &["t"]) }).unwrap();
    let leavers = [
        Leaver { member_id: "".into(), instance: Some("one".into()) },
        Leaver { member_id: "x".into(), instance: None },
        Leaver { member_id: "x".into(), instance: Some("one".into()) },
        Leaver { member_id: "".into(), instance: Some("two".into()) },
    ];
    let outcomes = harness.ask(classic::Leave { members: leavers.to_vec() });
    let unknown = Err(classic::Refusal::UnknownMember);
    assert_eq!(outcomes, [Ok(()), unknown, Err(classic::Refusal::FencedInstance), unknown]);
    assert_eq!(harness.classic().members().count(), 1);
}
