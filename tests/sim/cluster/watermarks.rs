//! Leader epochs and high watermarks, as clients see them, never go back.

use std::collections::BTreeMap;

use super::clients::Leader;
use crate::truth::{Check, Violation};

#[derive(Default)]
pub struct Watermarks {
    /// By broker and partition: the newest epoch that it told of.
    epochs: BTreeMap<(i32, i32), i32>,
    /// By partition and epoch: the broker that leads.
    leaders: BTreeMap<(i32, i32), i32>,
    /// By partition and epoch: the highest watermark that was told.
    high: BTreeMap<(i32, i32), i64>,
}

/// A question about leaders, and what its broker had told before.
pub struct Asked {
    broker: i32,
    epochs: BTreeMap<i32, i32>,
}

impl Watermarks {
    pub fn asks(&self, broker: i32) -> Asked {
        let known = self.epochs.range((broker, i32::MIN)..=(broker, i32::MAX));
        Asked { broker, epochs: known.map(|((_, partition), epoch)| (*partition, *epoch)).collect() }
    }

    /// A broker told who leads.
    pub fn leads(&mut self, asked: &Asked, partition: i32, leader: Leader) -> Check {
        let before = asked.epochs.get(&partition).copied().unwrap_or(-1);
        if leader.epoch < before {
            return Err(Violation::Promise(format!(
                "broker {} told of epoch {} of partition {partition}, and of {before} before",
                asked.broker, leader.epoch
            )));
        }
        let newest = self.epochs.entry((asked.broker, partition)).or_insert(leader.epoch);
        *newest = leader.epoch.max(*newest);
        let known = *self.leaders.entry((partition, leader.epoch)).or_insert(leader.broker);
        if known != leader.broker {
            return Err(Violation::Promise(format!(
                "epoch {} of partition {partition} is led by {known} and by {}",
                leader.epoch, leader.broker
            )));
        }
        Ok(())
    }

    /// The least high watermark that a leader of `epoch` may tell, if it is asked now.
    pub fn least(&self, partition: i32, epoch: i32) -> i64 {
        let told = self.high.range((partition, i32::MIN)..=(partition, epoch));
        told.map(|(_, high)| *high).max().unwrap_or(0)
    }

    /// The leader of `epoch` told its high watermark; it could not tell less than `least`.
    pub fn high(&mut self, partition: i32, epoch: i32, high: i64, least: i64) -> Check {
        if high < least {
            return Err(Violation::Promise(format!(
                "the high watermark of partition {partition} was {least} and is {high} in epoch {epoch}"
            )));
        }
        let known = self.high.entry((partition, epoch)).or_insert(high);
        *known = high.max(*known);
        Ok(())
    }
}
