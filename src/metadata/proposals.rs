//! The queue of this broker's proposals: whatever waits goes to the leader together, under one number, so that what is sent again
//! after a change of leaders is done once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::command::Command;
use super::error::ProposeError;
use super::gathering::{self, Gathering};
use super::image::{Image, Owner};
use super::leading::{Leading, encoded_bytes};
use super::outcome::Outcome;
use super::raft::{ENTRY_LIMIT, Node, Proposed, RETRY, Written};
use crate::runtime::Shutdown;
use crate::runtime::clock::Instant;

/// Proposals that wait, at most.
const QUEUE: usize = 8192;
/// The time after which a proposal that no leader has taken is given up.
const INSIST_LIMIT: Duration = Duration::from_secs(4);
/// Their encoded commands in bytes, at most.
const QUEUE_BYTES: usize = 16 * ENTRY_LIMIT;
/// Encoded commands of one step of many, in bytes: an entry has their number too.
const STEP_BYTES: usize = ENTRY_LIMIT - 16;

/// A handle on the queue. Cheap to clone.
#[derive(Clone)]
pub(super) struct Proposals {
    queue: mpsc::Sender<Proposal>,
    budget: Arc<Semaphore>,
    node: Arc<Node>,
    leading: Leading,
}

struct Proposal {
    commands: Vec<Command>,
    bytes: usize,
    since: Instant,
    answer: oneshot::Sender<Result<Written, ProposeError>>,
    _permit: OwnedSemaphorePermit,
}

impl gathering::Waiting for Proposal {
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }
}

/// The task that empties the queue.
pub(super) struct Proposer {
    node: Arc<Node>,
    leading: Leading,
    waiting: Gathering<Proposal>,
    /// Of the last proposal.
    number: u64,
}

/// Makes the queue and its task.
pub(super) fn proposals(node: Arc<Node>, leading: Leading) -> (Proposals, Proposer) {
    let (queue, waiting) = mpsc::channel(QUEUE);
    let budget = Arc::new(Semaphore::new(QUEUE_BYTES));
    let proposals = Proposals { queue, budget, node: Arc::clone(&node), leading: leading.clone() };
    (proposals, Proposer { node, leading, waiting: Gathering::new(waiting), number: 0 })
}

impl Proposals {
    /// Says what would come of commands, without doing it.
    pub(super) async fn validate(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, ProposeError> {
        check_versions(&self.node.image(), &commands)?;
        let leader = self.node.leader().await?;
        if leader != self.node.id() {
            return self.node.forward_validation(leader, commands).await;
        }
        let from = Owner { broker: leader, incarnation: self.node.incarnation() };
        Ok(self.leading.submit(Proposed { from, number: None, commands }).await?.outcomes)
    }

    /// Queues commands that are proposed together, and waits for their outcomes.
    pub(super) async fn submit(&self, commands: Vec<Command>) -> Result<Written, ProposeError> {
        check_versions(&self.node.image(), &commands)?;
        let bytes = encoded_bytes(&commands);
        if bytes > ENTRY_LIMIT {
            return Err(ProposeError::TooLarge { bytes, limit: ENTRY_LIMIT });
        }
        let permit = Arc::clone(&self.budget).try_acquire_many_owned(bytes as u32);
        let permit = permit.map_err(|_| ProposeError::Overloaded)?;
        let (answer, outcome) = oneshot::channel();
        let proposal =
            Proposal { commands, bytes, since: self.node.clock().instant(), answer, _permit: permit };
        self.queue.try_send(proposal).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ProposeError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => ProposeError::Stopped,
        })?;
        let limit = self.node.timeouts().proposal;
        match self.node.clock().timeout(limit, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(ProposeError::Stopped),
            Err(_) => Err(ProposeError::Timeout),
        }
    }
}

/// Gives `propose` the commands in steps that fit into one entry each, one after the other.
pub(super) async fn each_step<F>(
    commands: Vec<Command>,
    propose: impl Fn(Vec<Command>) -> F,
) -> Vec<Result<Outcome, ProposeError>>
where
    F: Future<Output = Result<Vec<Outcome>, ProposeError>>,
{
    let mut all = Vec::with_capacity(commands.len());
    let mut failure: Option<ProposeError> = None;
    for step in steps(commands) {
        let size = step.len();
        let outcomes = match &failure {
            Some(failure) => Err(failure.clone()),
            None => propose(step).await,
        };
        match outcomes {
            Ok(outcomes) => all.extend(outcomes.into_iter().map(Ok)),
            Err(error) => {
                all.extend(std::iter::repeat_n(error.clone(), size).map(Err));
                // One that is too large stands alone, and says nothing of the others.
                failure =
                    failure.or(Some(error).filter(|error| !matches!(error, ProposeError::TooLarge { .. })));
            }
        }
    }
    all
}

/// Commands in their order, as many together as fit into one entry.
fn steps(commands: Vec<Command>) -> Vec<Vec<Command>> {
    let mut steps: Vec<Vec<Command>> = Vec::new();
    let mut room = 0;
    for command in commands {
        let bytes = encoded_bytes(std::slice::from_ref(&command));
        match steps.last_mut().filter(|_| bytes <= room) {
            Some(step) => step.push(command),
            None => {
                steps.push(vec![command]);
                room = STEP_BYTES;
            }
        }
        room = room.saturating_sub(bytes);
    }
    steps
}

impl Proposer {
    /// Runs until `stop`. Proposals that still wait then get no outcome.
    pub(super) async fn run(mut self, stop: Shutdown) {
        while let Some(group) = self.waiting.next_group(&stop).await {
            self.number += 1;
            tokio::select! {
                () = stop.requested() => return,
                () = self.settle(group) => {}
            }
        }
    }

    async fn settle(&self, group: Vec<Proposal>) {
        let sizes: Vec<usize> = group.iter().map(|proposal| proposal.commands.len()).collect();
        let commands = group.iter().flat_map(|proposal| proposal.commands.iter().cloned()).collect();
        let written = self.insist(commands, &group).await;
        let mut outcomes = written.clone().map(|written| written.outcomes).unwrap_or_default().into_iter();
        for (proposal, size) in group.into_iter().zip(sizes) {
            let part = written.as_ref().map_err(Clone::clone).map(|written| Written {
                index: written.index,
                outcomes: outcomes.by_ref().take(size).collect(),
            });
            // The proposer may have stopped waiting.
            let _ = proposal.answer.send(part);
        }
    }

    /// Sends the commands under the same number for as long as no leader takes them, somebody waits for the outcome, and
    /// there is hope.
    async fn insist(&self, commands: Vec<Command>, proposals: &[Proposal]) -> Result<Written, ProposeError> {
        let begun = proposals.iter().map(|proposal| proposal.since).min();
        let deadline = begun.unwrap_or_else(|| self.node.clock().instant()) + INSIST_LIMIT;
        loop {
            match self.send(commands.clone(), deadline).await {
                Err(ProposeError::NotLeader { .. })
                    if self.node.clock().instant() < deadline
                        && proposals.iter().any(|proposal| !proposal.answer.is_closed()) =>
                {
                    self.node.clock().sleep(RETRY).await;
                }
                done => return done,
            }
        }
    }

    async fn send(&self, commands: Vec<Command>, deadline: Instant) -> Result<Written, ProposeError> {
        let leader = self.node.leader_by(deadline).await?;
        if leader == self.node.id() {
            let from = Owner { broker: self.node.id(), incarnation: self.node.incarnation() };
            return self.leading.submit(Proposed { from, number: Some(self.number), commands }).await;
        }
        let written = self.node.forward(leader, self.number, commands).await?;
        self.node.applied(written.index).await?;
        Ok(written)
    }
}

fn check_versions(image: &Image, commands: &[Command]) -> Result<(), ProposeError> {
    for command in commands {
        let known = match command {
            // It is checked when it is applied.
            Command::RaiseLevel { .. } => None,
            Command::Unregister { broker, .. } => image.level_without(Some(*broker)),
            _ => image.level(),
        };
        let needed = command.version();
        if let Some(known) = known.filter(|known| *known < needed) {
            return Err(ProposeError::NotSupported { needed, known });
        }
    }
    Ok(())
}
