//! The rules of takeover, replay and deletion as a model of their own, each with a switch: turning one off must show why
//! it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::seeds::seeds;
use crate::types::WriterEpoch;

/// The rule of what may be deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deletion {
    Nothing,
    /// Dead segments and window fences below the stored replay point.
    BelowReplayPoint,
    /// The same, and owners' first fences.
    FencesToo,
    /// Every segment that is not in the deleter's index, wherever it is.
    WhatIsUnknown,
}

#[derive(Clone, Copy)]
struct Rules {
    width: u64,
    window_fence: bool,
    start_epoch: bool,
    deletion: Deletion,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Data,
    Fence,
    WindowFence,
}

#[derive(Clone, Copy)]
struct Object {
    epoch: WriterEpoch,
    nonce: u64,
    kind: Kind,
}

/// A commit in an owner's log: the id of its segment, its nonce, the epoch that wrote it.
type Entry = (u64, u64, WriterEpoch);

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Walking,
    Closing,
    Replaying,
    Open,
    Dead,
}

struct Owner {
    epoch: WriterEpoch,
    state: State,
    position: u64,
    fence: u64,
    next: u64,
    log: Vec<Entry>,
    done: BTreeSet<u64>,
    acked: usize,
    replay_after: u64,
    flushed: Vec<Entry>,
    replay_epoch: WriterEpoch,
}

#[derive(Default)]
struct Manifest {
    epoch: WriterEpoch,
    replay_after: u64,
    replay_epoch: WriterEpoch,
    flushed: Vec<Entry>,
}

struct Model {
    rules: Rules,
    rng: StdRng,
    store: BTreeMap<u64, Object>,
    manifest: Manifest,
    owners: Vec<Owner>,
    flight: Vec<(usize, u64, Object)>,
    acked: Vec<Entry>,
    nonces: u64,
}

type Check = Result<(), &'static str>;

impl Model {
    fn run(seed: u64, rules: Rules) -> Check {
        let mut model = Model {
            rules,
            rng: StdRng::seed_from_u64(seed),
            store: BTreeMap::new(),
            manifest: Manifest::default(),
            owners: Vec::new(),
            flight: Vec::new(),
            acked: Vec::new(),
            nonces: 0,
        };
        model.new_owner();
        for _ in 0..70 {
            let chance = model.rng.random_range(0..100);
            if chance < 4 && model.owners.len() < 4 {
                model.new_owner();
            } else if chance < 30 && !model.flight.is_empty() {
                model.put_lands()?;
            } else if chance < 75 {
                model.owner_step()?;
            }
        }
        Ok(())
    }

    fn nonce(&mut self) -> u64 {
        self.nonces += 1;
        self.nonces
    }

    fn new_owner(&mut self) {
        self.manifest.epoch = self.manifest.epoch.next();
        self.owners.push(Owner {
            epoch: self.manifest.epoch,
            state: State::Walking,
            position: self.manifest.replay_after + 1,
            fence: 0,
            next: 0,
            log: Vec::new(),
            done: BTreeSet::new(),
            acked: 0,
            replay_after: self.manifest.replay_after,
            flushed: self.manifest.flushed.clone(),
            replay_epoch: self.manifest.replay_epoch,
        });
    }

    fn owner_step(&mut self) -> Check {
        let alive: Vec<usize> =
            (0..self.owners.len()).filter(|who| self.owners[*who].state != State::Dead).collect();
        if alive.is_empty() {
            return Ok(());
        }
        let who = alive[self.rng.random_range(0..alive.len())];
        match self.owners[who].state {
            State::Walking => self.walk(who),
            State::Closing => self.close_window(who),
            State::Replaying => return self.replay(who),
            State::Open => self.act(who),
            State::Dead => {}
        }
        Ok(())
    }

    fn walk(&mut self, who: usize) {
        let nonce = self.nonce();
        let owner = &mut self.owners[who];
        match self.store.get(&owner.position) {
            None => {
                let fence = Object { epoch: owner.epoch, nonce, kind: Kind::Fence };
                self.store.insert(owner.position, fence);
                owner.fence = owner.position;
                let closing = self.rules.window_fence && self.rules.width > 1;
                owner.state = if closing { State::Closing } else { State::Replaying };
                owner.position += 1;
            }
            Some(found) if found.epoch > owner.epoch => owner.state = State::Dead,
            Some(_) => owner.position += 1,
        }
    }

    fn close_window(&mut self, who: usize) {
        let nonce = self.nonce();
        let owner = &mut self.owners[who];
        match self.store.get(&owner.position) {
            None => {
                let fence = Object { epoch: owner.epoch, nonce, kind: Kind::WindowFence };
                self.store.insert(owner.position, fence);
            }
            Some(found) if found.epoch > owner.epoch => {
                owner.state = State::Dead;
                return;
            }
            Some(_) => {}
        }
        owner.position += 1;
        if owner.position >= owner.fence + self.rules.width {
            owner.state = State::Replaying;
        }
    }

    fn replay(&mut self, who: usize) -> Check {
        let owner = &mut self.owners[who];
        if self.manifest.epoch != owner.epoch {
            owner.state = State::Dead;
            return Ok(());
        }
        let mut last = if self.rules.start_epoch { owner.replay_epoch } else { WriterEpoch::NONE };
        let mut log = owner.flushed.clone();
        for id in owner.replay_after + 1..=owner.fence {
            let object = self.store.get(&id).ok_or("a hole in the replay range")?;
            if object.epoch < last {
                continue;
            }
            match object.kind {
                Kind::Fence => last = object.epoch,
                Kind::WindowFence => {}
                Kind::Data => log.push((id, object.nonce, object.epoch)),
            }
        }
        owner.state = State::Open;
        owner.next = owner.fence + if self.rules.window_fence { self.rules.width } else { 1 };
        owner.acked = log.len();
        owner.log = log;
        if !owner.log.starts_with(&self.acked) {
            return Err("an acknowledged commit is lost or moved");
        }
        if !owner.log.is_sorted_by_key(|entry| entry.2) {
            return Err("a dead segment came back to life");
        }
        Ok(())
    }

    fn act(&mut self, who: usize) {
        match self.rng.random_range(0..100) {
            0..55 => self.commit(who),
            55..75 => self.flush(who),
            75..90 => self.delete(who),
            _ => {}
        }
    }

    fn commit(&mut self, who: usize) {
        let nonce = self.nonce();
        let (width, window_fence) = (self.rules.width, self.rules.window_fence);
        let owner = &mut self.owners[who];
        let in_flight = (owner.log.len() - owner.acked) as u64;
        let base = owner.acked.checked_sub(1).map_or(0, |last| owner.log[last].0);
        let lowest = base.max(if window_fence { owner.fence + width - 1 } else { owner.fence });
        if in_flight >= width || owner.next > lowest + width {
            return;
        }
        let id = owner.next;
        owner.next += 1;
        owner.log.push((id, nonce, owner.epoch));
        self.flight.push((who, id, Object { epoch: owner.epoch, nonce, kind: Kind::Data }));
    }

    fn flush(&mut self, who: usize) {
        let owner = &self.owners[who];
        if self.manifest.epoch != owner.epoch {
            return;
        }
        let acked = owner.acked.checked_sub(1).map_or(0, |last| owner.log[last].0);
        self.manifest.replay_after = acked.max(owner.fence);
        self.manifest.replay_epoch =
            self.store.get(&self.manifest.replay_after).map_or(WriterEpoch::NONE, |object| object.epoch);
        self.manifest.flushed = owner.log[..owner.acked].to_vec();
    }

    fn delete(&mut self, who: usize) {
        let owner = &self.owners[who];
        let below = self.manifest.replay_after;
        let deletion = self.rules.deletion;
        self.store.retain(|id, object| {
            if owner.log.iter().any(|entry| entry.0 == *id) {
                return true;
            }
            match deletion {
                Deletion::Nothing => true,
                Deletion::BelowReplayPoint => {
                    *id >= below || object.kind == Kind::Fence || object.epoch > owner.epoch
                }
                Deletion::FencesToo => *id >= below,
                Deletion::WhatIsUnknown => object.kind != Kind::Data,
            }
        });
    }

    fn put_lands(&mut self) -> Check {
        let at = self.rng.random_range(0..self.flight.len());
        let (who, id, object) = self.flight.swap_remove(at);
        let found = *self.store.entry(id).or_insert(object);
        if self.rng.random_bool(0.15) {
            // The answer is lost: it is tried again under its own id.
            self.flight.push((who, id, object));
            return Ok(());
        }
        if self.owners[who].state != State::Open {
            return Ok(());
        }
        if found.nonce == object.nonce {
            self.owners[who].done.insert(object.nonce);
            return self.acknowledge(who);
        }
        if found.epoch > self.owners[who].epoch {
            self.owners[who].state = State::Dead;
            return Ok(());
        }
        if self.rules.window_fence {
            return Err("a writer met a foreign object at its own id");
        }
        self.move_commit(who, object)
    }

    /// Without window fences a writer has to try another id, although its rows name the old one.
    fn move_commit(&mut self, who: usize, object: Object) -> Check {
        let owner = &mut self.owners[who];
        let id = owner.next;
        owner.next += 1;
        let at = owner.log.iter().position(|entry| entry.1 == object.nonce).ok_or("no such commit")?;
        if at + 1 < owner.log.len() {
            return Err("a commit moved behind a later one");
        }
        owner.log[at] = (id, object.nonce, owner.epoch);
        self.flight.push((who, id, object));
        Ok(())
    }

    fn acknowledge(&mut self, who: usize) -> Check {
        let owner = &mut self.owners[who];
        let mut acked = owner.acked;
        while owner.log.get(acked).is_some_and(|entry| owner.done.contains(&entry.1)) {
            acked += 1;
        }
        if acked == owner.acked {
            return Ok(());
        }
        owner.acked = acked;
        let prefix = &owner.log[..acked];
        let common = prefix.len().min(self.acked.len());
        if prefix[..common] != self.acked[..common] {
            return Err("two owners acknowledged different logs");
        }
        if prefix.len() > self.acked.len() {
            self.acked = prefix.to_vec();
        }
        Ok(())
    }
}

const SAFE: Rules =
    Rules { width: 3, window_fence: true, start_epoch: true, deletion: Deletion::BelowReplayPoint };

fn violations(rules: Rules, seeds: Range<u64>) -> usize {
    seeds.filter(|seed| Model::run(*seed, rules).is_err()).count()
}

#[test]
fn the_rules_hold_for_every_window() {
    for width in [1, 2, 3, 6] {
        assert_eq!(violations(Rules { width, ..SAFE }, seeds(0..10_000)), 0, "window {width}");
        let nothing = Rules { width, deletion: Deletion::Nothing, ..SAFE };
        assert_eq!(violations(nothing, seeds(0..5_000)), 0, "window {width}, nothing deleted");
    }
}

#[test]
fn without_window_fences_it_goes_wrong() {
    let rules = Rules { window_fence: false, deletion: Deletion::Nothing, ..SAFE };
    assert!(violations(rules, 0..20_000) > 0);
}

#[test]
fn without_the_epoch_at_the_replay_point_it_goes_wrong() {
    assert!(violations(Rules { start_epoch: false, ..SAFE }, 0..20_000) > 0);
}

#[test]
fn deleting_first_fences_goes_wrong() {
    assert!(violations(Rules { deletion: Deletion::FencesToo, ..SAFE }, 0..20_000) > 0);
}

#[test]
fn deleting_what_one_does_not_know_goes_wrong() {
    assert!(violations(Rules { deletion: Deletion::WhatIsUnknown, ..SAFE }, 0..20_000) > 0);
}
