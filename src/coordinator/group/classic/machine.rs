//! A classic group as a machine of the runtime.

use std::sync::Arc;

use super::Timer;
use super::draft::{Draft, World};
use super::group::{Group, Initial, Phase};
use super::reply::Reply;
use super::stored::Row;
use crate::coordinator::group::world;
use crate::coordinator::runtime::{Decision, Machine, TimerChange};

impl<'a> From<&'a world::World> for World<'a> {
    fn from(world: &'a world::World) -> World<'a> {
        World { limits: &world.settings.classic, now_ms: world.now_ms }
    }
}

impl Default for Group {
    fn default() -> Group {
        Group::empty(0)
    }
}

impl Machine for Group {
    type Row = Row;
    type Timer = Timer;
    type Reply = Reply;
    type World = world::World;
    type Heir = Group;

    fn apply(&mut self, row: &Row) {
        match &row.0 {
            Some(stored) => self.become_stored(stored),
            None => *self = Group::default(),
        }
    }

    fn begin(&self, world: &world::World) -> Decision<Group> {
        self.load(world.into())
    }

    fn expire(&self, timer: &Timer, world: &world::World) -> Decision<Group> {
        self.run_out(timer, world.into())
    }

    /// An id that was only given out gets the shortest session there is.
    fn full_time_ms(&self, timer: &Timer, world: &world::World) -> i32 {
        let limits = &world.settings.classic;
        match (timer, self.phase) {
            (Timer::Session(id), _) => match self.member(id) {
                Some(member) if member.is_new => limits.new_member_join_timeout_ms,
                Some(member) => member.session_timeout_ms,
                None => limits.session_timeout_ms.0,
            },
            (Timer::Joins, Phase::Preparing { initial: Some(Initial { delay_ms, .. }) }) => delay_ms,
            (Timer::Joins | Timer::Syncs, _) => self.rebalance_timeout_ms(),
            (Timer::Rebalance(_) | Timer::Join(_) | Timer::Sync(_), _) => 0,
        }
    }

    fn forget(&self) -> Decision<Group> {
        let ids = self.members.keys().chain(self.waiting.ids.iter());
        let sessions = ids.map(|id| Timer::Session(Arc::clone(id)));
        let timers = sessions.chain([Timer::Joins, Timer::Syncs]).map(TimerChange::Cancel).collect();
        Decision { rows: vec![Row(None)], timers, ..Decision::unchanged(()) }
    }
}

impl Group {
    /// Begins all sessions anew.
    pub fn load(&self, world: World<'_>) -> Decision<Group> {
        let mut draft = Draft::of(self, world);
        for member in self.members() {
            draft.renew_session(&member.id);
        }
        if self.members.size() > world.limits.max_size {
            draft.prepare();
        }
        draft.decided(())
    }

    /// Decides what happens when a timer runs out.
    pub fn run_out(&self, timer: &Timer, world: World<'_>) -> Decision<Group> {
        let mut draft = Draft::of(self, world);
        match timer {
            Timer::Session(id) => draft.end_session(id),
            Timer::Joins => draft.end_join_wait(),
            Timer::Syncs => draft.end_sync_wait(),
            // A member of a consumer group was waited for, which this was.
            Timer::Rebalance(_) | Timer::Join(_) | Timer::Sync(_) => {}
        }
        draft.decided(())
    }
}
