//! Taking a shard's log over: where it ends for all older owners.
//! It does none of it and waits for nothing: events in, actions out; [`crate::log::wal`] carries them out.
//! Entry point: [`Takeover`]; [`judge`] for whoever finds an id taken; [`Witness`] for what objects say of each other.
//! Invariant: a writer never meets a foreign object at an id of its own, except a newer owner's fence; and nothing is
//! written to a log that was damaged.
//!
//! The rules, in order: list the log from the stored replay point; make sure that no newer owner was there before the
//! listing; create the fence at the first missing id, stepping over what older owners put there first; fence also the
//! ids that an older owner may still have in flight. What lies behind the fence with an older epoch is not part of the
//! log.
//!
//! An id above the replay point is missing for a good reason only if the segments behind it were in flight with it: they
//! lie within their writer's window from it, none is an owner's first fence, and none says that it was taken. Anything
//! else, and any object that is not what it or another says, is a [`Flaw`]: damage, unless the stored epoch, read once
//! more, tells of a newer owner, who may delete what we still expect.

#[cfg(test)]
mod tests;
mod witness;

use std::collections::{BTreeMap, BTreeSet};

use crate::log::stored::segment::{Header, Kind};
use crate::types::{ShardId, WriterEpoch};

pub use witness::{Flaw, Witness};

/// The writer of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The writer epoch of this owner.
    pub epoch: WriterEpoch,
    /// Random, one per object or per takeover.
    pub nonce: u128,
}

/// The meaning of a create that found its id taken.
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

/// The outcome of an [`Action`].
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

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Do these, and report; empty while others are still out.
    Do(Vec<Action>),
    Done(Tail),
    /// Nothing is wrong as far as was looked: the end of an inspection.
    Sound,
    /// A newer owner has the log.
    Fenced,
    /// The log is not what the rules leave behind.
    Broken(Flaw),
}

/// The part of the log above the replay point that is looked at before it is taken over. Replay looks at all the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Its end, where holes can be, and every owner that wrote last is seen.
    End,
    All,
}

/// The start of a takeover.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    pub shard: ShardId,
    pub own: Identity,
    /// Our own window, for the ones after us.
    pub window: u16,
    /// The stored id up to which the index needs no replay, read after the epoch was taken.
    pub replay_after: u64,
}

/// The end of the older owners' log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The last id to be replayed: our own fence.
    pub fence: u64,
    /// The id of our first segment.
    pub first_segment: u64,
    /// The epoch that replay starts with: that of the object at the replay point.
    pub start_epoch: WriterEpoch,
}

#[derive(Debug)]
enum State {
    Listing,
    /// Headers that are still awaited, and whether the epoch was confirmed.
    Checking {
        awaited: BTreeSet<u64>,
        confirmed: bool,
    },
    /// Something is wrong, unless the stored epoch is not ours any more.
    Doubting(Flaw),
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
    start: Start,
    /// Set where nothing is to be taken over.
    inspected: Option<Depth>,
    state: State,
    /// Ids above the replay point that are known to be taken.
    taken: BTreeSet<u64>,
    /// The headers that were asked for.
    headers: BTreeMap<u64, Header>,
    /// So far back from the newest object headers are asked for.
    looked_back: u64,
    /// An object that was listed and then not found.
    gone: Option<u64>,
    /// The number of objects that an older owner may have in flight.
    window: u16,
}

impl Takeover {
    pub fn new(start: Start) -> Takeover {
        Takeover {
            start,
            inspected: None,
            state: State::Listing,
            taken: BTreeSet::new(),
            headers: BTreeMap::new(),
            looked_back: 0,
            gone: None,
            window: 1,
        }
    }

    /// Only looks whether the log could be taken over: nothing is written.
    pub fn inspection(start: Start, depth: Depth) -> Takeover {
        Takeover { inspected: Some(depth), ..Takeover::new(start) }
    }

    pub fn start(&self) -> Step {
        Step::Do(vec![Action::List { from: self.start.replay_after }])
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
                self.headers.insert(id, header);
                self.window = self.window.max(header.window);
                if id == self.newest() { self.look_back(u64::from(header.window)) } else { self.checked() }
            }
            (State::Checking { awaited, .. }, Event::Missing(id)) => {
                awaited.remove(&id);
                self.gone = Some(id);
                self.checked()
            }
            (State::Doubting(flaw), Event::Confirmed) => Step::Broken(*flaw),
            (State::Doubting(_), Event::Superseded) => Step::Fenced,
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
        self.start.replay_after + 1..=tail.fence
    }

    /// For judging those objects: it has heard the one at the replay point.
    pub fn replay_witness(&self) -> Witness {
        let mut witness = self.witness();
        if let Some(header) = self.headers.get(&self.start.replay_after) {
            // Nothing was wrong with it when it was looked at.
            let _ = witness.hear(self.start.replay_after, header);
        }
        witness
    }

    fn listed(&mut self, ids: &[u64]) -> Step {
        let replay_after = self.start.replay_after;
        if replay_after > 0 && !ids.contains(&replay_after) {
            return self.doubt(Flaw::missing(replay_after, Flaw::REPLAY_POINT));
        }
        self.taken = ids.iter().copied().filter(|id| *id > replay_after).collect();
        // The newest object says how much its writer may have in flight; so does the one below the fence to be, where
        // the newest is a straggler of a writer before.
        let below = self.first_missing(replay_after) - 1;
        let mut awaited: BTreeSet<u64> = [below, replay_after].into_iter().filter(|id| *id > 0).collect();
        self.looked_back = match self.inspected {
            Some(Depth::All) => u64::MAX,
            Some(Depth::End) | None => u64::from(self.start.window),
        };
        awaited.extend(self.within(0, self.looked_back));
        // An inspection writes nothing: only what looks wrong is doubted there.
        let confirmed = self.inspected.is_some();
        let mut actions = if confirmed { Vec::new() } else { vec![Action::Confirm] };
        actions.extend(awaited.iter().map(|id| Action::ReadHeader { id: *id }));
        self.state = State::Checking { awaited, confirmed };
        match actions.is_empty() {
            true => self.checked(),
            false => Step::Do(actions),
        }
    }

    /// The newest object that was listed.
    fn newest(&self) -> u64 {
        self.taken.last().copied().unwrap_or(self.start.replay_after)
    }

    /// Ids at least `from` and less than `to` behind the newest.
    fn within(&self, from: u64, to: u64) -> impl Iterator<Item = u64> {
        let newest = self.newest();
        let range = newest.saturating_sub(to.saturating_sub(1))..=newest.saturating_sub(from);
        self.taken.range(range).copied()
    }

    /// Segments that the newest writer had in flight, and the fence of an owner that wrote nothing else, lie within its window.
    fn look_back(&mut self, window: u64) -> Step {
        let more: Vec<u64> = match window > self.looked_back {
            true => self.within(self.looked_back, window).collect(),
            false => Vec::new(),
        };
        self.looked_back = self.looked_back.max(window);
        let State::Checking { awaited, .. } = &mut self.state else { return Step::Do(Vec::new()) };
        let more: Vec<u64> = more.into_iter().filter(|id| !self.headers.contains_key(id)).collect();
        let more: Vec<u64> = more.into_iter().filter(|id| awaited.insert(*id)).collect();
        match more.is_empty() {
            true => self.checked(),
            false => Step::Do(more.into_iter().map(|id| Action::ReadHeader { id }).collect()),
        }
    }

    fn checked(&mut self) -> Step {
        match &self.state {
            State::Checking { awaited, confirmed: true } if awaited.is_empty() => {}
            _ => return Step::Do(Vec::new()),
        }
        match self.flaw() {
            Some(flaw) => self.doubt(flaw),
            None if self.inspected.is_some() => Step::Sound,
            None => self.create_fence(self.first_missing(self.start.replay_after)),
        }
    }

    /// Asks once more whether the log is ours: a newer owner may delete, and write, what we do not expect.
    fn doubt(&mut self, flaw: Flaw) -> Step {
        self.state = State::Doubting(flaw);
        Step::Do(vec![Action::Confirm])
    }

    fn witness(&self) -> Witness {
        Witness::new(self.start.shard, self.start.own, self.start.replay_after)
    }

    /// The first thing that is wrong with what was listed.
    fn flaw(&self) -> Option<Flaw> {
        if let Some(id) = self.gone {
            return Some(Flaw::missing(id, Flaw::GONE));
        }
        let mut witness = self.witness();
        if let Some(flaw) = self.headers.iter().find_map(|(id, header)| witness.hear(*id, header).err()) {
            return Some(flaw);
        }
        let hole = self.first_missing(self.start.replay_after);
        let in_flight_with_it =
            |id: u64, header: &Header| id - hole < u64::from(header.window) && header.vouches_to(id) < hole;
        let behind = self.headers.range(hole + 1..).find(|(id, header)| !in_flight_with_it(**id, header));
        behind.map(|_| Flaw::missing(hole, Flaw::VOUCHED))
    }

    fn create_fence(&mut self, id: u64) -> Step {
        self.state = State::Fencing { id };
        Step::Do(vec![Action::Create { id, kind: Kind::Fence, window: self.window.max(self.start.window) }])
    }

    fn fence_met(&mut self, id: u64, header: &Header) -> Step {
        match judge(self.start.own, header) {
            Collision::Landed => self.fenced(id),
            Collision::Superseded => self.doubt(Flaw::newer(id)),
            Collision::Occupied => {
                if let Err(flaw) = self.witness().hear(id, header) {
                    return self.doubt(flaw);
                }
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
        match &self.state {
            State::Closing { open, .. } if open.contains(&id) => {}
            _ => return Step::Do(Vec::new()),
        }
        if let Err(flaw) = self.witness().hear(id, header) {
            return self.doubt(flaw);
        }
        let State::Closing { fence, open } = &mut self.state else { return Step::Do(Vec::new()) };
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
                start_epoch: self
                    .headers
                    .get(&self.start.replay_after)
                    .map_or(WriterEpoch::NONE, |header| header.epoch),
            }),
            _ => Step::Do(Vec::new()),
        }
    }

    /// The ids behind the fence that older owners may have in flight. Where our own window differs from theirs, one more
    /// that certainly becomes ours: stragglers of theirs may be all that the next owner sees of those ids otherwise, and
    /// they do not tell our window.
    fn window_ids(&self, fence: u64) -> std::ops::Range<u64> {
        let announcement = u64::from(self.window != self.start.window);
        fence + 1..fence + u64::from(self.window) + announcement
    }

    fn window_fence(&self, id: u64) -> Action {
        Action::Create { id, kind: Kind::WindowFence, window: self.window.max(self.start.window) }
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
