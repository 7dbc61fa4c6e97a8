//! Static members (KIP-345): they come back under a new id to what they had, their old id is fenced, and they leave by
//! their instance.

use bytes::Bytes;
use kafkaesque::protocol::messages::{heartbeat, join_group, leave_group, offset_commit, sync_group};

use super::classic::REBALANCE_IN_PROGRESS;
use super::{Age, Own, Stage, Told};
use crate::pair::Pair;

pub fn play(pair: &mut Pair, told: &mut Told) {
    for age in [Age::Middle, Age::Newest] {
        let mut stage = Stage::new(pair, told, "static", age);
        two_instances_join(&mut stage);
        the_leader_comes_back(&mut stage);
        the_old_id_is_fenced(&mut stage);
        the_follower_comes_back(&mut stage);
        one_comes_back_during_a_rebalance(&mut stage);
        they_leave_by_instance(&mut stage);
    }
}

/// The instance whose member id `who` names.
fn instance(who: &str) -> Option<String> {
    who.split('\'').next().map(|who| format!("instance-{who}"))
}

fn join(own: &Own<'_>, who: &str) -> join_group::Request {
    join_group::Request { group_instance_id: instance(who), ..own.join(who, &["alpha"]) }
}

fn sync(own: &Own<'_>, who: &str, generation: i32, shares: &[(&str, Bytes)]) -> sync_group::Request {
    sync_group::Request { group_instance_id: instance(who), ..own.sync(who, generation, shares) }
}

fn beat(own: &Own<'_>, who: &str, generation: i32) -> heartbeat::Request {
    heartbeat::Request { group_instance_id: instance(who), ..own.heartbeat(who, generation) }
}

fn commit(own: &Own<'_>, who: &str, generation: i32) -> offset_commit::Request {
    offset_commit::Request { group_instance_id: instance(who), ..own.commit(who, generation, "alpha") }
}

impl Stage<'_> {
    #[track_caller]
    fn instance_joins(&mut self, who: &'static str) {
        self.start(self.age.version::<join_group::Request>(), who, |own| join(own, who));
        self.has_joined(who);
    }

    #[track_caller]
    fn instance_beats_until(&mut self, who: &'static str, generation: i32, code: i16) {
        let version = self.age.version::<heartbeat::Request>();
        self.await_such(version, who, |own| beat(own, who, generation), |answer| answer.error_code == code);
    }
}

fn two_instances_join(stage: &mut Stage<'_>) {
    stage.instance_joins("a");
    stage.ask("a", |own| sync(own, "a", 1, &[("a", Bytes::from_static(b"all"))]));
    stage.start(stage.age.version::<join_group::Request>(), "b", |own| join(own, "b"));
    stage.instance_beats_until("a", 1, REBALANCE_IN_PROGRESS);
    stage.instance_joins("a");
    stage.has_joined("b");
    let shares = [("a", Bytes::from_static(b"one")), ("b", Bytes::from_static(b"two"))];
    stage.ask("a", |own| sync(own, "a", 2, &shares));
    stage.ask("b", |own| sync(own, "b", 2, &[]));
    stage.look();
}

/// Nothing but its id changes.
fn the_leader_comes_back(stage: &mut Stage<'_>) {
    stage.instance_joins("a'");
    stage.look();
    stage.ask("b", |own| beat(own, "b", 2));
    stage.ask("a'", |own| beat(own, "a'", 2));
    stage.ask("a'", |own| sync(own, "a'", 2, &[]));
    stage.ask("a'", |own| commit(own, "a'", 2));
    stage.look();
}

fn the_old_id_is_fenced(stage: &mut Stage<'_>) {
    stage.ask("a", |own| beat(own, "a", 2));
    stage.ask("a", |own| sync(own, "a", 2, &[]));
    stage.ask("a", |own| commit(own, "a", 2));
    stage.ask("a", |own| join(own, "a"));
    stage.ask("a", |own| own.leave_all(&[(&own.id("a"), instance("a").as_deref())]));
    // Without its instance it is nobody.
    stage.ask("a", |own| own.heartbeat("a", 2));
    stage.ask("a", |own| own.commit("a", 2, "alpha"));
    // The id of one with the instance of another, and an instance that nobody has.
    stage.ask("b", |own| heartbeat::Request { group_instance_id: instance("a"), ..beat(own, "b", 2) });
    stage.ask("b", |own| heartbeat::Request { group_instance_id: instance("x"), ..beat(own, "b", 2) });
    stage.ask("b", |own| heartbeat::Request { group_instance_id: None, ..beat(own, "b", 2) });
    stage.ask("b", |own| join_group::Request { group_instance_id: instance("x"), ..join(own, "b") });
    stage.ask("b", |own| offset_commit::Request { group_instance_id: instance("x"), ..commit(own, "b", 2) });
    stage.ask("b", |own| beat(own, "b", 3));
}

fn the_follower_comes_back(stage: &mut Stage<'_>) {
    stage.instance_joins("b'");
    stage.ask("b'", |own| sync(own, "b'", 2, &[]));
    stage.ask("a'", |own| beat(own, "a'", 2));
    stage.look();
}

/// Its old self, which waits, is fenced.
fn one_comes_back_during_a_rebalance(stage: &mut Stage<'_>) {
    let version = stage.age.version::<join_group::Request>();
    stage.start(version, "a'", |own| join(own, "a'"));
    stage.instance_beats_until("b'", 2, REBALANCE_IN_PROGRESS);
    stage.start(version, "a''", |own| join(own, "a''"));
    stage.finish::<join_group::Request>(version, "a'");
    stage.instance_joins("b'");
    stage.has_joined("a''");
    let shares = [("a''", Bytes::from_static(b"one")), ("b'", Bytes::from_static(b"two"))];
    for who in ["a''", "b'"] {
        stage.start(stage.age.version::<sync_group::Request>(), who, |own| sync(own, who, 3, &shares));
    }
    for who in ["a''", "b'"] {
        stage.finish::<sync_group::Request>(stage.age.version::<sync_group::Request>(), who);
    }
    stage.look();
}

fn they_leave_by_instance(stage: &mut Stage<'_>) {
    stage.ask("operator", |own| {
        own.leave_all(&[
            ("", Some("instance-x")),
            ("nobody", None),
            ("nobody", Some("instance-a")),
            ("", None),
        ])
    });
    stage.ask("operator", |own| own.leave_all(&[]));
    stage.ask("b'", |own| beat(own, "b'", 3));
    stage.ask("operator", |own| {
        own.leave_all(&[("", Some("instance-a")), (&own.id("b'"), Some("instance-b"))])
    });
    stage.look();
    stage.ask("operator", |own| leave_group::Request { group_id: String::new(), ..own.leave_all(&[]) });
    stage.ask("b'", |own| beat(own, "b'", 3));
    stage.ask("operator", |own| own.delete_offsets(&["alpha"]));
    stage.ask("operator", |own| own.delete());
}
