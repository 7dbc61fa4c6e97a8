//! Producer ids of this broker: a block from the cluster, and the next one taken ahead.

use std::collections::VecDeque;
use std::ops::Range;

use tokio::sync::Mutex;

use super::apply::PRODUCER_ID_BLOCK;
use crate::types::ProducerId;

/// A new block is wanted when fewer ids than this are left.
const LOW: i64 = PRODUCER_ID_BLOCK as i64 / 2;

/// The ids that this process may give out. What it has left when it ends is never given out.
#[derive(Debug, Default)]
pub(super) struct ProducerIds {
    blocks: parking_lot::Mutex<VecDeque<Range<i64>>>,
    /// Held by whoever fetches a block, so that only one does.
    pub fetching: Mutex<()>,
}

/// An id, if there was one, and whether a block should be fetched.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub id: Option<ProducerId>,
    pub low: bool,
}

impl ProducerIds {
    pub(super) fn take(&self) -> Taken {
        let mut blocks = self.blocks.lock();
        let id = blocks.front_mut().and_then(Iterator::next).map(ProducerId);
        if blocks.front().is_some_and(Range::is_empty) {
            blocks.pop_front();
        }
        let left: i64 = blocks.iter().map(|block| block.end - block.start).sum();
        Taken { id, low: left < LOW }
    }

    pub(super) fn add(&self, first: ProducerId, count: u32) {
        self.blocks.lock().push_back(first.0..first.0.saturating_add(i64::from(count)));
    }

    pub(super) fn is_low(&self) -> bool {
        self.blocks.lock().iter().map(|block| block.end - block.start).sum::<i64>() < LOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_in_order_and_the_next_block_is_asked_for_ahead() {
        let ids = ProducerIds::default();
        assert_eq!(ids.take(), Taken { id: None, low: true });
        ids.add(ProducerId(1000), 1000);
        for id in 1000..1500 {
            assert_eq!(ids.take(), Taken { id: Some(ProducerId(id)), low: false }, "{id}");
        }
        assert_eq!(ids.take(), Taken { id: Some(ProducerId(1500)), low: true });
        ids.add(ProducerId(7000), 1000);
        for id in (1501..2000).chain(7000..7100) {
            assert_eq!(ids.take().id, Some(ProducerId(id)));
        }
    }
}
