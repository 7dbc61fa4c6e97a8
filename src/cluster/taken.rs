//! Brokers whose shards others have just taken. Pure: time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::metadata::{Image, Owner};
use crate::runtime::clock::Instant;
use crate::types::BrokerId;

/// The time for which clients are still told of a broker that was given up. librdkafka forgets a broker that an answer does not
/// have, and with it the new leaders that the same answer names for its partitions: it would ask again a second later.
const TOLD_FOR: Duration = Duration::from_secs(2);

/// Brokers that were given up, and when this one saw that.
#[derive(Debug, Default)]
pub struct Taken(BTreeMap<BrokerId, Instant>);

impl Taken {
    /// Compares an image with the one before.
    pub fn look(&mut self, before: &Image, image: &Image, now: Instant) {
        self.0.retain(|_, since| now.saturating_duration_since(*since) < TOLD_FOR);
        let is_elsewhere =
            |owner: Owner, has: Option<Owner>| has.is_some_and(|has| has.broker != owner.broker);
        let is_fenced = |owner: &Owner| image.broker(owner.broker).is_some() && !image.is_live(owner.broker);
        for owner in before.live_brokers().map(|broker| broker.life()).filter(is_fenced) {
            let mut had = before.shards_of(owner);
            if had.any(|(id, _)| is_elsewhere(owner, image.shard(id).and_then(|shard| shard.owner))) {
                self.0.insert(owner.broker, now);
            }
        }
    }

    /// True of a broker that clients are told of though it is fenced.
    pub fn is_told(&self, broker: BrokerId, now: Instant) -> bool {
        self.0.get(&broker).is_some_and(|since| now.saturating_duration_since(*since) < TOLD_FOR)
    }
}
