//! A consumer group as a machine of the runtime.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Timer;
use super::draft::{Draft, World};
use super::group::Group;
use super::reconcile::State;
use super::stored::Row;
use crate::coordinator::group::{classic, world};
use crate::coordinator::runtime::{Decision, Machine, TimerChange};

impl Machine for Group {
    type Row = Row;
    type Timer = Timer;
    type Reply = classic::Reply;
    type World = world::World;
    type Heir = classic::Group;

    fn apply(&mut self, row: &Row) {
        self.change(row);
    }

    fn begin(&self, world: &world::World) -> Decision<Group> {
        with_world(world, |world| self.load(world))
    }

    fn expire(&self, timer: &Timer, world: &world::World) -> Decision<Group> {
        with_world(world, |world| self.run_out(timer, world))
    }

    fn full_time_ms(&self, timer: &Timer, world: &world::World) -> i32 {
        let Some(member) = timer.member().and_then(|id| self.member(id)) else { return 0 };
        match timer {
            Timer::Session(_) => member.session_timeout_ms(&world.consumer_settings()),
            Timer::Rebalance(_) | Timer::Join(_) | Timer::Sync(_) => member.rebalance_timeout_ms,
            Timer::Joins | Timer::Syncs => 0,
        }
    }

    fn forget(&self) -> Decision<Group> {
        let mut rows = vec![Row::Head(None)];
        let mut timers = Vec::new();
        for id in self.members.keys() {
            let id = || Arc::clone(id);
            rows.extend([Row::Member(id(), None), Row::Target(id(), None), Row::Progress(id(), None)]);
            let all = [Timer::Session, Timer::Rebalance, Timer::Join, Timer::Sync];
            timers.extend(all.map(|timer| TimerChange::Cancel(timer(id()))));
        }
        rows.extend(self.patterns.keys().map(|pattern| Row::Pattern(Arc::clone(pattern), None)));
        Decision { rows, timers, ..Decision::unchanged(()) }
    }
}

/// Decides with the world as a consumer group sees it.
pub(super) fn with_world<T>(world: &world::World, decide: impl FnOnce(World<'_>) -> T) -> T {
    decide(World {
        id: &world.id,
        topics: &*(world.metadata.topics)(),
        settings: &world.consumer_settings(),
        classic: &world.settings.classic,
        now_ms: world.now_ms,
    })
}

impl Group {
    /// Begins all sessions anew, and the time to give up partitions.
    pub fn load(&self, world: World<'_>) -> Decision<Group> {
        let mut draft = Draft::of(self, world);
        for member in self.members.values() {
            draft.renew_session(member);
            if self.progress(&member.id).state == State::Revoking && member.classic.is_none() {
                draft.watch_revocation(member, State::Revoking);
            }
        }
        draft.decided(())
    }

    /// Decides what happens when a timer runs out: its member goes, unless it has given up what it was told to.
    pub fn run_out(&self, timer: &Timer, world: World<'_>) -> Decision<Group> {
        let member = timer.member().filter(|id| self.members.contains_key(*id));
        let Some(id) = member else { return Decision::unchanged(()) };
        if matches!(timer, Timer::Rebalance(_)) && self.progress(id).state != State::Revoking {
            return Decision::unchanged(());
        }
        let mut draft = Draft::of(self, world);
        draft.fence(&BTreeSet::from([Arc::clone(id)]));
        draft.decided(())
    }
}
