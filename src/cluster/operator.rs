//! Words of operators to the controller, and its answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::ballot::{Ballot, Unchanged};
use super::controller::Controller;
use super::message;
use super::removal::{Removal, Removed, Stuck};
use super::report::Status;
use crate::metadata::Metadata;
use crate::peer::{Service, Transport, Unreachable};
use crate::types::BrokerId;

/// The format of what is said here; heartbeats have another.
const FORMAT: u8 = 3;
/// The longest wait for an answer: it may have the store delete much.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Question {
    Remove(Removal),
    Status,
    /// More shards, so many in all.
    Shards(u32),
    Vote(Ballot),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Reply {
    Removed(Result<Removed, Stuck>),
    /// None of a broker that does not lead.
    Status(Option<Box<Status>>),
    Shards(Result<(), Stuck>),
    Vote(Result<(), Unchanged>),
}

impl Controller {
    /// The answer to an operator; none if it is no question of one.
    pub(super) async fn reply(&self, question: &[u8]) -> Option<Bytes> {
        let reply = match message::decode(FORMAT, question)? {
            Question::Remove(removal) => Reply::Removed(self.remove(removal).await),
            Question::Status => Reply::Status(self.status().map(Box::new)),
            Question::Vote(ballot) => Reply::Vote(self.vote(ballot).await),
            Question::Shards(shards) => Reply::Shards(self.add_shards(shards).await),
        };
        Some(message::encode(FORMAT, &reply))
    }
}

async fn ask(transport: &dyn Transport, broker: BrokerId, question: Question) -> Result<Reply, Unreachable> {
    let answer =
        transport.call(broker, Service::Controller, message::encode(FORMAT, &question), ANSWER_LIMIT).await?;
    let reason = || "it is of another version".to_owned();
    message::decode(FORMAT, &answer).ok_or_else(|| Unreachable {
        broker,
        is_refused: false,
        reason: reason(),
    })
}

/// Asks `broker` to take the next step of a removal, which it does if it leads.
pub async fn remove(transport: &dyn Transport, broker: BrokerId, removal: Removal) -> Result<Removed, Stuck> {
    match ask(transport, broker, Question::Remove(removal)).await {
        Ok(Reply::Removed(removed)) => removed,
        Ok(_) => Err(Stuck::Later("it answered another question".to_owned())),
        Err(error) => Err(Stuck::Later(error.to_string())),
    }
}

/// Has `broker` raise the number of shards, which it does if it leads.
pub async fn add_shards(transport: &dyn Transport, broker: BrokerId, shards: u32) -> Result<(), Stuck> {
    match ask(transport, broker, Question::Shards(shards)).await {
        Ok(Reply::Shards(added)) => added,
        Ok(_) => Err(Stuck::Later("it answered another question".to_owned())),
        Err(error) => Err(Stuck::Later(error.to_string())),
    }
}

/// The cluster as `broker` sees it, if it leads.
pub async fn status(transport: &dyn Transport, broker: BrokerId) -> Result<Option<Status>, Unreachable> {
    match ask(transport, broker, Question::Status).await? {
        Reply::Status(status) => Ok(status.map(|status| *status)),
        Reply::Removed(_) | Reply::Shards(_) | Reply::Vote(_) => Ok(None),
    }
}

/// Asks the controller for removals, wherever it is. Cheap to clone.
#[derive(Clone)]
pub struct Departures {
    pub controller: Controller,
    pub transport: Arc<dyn Transport>,
}

impl Departures {
    pub fn metadata(&self) -> &Metadata {
        self.controller.metadata()
    }

    /// Takes the next step of a removal.
    pub async fn remove(&self, removal: Removal) -> Result<Removed, Stuck> {
        let leader = self.metadata().leader().ok_or_else(|| Stuck::Later("nobody leads".to_owned()))?;
        if leader == self.metadata().broker_id() {
            return self.controller.remove(removal).await;
        }
        remove(&*self.transport, leader, removal).await
    }

    /// Has a broker vote on the metadata, or vote no more.
    pub async fn vote(&self, ballot: Ballot) -> Result<(), Unchanged> {
        let leader = self.metadata().leader();
        let leader = leader.ok_or_else(|| Unchanged::Later("nobody leads".to_owned()))?;
        if leader == self.metadata().broker_id() {
            return self.controller.vote(ballot).await;
        }
        match ask(&*self.transport, leader, Question::Vote(ballot)).await {
            Ok(Reply::Vote(done)) => done,
            Ok(_) => Err(Unchanged::Later("it answered another question".to_owned())),
            Err(error) => Err(Unchanged::Later(error.to_string())),
        }
    }
}
