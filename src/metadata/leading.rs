//! The leader's queue: what brokers propose goes into one entry of the log, as much as waits.
//!
//! Every command is tried on a draft of the image first, with all its checks; if all commands of a proposal are refused there,
//! it never enters the log. One entry is under way at a time, so the draft is what the entry will be applied to.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::apply::{Checks, apply};
use super::command::{Command, Step};
use super::error::ProposeError;
use super::gathering::{self, Gathering};
use super::image::{Image, Owner};
use super::metrics::Metrics;
use super::outcome::{Applied, Outcome, Refused};
use super::raft::{Node, Proposed, Written};
use super::version;
use crate::runtime::Shutdown;
use crate::types::BrokerId;

/// Proposals that wait, at most: one of each broker, and what those sent that were started again.
const QUEUE: usize = 256;

/// A handle on the queue. Cheap to clone.
#[derive(Clone)]
pub(super) struct Leading {
    queue: mpsc::Sender<Waiting>,
    node: Arc<Node>,
}

struct Waiting {
    proposed: Proposed,
    bytes: usize,
    answer: oneshot::Sender<Result<Written, ProposeError>>,
}

impl Waiting {
    /// The broker that registers itself by it.
    fn registers(&self) -> Option<BrokerId> {
        let from = self.proposed.from.broker;
        let registers = |command: &Command| match command {
            Command::Register { broker, .. } | Command::RegisterBroker(broker) => broker.id == from,
            _ => false,
        };
        self.proposed.commands.iter().any(registers).then_some(from)
    }
}

impl gathering::Waiting for Waiting {
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }
}

/// A proposal that was tried on a draft.
enum Tried {
    /// Its commands for the log, none if nothing of it has to be written, and what came of each on the draft.
    Write { commands: Vec<Command>, outcomes: Vec<Outcome> },
    /// A later one of the same broker was applied before it.
    Superseded,
}

/// The task that empties the queue.
pub(super) struct Leader {
    node: Arc<Node>,
    metrics: Metrics,
    waiting: Gathering<Waiting>,
}

/// Makes the queue and its task.
pub(super) fn leading(node: Arc<Node>, metrics: Metrics) -> (Leading, Leader) {
    let (queue, waiting) = mpsc::channel(QUEUE);
    (Leading { queue, node: Arc::clone(&node) }, Leader { node, metrics, waiting: Gathering::new(waiting) })
}

impl Leading {
    /// Has the commands written, or tried, here. Answers [`ProposeError::NotLeader`] if that cannot be, or ends while it
    /// waits: then the same number may be sent to the next leader.
    pub(super) async fn submit(&self, proposed: Proposed) -> Result<Written, ProposeError> {
        if proposed.number.is_none() {
            return self.validate(&proposed.commands).await;
        }
        let bytes = encoded_bytes(&proposed.commands);
        let (answer, outcome) = oneshot::channel();
        let waiting = Waiting { proposed, bytes, answer };
        self.queue.try_send(waiting).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ProposeError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => ProposeError::Stopped,
        })?;
        outcome.await.map_err(|_| ProposeError::Stopped)?
    }

    async fn validate(&self, commands: &[Command]) -> Result<Written, ProposeError> {
        self.node.catch_up().await?;
        let mut draft = Image::clone(&self.node.image());
        let tried = commands.iter().map(|command| apply(&mut draft, command, Checks::Admission));
        Ok(Written { index: 0, outcomes: tried.collect() })
    }
}

impl Leader {
    /// Runs until `stop`. Proposals that still wait then get no outcome.
    pub(super) async fn run(mut self, stop: Shutdown) {
        while let Some(group) = self.waiting.next_group(&stop).await {
            tokio::select! {
                () = stop.requested() => return,
                () = self.settle(group) => {}
            }
        }
    }

    async fn settle(&self, group: Vec<Waiting>) {
        if !self.node.leads() {
            return refuse(group, &ProposeError::NotLeader { leader: None });
        }
        if let Err(error) = self.node.catch_up().await {
            return refuse(group, &error);
        }
        // Held until it is written: a broker that registers is a member by then.
        let _members = match group.iter().any(|waiting| waiting.registers().is_some()) {
            true => Some(self.node.members_stay().await),
            false => None,
        };
        let group = self.members_of(group);
        let image = self.node.image();
        let mut draft = Image::clone(&image);
        let mut writing = Vec::new();
        let mut entry = Vec::new();
        for Waiting { proposed, answer, .. } in group {
            match attempt(&mut draft, proposed) {
                Tried::Superseded => {
                    let _ = answer.send(Err(ProposeError::Timeout));
                }
                Tried::Write { commands, outcomes } => {
                    writing.push((commands.len(), outcomes, answer));
                    entry.extend(commands);
                }
            }
        }
        // A refusal waits too: it may rest on what the same entry is about to do.
        match self.write(entry, image.index).await {
            Ok(Written { index, outcomes }) => {
                let mut applied = outcomes.into_iter();
                for (count, tried, answer) in writing {
                    let outcomes = settled(tried, applied.by_ref().take(count).collect());
                    self.metrics.decided(&outcomes);
                    // The proposer may have stopped waiting.
                    let _ = answer.send(Ok(Written { index, outcomes }));
                }
            }
            Err(error) => {
                for (_, _, answer) in writing {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }
}

impl Leader {
    /// Refuses who registers without being a member, as one that was dropped a moment ago: it would hear of nothing.
    fn members_of(&self, mut group: Vec<Waiting>) -> Vec<Waiting> {
        let is_stranger = |waiting: &mut Waiting| {
            waiting.registers().is_some_and(|broker| !self.node.members().contains(&broker))
        };
        refuse(group.extract_if(.., is_stranger).collect(), &ProposeError::Overloaded);
        group
    }

    /// Writes an entry, unless there is nothing in it and the image at `index` says it all.
    async fn write(&self, entry: Vec<Command>, index: u64) -> Result<Written, ProposeError> {
        if entry.is_empty() {
            return Ok(Written { index, outcomes: Vec::new() });
        }
        let begun = self.node.clock().instant();
        let written = tokio::select! {
            written = self.node.write(entry) => written?,
            () = self.node.lapsed() => return Err(ProposeError::NotLeader { leader: None }),
        };
        self.metrics.committed((self.node.clock().instant() - begun).as_secs_f64());
        Ok(written)
    }
}

/// Commands that cannot be encoded at all are too large for any limit.
pub(super) fn encoded_bytes(commands: &[Command]) -> usize {
    let size = postcard::serialize_with_flavor(commands, postcard::ser_flavors::Size::default());
    size.unwrap_or(usize::MAX)
}

fn refuse(group: Vec<Waiting>, error: &ProposeError) {
    for waiting in group {
        let _ = waiting.answer.send(Err(error.clone()));
    }
}

fn attempt(draft: &mut Image, proposed: Proposed) -> Tried {
    let Proposed { from, number, commands } = proposed;
    let number = number.unwrap_or_default();
    let last = draft.members.get(from.broker).and_then(|member| member.proposed.as_ref());
    if let Some(last) = last {
        match (last.incarnation, last.number).cmp(&(from.incarnation, number)) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => {
                return Tried::Write { commands: Vec::new(), outcomes: last.outcomes.to_vec() };
            }
            std::cmp::Ordering::Greater => return Tried::Superseded,
        }
    }
    let outcomes: Vec<Outcome> =
        commands.iter().map(|command| apply(draft, command, Checks::Admission)).collect();
    let commands = match outcomes.iter().all(|outcome| outcome.is_err()) {
        true => Vec::new(),
        false => for_the_log(draft, from, number, commands, &outcomes),
    };
    Tried::Write { commands, outcomes }
}

/// As one numbered command; before all brokers know those, without what was refused.
fn for_the_log(
    draft: &Image,
    from: Owner,
    number: u64,
    commands: Vec<Command>,
    outcomes: &[Outcome],
) -> Vec<Command> {
    let is_numbered = draft.level().is_none_or(|known| known >= version::OF_CLUSTERS);
    let tried = commands.into_iter().zip(outcomes);
    if !is_numbered {
        return tried.filter(|(_, outcome)| outcome.is_ok()).map(|(command, _)| command).collect();
    }
    let step = |(command, outcome): (Command, &Outcome)| match outcome {
        Ok(_) => Step::Do(command),
        Err(refused) => Step::Refuse(refused.clone()),
    };
    vec![Command::Numbered { from, number, steps: tried.map(step).collect() }]
}

/// The outcomes of all commands of a proposal, once those that were written are applied.
fn settled(tried: Vec<Outcome>, applied: Vec<Outcome>) -> Vec<Outcome> {
    match <[Outcome; 1]>::try_from(applied) {
        Ok([Ok(Applied::Each(outcomes))]) => outcomes,
        Ok([Err(Refused::Superseded)]) => vec![Err(Refused::Superseded); tried.len()],
        Ok(one) => merged(tried, one.into()),
        Err(applied) => merged(tried, applied),
    }
}

fn merged(mut tried: Vec<Outcome>, applied: Vec<Outcome>) -> Vec<Outcome> {
    let slots = tried.iter_mut().filter(|outcome| outcome.is_ok());
    for (slot, outcome) in slots.zip(applied) {
        *slot = outcome;
    }
    tried
}
