//! Targets are valid, balanced and sticky, whatever the members subscribe to and had before.

use proptest::prelude::*;

use super::*;

/// A group from small numbers: partitions per topic, and per member the topics subscribed to, as bits.
#[derive(Clone, Debug)]
struct Given {
    partitions: Vec<i32>,
    subscriptions: Vec<u8>,
}

impl Given {
    fn topic(index: usize) -> TopicId {
        TopicId(uuid::Uuid::from_u128(index as u128 + 1))
    }

    fn names(&self) -> Vec<String> {
        (0..self.subscriptions.len()).map(|index| format!("member-{index:02}")).collect()
    }

    fn spec<'a>(&self, names: &'a [String], current: &'a BTreeMap<String, Assignment>) -> Spec<'a> {
        let topics = |bits: u8| {
            let all = 0..self.partitions.len();
            all.filter(|index| bits & (1 << index) != 0).map(Given::topic).collect()
        };
        let members = names.iter().zip(&self.subscriptions).map(|(name, bits)| {
            let current = current.get(name);
            (name.as_str(), MemberSpec { topics: topics(*bits), current, ..MemberSpec::default() })
        });
        let partitions = self.partitions.iter().enumerate().map(|(index, n)| (Given::topic(index), *n));
        Spec { members: members.collect(), partitions: partitions.collect() }
    }

    fn assign(
        &self,
        assignor: Assignor,
        current: &BTreeMap<String, Assignment>,
    ) -> BTreeMap<String, Assignment> {
        let names = self.names();
        let spec = self.spec(&names, current);
        let targets = assignor.assign(&spec);
        check_valid(&spec, &targets);
        targets
    }
}

/// Every partition with a subscriber has exactly one owner, who subscribes to it.
fn check_valid(spec: &Spec<'_>, targets: &BTreeMap<String, Assignment>) {
    assert_eq!(targets.len(), spec.members.len());
    let mut owners: BTreeMap<(TopicId, i32), &str> = BTreeMap::new();
    for (member, target) in targets {
        for (topic, partitions) in target {
            assert!(spec.members[member.as_str()].topics.contains(topic), "{member} does not subscribe");
            assert!(!partitions.is_empty());
            for partition in partitions {
                assert!((0..spec.partitions[topic]).contains(partition));
                assert_eq!(owners.insert((*topic, *partition), member), None, "two owners");
            }
        }
    }
    let subscribed: BTreeSet<TopicId> =
        spec.members.values().flat_map(|m| m.topics.iter().copied()).collect();
    let wanted: usize = subscribed.iter().map(|topic| spec.partitions[topic] as usize).sum();
    assert_eq!(owners.len(), wanted, "a partition without an owner");
}

fn loads(targets: &BTreeMap<String, Assignment>) -> Vec<usize> {
    targets.values().map(|target| target.values().map(BTreeSet::len).sum()).collect()
}

fn stayed(before: &BTreeMap<String, Assignment>, after: &BTreeMap<String, Assignment>) -> usize {
    let kept = |member: &String, topic: &TopicId, partition: &i32| {
        let target = after.get(member).and_then(|target| target.get(topic));
        target.is_some_and(|partitions| partitions.contains(partition))
    };
    let mut count = 0;
    for (member, target) in before {
        for (topic, partitions) in target {
            count += partitions.iter().filter(|partition| kept(member, topic, partition)).count();
        }
    }
    count
}

fn given(same: bool) -> impl Strategy<Value = Given> {
    (prop::collection::vec(0..12i32, 1..6), prop::collection::vec(any::<u8>(), 1..9)).prop_map(
        move |(partitions, mut subscriptions)| {
            if same {
                subscriptions.fill(0xff);
            }
            Given { partitions, subscriptions }
        },
    )
}

proptest! {
    #[test]
    fn uniform_loads_of_equal_subscriptions_differ_by_one_at_most(group in given(true)) {
        let loads = loads(&group.assign(Assignor::Uniform, &BTreeMap::new()));
        prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1);
    }

    #[test]
    fn uniform_moves_nothing_when_nothing_changed(group in given(false)) {
        let first = group.assign(Assignor::Uniform, &BTreeMap::new());
        prop_assert_eq!(group.assign(Assignor::Uniform, &first), first);
    }

    #[test]
    fn uniform_moves_only_what_a_newcomer_must_get(group in given(true)) {
        let first = group.assign(Assignor::Uniform, &BTreeMap::new());
        let mut larger = group.clone();
        larger.subscriptions.push(0xff);
        let second = larger.assign(Assignor::Uniform, &first);
        let total: usize = loads(&first).iter().sum();
        let newcomer = *loads(&second).last().unwrap();
        prop_assert_eq!(stayed(&first, &second), total - newcomer);
    }

    #[test]
    fn uniform_leaves_the_remaining_members_what_they_had(group in given(true)) {
        prop_assume!(group.subscriptions.len() > 1);
        let first = group.assign(Assignor::Uniform, &BTreeMap::new());
        let mut smaller = group.clone();
        smaller.subscriptions.pop();
        let mut before = first.clone();
        before.pop_last();
        let second = smaller.assign(Assignor::Uniform, &before);
        prop_assert_eq!(stayed(&before, &second), loads(&before).iter().sum::<usize>());
    }

    #[test]
    fn uniform_of_different_subscriptions_leaves_no_move_that_helps(group in given(false)) {
        let targets = group.assign(Assignor::Uniform, &BTreeMap::new());
        let names = group.names();
        let none = BTreeMap::new();
        let spec = group.spec(&names, &none);
        let loads = loads(&targets);
        for (from, target) in targets.values().enumerate() {
            for topic in target.keys() {
                let subscribers = spec.members.values().enumerate().filter(|(_, m)| m.topics.contains(topic));
                for (to, _) in subscribers {
                    let (has, had) = (loads[from], loads[to]);
                    prop_assert!(has <= had + 1, "{from} has {has} and {to} {had}");
                }
            }
        }
    }

    #[test]
    fn range_gives_runs_that_are_cut_alike(group in given(true), partitions in 0..12i32) {
        let mut group = group;
        group.partitions.fill(partitions);
        for target in group.assign(Assignor::Range, &BTreeMap::new()).values() {
            let mut runs = target.values();
            if let Some(first) = runs.next() {
                prop_assert!(runs.all(|run| run == first));
                prop_assert_eq!(first.last().unwrap() - first.first().unwrap() + 1, first.len() as i32);
            }
        }
    }

    #[test]
    fn range_is_valid_for_different_subscriptions(group in given(false)) {
        group.assign(Assignor::Range, &BTreeMap::new());
    }
}

#[test]
fn range_takes_static_members_first_by_instance() {
    let topic = Given::topic(0);
    let member = |instance_id| MemberSpec { instance_id, topics: [topic].into(), ..MemberSpec::default() };
    let members = [("a", member(None)), ("b", member(Some("2"))), ("c", member(Some("1")))];
    let spec = Spec { members: members.into(), partitions: [(topic, 4)].into() };
    let targets = Assignor::Range.assign(&spec);
    let of = |member: &str| targets[member][&topic].iter().copied().collect::<Vec<_>>();
    assert_eq!((of("c"), of("b"), of("a")), (vec![0, 1], vec![2], vec![3]));
}

#[test]
fn members_without_topics_get_nothing() {
    for assignor in Assignor::ALL {
        let group = Given { partitions: vec![3], subscriptions: vec![0, 0] };
        assert_eq!(loads(&group.assign(assignor, &BTreeMap::new())), [0, 0]);
        assert!(assignor.assign(&Spec::default()).is_empty());
    }
}

/// Random groups, and what Kafka 4.4's own assignor classes make of them. Per line: partitions per topic; the topics
/// of each member as bits; the range targets as topic:partition; uniform's sorted loads from nothing, and those from
/// the range targets after the last member left; how many partitions stayed by that; whether all subscribe alike.
const KAFKA: &str = include_str!("golden/kafka.txt");

#[test]
fn targets_are_those_of_kafkas_own_assignors() {
    let numbers = |text: &str| -> Vec<i32> {
        let items = text.trim_matches(['[', ']']).split(',').filter(|item| !item.is_empty());
        items.map(|item| item.parse().unwrap()).collect()
    };
    let sorted = |targets: &BTreeMap<String, Assignment>| {
        let mut loads = loads(targets);
        loads.sort_unstable();
        loads.into_iter().map(|load| load as i32).collect::<Vec<_>>()
    };
    for line in KAFKA.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let subscriptions = numbers(fields[1]).into_iter().map(|bits| bits as u8).collect();
        let mut group = Given { partitions: numbers(fields[0]), subscriptions };
        let range = group.assign(Assignor::Range, &BTreeMap::new());
        let show = |target: &Assignment| {
            let each =
                target.iter().flat_map(|(topic, indexes)| indexes.iter().map(move |index| (topic, index)));
            let shown: String =
                each.map(|(topic, index)| format!("{}:{index},", topic.0.as_u128())).collect();
            format!("[{shown}]")
        };
        assert_eq!(range.values().map(show).collect::<String>(), fields[2], "{line}");
        let uniform = group.assign(Assignor::Uniform, &BTreeMap::new());
        group.subscriptions.pop();
        let smaller = group.assign(Assignor::Uniform, &range);
        // Of equally loaded members with different subscriptions Kafka may choose another, which can end elsewhere.
        if fields[6] == "true" {
            assert_eq!(sorted(&uniform), numbers(fields[3]), "{line}");
            assert_eq!(sorted(&smaller), numbers(fields[4]), "{line}");
            assert_eq!(stayed(&range, &smaller).to_string(), fields[5], "{line}");
        }
    }
}
