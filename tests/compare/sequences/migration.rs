//! Groups with clients of both protocols: a classic client enters a consumer group, a client of the newer protocol a
//! classic group, and the group follows those who stay (KIP-848, the policy that goes both ways).

use bytes::Bytes;
use kafkaesque::protocol::consumer::{self, Subscription, TopicPartition};
use kafkaesque::protocol::messages::{consumer_group_heartbeat, heartbeat, join_group};

use super::{Age, Own, Stage, Told};
use crate::pair::Pair;

type Scene = fn(&mut Stage<'_>);

const STAGES: &[(&str, &[Scene])] = &[
    ("downgraded", &[a_classic_client_enters, wrong_classic_requests, the_newer_client_leaves]),
    ("upgraded", &[a_newer_client_enters, the_classic_client_leaves]),
    ("refused", &[what_is_no_consumer_stays_classic]),
    ("emptied", &[an_empty_group_takes_either]),
    ("exchanged", &[an_instance_changes_its_protocol]),
];

pub fn play(pair: &mut Pair, told: &mut Told) {
    for age in Age::ALL {
        // Instances are younger than the oldest versions.
        let stages = STAGES.iter().filter(|(name, _)| age != Age::Oldest || *name != "exchanged");
        for (name, scenes) in stages {
            let mut stage = Stage::new(pair, told, name, age);
            scenes.iter().for_each(|scene| scene(&mut stage));
        }
    }
}

type Beat = consumer_group_heartbeat::Request;

/// A cooperative consumer that says what it owns of `alpha`.
pub fn join(own: &Own<'_>, who: &str, owned: &[i32]) -> join_group::Request {
    let owned_partitions = match owned {
        [] => Vec::new(),
        owned => vec![TopicPartition { topic: "alpha".into(), partitions: owned.to_vec() }],
    };
    let subscription = Subscription { topics: vec!["alpha".into()], owned_partitions, ..Default::default() };
    let metadata = consumer::encode(&subscription, 1).expect("a subscription");
    let mut request = own.join(who, &["alpha"]);
    request.protocols.iter_mut().for_each(|protocol| protocol.metadata = metadata.clone());
    request
}

/// What a leader hands out.
fn share(partitions: &[i32]) -> Bytes {
    let alpha = TopicPartition { topic: "alpha".into(), partitions: partitions.to_vec() };
    let assignment = consumer::Assignment { assigned_partitions: vec![alpha], user_data: None };
    consumer::encode(&assignment, 1).expect("an assignment")
}

impl Stage<'_> {
    /// `who` joins with what it owns, under the id that it has or is given; into which generation.
    #[track_caller]
    fn joins_owning(&mut self, who: &'static str, owned: &[i32]) -> i32 {
        if !self.has_id(who) {
            let [ours, theirs] = self.ask(who, |own| join(own, who, owned));
            self.name(who, [&ours.member_id, &theirs.member_id]);
            if self.age == Age::Oldest {
                return ours.generation_id;
            }
        }
        self.ask(who, |own| join(own, who, owned))[0].generation_id
    }

    #[track_caller]
    fn classic_beats(&mut self, who: &'static str, generation: i32) {
        self.ask(who, |own| own.heartbeat(who, generation));
    }
}

fn a_classic_client_enters(stage: &mut Stage<'_>) {
    stage.beat("n", |own| own.enter("n", &["alpha"]));
    stage.joins_owning("c", &[]);
    stage.look();
    stage.syncs("c", 3, &[]);
    stage.classic_beats("c", 3);
    stage.beat("n", |own| own.owns("n", 2, &[("alpha", &[0, 1, 2])]));
    stage.look();
    stage.beat("n", |own| own.owns("n", 2, &[("alpha", &[0, 1])]));
    stage.classic_beats("c", 3);
    stage.joins_owning("c", &[]);
    stage.syncs("c", 3, &[]);
    stage.classic_beats("c", 3);
    stage.look();
}

fn wrong_classic_requests(stage: &mut Stage<'_>) {
    for (who, generation) in [("c", 2), ("c", 4), ("nobody", 3), ("n", 3)] {
        stage.ask("c", |own| own.heartbeat(who, generation));
        stage.ask("c", |own| own.sync(who, generation, &[]));
        stage.ask("c", |own| own.commit(who, generation, "alpha"));
    }
    stage.ask("c", |own| own.commit("c", 3, "alpha"));
    stage.ask_in(8, "c", |own| own.commit("c", 3, "beta"));
    stage.ask("c", |own| join_group::Request { protocol_type: "connect".to_owned(), ..join(own, "c", &[]) });
    stage.ask("c", |own| join_group::Request { member_id: "nobody".to_owned(), ..join(own, "x", &[]) });
    stage.ask("c", |own| join_group::Request { protocols: Vec::new(), ..join(own, "c", &[]) });
    stage.ask("c", |own| {
        let mut request = join(own, "x", &[]);
        request.protocols.iter_mut().for_each(|protocol| protocol.name = format!("my-{}", protocol.name));
        request
    });
    stage.ask("c", |own| {
        let mut request = join(own, "c", &[]);
        request.protocols.iter_mut().for_each(|protocol| protocol.metadata = Bytes::from_static(b"x"));
        request
    });
    stage.beat("n", |own| own.beat("n", 3));
    stage.look();
    stage.ask("c", |own| own.leave("nobody"));
    stage.look();
}

fn the_newer_client_leaves(stage: &mut Stage<'_>) {
    stage.beat("n", |own| own.beat("n", -1));
    stage.look();
    stage.classic_beats("c", 3);
    stage.classic_beats("c", 4);
    let generation = stage.joins_owning("c", &[2]);
    stage.look();
    stage.syncs("c", generation, &[("c", share(&[0, 1, 2]))]);
    stage.classic_beats("c", generation);
    stage.look();
    stage.ask("c", |own| own.leave("c"));
    stage.look();
    stage.ask("operator", |own| own.delete());
}

fn a_newer_client_enters(stage: &mut Stage<'_>) {
    stage.joins_owning("c", &[]);
    // Nothing is handed out yet.
    stage.syncs("c", 1, &[("c", share(&[0, 1, 2]))]);
    stage.look();
    stage.beat("n", |own| own.enter("n", &["alpha"]));
    stage.look();
    stage.list(&[], &["consumer"]);
    stage.classic_beats("c", 1);
    stage.joins_owning("c", &[0, 1, 2]);
    stage.look();
    stage.syncs("c", 1, &[]);
    stage.classic_beats("c", 1);
    for kept in [&[0, 1][..], &[0, 2], &[1, 2]] {
        stage.joins_owning("c", kept);
    }
    stage.look();
    stage.syncs("c", 2, &[]);
    stage.classic_beats("c", 2);
    stage.beat("n", |own| own.owns("n", 2, &[]));
    stage.look();
    stage.ask("c", |own| own.commit("c", 2, "alpha"));
    stage.ask("n", |own| own.delete());
}

fn the_classic_client_leaves(stage: &mut Stage<'_>) {
    stage.ask("c", |own| own.leave("c"));
    stage.look();
    stage.classic_beats("c", 2);
    stage.beat("n", |own| own.beat("n", 2));
    stage.look();
    stage.beat("n", |own| own.beat("n", -1));
    stage.look();
    stage.ask("operator", |own| own.delete());
}

fn what_is_no_consumer_stays_classic(stage: &mut Stage<'_>) {
    let connect =
        |own: &Own<'_>| join_group::Request { protocol_type: "connect".to_owned(), ..own.join("c", &[]) };
    let [ours, theirs] = stage.ask("c", connect);
    stage.name("c", [&ours.member_id, &theirs.member_id]);
    stage.ask("c", connect);
    stage.beat("n", |own| own.enter("n", &["alpha"]));
    stage.beat("n", |own| own.beat("n", 1));
    stage.beat("n", |own| own.beat("n", -1));
    stage.look();
    stage.ask("c", |own| own.leave("c"));
    stage.ask("operator", |own| own.delete());
    // A consumer whose assignment nobody can read.
    stage.joins("d", &["alpha"]);
    stage.syncs("d", 1, &[("d", Bytes::from_static(b"unreadable"))]);
    stage.beat("n", |own| own.enter("n", &["alpha"]));
    stage.look();
    stage.ask("d", |own| own.leave("d"));
    stage.ask("operator", |own| own.delete());
}

fn an_empty_group_takes_either(stage: &mut Stage<'_>) {
    stage.beat("n", |own| own.enter("n", &["alpha"]));
    stage.beat("n", |own| own.beat("n", -1));
    stage.joins_owning("c", &[]);
    stage.look();
    stage.ask("c", |own| own.leave("c"));
    stage.look();
    stage.beat("n", |own| own.enter("n", &["alpha"]));
    stage.look();
    stage.beat("n", |own| own.beat("n", -1));
    stage.ask("operator", |own| own.delete());
}

fn an_instance_changes_its_protocol(stage: &mut Stage<'_>) {
    let instance = || Some("instance".to_owned());
    let classic =
        |own: &Own<'_>| join_group::Request { group_instance_id: instance(), ..join(own, "c", &[]) };
    stage.beat("n", |own| Beat { instance_id: instance(), ..own.enter("n", &["alpha"]) });
    stage.ask("c", classic);
    stage.beat("n", |own| Beat { instance_id: instance(), ..own.beat("n", -2) });
    let [ours, theirs] = stage.ask("c", classic);
    stage.name("c", [&ours.member_id, &theirs.member_id]);
    stage.look();
    stage.syncs("c", 2, &[]);
    stage.ask("c", |own| heartbeat::Request { group_instance_id: instance(), ..own.heartbeat("c", 2) });
    stage.beat("m", |own| Beat { instance_id: instance(), ..own.enter("m", &["alpha"]) });
    stage.look();
    stage.ask("c", |own| heartbeat::Request { group_instance_id: instance(), ..own.heartbeat("c", 2) });
    stage.beat("m", |own| Beat { instance_id: instance(), ..own.beat("m", -1) });
    stage.ask("operator", |own| own.delete());
}
