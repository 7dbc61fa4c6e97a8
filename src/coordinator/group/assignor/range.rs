//! Range: each topic is cut into runs, one per subscriber (Kafka's `RangeAssignor`).
//!
//! Members are taken in the same order for every topic, so topics with equally many partitions and the same
//! subscribers are cut alike and can be joined partition by partition. Nothing is kept of an earlier target.

use std::collections::BTreeMap;

use super::{Assignment, MemberSpec, Spec};
use crate::types::TopicId;

pub(super) fn assign(spec: &Spec<'_>) -> BTreeMap<String, Assignment> {
    let mut members: Vec<(&&str, &MemberSpec<'_>)> = spec.members.iter().collect();
    // Static members first, by instance id: their runs stay when they come back with a new member id.
    members.sort_by_key(|(id, member)| (member.instance_id.is_none(), member.instance_id, **id));

    let mut cuts: BTreeMap<TopicId, Cut> = BTreeMap::new();
    for topic in members.iter().flat_map(|(_, member)| &member.topics) {
        let partitions = spec.count(topic);
        cuts.entry(*topic).or_insert(Cut { partitions, subscribers: 0, served: 0, next: 0 }).subscribers += 1;
    }
    let mut targets = BTreeMap::new();
    for (id, member) in members {
        let mut target = Assignment::new();
        for topic in &member.topics {
            let run = cuts.get_mut(topic).map(Cut::next_run).unwrap_or_default();
            if !run.is_empty() {
                target.insert(*topic, run.collect());
            }
        }
        targets.insert((*id).to_owned(), target);
    }
    targets
}

/// The part of a topic that has been given out.
struct Cut {
    partitions: i32,
    subscribers: i32,
    served: i32,
    next: i32,
}

impl Cut {
    /// The next subscriber's run. The first ones get one more where the partitions do not divide evenly.
    fn next_run(&mut self) -> std::ops::Range<i32> {
        let extra = i32::from(self.served < self.partitions % self.subscribers);
        let start = self.next;
        self.next += self.partitions / self.subscribers + extra;
        self.served += 1;
        start..self.next
    }
}
