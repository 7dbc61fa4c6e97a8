//! The queue of proposals: whatever waits goes into one entry of the log.
//!
//! At the leader every command is tried on a draft of the image first, with all its checks; one that is refused there
//! never enters the log. One entry is under way at a time, so the draft is what the entry will be applied to.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::apply::{Checks, apply};
use super::command::{Command, Outcome};
use super::error::ProposeError;
use super::image::Image;
use super::metrics::Metrics;
use super::raft::{ENTRY_LIMIT, Node, Written};
use crate::runtime::Shutdown;

/// Proposals that wait, at most.
const QUEUE: usize = 8192;
/// Between two looks for a leader.
pub(super) const RETRY: Duration = Duration::from_millis(50);
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
}

struct Proposal {
    commands: Vec<Command>,
    bytes: usize,
    /// Only tried, not written.
    dry: bool,
    answer: oneshot::Sender<Result<Written, ProposeError>>,
    _permit: OwnedSemaphorePermit,
}

/// The task that empties the queue.
pub(super) struct Proposer {
    node: Arc<Node>,
    metrics: Metrics,
    waiting: mpsc::Receiver<Proposal>,
    /// Taken from the queue, but too large for the entry before.
    held: Option<Proposal>,
}

/// Makes the queue and its task.
pub(super) fn proposals(node: Arc<Node>, metrics: Metrics) -> (Proposals, Proposer) {
    let (queue, waiting) = mpsc::channel(QUEUE);
    let budget = Arc::new(Semaphore::new(QUEUE_BYTES));
    let proposals = Proposals { queue, budget, node: Arc::clone(&node) };
    (proposals, Proposer { node, metrics, waiting, held: None })
}

impl Proposals {
    /// Queues commands that go into one entry together, and waits for their outcomes.
    pub(super) async fn submit(&self, commands: Vec<Command>) -> Result<Written, ProposeError> {
        self.enqueue(commands, false).await
    }

    /// Says what would come of commands, without doing it.
    pub(super) async fn validate(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, ProposeError> {
        self.enqueue(commands, true).await.map(|written| written.outcomes)
    }

    /// Queues commands, to be written or, if `dry`, only tried.
    pub(super) async fn enqueue(&self, commands: Vec<Command>, dry: bool) -> Result<Written, ProposeError> {
        check_versions(&self.node.image(), &commands)?;
        let bytes = encoded_bytes(&commands);
        if bytes > ENTRY_LIMIT {
            return Err(ProposeError::TooLarge { bytes, limit: ENTRY_LIMIT });
        }
        let permit = Arc::clone(&self.budget).try_acquire_many_owned(bytes as u32);
        let permit = permit.map_err(|_| ProposeError::Overloaded)?;
        let (answer, outcome) = oneshot::channel();
        let proposal = Proposal { commands, bytes, dry, answer, _permit: permit };
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

/// Commands that cannot be encoded at all are too large for any limit.
fn encoded_bytes(commands: &[Command]) -> usize {
    let size = postcard::serialize_with_flavor(commands, postcard::ser_flavors::Size::default());
    size.unwrap_or(usize::MAX)
}

impl Proposer {
    /// Runs until `stop`. Proposals that still wait then get no outcome.
    pub(super) async fn run(mut self, stop: Shutdown) {
        loop {
            let first = match self.held.take() {
                Some(held) => Some(held),
                None => tokio::select! {
                    () = stop.requested() => None,
                    next = self.waiting.recv() => next,
                },
            };
            let Some(first) = first else { return };
            let group = self.group(first);
            tokio::select! {
                () = stop.requested() => return,
                () = self.settle(group) => {}
            }
        }
    }

    /// The first proposal and all others that wait, as far as they fit into one entry.
    fn group(&mut self, first: Proposal) -> Vec<Proposal> {
        let mut bytes = first.bytes;
        let mut group = vec![first];
        while let Ok(next) = self.waiting.try_recv() {
            bytes += next.bytes;
            if bytes > ENTRY_LIMIT {
                self.held = Some(next);
                break;
            }
            group.push(next);
        }
        // Whoever gave up waiting would not hear of it, and may have tried again already.
        group.retain(|proposal| !proposal.answer.is_closed());
        group
    }

    async fn settle(&self, group: Vec<Proposal>) {
        let (dry, wet): (Vec<_>, Vec<_>) = group.into_iter().partition(|proposal| proposal.dry);
        let commands: Vec<Vec<Command>> = wet.iter().map(|proposal| proposal.commands.clone()).collect();
        let written = if wet.is_empty() { Ok(Vec::new()) } else { self.insist(commands, &wet).await };
        match written {
            Ok(written) => {
                for (proposal, written) in wet.into_iter().zip(written) {
                    // The proposer may have stopped waiting.
                    let _ = proposal.answer.send(Ok(written));
                }
            }
            Err(error) => {
                for proposal in wet {
                    let _ = proposal.answer.send(Err(error.clone()));
                }
            }
        }
        for proposal in dry {
            let outcomes = self.validate(proposal.commands).await;
            let _ = proposal.answer.send(outcomes.map(|outcomes| Written { index: 0, outcomes }));
        }
    }

    /// Tries again while there is no leader that could have done anything, and somebody waits for the outcome.
    async fn insist(
        &self,
        groups: Vec<Vec<Command>>,
        proposals: &[Proposal],
    ) -> Result<Vec<Written>, ProposeError> {
        loop {
            match self.write(groups.clone()).await {
                Err(ProposeError::NotLeader { .. })
                    if proposals.iter().any(|proposal| !proposal.answer.is_closed()) =>
                {
                    self.node.clock().sleep(RETRY).await;
                }
                done => return done,
            }
        }
    }

    /// The outcomes of each group of commands, after all of them went through one entry.
    async fn write(&self, groups: Vec<Vec<Command>>) -> Result<Vec<Written>, ProposeError> {
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        let commands: Vec<Command> = groups.into_iter().flatten().collect();
        let leader = self.node.leader().await?;
        let Written { index, outcomes } = if leader == self.node.id() {
            self.lead(commands).await?
        } else {
            let written = self.node.forward(leader, commands).await?;
            self.node.applied(written.index).await?;
            written
        };
        let mut outcomes = outcomes.into_iter();
        let part = |size: usize| Written { index, outcomes: outcomes.by_ref().take(size).collect() };
        Ok(sizes.into_iter().map(part).collect())
    }

    async fn lead(&self, commands: Vec<Command>) -> Result<Written, ProposeError> {
        self.node.catch_up().await?;
        let image = self.node.image();
        let mut draft = Image::clone(&image);
        let mut outcomes: Vec<Outcome> =
            commands.iter().map(|command| apply(&mut draft, command, Checks::Admission)).collect();
        let admitted = commands.into_iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok());
        let admitted: Vec<Command> = admitted.map(|(command, _)| command).collect();
        if admitted.is_empty() {
            self.metrics.decided(&outcomes);
            return Ok(Written { index: image.index, outcomes });
        }
        // The refusals wait too: they may rest on what the same entry is about to do.
        let begun = self.node.clock().instant();
        let written = self.node.write(admitted).await?;
        self.metrics.committed((self.node.clock().instant() - begun).as_secs_f64());
        let slots = outcomes.iter_mut().filter(|outcome| outcome.is_ok());
        for (slot, outcome) in slots.zip(written.outcomes) {
            *slot = outcome;
        }
        self.metrics.decided(&outcomes);
        Ok(Written { index: written.index, outcomes })
    }

    async fn validate(&self, commands: Vec<Command>) -> Result<Vec<Outcome>, ProposeError> {
        let leader = self.node.leader().await?;
        if leader != self.node.id() {
            return self.node.forward_validation(leader, commands).await;
        }
        self.node.catch_up().await?;
        let mut draft = Image::clone(&self.node.image());
        Ok(commands.iter().map(|command| apply(&mut draft, command, Checks::Admission)).collect())
    }
}

fn check_versions(image: &Image, commands: &[Command]) -> Result<(), ProposeError> {
    let needed = commands.iter().map(Command::version).max().unwrap_or_default();
    match image.command_version() {
        Some(known) if known < needed => Err(ProposeError::NotSupported { needed, known }),
        _ => Ok(()),
    }
}
