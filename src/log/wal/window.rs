//! Which segments are in flight, and up to where all have landed.

use std::collections::VecDeque;

/// Ids of segments, from the taking of one to its landing. Status moves over the contiguous prefix only, and no id
/// is in flight that is further than the window above it.
#[derive(Clone, Debug)]
pub struct Window {
    width: u64,
    /// All ids up to this one are taken by objects that no older owner can change.
    prefix: u64,
    /// The last id that counts as flushed: our fence, then our segments.
    flushed: u64,
    flushed_nonce: u128,
    /// The replay point that the segment with that id says; 0 for our fence.
    said_replay_after: u64,
    flushed_seq: Option<u64>,
    next: u64,
    in_flight: VecDeque<InFlight>,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    id: u64,
    seq: u64,
    nonce: u128,
    replay_after: u64,
    landed: bool,
}

impl Window {
    /// `fence` is our own, with its nonce, and `first_segment` the first id that is free for segments.
    pub fn new(width: u16, fence: u64, fence_nonce: u128, first_segment: u64) -> Window {
        Window {
            width: u64::from(width.max(1)),
            prefix: first_segment - 1,
            flushed: fence,
            flushed_nonce: fence_nonce,
            said_replay_after: 0,
            flushed_seq: None,
            next: first_segment,
            in_flight: VecDeque::new(),
        }
    }

    /// The id that the next segment will have.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The id of the last segment that was taken, or what counts as flushed if there is none.
    pub fn last_taken(&self) -> u64 {
        self.in_flight.back().map_or(self.flushed, |last| last.id)
    }

    /// The last id up to which everything has landed.
    pub fn flushed(&self) -> u64 {
        self.flushed
    }

    /// The nonce of the object with that id.
    pub fn flushed_nonce(&self) -> u128 {
        self.flushed_nonce
    }

    /// The replay point that the last segment says up to which everything has landed; 0 before the first has.
    pub fn said_replay_after(&self) -> u64 {
        self.said_replay_after
    }

    /// All ids up to this one are taken by durable objects.
    pub fn taken_to(&self) -> u64 {
        self.prefix
    }

    /// The last sequence number up to which everything has landed; `None` before the first segment has.
    pub fn flushed_seq(&self) -> Option<u64> {
        self.flushed_seq
    }

    /// Takes the next id for a segment with this nonce, that says this replay point, and whose last row has `seq`.
    pub fn take(&mut self, seq: u64, nonce: u128, replay_after: u64) -> u64 {
        let id = self.next;
        self.next += 1;
        self.in_flight.push_back(InFlight { id, seq, nonce, replay_after, landed: false });
        id
    }

    /// True if the PUT of `id` may be started.
    pub fn may_start(&self, id: u64) -> bool {
        id <= self.prefix + self.width
    }

    /// True if the next segment could be started at once.
    pub fn has_room(&self) -> bool {
        self.may_start(self.next)
    }

    /// Notes that `id` has landed. True if the prefix moved.
    pub fn landed(&mut self, id: u64) -> bool {
        if let Some(found) = self.in_flight.iter_mut().find(|segment| segment.id == id) {
            found.landed = true;
        }
        let before = self.prefix;
        while let Some(first) = self.in_flight.front().filter(|first| first.landed) {
            self.prefix = first.id;
            self.flushed = first.id;
            self.flushed_nonce = first.nonce;
            self.said_replay_after = first.replay_after;
            self.flushed_seq = Some(first.seq);
            self.in_flight.pop_front();
        }
        self.prefix > before
    }
}
