//! Producers: idempotent ones, which retry until they know, and plain ones, which send once and never ask again.

use std::collections::VecDeque;

use futures::FutureExt as _;
use kafkaesque::log::{AppendError, Appended, Shard, Ticket};
use kafkaesque::runtime::Rng;

use crate::engine::{append, batch, batch_of};
use crate::truth::{Check, Truth, Violation};
use crate::world::PARTITIONS;
use kafkaesque::types::WriterEpoch;

/// A client has no more batches unanswered; so many are remembered of each.
const IN_FLIGHT: usize = 5;

/// An owner as clients see one.
pub struct Target<'a> {
    /// Clients never go back to an older owner.
    pub epoch: WriterEpoch,
    pub shard: &'a Shard,
}

/// A batch that an owner took.
struct Sent {
    partition: i32,
    value: String,
    epoch: WriterEpoch,
    ticket: Ticket<Appended>,
}

impl Sent {
    /// `Some(true)` if it was acknowledged, `Some(false)` if nobody knows what became of it.
    fn answer(&mut self, truth: &mut Truth) -> Option<Result<bool, Violation>> {
        match (&mut self.ticket).now_or_never()? {
            Ok(Appended { base_offset, .. }) => {
                Some(truth.acknowledged(self.epoch, self.partition, base_offset, &self.value).map(|()| true))
            }
            Err(AppendError::NotOpen(_) | AppendError::IncarnationEnded) => Some(Ok(false)),
            Err(error) => Some(Err(Violation::Promise(format!("{} was refused: {error}", self.value)))),
        }
    }
}

pub struct Client {
    id: i64,
    idempotent: bool,
    /// That of the owner it sends to.
    epoch: WriterEpoch,
    number: i32,
    /// Sent, or to be sent again, and not acknowledged: oldest first.
    pending: VecDeque<(i32, Option<Sent>)>,
    /// Given up, and still listened to: whatever is said of them must be true.
    strays: Vec<Sent>,
}

impl Client {
    pub fn new(id: i64, idempotent: bool) -> Client {
        Client {
            id,
            idempotent,
            epoch: WriterEpoch::NONE,
            number: 0,
            pending: VecDeque::new(),
            strays: Vec::new(),
        }
    }

    fn partition(&self) -> i32 {
        (self.id % i64::from(PARTITIONS)) as i32
    }

    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Turns to `target`, if that is not an older owner than before, and sends what has no answer under way.
    pub fn send(&mut self, target: &Target<'_>, fresh: bool) {
        if target.epoch < self.epoch {
            return;
        }
        if target.epoch > self.epoch {
            self.epoch = target.epoch;
            self.forget();
        }
        if fresh && self.pending.len() < IN_FLIGHT {
            self.pending.push_back((self.number, None));
            self.number += 1;
        }
        let Some(epoch) = target.shard.status().epoch else { return };
        let (id, partition, idempotent) = (self.id, self.partition(), self.idempotent);
        let mut refused = false;
        for (number, sent) in self.pending.iter_mut().filter(|(_, sent)| sent.is_none()) {
            let value = format!("{}{id}/{number}", if idempotent { 'i' } else { 'p' });
            let batch = if idempotent { batch_of(id, 0, *number, &[&value]) } else { batch(&[&value]) };
            match append(target.shard, partition, batch) {
                Ok(ticket) => *sent = Some(Sent { partition, value, epoch, ticket }),
                // What comes behind must not overtake it.
                Err(_) => {
                    refused = true;
                    break;
                }
            }
        }
        if refused && !idempotent {
            self.pending.retain(|(_, sent)| sent.is_some());
        }
    }

    /// Takes the answers that are there.
    pub fn receive(&mut self, truth: &mut Truth) -> Check {
        while let Some((_, unanswered)) = self.pending.front_mut() {
            let Some(known) = unanswered.as_mut().and_then(|sent| sent.answer(truth)) else { break };
            *unanswered = None;
            if known? || !self.idempotent {
                self.pending.pop_front();
            } else {
                self.forget();
            }
        }
        let mut check = Ok(());
        self.strays.retain_mut(|sent| match sent.answer(truth) {
            None => true,
            Some(Ok(_)) => false,
            Some(Err(problem)) => {
                check = Err(problem);
                false
            }
        });
        check
    }

    /// Everything unanswered is to be sent again, or given up if this producer sends once only.
    fn forget(&mut self) {
        self.strays.extend(self.pending.iter_mut().filter_map(|(_, sent)| sent.take()));
        if !self.idempotent {
            self.pending.clear();
        }
    }
}

/// Three of one kind and three of the other.
pub fn some_clients() -> Vec<Client> {
    (1..=6).map(|id| Client::new(id, id % 3 != 0)).collect()
}

/// Every client receives, and most of them send to one of `targets`.
pub fn work(
    clients: &mut [Client],
    targets: &[Target<'_>],
    truth: &mut Truth,
    rng: &Rng,
    fresh: bool,
) -> Check {
    for client in clients {
        client.receive(truth)?;
        if targets.is_empty() {
            continue;
        }
        let target = &targets[rng.below(targets.len() as u64) as usize];
        client.send(target, fresh && rng.below(100) < 40);
    }
    Ok(())
}
