//! Groups with members: at no time do two members own one partition, generations and epochs never go back, and neither do committed
//! offsets.
//!
//! A member owns a partition from the moment when it hears so to the last moment at which it sent something that the
//! coordinator took from it as an owner.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::truth::{Check, Violation};

/// A partition in the hands of one member.
#[derive(Clone, Debug)]
struct Hold {
    member: String,
    from: Duration,
    until: Duration,
}

#[derive(Default)]
pub struct Groups {
    /// By group and partition.
    holds: BTreeMap<(String, i32), Vec<Hold>>,
    /// By group: the newest generation or epoch that was heard of.
    generations: BTreeMap<String, i32>,
    /// By group and partition: the highest offset whose commit was acknowledged.
    committed: BTreeMap<(String, i32), i64>,
    pub joined: usize,
    pub commits: usize,
}

impl Groups {
    /// A member hears that it owns these partitions.
    pub fn takes(&mut self, group: &str, member: &str, partitions: &[i32], now: Duration) {
        for partition in partitions {
            let hold = Hold { member: member.to_owned(), from: now, until: now };
            self.holds.entry((group.to_owned(), *partition)).or_default().push(hold);
        }
    }

    /// The coordinator took something from a member that owned these partitions when it sent that, at `sent`.
    pub fn owns(&mut self, group: &str, member: &str, partitions: &[i32], sent: Duration) -> Check {
        for partition in partitions {
            let Some(holds) = self.holds.get_mut(&(group.to_owned(), *partition)) else { continue };
            let Some(at) = holds.iter().rposition(|hold| hold.member == member) else { continue };
            holds[at].until = sent.max(holds[at].until);
            let own = holds[at].clone();
            // An answer may come when it is true no more: who sends nothing after it that is taken has owned nothing.
            let overlaps =
                |hold: &&Hold| hold.member != member && hold.from.max(own.from) < hold.until.min(own.until);
            if let Some(other) = holds.iter().find(overlaps) {
                return Err(Violation::Promise(format!(
                    "partition {partition} of {group} is owned by {own:?} and by {other:?}"
                )));
            }
        }
        Ok(())
    }

    /// The newest generation of a group, for who asks now.
    pub fn generation(&self, group: &str) -> i32 {
        self.generations.get(group).copied().unwrap_or(-1)
    }

    /// A member was taken in, in this generation; it is not older than `least`, which was heard of before it asked.
    pub fn joins(&mut self, group: &str, generation: i32, least: i32) -> Check {
        self.joined += 1;
        if generation < least {
            return Err(Violation::Promise(format!(
                "a member joins {group} in {generation}, and others were in {least} before"
            )));
        }
        Ok(())
    }

    /// A member that was in `before` is told that it is in `epoch`.
    pub fn goes_on(&self, group: &str, epoch: i32, before: i32) -> Check {
        if epoch < before {
            let problem = format!("a member of {group} was in epoch {before} and is in {epoch}");
            return Err(Violation::Promise(problem));
        }
        Ok(())
    }

    /// Members are in this generation.
    pub fn is_in(&mut self, group: &str, generation: i32) {
        let known = self.generations.entry(group.to_owned()).or_insert(generation);
        *known = generation.max(*known);
    }

    pub fn committed(&mut self, group: &str, partition: i32, offset: i64) {
        self.commits += 1;
        let known = self.committed.entry((group.to_owned(), partition)).or_insert(offset);
        *known = offset.max(*known);
    }

    /// The least that anybody may be told who asks now where the group is.
    pub fn least(&self, group: &str, partition: i32) -> i64 {
        self.committed.get(&(group.to_owned(), partition)).copied().unwrap_or(-1)
    }
}
