//! The real takeover, replay filter and window over a store whose requests take effect when the seed says so.

use std::collections::{BTreeMap, VecDeque};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::header;
use crate::log::fence::{Action, Collision, Event, Identity, Step, Takeover, judge};
use crate::log::replay::{Filter, Verdict};
use crate::log::segment::{Header, Kind};
use crate::log::wal::window::Window;

/// One commit, by the nonce of its segment.
type Commit = u128;

#[derive(Default)]
struct Manifest {
    epoch: u64,
    replay_after: u64,
    /// The commits that need no replay.
    flushed: Vec<Commit>,
}

enum Phase {
    Opening { takeover: Box<Takeover>, todo: Vec<Action>, answers: Vec<Event> },
    Replaying { filter: Filter, next: u64, fence: u64, first_segment: u64, live: u64 },
    Open { window: Window, puts: Vec<(u64, Commit)> },
    Dead,
}

struct Owner {
    own: Identity,
    width: u16,
    phase: Phase,
    /// All commits of the log in order, its own included; those up to `durable` are acknowledged.
    log: Vec<Commit>,
    own_ids: VecDeque<u64>,
    durable: usize,
}

/// A PUT that may still take effect after its owner is gone.
struct Late {
    id: u64,
    header: Header,
}

pub struct Sim {
    rng: StdRng,
    store: BTreeMap<u64, Header>,
    manifest: Manifest,
    owners: Vec<Owner>,
    late: Vec<Late>,
    acked: Vec<Commit>,
    next_nonce: u128,
    widths: Vec<u16>,
    pub takeovers: usize,
    pub commits: usize,
}

type Check = Result<(), String>;

impl Sim {
    /// `widths` are those of the owners to come, in turn.
    pub fn new(seed: u64, widths: &[u16]) -> Sim {
        Sim {
            rng: StdRng::seed_from_u64(seed),
            store: BTreeMap::new(),
            manifest: Manifest::default(),
            owners: Vec::new(),
            late: Vec::new(),
            acked: Vec::new(),
            next_nonce: 0,
            widths: widths.to_vec(),
            takeovers: 0,
            commits: 0,
        }
    }

    pub fn run(&mut self, steps: usize) -> Check {
        self.new_owner();
        for _ in 0..steps {
            match self.rng.random_range(0..100) {
                0..4 if self.owners.len() < 4 => self.new_owner(),
                4..6 => self.crash(),
                6..16 => self.late_put(),
                _ => {
                    let who = self.rng.random_range(0..self.owners.len());
                    self.step(who)?;
                }
            }
        }
        Ok(())
    }

    fn nonce(&mut self) -> u128 {
        self.next_nonce += 1;
        self.next_nonce
    }

    fn new_owner(&mut self) {
        self.manifest.epoch += 1;
        let own = Identity { epoch: self.manifest.epoch, nonce: self.nonce() };
        let width = self.widths[self.owners.len() % self.widths.len()];
        let takeover = Takeover::new(own, width, self.manifest.replay_after);
        let Step::Do(todo) = takeover.start() else { unreachable!("a takeover starts with something to do") };
        self.owners.push(Owner {
            own,
            width,
            phase: Phase::Opening { takeover: Box::new(takeover), todo, answers: Vec::new() },
            log: self.manifest.flushed.clone(),
            own_ids: VecDeque::new(),
            durable: 0,
        });
    }

    /// An owner is gone at once; what it had under way may still take effect.
    fn crash(&mut self) {
        let who = self.rng.random_range(0..self.owners.len());
        if self.rng.random_bool(0.5) {
            self.kill(who);
        }
    }

    fn kill(&mut self, who: usize) {
        let owner = &mut self.owners[who];
        match std::mem::replace(&mut owner.phase, Phase::Dead) {
            Phase::Opening { todo, .. } => {
                for action in todo {
                    if let Action::Create { id, kind, window } = action {
                        let header = header(kind, owner.own.epoch, owner.own.nonce, window);
                        self.late.push(Late { id, header });
                    }
                }
            }
            Phase::Open { puts, .. } => {
                for (id, commit) in puts {
                    let header = header(Kind::Data, owner.own.epoch, commit, owner.width);
                    self.late.push(Late { id, header });
                }
            }
            Phase::Replaying { .. } | Phase::Dead => {}
        }
    }

    fn late_put(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let at = self.rng.random_range(0..self.late.len());
        let late = self.late.swap_remove(at);
        self.store.entry(late.id).or_insert(late.header);
    }

    fn step(&mut self, who: usize) -> Check {
        match &self.owners[who].phase {
            Phase::Opening { .. } => self.open_step(who),
            Phase::Replaying { .. } => self.replay_step(who),
            Phase::Open { .. } => self.open_owner_step(who),
            Phase::Dead => Ok(()),
        }
    }

    /// Either one action takes effect, or one answer arrives.
    fn open_step(&mut self, who: usize) -> Check {
        let own = self.owners[who].own;
        let Phase::Opening { takeover, todo, answers } = &mut self.owners[who].phase else { return Ok(()) };
        let deliver = !answers.is_empty() && (todo.is_empty() || self.rng.random_bool(0.5));
        if !deliver {
            let at = self.rng.random_range(0..todo.len());
            let action = todo[at];
            let answer = effect(&mut self.store, &self.manifest, own, action);
            // A lost answer: the same is done again.
            if self.rng.random_bool(0.15) {
                return Ok(());
            }
            todo.swap_remove(at);
            // Racing creates may be refused without an object.
            let refused = matches!(action, Action::Create { .. }) && self.rng.random_bool(0.05);
            answers.push(match (answer, action) {
                (Event::Created(id), _) if refused => Event::Collided(id),
                (answer, _) => answer,
            });
            return Ok(());
        }
        let at = self.rng.random_range(0..answers.len());
        let answer = answers.swap_remove(at);
        match takeover.on(answer) {
            Step::Do(more) => todo.extend(more),
            Step::Fenced => self.kill(who),
            Step::Broken(what) => return Err(format!("broken: {what}")),
            Step::Done(tail) => {
                if !todo.is_empty() {
                    return Err(format!("done with {todo:?} left"));
                }
                let next = takeover.replayed(&tail);
                // The database looks at the stored epoch once more, then replays.
                self.owners[who].phase = if self.manifest.epoch == own.epoch {
                    Phase::Replaying {
                        filter: Filter::new(tail.start_epoch),
                        next: *next.start(),
                        fence: tail.fence,
                        first_segment: tail.first_segment,
                        live: 0,
                    }
                } else {
                    Phase::Dead
                };
            }
        }
        Ok(())
    }

    fn replay_step(&mut self, who: usize) -> Check {
        let owner = &mut self.owners[who];
        let current = self.manifest.epoch == owner.own.epoch;
        let Phase::Replaying { filter, next, fence, first_segment, live } = &mut owner.phase else {
            return Ok(());
        };
        if *next > *fence {
            let window = Window::new(owner.width, *fence, *first_segment);
            owner.phase = Phase::Open { window, puts: Vec::new() };
            owner.durable = owner.log.len();
            self.takeovers += 1;
            return opened_with(&owner.log, &self.acked, current);
        }
        let Some(found) = self.store.get(next) else {
            // A newer owner may have deleted it; then this one is to notice.
            return if current { Err(format!("hole at {next}")) } else { self.dead(who) };
        };
        match filter.judge(found).map_err(|error| error.to_string())? {
            Verdict::Live => {
                owner.log.push(found.nonce);
                *live = *next;
            }
            Verdict::Fence => *live = *next,
            Verdict::Dead => {}
        }
        *next += 1;
        // The database may flush what it has replayed so far.
        if current && *live > self.manifest.replay_after && self.rng.random_bool(0.2) {
            self.manifest.replay_after = *live;
            self.manifest.flushed = owner.log.clone();
        }
        Ok(())
    }

    fn dead(&mut self, who: usize) -> Check {
        self.kill(who);
        Ok(())
    }

    fn open_owner_step(&mut self, who: usize) -> Check {
        match self.rng.random_range(0..100) {
            0..40 => self.commit(who),
            40..80 => return self.put(who),
            80..92 => self.flush(who),
            _ => self.delete(who),
        }
        Ok(())
    }

    fn commit(&mut self, who: usize) {
        let commit = self.nonce();
        let owner = &mut self.owners[who];
        let Phase::Open { window, puts } = &mut owner.phase else { return };
        if !window.has_room() {
            return;
        }
        let id = window.take(self.next_nonce as u64);
        puts.push((id, commit));
        owner.log.push(commit);
        owner.own_ids.push_back(id);
    }

    /// One PUT takes effect, and perhaps its answer arrives.
    fn put(&mut self, who: usize) -> Check {
        let owner = &mut self.owners[who];
        let Phase::Open { window, puts } = &mut owner.phase else { return Ok(()) };
        if puts.is_empty() {
            return Ok(());
        }
        let at = self.rng.random_range(0..puts.len());
        let (id, commit) = puts[at];
        let ours = header(Kind::Data, owner.own.epoch, commit, owner.width);
        let landed = match self.store.get(&id) {
            None => {
                self.store.insert(id, ours);
                true
            }
            Some(found) => match judge(Identity { epoch: owner.own.epoch, nonce: commit }, found) {
                Collision::Landed => true,
                Collision::Occupied => return Err(format!("a foreign object at our own id {id}")),
                Collision::Superseded => {
                    self.kill(who);
                    return Ok(());
                }
            },
        };
        if !landed || self.rng.random_bool(0.15) {
            return Ok(());
        }
        puts.swap_remove(at);
        window.landed(id);
        while owner.own_ids.front().is_some_and(|first| *first <= window.flushed()) {
            owner.own_ids.pop_front();
            owner.durable += 1;
            self.commits += 1;
        }
        let durable = owner.log[..owner.durable].to_vec();
        let common = durable.len().min(self.acked.len());
        if durable[..common] != self.acked[..common] {
            return Err(format!("owners of epochs up to {} acknowledged different logs", owner.own.epoch));
        }
        if durable.len() > self.acked.len() {
            self.acked = durable;
        }
        Ok(())
    }

    /// The index is flushed: everything durable needs no replay any more.
    fn flush(&mut self, who: usize) {
        let owner = &self.owners[who];
        let Phase::Open { window, .. } = &owner.phase else { return };
        if self.manifest.epoch == owner.own.epoch {
            self.manifest.replay_after = window.flushed();
            self.manifest.flushed = owner.log[..owner.durable].to_vec();
        }
    }

    /// Deletes what may be deleted: below the stored replay point, no fences, nothing that the index refers to.
    fn delete(&mut self, who: usize) {
        let owner = &self.owners[who];
        let below = self.manifest.replay_after;
        let referred = |header: &Header| owner.log.contains(&header.nonce);
        self.store.retain(|id, header| {
            *id >= below || header.kind == Kind::Fence || header.epoch > owner.own.epoch || referred(header)
        });
    }
}

/// The current owner knows everything that was acknowledged. One that was overtaken while it opened knows a part of it,
/// and cannot acknowledge anything.
fn opened_with(log: &[Commit], acked: &[Commit], current: bool) -> Check {
    let known = if current { acked.len() } else { acked.len().min(log.len()) };
    if log.get(..known) == Some(&acked[..known]) {
        return Ok(());
    }
    Err(format!("opened with {log:?}, but {acked:?} was acknowledged"))
}

fn effect(store: &mut BTreeMap<u64, Header>, manifest: &Manifest, own: Identity, action: Action) -> Event {
    match action {
        Action::List { from } => Event::Listed(store.range(from..).map(|(id, _)| *id).collect()),
        Action::Confirm if manifest.epoch == own.epoch => Event::Confirmed,
        Action::Confirm => Event::Superseded,
        Action::ReadHeader { id } => match store.get(&id) {
            Some(found) => Event::Found(id, *found),
            None => Event::Missing(id),
        },
        Action::Create { id, kind, window } => match store.entry(id) {
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(header(kind, own.epoch, own.nonce, window));
                Event::Created(id)
            }
            std::collections::btree_map::Entry::Occupied(_) => Event::Collided(id),
        },
    }
}

fn explore(seeds: std::ops::Range<u64>, widths: &[u16]) -> (usize, usize) {
    let (mut takeovers, mut commits) = (0, 0);
    for seed in seeds {
        let mut sim = Sim::new(seed, widths);
        if let Err(problem) = sim.run(300) {
            panic!("seed {seed}, windows {widths:?}: {problem}");
        }
        takeovers += sim.takeovers;
        commits += sim.commits;
    }
    (takeovers, commits)
}

#[test]
fn no_interleaving_loses_or_doubles_an_acknowledged_commit() {
    for width in [1, 2, 3, 6] {
        let (takeovers, commits) = explore(0..1_500, &[width]);
        assert!(takeovers > 1_500 && commits > 3_000, "the runs did little: {takeovers}, {commits}");
    }
}

#[test]
fn owners_of_different_windows_follow_one_another_safely() {
    for widths in [[1, 6, 1, 3], [6, 1, 1, 1], [2, 5, 1, 6], [3, 1, 6, 2]] {
        explore(11_500..12_500, &widths);
    }
}
