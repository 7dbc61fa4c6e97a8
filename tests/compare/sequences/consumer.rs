//! Consumer groups of KIP-848: members come, hand partitions over, go, come back; who is fenced, and who may commit.

use kafkaesque::protocol::messages::{consumer_group_heartbeat, describe_groups, offset_fetch};

use super::{Age, Own, Stage, Told};
use crate::pair::Pair;

pub fn play(pair: &mut Pair, told: &mut Told) {
    for age in [Age::Oldest, Age::Newest] {
        for assignor in ["uniform", "range"] {
            let mut stage = Stage::new(pair, told, assignor, age);
            one_member_gets_everything(&mut stage, assignor);
            wrong_heartbeats(&mut stage);
            a_second_takes_over_a_part(&mut stage, assignor);
            offsets_of_members(&mut stage);
            subscriptions_change(&mut stage);
            they_leave(&mut stage);
        }
    }
    for age in [Age::Oldest, Age::Newest] {
        let mut stage = Stage::new(pair, told, "instances", age);
        an_instance_goes_for_a_while(&mut stage);
    }
    let mut stage = Stage::new(pair, told, "pattern", Age::Newest);
    a_pattern(&mut stage);
}

type Beat = consumer_group_heartbeat::Request;

impl Stage<'_> {
    /// A heartbeat.
    #[track_caller]
    pub fn beat(&mut self, who: &'static str, make: impl Fn(&Own<'_>) -> Beat) {
        self.ask(who, make);
    }

    /// Heartbeats of a member that owns so much until it is given `count` partitions.
    #[track_caller]
    pub fn beat_until(
        &mut self,
        who: &'static str,
        make: impl Fn(&Own<'_>) -> Beat,
        is_such: impl Fn(&consumer_group_heartbeat::Response) -> bool,
    ) {
        self.await_such(self.age.version::<Beat>(), who, make, is_such);
    }
}

fn one_member_gets_everything(stage: &mut Stage<'_>, assignor: &str) {
    stage.look();
    stage.beat("a", |own| own.beat("a", 1));
    stage.beat("a", |own| own.beat("a", -1));
    stage.beat("a", |own| Beat {
        server_assignor: Some(assignor.to_owned()),
        ..own.enter("a", &["alpha", "missing"])
    });
    stage.look();
    stage.beat("a", |own| own.beat("a", 2));
    stage.beat("a", |own| own.owns("a", 2, &[("alpha", &[0, 1, 2])]));
    stage.beat("a", |own| Beat {
        rebalance_timeout_ms: 30_000,
        subscribed_topic_names: Some(vec!["missing".to_owned(), "alpha".to_owned()]),
        ..own.owns("a", 2, &[("alpha", &[0, 1, 2])])
    });
    // Joining again changes nothing.
    stage.beat("a", |own| own.enter("a", &["alpha", "missing"]));
    stage.look();
    stage.list(&["stable"], &["consumer"]);
    stage.list(&["Reconciling", "Assigning"], &[]);
    stage.list(&[], &["classic"]);
}

fn wrong_heartbeats(stage: &mut Stage<'_>) {
    for (who, epoch) in
        [("a", 1), ("a", 3), ("nobody", 2), ("nobody", -1), ("nobody", -2), ("a", -3), ("a", -2)]
    {
        stage.beat("a", |own| own.beat(who, epoch));
    }
    let enter = |own: &Own<'_>| own.enter("x", &["alpha"]);
    stage.beat("a", |own| Beat { server_assignor: Some("magic".to_owned()), ..enter(own) });
    stage.beat("a", |own| Beat { server_assignor: Some(String::new()), ..enter(own) });
    stage.beat("a", |own| Beat { group_id: String::new(), ..enter(own) });
    stage.beat("a", |own| Beat { instance_id: Some(String::new()), ..enter(own) });
    stage.beat("a", |own| Beat { rack_id: Some(String::new()), ..enter(own) });
    stage.beat("a", |own| Beat { rebalance_timeout_ms: -1, ..enter(own) });
    stage.beat("a", |own| Beat { topic_partitions: None, ..enter(own) });
    stage.beat("a", |own| Beat {
        topic_partitions: own.owns("x", 0, &[("alpha", &[0])]).topic_partitions,
        ..enter(own)
    });
    stage.beat("a", |own| Beat { subscribed_topic_names: None, ..enter(own) });
    stage.beat("a", |own| Beat { member_id: String::new(), ..own.beat("a", 2) });
    stage.beat("a", |own| Beat { instance_id: Some("nothing".to_owned()), ..own.beat("a", 2) });
    // An epoch behind, with what it owned then and with more than that.
    stage.beat("a", |own| own.owns("a", 1, &[("alpha", &[0])]));
    stage.beat("a", |own| own.owns("a", 2, &[("beta", &[0])]));
    if stage.age == Age::Newest {
        for pattern in ["[", "*", "(", "a(?=b)"] {
            stage.beat("a", |own| Beat { subscribed_topic_regex: Some(pattern.to_owned()), ..enter(own) });
        }
    }
    stage.look();
}

fn a_second_takes_over_a_part(stage: &mut Stage<'_>, assignor: &str) {
    stage.beat("b", |own| Beat { server_assignor: Some(assignor.to_owned()), ..own.enter("b", &["alpha"]) });
    stage.look();
    stage.list(&["Reconciling"], &["Consumer"]);
    stage.beat("b", |own| own.beat("b", 3));
    stage.beat("a", |own| own.owns("a", 2, &[("alpha", &[0, 1, 2])]));
    stage.look();
    stage.beat("a", |own| own.owns("a", 2, &[("alpha", &[0, 1, 2])]));
    stage.beat("b", |own| own.owns("b", 3, &[]));
    for kept in [&[0, 1][..], &[0, 2], &[1, 2]] {
        stage.beat("a", |own| own.owns("a", 2, &[("alpha", kept)]));
    }
    stage.look();
    stage.beat("b", |own| own.owns("b", 3, &[]));
    stage.look();
    // The answer that gave it the epoch may have been lost.
    stage.beat("b", |own| own.owns("b", 0, &[]));
    stage.beat("a", |own| own.owns("a", 2, &[]));
    stage.beat("a", |own| own.beat("a", 2));
    stage.beat("a", |own| own.beat("a", 3));
    stage.look();
}

fn offsets_of_members(stage: &mut Stage<'_>) {
    for (who, epoch) in
        [("a", 3), ("b", 3), ("a", 2), ("a", 4), ("a", 0), ("a", -1), ("nobody", 3), ("", -1), ("", 3)]
    {
        for version in [8, 9, 10] {
            stage.ask_in(version, "a", |own| own.commit(who, epoch, "alpha"));
        }
        for version in [8, 9, 10] {
            stage.ask_in(version, "a", |own| {
                let group = own.fetched_group(own.group, Some(&["alpha", "beta"]));
                let (member_id, member_epoch) = (Some(own.id(who)).filter(|_| version >= 9), epoch);
                let groups = vec![offset_fetch::OffsetFetchRequestGroup { member_id, member_epoch, ..group }];
                offset_fetch::Request { groups, ..Default::default() }
            });
        }
    }
    stage.ask("a", |own| own.commit("a", 3, "beta"));
    stage.ask("operator", |own| own.delete_offsets(&["alpha", "beta"]));
    stage.ask("operator", |own| own.delete());
    for version in 0..=6 {
        stage.ask_in(version, "operator", |own| describe_groups::Request {
            include_authorized_operations: version >= 3,
            ..own.describe()
        });
    }
    stage.ask("a", |own| own.heartbeat("a", 3));
    stage.ask("a", |own| own.sync("a", 3, &[]));
    stage.ask("a", |own| own.leave("nobody"));
}

fn subscriptions_change(stage: &mut Stage<'_>) {
    let only = |own: &Own<'_>, epoch, topics: &[&str]| {
        let subscribed_topic_names = Some(topics.iter().map(|&topic| topic.to_owned()).collect());
        Beat { subscribed_topic_names, ..own.beat("b", epoch) }
    };
    stage.beat("b", |own| only(own, 3, &["beta", "gamma"]));
    stage.look();
    stage.beat("b", |own| own.owns("b", 3, &[("alpha", &[2])]));
    stage.beat("b", |own| own.owns("b", 3, &[]));
    stage.beat("b", |own| own.beat("b", 4));
    stage.beat("a", |own| own.beat("a", 3));
    stage.look();
    stage.beat("b", |own| only(own, 4, &[]));
    stage.beat("b", |own| own.owns("b", 4, &[]));
    stage.beat("b", |own| own.owns("b", 5, &[]));
    stage.beat("a", |own| own.owns("a", 4, &[("alpha", &[0, 1, 2])]));
    // Half of them want the other assignor.
    for assignor in ["range", "uniform"] {
        stage.beat("b", |own| Beat {
            server_assignor: Some(assignor.to_owned()),
            ..own.enter("b", &["alpha"])
        });
        stage.look();
    }
}

fn they_leave(stage: &mut Stage<'_>) {
    stage.beat("b", |own| own.beat("b", -1));
    stage.beat("b", |own| own.beat("b", -1));
    stage.look();
    stage.beat("a", |own| own.enter("a", &["alpha"]));
    stage.beat("a", |own| own.beat("a", -2));
    stage.beat("a", |own| own.beat("a", -1));
    stage.look();
    stage.list(&["Empty"], &["consumer"]);
    stage.ask("a", |own| own.commit("a", 3, "alpha"));
    stage.ask("a", |own| own.commit("", -1, "alpha"));
    stage.ask("operator", |own| own.delete_offsets(&["alpha"]));
    stage.beat("c", |own| own.enter("c", &["gamma"]));
    stage.look();
    stage.beat("c", |own| own.beat("c", -1));
    stage.ask("operator", |own| own.delete());
    stage.look();
}

fn an_instance_goes_for_a_while(stage: &mut Stage<'_>) {
    let instance = |request: Beat| Beat { instance_id: Some("instance".to_owned()), ..request };
    stage.beat("a", |own| instance(own.enter("a", &["alpha"])));
    stage.look();
    stage.beat("a", |own| instance(own.owns("a", 2, &[("alpha", &[0, 1, 2])])));
    stage.beat("a'", |own| instance(own.enter("a'", &["alpha"])));
    stage.beat("b", |own| instance(own.beat("b", 2)));
    stage.beat("b", |own| instance(own.beat("b", -1)));
    stage.beat("b", |own| instance(own.beat("b", -2)));
    stage.beat("a", |own| own.beat("a", 2));
    stage.beat("a", |own| instance(own.beat("a", -2)));
    stage.look();
    stage.beat("a", |own| instance(own.beat("a", 2)));
    stage.ask("a", |own| own.commit("a", 2, "alpha"));
    stage.ask("a", |own| own.commit("a", -2, "alpha"));
    stage.beat("a'", |own| instance(own.enter("a'", &["alpha"])));
    stage.look();
    stage.beat("a", |own| instance(own.beat("a", 2)));
    stage.beat("a", |own| instance(own.beat("a", -1)));
    stage.beat("a'", |own| instance(own.owns("a'", 2, &[("alpha", &[0, 1, 2])])));
    // It comes back to something else.
    stage.beat("a'", |own| instance(own.beat("a'", -2)));
    stage.beat("a''", |own| instance(own.enter("a''", &["beta"])));
    stage.look();
    stage.beat("a''", |own| instance(own.beat("a''", 3)));
    stage.ask_in(5, "operator", |own| own.leave_all(&[("", Some("nothing")), ("", Some("instance"))]));
    stage.look();
    stage.ask("operator", |own| own.delete());
}

/// Kafka matches patterns beside its answers.
fn a_pattern(stage: &mut Stage<'_>) {
    let pattern = |own: &Own<'_>, who: &str, epoch, text: &str| Beat {
        member_epoch: epoch,
        subscribed_topic_names: None,
        subscribed_topic_regex: Some(text.to_owned()),
        ..own.enter(who, &[])
    };
    let owns = |count: usize| {
        move |answer: &consumer_group_heartbeat::Response| {
            let owned = answer.assignment.as_ref().map(|assignment| &assignment.topic_partitions);
            owned
                .is_some_and(|owned| owned.iter().map(|topic| topic.partitions.len()).sum::<usize>() == count)
        }
    };
    stage.beat_until("a", |own| pattern(own, "a", 0, "al.*|beta"), owns(4));
    stage.look();
    stage.beat_until("a", |own| pattern(own, "a", 0, "gamma"), owns(2));
    stage.look();
    stage.beat_until(
        "a",
        |own| Beat { subscribed_topic_regex: Some(String::new()), ..own.enter("a", &["beta"]) },
        owns(1),
    );
    stage.look();
    stage.beat("a", |own| own.beat("a", -1));
    stage.look();
    stage.ask("operator", |own| own.delete());
}
