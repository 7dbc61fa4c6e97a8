//! Refusals of batches, as their producers are told of them.

use crate::api::context::Led;
use crate::api::errors::Failure;
use crate::api::topics::Leadership;
use crate::metadata::{Image, Topic};
use crate::protocol::ErrorCode;
use crate::protocol::batch::{Invalid, RejectedRecord};
use crate::protocol::messages::produce::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, PartitionProduceResponse,
};

/// A batch that was not taken.
pub struct Refusal {
    failure: Failure,
    /// The records that are to blame, if any are (KIP-467).
    records: Vec<RejectedRecord>,
    /// The partition that refused it, if it came that far.
    led: Option<Led>,
}

impl<E: Into<Failure>> From<E> for Refusal {
    fn from(error: E) -> Refusal {
        Refusal { failure: error.into(), records: Vec::new(), led: None }
    }
}

impl Refusal {
    pub fn of_batch(invalid: Invalid) -> Refusal {
        let records = match &invalid {
            Invalid::Rejected { records, .. } => records.clone(),
            _ => Vec::new(),
        };
        Refusal { failure: invalid.into(), records, led: None }
    }

    /// The same, from a partition that was asked.
    pub fn by(self, led: Led) -> Refusal {
        Refusal { led: Some(led), ..self }
    }

    pub async fn response(self, index: i32) -> PartitionProduceResponse {
        let log_start_offset = self.log_start().await;
        let Refusal { failure, records, .. } = self;
        let record_errors = records.into_iter().map(|record| BatchIndexAndErrorMessage {
            batch_index: record.index,
            batch_index_error_message: Some(record.reason.to_string()),
        });
        PartitionProduceResponse {
            index,
            error_code: failure.code.into(),
            base_offset: -1,
            log_start_offset,
            record_errors: record_errors.collect(),
            error_message: failure.message,
            ..PartitionProduceResponse::default()
        }
    }

    /// The log start, which Kafka tells with what is wrong in a batch, and not with what is wrong with the batch as a
    /// whole or with the partition (`ReplicaManager.appendToLocalLog`).
    async fn log_start(&self) -> i64 {
        let tells = !matches!(
            self.failure.code,
            ErrorCode::CorruptMessage
                | ErrorCode::MessageTooLarge
                | ErrorCode::RecordListTooLarge
                | ErrorCode::UnknownTopicOrPartition
                | ErrorCode::NotLeaderOrFollower
                | ErrorCode::KafkaStorageError
                | ErrorCode::RequestTimedOut
        );
        match &self.led {
            Some(led) if tells => {
                led.shard.partition(led.partition).await.map_or(-1, |partition| partition.log_start())
            }
            _ => -1,
        }
    }
}

/// Tells who leads instead (KIP-951).
pub fn tell_leader(image: &Image, topic: Option<&Topic>, response: &mut PartitionProduceResponse) {
    if response.error_code == ErrorCode::NotLeaderOrFollower.code()
        && let Some(shard) = topic.and_then(|topic| topic.shard(response.index))
    {
        let Leadership { leader, epoch, .. } = Leadership::of(image, shard);
        response.current_leader = LeaderIdAndEpoch { leader_id: leader, leader_epoch: epoch };
    }
}
