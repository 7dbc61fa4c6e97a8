//! Queues whose items are taken together, as many as fit into one entry of the log.

use tokio::sync::mpsc;

use super::raft::ENTRY_LIMIT;
use crate::runtime::Shutdown;

/// An item of a queue, with somebody who waits for its outcome.
pub(super) trait Waiting {
    /// Its encoded commands in bytes.
    fn bytes(&self) -> usize;
    /// Nobody would hear of the outcome any more, and may have tried again already.
    fn is_given_up(&self) -> bool;
}

/// The end of a queue at which items are taken.
pub(super) struct Gathering<T> {
    waiting: mpsc::Receiver<T>,
    /// Taken from the queue, but too large for the group before.
    held: Option<T>,
}

impl<T: Waiting> Gathering<T> {
    pub(super) fn new(waiting: mpsc::Receiver<T>) -> Gathering<T> {
        Gathering { waiting, held: None }
    }

    /// The first item and all others that wait, as far as they fit into one entry; none after `stop`.
    pub(super) async fn next_group(&mut self, stop: &Shutdown) -> Option<Vec<T>> {
        let first = match self.held.take() {
            Some(held) => held,
            None => tokio::select! {
                () = stop.requested() => return None,
                next = self.waiting.recv() => next?,
            },
        };
        let mut bytes = first.bytes();
        let mut group = vec![first];
        while let Ok(next) = self.waiting.try_recv() {
            bytes += next.bytes();
            if bytes > ENTRY_LIMIT {
                self.held = Some(next);
                break;
            }
            group.push(next);
        }
        group.retain(|item| !item.is_given_up());
        Some(group)
    }
}
