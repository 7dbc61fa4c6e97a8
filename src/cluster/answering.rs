//! Answers to other brokers: what they say to the metadata, and what they say to the controller.

use async_trait::async_trait;
use bytes::Bytes;

use super::controller::Controller;
use super::heartbeat::{self, Heartbeat};
use crate::metadata::Metadata;
use crate::peer::{Answers, Service};
use crate::types::BrokerId;

/// Answers in the name of one broker.
pub struct Answering {
    pub metadata: Metadata,
    pub controller: Controller,
}

#[async_trait]
impl Answers for Answering {
    async fn answer(&self, caller: BrokerId, service: Service, request: Bytes) -> Bytes {
        if service != Service::Controller {
            return self.metadata.receive(&request).await;
        }
        if let Some(reply) = self.controller.reply(&request).await {
            return reply;
        }
        match heartbeat::decode::<Heartbeat>(&request).filter(|heartbeat| heartbeat.from.broker == caller) {
            Some(heartbeat) => heartbeat::encode(&self.controller.hear(&heartbeat)),
            None => Bytes::new(),
        }
    }
}
