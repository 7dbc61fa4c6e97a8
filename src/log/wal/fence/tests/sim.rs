//! The real takeover, replay filter and window over a store whose requests take effect when the seed says so.

use std::collections::{BTreeMap, VecDeque};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::seeds::seeds;
use super::{SHARD, header};
use crate::log::stored::segment::{Header, Kind, Origin};
use crate::log::wal::fence::{Action, Collision, Event, Identity, Start, Step, Takeover, judge};
use crate::log::wal::replay::{Filter, Meaning};
use crate::log::wal::window::Window;
use crate::types::WriterEpoch;

/// One commit, by the nonce of its segment.
type Commit = u128;

#[derive(Clone, Default)]
pub(super) struct Manifest {
    pub epoch: WriterEpoch,
    pub replay_after: u64,
    /// The commits that need no replay.
    flushed: Vec<Commit>,
}

enum Phase {
    Opening { takeover: Box<Takeover>, todo: Vec<Action>, answers: Vec<Event> },
    Replaying { filter: Filter, next: u64, fence: u64, first_segment: u64, live: u64 },
    Open { window: Window, puts: Vec<(u64, Header)>, read_back: u64 },
    Dead,
}

struct Owner {
    own: Identity,
    width: u16,
    phase: Phase,
    /// All commits of the log in order, its own included; those up to `durable` are acknowledged.
    log: Vec<Commit>,
    /// Each with the replay point that its segment says.
    own_ids: VecDeque<(u64, u64)>,
    durable: usize,
    /// The replay point that its last durable segment says.
    said: u64,
}

/// A PUT that may still take effect after its owner is gone.
struct Late {
    id: u64,
    header: Header,
}

pub struct Sim {
    pub(super) rng: StdRng,
    pub(super) store: BTreeMap<u64, Header>,
    pub(super) manifest: Manifest,
    /// All manifests that were ever stored.
    pub(super) manifests: Vec<Manifest>,
    owners: Vec<Owner>,
    late: Vec<Late>,
    pub(super) acked: Vec<Commit>,
    /// Up to here some object that was stored, and stays, was written when all was there.
    pub(super) vouched_to: u64,
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
            manifests: Vec::new(),
            vouched_to: 0,
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
        self.manifest.epoch = self.manifest.epoch.next();
        let own = Identity { epoch: self.manifest.epoch, nonce: self.nonce() };
        let width = self.widths[self.owners.len() % self.widths.len()];
        self.manifests.push(self.manifest.clone());
        let replay_after = self.manifest.replay_after;
        let takeover = Takeover::new(Start { shard: SHARD, own, window: width, replay_after });
        let Step::Do(todo) = takeover.start() else { unreachable!("a takeover starts with something to do") };
        self.owners.push(Owner {
            own,
            width,
            phase: Phase::Opening { takeover: Box::new(takeover), todo, answers: Vec::new() },
            log: self.manifest.flushed.clone(),
            own_ids: VecDeque::new(),
            durable: 0,
            said: 0,
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
                        self.late.push(Late { id, header: fence(owner.own, id, kind, window) });
                    }
                }
            }
            Phase::Open { puts, .. } => {
                self.late.extend(puts.into_iter().map(|(id, header)| Late { id, header }));
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
        self.land(late.id, late.header);
    }

    /// A create takes effect, unless the id is taken.
    fn land(&mut self, id: u64, header: Header) {
        if let std::collections::btree_map::Entry::Vacant(free) = self.store.entry(id) {
            free.insert(header);
            self.vouched_to = self.vouched_to.max(header.vouches_to(id));
        }
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
            let answer = self.effect(own, action);
            let Phase::Opening { todo, answers, .. } = &mut self.owners[who].phase else { return Ok(()) };
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
            Step::Broken(flaw) => return Err(format!("broken: {flaw:?}")),
            Step::Sound => return Err("an inspection that was none".to_owned()),
            Step::Done(tail) => {
                if !todo.is_empty() {
                    return Err(format!("done with {todo:?} left"));
                }
                let (next, filter) =
                    (takeover.replayed(&tail), Filter::new(tail.start_epoch, takeover.replay_witness()));
                // The database looks at the stored epoch once more, then replays.
                self.owners[who].phase = if self.manifest.epoch == own.epoch {
                    Phase::Replaying {
                        filter,
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
            let window = Window::new(owner.width, *fence, owner.own.nonce, *first_segment);
            // The stored objects when it took the log over.
            owner.phase = Phase::Open { window, puts: Vec::new(), read_back: 0 };
            owner.durable = owner.log.len();
            self.takeovers += 1;
            return opened_with(&owner.log, &self.acked, current);
        }
        let Some(found) = self.store.get(next) else {
            // A newer owner may have deleted it; then this one is to notice.
            return if current { Err(format!("hole at {next}")) } else { self.dead(who) };
        };
        match filter.judge(*next, found).map_err(|flaw| format!("{flaw:?}"))? {
            Meaning::Live => {
                owner.log.push(found.nonce);
                *live = *next;
            }
            Meaning::Fence => *live = *next,
            Meaning::Dead => {}
        }
        *next += 1;
        // The database may flush what it has replayed so far.
        if current && *live > self.manifest.replay_after && self.rng.random_bool(0.2) {
            self.manifest.replay_after = *live;
            self.manifest.flushed = owner.log.clone();
            self.manifests.push(self.manifest.clone());
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
            80..88 => self.flush(who),
            88..92 => self.read_back(who),
            _ => self.delete(who),
        }
        Ok(())
    }

    fn commit(&mut self, who: usize) {
        let commit = self.nonce();
        let owner = &mut self.owners[who];
        let Phase::Open { window, puts, read_back } = &mut owner.phase else { return };
        if !window.has_room() {
            return;
        }
        let origin = Origin {
            taken_to: window.taken_to(),
            durable_id: window.flushed(),
            durable_nonce: window.flushed_nonce(),
            replay_after: *read_back,
            ..Origin::of(SHARD, window.next())
        };
        let id = window.take(self.next_nonce as u64, commit, origin.replay_after);
        let header =
            Header { origin: Some(origin), ..header(Kind::Data, owner.own.epoch.0, commit, owner.width) };
        puts.push((id, header));
        owner.log.push(commit);
        owner.own_ids.push_back((id, origin.replay_after));
    }

    /// One PUT takes effect, and perhaps its answer arrives.
    fn put(&mut self, who: usize) -> Check {
        let owner = &mut self.owners[who];
        let Phase::Open { window, puts, .. } = &mut owner.phase else { return Ok(()) };
        if puts.is_empty() {
            return Ok(());
        }
        let at = self.rng.random_range(0..puts.len());
        let (id, ours) = puts[at];
        let landed = match self.store.get(&id) {
            None => {
                self.store.insert(id, ours);
                self.vouched_to = self.vouched_to.max(ours.vouches_to(id));
                true
            }
            Some(found) => match judge(Identity { epoch: owner.own.epoch, nonce: ours.nonce }, found) {
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
        while let Some(&(first, said)) = owner.own_ids.front()
            && first <= window.flushed()
        {
            owner.own_ids.pop_front();
            owner.said = said;
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
            self.manifests.push(self.manifest.clone());
        }
    }

    /// The owner learns what is stored, if it is still its own.
    fn read_back(&mut self, who: usize) {
        let owner = &mut self.owners[who];
        let Phase::Open { read_back, .. } = &mut owner.phase else { return };
        if self.manifest.epoch == owner.own.epoch {
            *read_back = self.manifest.replay_after;
        }
    }

    /// Deletes what may be deleted: below the stored replay point, once a segment says it; no fences; nothing that the index
    /// refers to. It refers to nothing that has expired.
    fn delete(&mut self, who: usize) {
        let owner = &self.owners[who];
        let below = self.manifest.replay_after.min(owner.said);
        let expire = self.manifest.epoch == owner.own.epoch && self.rng.random_bool(0.3);
        let referred = |header: &Header| !expire && owner.log.contains(&header.nonce);
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

fn fence(own: Identity, id: u64, kind: Kind, window: u16) -> Header {
    Header { origin: Some(Origin::of(SHARD, id)), ..header(kind, own.epoch.0, own.nonce, window) }
}

/// The next owner's takeover, alone on what is stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Refused,
    /// With all commits that it found.
    Opened(Vec<Commit>),
}

impl Sim {
    fn effect(&mut self, own: Identity, action: Action) -> Event {
        match action {
            Action::List { from } => Event::Listed(self.store.range(from..).map(|(id, _)| *id).collect()),
            Action::Confirm if self.manifest.epoch == own.epoch => Event::Confirmed,
            Action::Confirm => Event::Superseded,
            Action::ReadHeader { id } => match self.store.get(&id) {
                Some(found) => Event::Found(id, *found),
                None => Event::Missing(id),
            },
            Action::Create { id, .. } if self.store.contains_key(&id) => Event::Collided(id),
            Action::Create { id, kind, window } => {
                self.land(id, fence(own, id, kind, window));
                Event::Created(id)
            }
        }
    }

    /// One more owner takes over when all others are gone, and nothing of theirs comes late.
    pub(super) fn next_owner(&mut self, width: u16) -> Fate {
        self.manifest.epoch = self.manifest.epoch.next();
        let own = Identity { epoch: self.manifest.epoch, nonce: self.nonce() };
        let replay_after = self.manifest.replay_after;
        let mut takeover = Takeover::new(Start { shard: SHARD, own, window: width, replay_after });
        let (mut step, mut todo) = (takeover.start(), Vec::new());
        let tail = loop {
            match step {
                Step::Do(actions) => todo.extend(actions),
                Step::Done(tail) => break tail,
                Step::Broken(_) | Step::Fenced | Step::Sound => return Fate::Refused,
            }
            let Some(action) = todo.pop() else { return Fate::Refused };
            step = takeover.on(self.effect(own, action));
        };
        let mut log = self.manifest.flushed.clone();
        let mut filter = Filter::new(tail.start_epoch, takeover.replay_witness());
        for id in takeover.replayed(&tail) {
            let Some(found) = self.store.get(&id) else { return Fate::Refused };
            match filter.judge(id, found) {
                Ok(Meaning::Live) => log.push(found.nonce),
                Ok(Meaning::Fence | Meaning::Dead) => {}
                Err(_) => return Fate::Refused,
            }
        }
        Fate::Opened(log)
    }
}

fn explore(seeds: std::ops::Range<u64>, widths: &[u16]) -> (usize, usize) {
    let (mut takeovers, mut commits) = (0, 0);
    for seed in seeds {
        let mut sim = Sim::new(seed, widths);
        if let Err(problem) = sim.run(400) {
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
        let seeds = seeds(0..1_500);
        let runs = (seeds.end - seeds.start) as usize;
        let (takeovers, commits) = explore(seeds, &[width]);
        println!("window {width}: {runs} runs, {takeovers} takeovers, {commits} commits");
        assert!(takeovers > runs && commits > 2 * runs, "the runs did little: {takeovers}, {commits}");
    }
}

#[test]
fn owners_of_different_windows_follow_one_another_safely() {
    for widths in [[1, 6, 1, 3], [6, 1, 1, 1], [2, 5, 1, 6], [3, 1, 6, 2]] {
        let (takeovers, commits) = explore(seeds(11_500..12_500), &widths);
        println!("windows {widths:?}: {takeovers} takeovers, {commits} commits");
    }
}
