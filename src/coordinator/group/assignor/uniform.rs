//! Uniform: all members own equally many partitions, and as few as possible move (Kafka's `UniformAssignor`).
//!
//! Among members that all subscribe to the same topics, loads differ by one at most. Otherwise partitions move from the most
//! to the least loaded subscriber of a topic as long as that helps. Among equally good assignments Kafka's choice follows
//! the order of its hash maps, ours that of ids.

use std::collections::{BTreeMap, BTreeSet};

use super::{Assignment, Spec};
use crate::types::TopicId;

pub(super) fn assign(spec: &Spec<'_>) -> BTreeMap<String, Assignment> {
    let mut subscriptions = spec.members.values().map(|member| &member.topics);
    let Some(first) = subscriptions.next() else { return BTreeMap::new() };
    match subscriptions.all(|topics| topics == first) {
        true => assign_alike(spec, first),
        false => Mixed::new(spec).assign(),
    }
}

/// All members subscribe to `topics`.
fn assign_alike(spec: &Spec<'_>, topics: &BTreeSet<TopicId>) -> BTreeMap<String, Assignment> {
    let partitions = |topic: &TopicId| {
        let topic = *topic;
        (0..spec.count(&topic)).map(move |partition| (topic, partition))
    };
    let mut free: BTreeSet<(TopicId, i32)> = topics.iter().flat_map(partitions).collect();
    let members = spec.members.len();
    let (share, mut extras) = (free.len() / members, free.len() % members);

    let mut targets = BTreeMap::new();
    let mut wanting = Vec::new();
    for (index, (id, member)) in spec.members.iter().enumerate() {
        let mut quota = share + usize::from(extras > 0);
        let mut kept = Assignment::new();
        for (topic, partition) in owned(member.current).filter(|(topic, _)| topics.contains(topic)) {
            if quota > 0 && free.remove(&(topic, partition)) {
                quota -= 1;
                kept.entry(topic).or_default().insert(partition);
            }
        }
        // A share with one more goes to whoever fills it with what it has; the last members get those that remain.
        if extras > 0 {
            if quota > 0 && members - index > extras {
                quota -= 1;
            } else {
                extras -= 1;
            }
        }
        if quota > 0 {
            wanting.push((*id, quota));
        }
        targets.insert((*id).to_owned(), kept);
    }
    let mut free = free.into_iter();
    for (id, quota) in wanting {
        let target: &mut Assignment = targets.entry(id.to_owned()).or_default();
        for (topic, partition) in free.by_ref().take(quota) {
            target.entry(topic).or_default().insert(partition);
        }
    }
    targets
}

fn owned(assignment: Option<&Assignment>) -> impl Iterator<Item = (TopicId, i32)> {
    let topics = assignment.into_iter().flatten();
    topics.flat_map(|(topic, partitions)| partitions.iter().map(|partition| (*topic, *partition)))
}

/// Members subscribe to different topics.
struct Mixed<'a> {
    spec: &'a Spec<'a>,
    ids: Vec<&'a str>,
    /// The members that subscribe to a topic, by their place in `ids`.
    subscribers: BTreeMap<TopicId, Vec<usize>>,
    /// The partitions of a topic that each subscriber owns.
    owned: BTreeMap<(TopicId, usize), BTreeSet<i32>>,
    /// The number of partitions that each member owns.
    loads: Vec<usize>,
}

impl<'a> Mixed<'a> {
    /// Passes over all topics at most, as in Kafka: moves in one topic can unbalance another.
    const PASSES: usize = 16;

    fn new(spec: &'a Spec<'a>) -> Mixed<'a> {
        let mut subscribers: BTreeMap<TopicId, Vec<usize>> = BTreeMap::new();
        for (index, member) in spec.members.values().enumerate() {
            for topic in &member.topics {
                subscribers.entry(*topic).or_default().push(index);
            }
        }
        let ids: Vec<&str> = spec.members.keys().copied().collect();
        let loads = vec![0; ids.len()];
        Mixed { spec, ids, subscribers, owned: BTreeMap::new(), loads }
    }

    fn assign(mut self) -> BTreeMap<String, Assignment> {
        let mut free = self.keep();
        let topics = self.topics_in_order();
        for topic in &topics {
            let mut by_load = self.by_load(*topic);
            for partition in free.remove(topic).unwrap_or_default() {
                let Some((_, least)) = by_load.pop_first() else { break };
                self.give(*topic, partition, least);
                by_load.insert((self.loads[least], least));
            }
        }
        for _ in 0..Mixed::PASSES {
            let moved: usize = topics.iter().map(|topic| self.balance(*topic)).sum();
            if moved == 0 {
                break;
            }
        }
        self.targets()
    }

    /// Leaves with each member what it has and still subscribes to; returns what nobody has.
    fn keep(&mut self) -> BTreeMap<TopicId, BTreeSet<i32>> {
        let mut free: BTreeMap<TopicId, BTreeSet<i32>> = BTreeMap::new();
        for topic in self.subscribers.keys() {
            free.insert(*topic, (0..self.spec.count(topic)).collect());
        }
        for (index, member) in self.spec.members.values().enumerate() {
            for (topic, partition) in owned(member.current).filter(|(topic, _)| member.topics.contains(topic))
            {
                if free.get_mut(&topic).is_some_and(|partitions| partitions.remove(&partition)) {
                    self.give(topic, partition, index);
                }
            }
        }
        free
    }

    /// Most partitions per subscriber first, then fewest subscribers: what has the least choice is placed first.
    fn topics_in_order(&self) -> Vec<TopicId> {
        let count = |topic: &TopicId| self.spec.count(topic).max(0) as u64;
        let mut topics: Vec<(TopicId, u64, u64)> = self
            .subscribers
            .iter()
            .map(|(topic, subscribers)| (*topic, count(topic), subscribers.len() as u64))
            .collect();
        topics.sort_by(|a, b| (b.1 * a.2).cmp(&(a.1 * b.2)).then(a.2.cmp(&b.2)).then(a.0.cmp(&b.0)));
        topics.into_iter().map(|(topic, ..)| topic).collect()
    }

    fn by_load(&self, topic: TopicId) -> BTreeSet<(usize, usize)> {
        let subscribers = self.subscribers.get(&topic).into_iter().flatten();
        subscribers.map(|index| (self.loads[*index], *index)).collect()
    }

    /// Moves partitions of `topic` from the most to the least loaded of its subscribers; returns how many.
    fn balance(&mut self, topic: TopicId) -> usize {
        let mut by_load = self.by_load(topic);
        let mut donors = by_load.clone();
        let mut moved = 0;
        while let (Some((least_load, least)), Some((most_load, most))) =
            (by_load.first().copied(), donors.last().copied())
        {
            if most_load <= least_load + 1 {
                break;
            }
            let Some(partition) = self.owned.get_mut(&(topic, most)).and_then(BTreeSet::pop_last) else {
                donors.pop_last();
                continue;
            };
            self.loads[most] -= 1;
            self.give(topic, partition, least);
            for (before, index) in [(most_load, most), (least_load, least)] {
                by_load.remove(&(before, index));
                by_load.insert((self.loads[index], index));
                if donors.remove(&(before, index)) {
                    donors.insert((self.loads[index], index));
                }
            }
            moved += 1;
        }
        moved
    }

    fn give(&mut self, topic: TopicId, partition: i32, index: usize) {
        self.owned.entry((topic, index)).or_default().insert(partition);
        self.loads[index] += 1;
    }

    fn targets(self) -> BTreeMap<String, Assignment> {
        let mut targets: BTreeMap<String, Assignment> =
            self.ids.iter().map(|id| ((*id).to_owned(), Assignment::new())).collect();
        for ((topic, index), partitions) in self.owned {
            if let Some(target) = targets.get_mut(self.ids[index])
                && !partitions.is_empty()
            {
                target.insert(topic, partitions);
            }
        }
        targets
    }
}
