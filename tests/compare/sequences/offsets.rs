//! Offsets of groups that have no members: every version, several groups, what is too long, and their end.

use kafkaesque::protocol::messages::{delete_groups, offset_commit, offset_fetch};

use super::{Age, Own, Stage, Told};
use crate::pair::Pair;

const TOO_LONG: usize = 4097;

pub fn play(pair: &mut Pair, told: &mut Told) {
    let mut stage = Stage::new(pair, told, "offsets", Age::Newest);
    stage.look();
    every_version_reads_what_any_wrote(&mut stage);
    several_groups_at_once(&mut stage);
    what_is_wrong(&mut stage);
    their_end(&mut stage);
}

/// By no member.
fn commit(own: &Own<'_>, topic: &str) -> offset_commit::Request {
    own.commit("", -1, topic)
}

fn every_version_reads_what_any_wrote(stage: &mut Stage<'_>) {
    for version in 2..=10 {
        stage.ask_in(version, "a", |own| {
            let mut request = commit(own, "alpha");
            let partition = &mut request.topics[0].partitions[0];
            partition.committed_offset = version.into();
            partition.committed_leader_epoch = if version >= 6 { 0 } else { -1 };
            partition.committed_metadata = (version % 2 == 0).then(|| format!("version {version}"));
            request
        });
        for reading in 1..=10 {
            stage.ask_in(reading, "a", |own| own.fetch(reading, Some(&["alpha"])));
        }
    }
    stage.look();
    stage.list(&["Empty"], &["classic"]);
    for reading in 2..=10 {
        stage.ask_in(reading, "a", |own| own.fetch(reading, None));
        stage.ask_in(reading, "a", |own| own.fetch(reading, Some(&[])));
        stage.ask_in(reading, "a", |own| own.fetch(reading, Some(&["alpha", "missing", "beta"])));
    }
    for reading in 7..=10 {
        stage.ask_in(reading, "a", |own| offset_fetch::Request {
            require_stable: true,
            ..own.fetch(reading, Some(&["alpha"]))
        });
    }
}

fn several_groups_at_once(stage: &mut Stage<'_>) {
    for reading in 8..=10 {
        stage.ask_in(reading, "a", |own| offset_fetch::Request {
            groups: vec![
                own.fetched_group(own.group, Some(&["alpha"])),
                own.fetched_group("no-such-group", Some(&["alpha", "beta"])),
                own.fetched_group("no-such-group", None),
                own.fetched_group("", None),
                own.fetched_group("group-a", None),
                own.fetched_group("group-b", Some(&[])),
            ],
            ..Default::default()
        });
        stage.ask_in(reading, "a", |_| offset_fetch::Request::default());
    }
    // A member of nothing.
    for reading in [9, 10] {
        for (member, epoch) in [(Some("nobody"), 1), (Some("nobody"), -1), (None, 1), (Some(""), 0)] {
            stage.ask_in(reading, "a", |own| offset_fetch::Request {
                groups: vec![offset_fetch::OffsetFetchRequestGroup {
                    member_id: member.map(str::to_owned),
                    member_epoch: epoch,
                    ..own.fetched_group(own.group, Some(&["alpha"]))
                }],
                ..Default::default()
            });
        }
    }
}

fn what_is_wrong(stage: &mut Stage<'_>) {
    for version in [2, 8, 9, 10] {
        for (who, generation) in [("nobody", 1), ("", 0), ("nobody", -1), ("", 5)] {
            stage.ask_in(version, "a", |own| own.commit(who, generation, "alpha"));
            stage.ask_in(version, "a", |own| offset_commit::Request {
                group_id: "sequence-no-such-group".to_owned(),
                ..own.commit(who, generation, "alpha")
            });
        }
        stage.ask_in(version, "a", |own| {
            let mut request = commit(own, "alpha");
            request.topics.extend(commit(own, "missing").topics);
            request.topics.extend(commit(own, "beta").topics);
            request.topics[0].partitions[0].partition_index = 7;
            request.topics[2].partitions[0].committed_metadata = Some("x".repeat(TOO_LONG));
            request
        });
        stage.ask_in(version, "a", |own| {
            let mut request = commit(own, "alpha");
            request.topics[0].partitions[0].committed_offset = -1;
            request
        });
        stage.ask_in(version, "a", |own| offset_commit::Request {
            topics: Vec::new(),
            ..commit(own, "alpha")
        });
        stage.ask_in(version, "a", |own| offset_commit::Request {
            group_id: String::new(),
            ..commit(own, "beta")
        });
    }
    if_static(stage);
    stage.ask("a", |own| own.fetch(10, None));
}

/// An instance id without a member.
fn if_static(stage: &mut Stage<'_>) {
    for version in [7, 8, 9, 10] {
        stage.ask_in(version, "a", |own| offset_commit::Request {
            group_instance_id: Some("instance".to_owned()),
            ..commit(own, "gamma")
        });
    }
}

fn their_end(stage: &mut Stage<'_>) {
    let twice = |own: &Own<'_>| {
        let mut request = own.delete_offsets(&["alpha", "alpha"]);
        request.topics[1].partitions[0].partition_index = 1;
        request
    };
    stage.ask("a", |own| own.delete_offsets(&["missing", "gamma", "missing"]));
    stage.ask("a", twice);
    stage.ask("a", |own| {
        let mut request = twice(own);
        request.topics.extend(own.delete_offsets(&["missing"]).topics);
        request
    });
    stage.ask("a", |own| own.delete_offsets(&[]));
    stage.ask("a", |own| own.delete_offsets(&["alpha", "beta", "gamma"]));
    stage.fetches("a", None);
    stage.look();
    for version in 0..=3 {
        stage.ask_in(version, "a", |own| delete_groups::Request {
            groups_names: ["no-such-group", own.group, "", own.group].map(str::to_owned).to_vec(),
        });
    }
    stage.look();
    stage.ask("a", |_| delete_groups::Request { groups_names: vec![String::new()] });
}
