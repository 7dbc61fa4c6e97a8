//! Classic groups: joining, the barrier, sharing out, every refusal, every state, and going.

use bytes::Bytes;
use kafkaesque::protocol::messages::{heartbeat, join_group, sync_group};

use super::{Age, Own, Stage, Told};
use crate::pair::Pair;

pub const REBALANCE_IN_PROGRESS: i16 = 27;

pub fn play(pair: &mut Pair, told: &mut Told) {
    for age in Age::ALL {
        let mut stage = Stage::new(pair, told, "classic", age);
        nobody_is_known(&mut stage);
        the_first_joins(&mut stage);
        wrong_requests(&mut stage);
        protocols_that_do_not_fit(&mut stage);
        the_second_joins(&mut stage);
        offsets_while_there_are_members(&mut stage);
        joining_again(&mut stage);
        a_third_comes_and_goes(&mut stage);
        all_leave(&mut stage);
    }
}

fn share(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn nobody_is_known(stage: &mut Stage<'_>) {
    stage.look();
    stage.ask("a", |own| own.heartbeat("nobody", 1));
    stage.ask("a", |own| own.sync("nobody", 1, &[]));
    stage.ask("a", |own| own.leave("nobody"));
    stage.ask("a", |own| own.commit("nobody", 1, "alpha"));
    stage.ask("a", |own| own.delete_offsets(&["alpha"]));
    stage.ask("a", |own| own.delete());
    // A member id that nobody gave, to a group that is not there.
    stage.ask("a", |own| join_group::Request { member_id: "nobody".to_owned(), ..own.join("a", &["alpha"]) });
    stage.look();
}

fn the_first_joins(stage: &mut Stage<'_>) {
    stage.joins("a", &["alpha"]);
    stage.look();
    stage.ask("a", |own| own.heartbeat("a", 1));
    stage.ask("a", |own| own.commit("a", 1, "alpha"));
    stage.ask("a", |own| own.delete());
    stage.syncs("a", 1, &[("a", share("all"))]);
    stage.look();
    stage.list(&["Stable"], &[]);
    stage.list(&["empty", "preparingrebalance"], &["classic"]);
    stage.list(&["stable"], &["Classic"]);
    stage.list(&[], &["consumer"]);
}

fn wrong_requests(stage: &mut Stage<'_>) {
    for (who, generation) in [("a", 1), ("a", 0), ("a", 2), ("a", -1), ("nobody", 1), ("", 1), ("", -1)] {
        stage.ask("a", |own| own.heartbeat(who, generation));
        stage.ask("a", |own| own.sync(who, generation, &[]));
        stage.ask("a", |own| own.commit(who, generation, "alpha"));
    }
    stage.ask("a", |own| own.leave("nobody"));
    stage.ask("a", |own| own.leave(""));
    stage.ask("a", |own| heartbeat::Request { group_id: String::new(), ..own.heartbeat("a", 1) });
    stage.ask("a", |own| sync_group::Request { group_id: String::new(), ..own.sync("a", 1, &[]) });
    let version = stage.age.version::<sync_group::Request>();
    if version >= 5 {
        let some = |text: &str| Some(text.to_owned());
        for (kind, name) in
            [(some("connect"), None), (None, some("roundrobin")), (None, None), (some(""), some(""))]
        {
            stage.ask("a", |own| sync_group::Request {
                protocol_type: kind.clone(),
                protocol_name: name.clone(),
                ..own.sync("a", 1, &[])
            });
        }
    }
}

fn protocols_that_do_not_fit(stage: &mut Stage<'_>) {
    let join = |own: &Own<'_>| own.join("stranger", &["alpha"]);
    stage.ask("b", |own| join_group::Request { protocol_type: "connect".to_owned(), ..join(own) });
    stage.ask("b", |own| join_group::Request { protocol_type: String::new(), ..join(own) });
    stage.ask("b", |own| join_group::Request { protocols: Vec::new(), ..join(own) });
    stage.ask("b", |own| join_group::Request { session_timeout_ms: 1, ..join(own) });
    stage.ask("b", |own| join_group::Request { session_timeout_ms: i32::MAX, ..join(own) });
    stage.ask("b", |own| join_group::Request { group_id: String::new(), ..join(own) });
    stage.ask("b", |own| join_group::Request { member_id: "nobody".to_owned(), ..join(own) });
    stage.ask("b", |own| {
        let mut request = join(own);
        request.protocols.iter_mut().for_each(|protocol| protocol.name = format!("my-{}", protocol.name));
        request
    });
    stage.ask("a", |own| own.heartbeat("a", 1));
}

fn the_second_joins(stage: &mut Stage<'_>) {
    stage.begins_to_join("b", &["alpha"]);
    stage.beats_until("a", 1, REBALANCE_IN_PROGRESS);
    stage.ask("operator", |own| own.describe());
    stage.list(&["PreparingRebalance"], &[]);
    stage.ask("a", |own| own.sync("a", 1, &[]));
    stage.ask("a", |own| own.heartbeat("a", 7));
    stage.ask("a", |own| own.commit("a", 1, "alpha"));
    stage.ask("a", |own| own.commit("nobody", 1, "alpha"));
    stage.ask("a", |own| own.delete_offsets(&["alpha"]));
    stage.ask("a", |own| own.delete());
    stage.joins("a", &["alpha"]);
    stage.has_joined("b");
    stage.look();
    stage.list(&["CompletingRebalance"], &[]);
    stage.start(stage.age.version::<sync_group::Request>(), "b", |own| own.sync("b", 2, &[]));
    stage.ask("a", |own| own.heartbeat("a", 2));
    stage.syncs("a", 2, &[("a", share("one")), ("b", share("two")), ("nobody", share("three"))]);
    stage.finish::<sync_group::Request>(stage.age.version::<sync_group::Request>(), "b");
    stage.syncs("b", 2, &[]);
    stage.look();
}

fn offsets_while_there_are_members(stage: &mut Stage<'_>) {
    for (who, generation) in [("a", 2), ("b", 2), ("a", 1), ("nobody", 2), ("", -1), ("a", -1)] {
        stage.ask(who_asks(who), |own| own.commit(who, generation, "beta"));
    }
    stage.ask("a", |own| own.commit("a", 2, "alpha"));
    stage.ask("a", |own| own.commit("a", 2, "missing"));
    for version in 1..=10 {
        stage.ask_in(version, "b", |own| own.fetch(version, Some(&["alpha", "beta"])));
        if version >= 2 {
            stage.ask_in(version, "b", |own| own.fetch(version, None));
        }
    }
    stage.ask("b", |own| own.delete_offsets(&["alpha", "beta", "missing"]));
    stage.fetches("b", Some(&["alpha", "beta"]));
    stage.ask("b", |own| own.delete());
}

fn who_asks(who: &'static str) -> &'static str {
    if who == "b" { "b" } else { "a" }
}

/// The leader of a stable group makes a new generation by joining again; a follower is only told what there is.
fn joining_again(stage: &mut Stage<'_>) {
    stage.joins("b", &["alpha"]);
    stage.ask("a", |own| own.heartbeat("a", 2));
    stage.begins_to_join("a", &["alpha"]);
    stage.beats_until("b", 2, REBALANCE_IN_PROGRESS);
    stage.joins("b", &["alpha"]);
    stage.has_joined("a");
    stage.syncs("a", 3, &[("a", share("one")), ("b", share("two"))]);
    stage.syncs("b", 3, &[]);
    // With another subscription a follower does make a new one.
    stage.begins_to_join("b", &["alpha", "gamma"]);
    stage.beats_until("a", 3, REBALANCE_IN_PROGRESS);
    stage.joins("a", &["alpha"]);
    stage.has_joined("b");
    stage.syncs("a", 4, &[("a", share("one")), ("b", share("two"))]);
    stage.syncs("b", 4, &[]);
    stage.look();
}

fn a_third_comes_and_goes(stage: &mut Stage<'_>) {
    let version = stage.age.version::<sync_group::Request>();
    stage.begins_to_join("c", &["gamma"]);
    stage.beats_until("a", 4, REBALANCE_IN_PROGRESS);
    stage.begins_to_join("a", &["alpha"]);
    stage.beats_until("b", 4, REBALANCE_IN_PROGRESS);
    stage.joins("b", &["alpha"]);
    stage.has_joined("a");
    stage.has_joined("c");
    // It goes while the others wait for what the leader hands out.
    stage.start(version, "b", |own| own.sync("b", 5, &[]));
    stage.ask("c", |own| own.leave("c"));
    stage.finish::<sync_group::Request>(version, "b");
    stage.ask("c", |own| own.heartbeat("c", 5));
    stage.ask("a", |own| own.sync("a", 5, &[("a", share("one"))]));
    stage.begins_to_join("b", &["alpha"]);
    stage.beats_until("a", 5, REBALANCE_IN_PROGRESS);
    stage.joins("a", &["alpha"]);
    stage.has_joined("b");
    stage.syncs("a", 6, &[("b", share("all"))]);
    stage.syncs("b", 6, &[]);
    stage.look();
}

fn all_leave(stage: &mut Stage<'_>) {
    stage.ask("a", |own| own.leave("a"));
    stage.ask("a", |own| own.leave("a"));
    stage.beats_until("b", 6, REBALANCE_IN_PROGRESS);
    stage.joins("b", &["alpha"]);
    stage.look();
    stage.ask("b", |own| own.leave("b"));
    stage.look();
    stage.list(&["Empty"], &["classic"]);
    stage.ask("b", |own| own.heartbeat("b", 7));
    stage.ask("b", |own| own.sync("b", 7, &[]));
    stage.ask("b", |own| own.commit("b", 7, "alpha"));
    stage.ask("b", |own| own.commit("b", -1, "alpha"));
    stage.ask("b", |own| own.commit("", -1, "alpha"));
    stage.fetches("b", Some(&["alpha", "beta"]));
    stage.ask("b", |own| own.delete_offsets(&["alpha", "beta"]));
    stage.ask("b", |own| own.delete());
    stage.look();
    stage.ask("b", |own| own.delete());
}
