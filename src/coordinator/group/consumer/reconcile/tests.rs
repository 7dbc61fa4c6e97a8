//! Steps of one member, state by state; and groups of members whose clients answer late, or not at once.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn topic(number: u128) -> TopicId {
    TopicId(uuid::Uuid::from_u128(number))
}

fn assignment(partitions: &[i32]) -> Assignment {
    match partitions {
        [] => Assignment::new(),
        _ => [(topic(1), partitions.iter().copied().collect())].into(),
    }
}

fn held(partitions: &[(i32, i32)]) -> Held {
    match partitions {
        [] => Held::new(),
        _ => [(topic(1), partitions.iter().copied().collect())].into(),
    }
}

/// A member of epoch 5 on its way to the target of epoch 6, with topic 1 subscribed.
struct Case {
    member: Progress,
    target: Assignment,
    held: Held,
    owned: Option<Assignment>,
    subscribed: BTreeSet<TopicId>,
    subscription_changed: bool,
    target_epoch: i32,
}

impl Case {
    fn of(state: State, assigned: &[(i32, i32)], revoking: &[(i32, i32)]) -> Case {
        let (assigned, revoking) = (held(assigned), held(revoking));
        let member = Progress { epoch: 5, previous_epoch: 4, state, assigned, revoking };
        let mut all = member.assigned.clone();
        for (topic, partitions) in &member.revoking {
            all.entry(*topic).or_default().extend(partitions);
        }
        Case {
            member,
            target: Assignment::new(),
            held: all,
            owned: None,
            subscribed: [topic(1)].into(),
            subscription_changed: false,
            target_epoch: 6,
        }
    }

    fn next(&self) -> Progress {
        let step = Reconciliation {
            member: &self.member,
            target_epoch: self.target_epoch,
            target: &self.target,
            subscribed: &self.subscribed,
            subscription_changed: self.subscription_changed,
            held: &self.held,
            owned: self.owned.as_ref(),
        };
        step.next()
    }
}

#[test]
fn a_stable_member_of_the_targets_epoch_stays_as_it_is() {
    let mut case = Case::of(State::Stable, &[(0, 3)], &[]);
    case.target_epoch = 5;
    assert_eq!(case.next(), case.member);
}

#[test]
fn free_partitions_come_with_the_targets_epoch_and_kept_ones_keep_theirs() {
    let mut case = Case::of(State::Stable, &[(0, 3)], &[]);
    case.target = assignment(&[0, 1]);
    let next = case.next();
    assert_eq!((next.epoch, next.previous_epoch, next.state), (6, 5, State::Stable));
    assert_eq!(next.assigned, held(&[(0, 3), (1, 6)]));
}

#[test]
fn a_member_stays_in_its_epoch_until_it_gave_up_what_left_its_target() {
    let mut case = Case::of(State::Stable, &[(0, 3), (1, 3)], &[]);
    case.target = assignment(&[0, 2]);
    let told = case.next();
    assert_eq!((told.epoch, told.state), (5, State::Revoking));
    assert_eq!((&told.assigned, &told.revoking), (&held(&[(0, 3)]), &held(&[(1, 3)])));

    case.member = told.clone();
    for owned in [None, Some(assignment(&[0, 1]))] {
        case.owned = owned;
        assert_eq!(case.next(), told, "it has not said that it gave partition 1 up");
    }
    case.owned = Some(assignment(&[0]));
    let done = case.next();
    assert_eq!((done.epoch, done.state), (6, State::Stable));
    assert_eq!((done.assigned, done.revoking), (held(&[(0, 3), (2, 6)]), Held::new()));
}

#[test]
fn a_partition_that_another_holds_is_waited_for() {
    let mut case = Case::of(State::Stable, &[], &[]);
    case.target = assignment(&[0, 1]);
    case.held = held(&[(1, 4)]);
    let waiting = case.next();
    assert_eq!((waiting.epoch, waiting.state), (6, State::Waiting));
    assert_eq!(waiting.assigned, held(&[(0, 6)]));

    case.member = waiting.clone();
    case.held = held(&[(0, 6), (1, 4)]);
    assert_eq!(case.next(), waiting, "a heartbeat that changes nothing stores nothing");
    case.held = held(&[(0, 6)]);
    let done = case.next();
    assert_eq!((done.state, done.assigned), (State::Stable, held(&[(0, 6), (1, 6)])));
}

#[test]
fn what_a_member_gave_up_can_come_back_to_it() {
    let mut case = Case::of(State::Revoking, &[(0, 3)], &[(1, 3)]);
    case.target = assignment(&[0, 1]);
    case.owned = Some(assignment(&[0]));
    let next = case.next();
    assert_eq!((next.state, next.assigned), (State::Stable, held(&[(0, 3), (1, 6)])));
}

#[test]
fn a_topic_that_left_the_subscription_is_revoked_without_a_new_target() {
    let mut case = Case::of(State::Stable, &[(0, 3)], &[]);
    case.target_epoch = 5;
    case.target = assignment(&[0]);
    case.subscribed.clear();
    assert_eq!(case.next(), case.member, "the subscription did not change by this heartbeat");
    case.subscription_changed = true;
    let told = case.next();
    assert_eq!((told.epoch, told.state), (5, State::Revoking));
    assert_eq!((told.assigned, told.revoking), (Held::new(), held(&[(0, 3)])));

    case.owned = Some(Assignment::new());
    let gone = case.next();
    assert_eq!((gone.state, gone.assigned, gone.revoking), (State::Stable, Held::new(), Held::new()));
}

#[test]
fn more_can_be_revoked_while_a_revocation_is_under_way() {
    let mut case = Case::of(State::Revoking, &[(0, 3)], &[(1, 3)]);
    case.subscribed.clear();
    case.subscription_changed = true;
    let next = case.next();
    assert_eq!((next.epoch, next.state), (5, State::Revoking));
    assert_eq!((next.assigned, next.revoking), (Held::new(), held(&[(0, 3), (1, 3)])));
}

/// A group under random targets. A client works on what it was told, and drops partitions when it is told to.
#[derive(Default)]
struct Group {
    epoch: i32,
    targets: Vec<Assignment>,
    members: Vec<Progress>,
    working: Vec<Assignment>,
}

impl Group {
    const PARTITIONS: i32 = 8;

    fn of(size: usize) -> Group {
        Group {
            targets: vec![Assignment::new(); size],
            members: vec![Progress::default(); size],
            working: vec![Assignment::new(); size],
            ..Group::default()
        }
    }

    fn retarget(&mut self, owners: &[usize]) {
        self.epoch += 1;
        self.targets.fill(Assignment::new());
        for (index, owner) in (0..Group::PARTITIONS).zip(owners) {
            let target = &mut self.targets[owner % self.members.len()];
            target.entry(topic(1)).or_default().insert(index);
        }
    }

    fn held(&self) -> Held {
        let mut all = Held::new();
        for member in &self.members {
            for (topic, partitions) in member.assigned.iter().chain(&member.revoking) {
                for (index, epoch) in partitions {
                    let before = all.entry(*topic).or_default().insert(*index, *epoch);
                    assert_eq!(before, None, "partition {index} is held twice");
                }
            }
        }
        all
    }

    /// One heartbeat. The answer reaches the client only if `arrives`.
    fn heartbeat(&mut self, index: usize, arrives: bool) {
        let index = index % self.members.len();
        let held = self.held();
        let next = Reconciliation {
            member: &self.members[index],
            target_epoch: self.epoch,
            target: &self.targets[index],
            subscribed: &[topic(1)].into(),
            subscription_changed: false,
            held: &held,
            owned: Some(&self.working[index]),
        };
        let next = next.next();
        if arrives {
            let told = next.assigned.iter().map(|(topic, held)| (*topic, held.keys().copied().collect()));
            self.working[index] = told.collect();
        }
        self.members[index] = next;
        self.nobody_works_on_what_another_holds();
    }

    fn nobody_works_on_what_another_holds(&self) {
        self.held();
        let mut working: BTreeMap<i32, usize> = BTreeMap::new();
        for (member, partitions) in self.working.iter().enumerate() {
            for index in partitions.values().flatten() {
                assert_eq!(working.insert(*index, member), None, "two clients work on partition {index}");
                let progress = &self.members[member];
                let holds =
                    has(&progress.assigned, &topic(1), *index) || has(&progress.revoking, &topic(1), *index);
                assert!(holds, "a client works on partition {index}, which is free for others");
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Event {
    Retarget(Vec<usize>),
    Heartbeat(usize, bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => prop::collection::vec(any::<usize>(), Group::PARTITIONS as usize).prop_map(Event::Retarget),
        6 => (any::<usize>(), prop::bool::weighted(0.7))
            .prop_map(|(member, arrives)| Event::Heartbeat(member, arrives)),
    ]
}

proptest! {
    #[test]
    fn no_partition_has_two_holders_and_all_reach_the_last_target(
        size in 1..5usize,
        events in prop::collection::vec(event(), 1..60),
    ) {
        let mut group = Group::of(size);
        for event in events {
            match event {
                Event::Retarget(owners) => group.retarget(&owners),
                Event::Heartbeat(member, arrives) => group.heartbeat(member, arrives),
            }
        }
        // Four rounds are enough. A member may have an older revocation to hear of; it gives that up and hears of what
        // the last target takes; it gives that up as well; then everything is free to be taken.
        for _ in 0..4 {
            for member in 0..size {
                group.heartbeat(member, true);
            }
        }
        for (member, target) in group.members.iter().zip(&group.targets) {
            prop_assert_eq!((member.state, member.epoch), (State::Stable, group.epoch));
            let indexes = |(topic, held): (&_, &BTreeMap<i32, i32>)| (*topic, held.keys().copied().collect());
            let assigned: Assignment = member.assigned.iter().map(indexes).collect();
            prop_assert_eq!(&assigned, target);
        }
    }
}
