//! Taking a shard's log over: where it ends for all older owners.
//! It does none of it and waits for nothing: events in, actions out; [`super::wal`] carries them out.
//! Entry point: [`Takeover`]; [`judge`] for whoever finds an id taken.
//! Invariant: a writer never meets a foreign object at an id of its own, except a newer owner's fence.
//!
//! The rules, in order: list the log from the stored replay point; make sure that no newer owner was there before the
//! listing; create the fence at the first missing id, stepping over what older owners put there first; fence also the
//! ids that an older owner may still have in flight. What lies behind the fence with an older epoch is not part of the
//! log.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::segment::{Header, Kind};

/// Who writes an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The writer epoch of this owner.
    pub epoch: u64,
    /// Random, one per object or per takeover.
    pub nonce: u128,
}

/// What a create that found its id taken means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collision {
    /// It is our own object: an earlier try had landed.
    Landed,
    /// An older owner's object.
    Occupied,
    /// A newer owner's object: we are fenced.
    Superseded,
}

/// Judges the header of the object that was in the way.
pub fn judge(own: Identity, found: &Header) -> Collision {
    if found.nonce == own.nonce && found.epoch == own.epoch {
        Collision::Landed
    } else if found.epoch < own.epoch {
        Collision::Occupied
    } else {
        Collision::Superseded
    }
}

/// Something to be done for the takeover. Everything in one answer may be done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// List the ids from this one on, itself included. Answer: [`Event::Listed`].
    List { from: u64 },
    /// Look whether the stored writer epoch is still ours. Answer: [`Event::Confirmed`] or [`Event::Superseded`].
    Confirm,
    /// Read the header of this object. Answer: [`Event::Found`] or [`Event::Missing`].
    ReadHeader { id: u64 },
    /// Create this object, unless its id is taken. Answer: [`Event::Created`] or [`Event::Collided`].
    Create { id: u64, kind: Kind, window: u16 },
}

/// What came of an [`Action`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Listed(Vec<u64>),
    Confirmed,
    Superseded,
    Found(u64, Header),
    Missing(u64),
    Created(u64),
    Collided(u64),
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Do these, and report; empty while others are still out.
    Do(Vec<Action>),
    Done(Tail),
    /// A newer owner has the log.
    Fenced,
    /// The log is not what the rules leave behind.
    Broken(&'static str),
}

/// Where the log of the older owners ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The last id to be replayed: our own fence.
    pub fence: u64,
    /// The id of our first segment.
    pub first_segment: u64,
    /// The epoch that replay starts with: that of the object at the replay point.
    pub start_epoch: u64,
}

#[derive(Debug)]
enum State {
    Listing,
    /// Headers that are still awaited, and whether the epoch was confirmed.
    Checking {
        awaited: BTreeSet<u64>,
        confirmed: bool,
    },
    Fencing {
        id: u64,
    },
    /// Ids behind the fence that are not known to be taken.
    Closing {
        fence: u64,
        open: BTreeSet<u64>,
    },
}

/// The takeover as a machine: it starts with [`Takeover::start`], and every event gives the next step.
#[derive(Debug)]
pub struct Takeover {
    own: Identity,
    /// Our own window, for the ones after us.
    own_window: u16,
    replay_after: u64,
    state: State,
    /// Ids above the replay point that are known to be taken.
    taken: BTreeSet<u64>,
    /// How many objects an older owner may have in flight.
    window: u16,
    start_epoch: u64,
}

impl Takeover {
    /// `replay_after` is the stored id up to which the index needs no replay, read after the epoch was taken.
    pub fn new(own: Identity, own_window: u16, replay_after: u64) -> Takeover {
        Takeover {
            own,
            own_window,
            replay_after,
            state: State::Listing,
            taken: BTreeSet::new(),
            window: 1,
            start_epoch: 0,
        }
    }

    pub fn start(&self) -> Step {
        Step::Do(vec![Action::List { from: self.replay_after }])
    }

    pub fn on(&mut self, event: Event) -> Step {
        match (&mut self.state, event) {
            (State::Listing, Event::Listed(ids)) => self.listed(&ids),
            (State::Checking { .. }, Event::Superseded) => Step::Fenced,
            (State::Checking { confirmed, .. }, Event::Confirmed) => {
                *confirmed = true;
                self.checked()
            }
            (State::Checking { awaited, .. }, Event::Found(id, header)) => {
                awaited.remove(&id);
                self.window = self.window.max(header.window);
                if id == self.replay_after {
                    self.start_epoch = header.epoch;
                }
                if header.epoch > self.own.epoch { Step::Fenced } else { self.checked() }
            }
            (State::Checking { .. }, Event::Missing(_)) => Step::Broken("a listed object is missing"),
            (State::Fencing { id }, Event::Created(created)) if *id == created => self.fenced(created),
            (State::Fencing { id }, Event::Collided(at)) if *id == at => read(at),
            (State::Fencing { id }, Event::Missing(at)) if *id == at => self.create_fence(at),
            (State::Fencing { id }, Event::Found(at, header)) if *id == at => self.fence_met(at, &header),
            (State::Closing { open, .. }, Event::Created(id)) => {
                open.remove(&id);
                self.closed()
            }
            (State::Closing { open, .. }, Event::Collided(id)) if open.contains(&id) => read(id),
            (State::Closing { open, .. }, Event::Missing(id)) if open.contains(&id) => {
                Step::Do(vec![self.window_fence(id)])
            }
            (State::Closing { .. }, Event::Found(id, header)) => self.window_fence_met(id, &header),
            // A late answer to something that another answer settled.
            _ => Step::Do(Vec::new()),
        }
    }

    /// The ids that replay reads, in order.
    pub fn replayed(&self, tail: &Tail) -> std::ops::RangeInclusive<u64> {
        self.replay_after + 1..=tail.fence
    }

    fn listed(&mut self, ids: &[u64]) -> Step {
        if self.replay_after > 0 && !ids.contains(&self.replay_after) {
            return Step::Broken("the object at the replay point is missing");
        }
        self.taken = ids.iter().copied().filter(|id| *id > self.replay_after).collect();
        // The newest object says how much its writer may have in flight; so does the one below the fence to be, where
        // the newest is a straggler of a writer before.
        let newest = self.taken.last().copied().unwrap_or(self.replay_after);
        let below = self.first_missing(self.replay_after) - 1;
        let awaited: BTreeSet<u64> =
            [newest, below, self.replay_after].into_iter().filter(|id| *id > 0).collect();
        let mut actions = vec![Action::Confirm];
        actions.extend(awaited.iter().map(|id| Action::ReadHeader { id: *id }));
        self.state = State::Checking { awaited, confirmed: false };
        Step::Do(actions)
    }

    fn checked(&mut self) -> Step {
        match &self.state {
            State::Checking { awaited, confirmed: true } if awaited.is_empty() => {
                self.create_fence(self.first_missing(self.replay_after))
            }
            _ => Step::Do(Vec::new()),
        }
    }

    fn create_fence(&mut self, id: u64) -> Step {
        self.state = State::Fencing { id };
        Step::Do(vec![Action::Create { id, kind: Kind::Fence, window: self.window.max(self.own_window) }])
    }

    fn fence_met(&mut self, id: u64, header: &Header) -> Step {
        match judge(self.own, header) {
            Collision::Landed => self.fenced(id),
            Collision::Superseded => Step::Fenced,
            Collision::Occupied => {
                self.taken.insert(id);
                self.window = self.window.max(header.window);
                self.create_fence(self.first_missing(id))
            }
        }
    }

    fn fenced(&mut self, fence: u64) -> Step {
        let open: BTreeSet<u64> = self.window_ids(fence).filter(|id| !self.taken.contains(id)).collect();
        let actions: Vec<Action> = open.iter().map(|id| self.window_fence(*id)).collect();
        self.state = State::Closing { fence, open };
        if actions.is_empty() { self.closed() } else { Step::Do(actions) }
    }

    fn window_fence_met(&mut self, id: u64, header: &Header) -> Step {
        let State::Closing { fence, open } = &mut self.state else { return Step::Do(Vec::new()) };
        if !open.contains(&id) {
            return Step::Do(Vec::new());
        }
        if judge(self.own, header) == Collision::Superseded {
            return Step::Fenced;
        }
        open.remove(&id);
        self.taken.insert(id);
        let fence = *fence;
        if header.window <= self.window {
            return self.closed();
        }
        // Its writer may have more in flight than was known.
        let known: BTreeSet<u64> = self.window_ids(fence).collect();
        self.window = header.window;
        let more: Vec<u64> =
            self.window_ids(fence).filter(|id| !known.contains(id) && !self.taken.contains(id)).collect();
        let State::Closing { open, .. } = &mut self.state else { return Step::Do(Vec::new()) };
        open.extend(&more);
        if open.is_empty() {
            return self.closed();
        }
        Step::Do(more.into_iter().map(|id| self.window_fence(id)).collect())
    }

    fn closed(&mut self) -> Step {
        match &self.state {
            State::Closing { fence, open } if open.is_empty() => Step::Done(Tail {
                fence: *fence,
                first_segment: self.window_ids(*fence).end,
                start_epoch: self.start_epoch,
            }),
            _ => Step::Do(Vec::new()),
        }
    }

    /// The ids behind the fence that older owners may have in flight. Where our own window differs from theirs, one more
    /// that certainly becomes ours: stragglers of theirs may be all that the next owner sees of those ids otherwise, and
    /// they do not tell our window.
    fn window_ids(&self, fence: u64) -> std::ops::Range<u64> {
        let announcement = u64::from(self.window != self.own_window);
        fence + 1..fence + u64::from(self.window) + announcement
    }

    fn window_fence(&self, id: u64) -> Action {
        Action::Create { id, kind: Kind::WindowFence, window: self.window.max(self.own_window) }
    }

    fn first_missing(&self, after: u64) -> u64 {
        let mut id = after + 1;
        while self.taken.contains(&id) {
            id += 1;
        }
        id
    }
}

fn read(id: u64) -> Step {
    Step::Do(vec![Action::ReadHeader { id }])
}
