//! Requests of the classic protocol: to a classic group, to one that begins, or to a consumer group that has members of
//! that protocol, which are answered at once.

use super::embedded;
use super::group::Group;
use super::machine::with_world;
use crate::coordinator::group::classic::{self, JoinReply, Refusal, SyncReply};
use crate::coordinator::group::world::World;
use crate::coordinator::runtime::{Asker, Decided, Holds, Question};

/// The consumer group that a request of the classic protocol meets.
fn consumers<W: Holds<Group>>(whole: &W) -> Option<&Group> {
    whole.part()
}

/// The classic group that it meets.
fn classic<W: Holds<classic::Group>>(whole: &W) -> Option<&classic::Group> {
    whole.part()
}

impl<W: Holds<Group> + Holds<classic::Group>> Question<W> for classic::Join {
    type Reply = JoinReply;

    fn decide(self, whole: &W, asker: Asker<JoinReply>, world: &World) -> Decided<W, Self> {
        // An empty consumer group makes room for a classic one (`GroupMetadataManager.classicGroupJoin`).
        match consumers(whole).filter(|group| !group.is_empty()) {
            Some(group) => {
                with_world(world, |world| embedded::join(group, &self, world)).map(Some).within(whole)
            }
            None => classic::join(classic(whole), self, asker, world.into()).map(|()| None).within(whole),
        }
    }
}

impl<W: Holds<Group> + Holds<classic::Group>> Question<W> for classic::Sync {
    type Reply = SyncReply;

    fn decide(self, whole: &W, asker: Asker<SyncReply>, world: &World) -> Decided<W, Self> {
        match consumers(whole) {
            Some(group) => {
                with_world(world, |world| embedded::sync(group, &self, world)).map(Some).within(whole)
            }
            None => classic::sync(classic(whole), self, asker, world.into()).map(|()| None).within(whole),
        }
    }
}

impl<W: Holds<Group> + Holds<classic::Group>> Question<W> for classic::Heartbeat {
    type Reply = Result<(), Refusal>;

    fn decide(self, whole: &W, _: Asker<Self::Reply>, world: &World) -> Decided<W, Self> {
        match consumers(whole) {
            Some(group) => {
                with_world(world, |world| embedded::heartbeat(group, &self, world)).map(Some).within(whole)
            }
            None => classic::heartbeat(classic(whole), &self, world.into()).map(Some).within(whole),
        }
    }
}

impl<W: Holds<Group> + Holds<classic::Group>> Question<W> for classic::Leave {
    type Reply = Vec<Result<(), Refusal>>;

    fn decide(self, whole: &W, _: Asker<Self::Reply>, world: &World) -> Decided<W, Self> {
        match consumers(whole) {
            Some(group) => with_world(world, |world| embedded::leave(group, &self.members, world))
                .map(Some)
                .within(whole),
            None => classic::leave(classic(whole), &self, world.into()).map(Some).within(whole),
        }
    }
}
