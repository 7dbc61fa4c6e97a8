//! A topic that batches are produced to: the checks of one batch, and its place in the queue of its shard.

use super::Queued;
use super::refusal::Refusal;
use crate::api::context::{Context, Led};
use crate::api::errors::Failure;
use crate::api::topics::is_internal;
use crate::log::unfolding::Spent;
use crate::log::{Append, Permit};
use crate::metadata::{Image, Topic};
use crate::protocol::ErrorCode;
use crate::protocol::batch::{self, Batch, Invalid, Validation};
use crate::protocol::codec::Records;
use crate::protocol::messages::produce::PartitionProduceData;

/// A topic that is there, and what it takes.
pub struct Target<'a> {
    pub context: &'a Context,
    pub image: &'a Image,
    pub topic: &'a Topic,
    pub rules: batch::Rules,
}

impl Target<'_> {
    /// Checks in the order of `KafkaApis.handleProduceRequest` and `ReplicaManager.appendRecords`: where, then what the
    /// request looks like, then `acks`, then the records.
    pub async fn append(
        &self,
        acks: i16,
        data: PartitionProduceData,
        permit: &Permit,
        spent: &mut Spent,
    ) -> Queued {
        if self.topic.shard(data.index).is_none() {
            return Err(ErrorCode::UnknownTopicOrPartition.into());
        }
        let records = data.records.map(Records::into_bytes).unwrap_or_default();
        let clock = &self.context.broker.runtime.clock;
        let begun = Validation::begin(&records, &self.rules, clock.now_ms());
        if let Some(invalid) = begun.as_ref().err().filter(|invalid| invalid.is_shape()) {
            return Err(Refusal::of_batch(invalid.clone()));
        }
        match acks {
            -1..=1 if is_internal(&self.topic.name) => return Err(ErrorCode::InvalidTopicException.into()),
            -1..=1 => {}
            _ => return Err(ErrorCode::InvalidRequiredAcks.into()),
        }
        let refusals = &self.context.refusals;
        let after_refusal = refusals.are_recent(clock);
        let led = self.lead(data.index).await.inspect_err(|_| refusals.note(clock))?;
        let batch = match self.validate(begun, spent).await {
            Ok(batch) => batch,
            Err(invalid) => return Err(Refusal::of_batch(invalid).by(led)),
        };
        let ticket = led.shard.append(Append {
            partition: led.partition,
            batch,
            permit: permit.clone(),
            more_to_come: self.context.more_to_come,
            after_refusal,
        });
        let ticket = ticket.inspect_err(|_| refusals.note(clock))?;
        Ok((ticket, led))
    }

    /// The partition, which is waited for if it is about to be led here: a refusal would cost the client more time. If it is about
    /// to be led elsewhere, the refusal waits until it can say by whom.
    async fn lead(&self, index: i32) -> Result<Led, Failure> {
        let broker = &self.context.broker;
        let refused = match broker.lead(self.image, self.topic, index, -1) {
            Ok(led) => return Ok(led),
            Err(refused) => refused,
        };
        match self.topic.shard(index) {
            Some(shard) if self.context.opens_at_once(self.image, shard).await => {
                broker.lead(self.image, self.topic, index, -1)
            }
            Some(shard) => {
                self.context.until_given_away(self.image, shard).await;
                Err(refused)
            }
            None => Err(refused),
        }
    }

    async fn validate(
        &self,
        begun: Result<Validation<'_>, Invalid>,
        spent: &mut Spent,
    ) -> Result<Batch, Invalid> {
        let mut validation = begun?;
        self.context.broker.reads.unfolding().finish(&mut validation, spent).await?;
        validation.finish()
    }
}
