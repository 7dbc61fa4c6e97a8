//! Brokers that join a cluster and leave it for good.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::TryStreamExt as _;
use object_store::path::Path;

use super::support::{Bucket, Process, Switchboard, close, eventually, member, settings};
use crate::metadata::{ForgetError, MetadataSettings, ProposeError, StartError, Voter};
use crate::types::BrokerId;

fn ids(ids: &[i32]) -> BTreeSet<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

async fn start(bucket: &Bucket, id: i32, peers: &[i32], switchboard: &Switchboard) -> Process {
    bucket.start_member(bucket.runtime(), id, peers, switchboard).await
}

/// The leader has the group vote by `voters`: one that leads since a moment ago has to commit first what it found.
async fn vote_by<'a>(brokers: &'a [Process], voters: &[i32]) -> &'a Process {
    loop {
        let leads = || brokers.iter().find(|broker| broker.metadata.leads());
        let leader = eventually(&brokers[0], "a leader", leads).await;
        match leader.metadata.change_voters(&ids(voters)).await {
            Ok(()) => return leader,
            Err(ProposeError::Overloaded | ProposeError::NotLeader { .. }) => {
                leader.runtime.clock.sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("the voters do not change: {error}"),
        }
    }
}

/// Whoever leads has the group vote by `voters` and forgets a broker: an election may come between the two.
async fn forget(brokers: &[Process], voters: &[i32], id: i32) {
    loop {
        match vote_by(brokers, voters).await.metadata.forget(BrokerId(id)).await {
            Ok(()) => return,
            Err(ForgetError::Group(ProposeError::Overloaded | ProposeError::NotLeader { .. })) => {}
            Err(error) => panic!("{id} is not forgotten: {error}"),
        }
    }
}

/// A cluster that one broker has formed, and its first three members; all vote if `votes`.
async fn grown(bucket: &Bucket, switchboard: &Switchboard, votes: bool) -> Vec<Process> {
    let mut brokers = vec![start(bucket, 0, &[0], switchboard).await];
    brokers[0].create("before").await;
    brokers.push(start(bucket, 1, &[0, 1], switchboard).await);
    // It is told of a learner alone, which knows who leads.
    brokers.push(start(bucket, 2, &[1, 2], switchboard).await);
    if votes {
        vote_by(&brokers, &[0, 1, 2]).await;
    }
    brokers
}

#[tokio::test(start_paused = true)]
async fn brokers_join_the_cluster_of_one_and_it_fails_over_to_them() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let mut brokers = grown(&bucket, &switchboard, false).await;
    for broker in &brokers {
        let quorum = broker.metadata.quorum_of_leader().await;
        assert_eq!((quorum.voters.len(), quorum.learners.len()), (1, 2));
        assert_eq!(broker.metadata.wanted_voters(), 3);
    }
    let image = brokers[2].metadata.sync().await.expect("a learner is up to date");
    assert!(image.topic_by_name("before").is_some());
    assert_eq!(image.brokers.size(), 3);
    brokers[2].create("by-a-learner").await;
    vote_by(&brokers, &[0, 1, 2]).await;
    assert_eq!(brokers[1].metadata.sync().await.expect("up to date").topics.len(), 2);
    switchboard.hang_up(0);
    eventually(&brokers[1], "an election", || brokers[1..].iter().find(|broker| broker.metadata.leads()))
        .await;
    brokers[1].create("without-the-first").await;
    // The first broker's list still names itself alone, and its newcomers find it.
    brokers[0].metadata.close().await;
    brokers[0] = start(&bucket, 0, &[0, 1], &switchboard).await;
    let image = brokers[0].metadata.sync().await.expect("up to date");
    assert!(image.topic_by_name("without-the-first").is_some());
    assert_eq!(brokers[0].metadata.voters(), ids(&[0, 1, 2]));
    close(&brokers).await;
}

#[tokio::test(start_paused = true)]
async fn a_voter_that_came_later_keeps_what_it_took_after_a_restart() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let mut brokers = grown(&bucket, &switchboard, true).await;
    brokers[1].metadata.close().await;
    brokers[1] = start(&bucket, 1, &[0, 1], &switchboard).await;
    switchboard.cut(2);
    let leads = || brokers[..2].iter().find(|broker| broker.metadata.leads());
    eventually(&brokers[0], "a leader of the two", leads).await.create("by-two-of-three").await;
    // The first is gone for good, and the second was killed: it has to tell the third.
    switchboard.hang_up(0);
    switchboard.hang_up(1);
    switchboard.mend(2);
    brokers[1] = start(&bucket, 1, &[1, 2], &switchboard).await;
    for broker in &brokers[1..] {
        let image = broker.metadata.sync().await.expect("up to date");
        assert!(image.topic_by_name("by-two-of-three").is_some());
    }
    close(&brokers[1..]).await;
}

#[tokio::test(start_paused = true)]
async fn a_member_that_knows_none_of_the_others_does_not_start() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let brokers = grown(&bucket, &switchboard, true).await;
    close(&brokers).await;
    let error = bucket.try_start(&settings(0)).await.err().map(|error| error.to_string());
    let said = error.expect("the first broker is one of three now");
    assert!(
        said.contains(
            "RAFT_PEERS names the brokers 0, but the cluster at this place has the brokers 0, 1, 2"
        ),
        "{said}"
    );
    let founded = Bucket::new();
    let brokers = founded.start_cluster(3, &switchboard).await;
    close(&brokers).await;
    let voter = |id| Voter { id: BrokerId(id), address: format!("b{id}:9093") };
    let strange = MetadataSettings { voters: vec![voter(0), voter(7)], ..settings(0) };
    let error = founded.try_start(&strange).await.err();
    assert!(matches!(error, Some(StartError::OtherVoters { .. })), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_founder_that_was_removed_comes_back_by_one_that_came_later() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let mut brokers = bucket.start_cluster(3, &switchboard).await;
    brokers.push(start(&bucket, 3, &[2, 3], &switchboard).await);
    switchboard.hang_up(0);
    brokers[0].metadata.close().await;
    forget(&brokers[1..], &[1, 2, 3], 0).await;
    brokers[0] = start(&bucket, 0, &[0, 3], &switchboard).await;
    assert_eq!(brokers[0].metadata.quorum_of_leader().await.learners.len(), 1);
    assert_eq!(brokers[0].metadata.sync().await.expect("up to date").brokers.size(), 4);
    close(&brokers).await;
}

/// The log that it gets begins with a group of which it is the only voter.
#[tokio::test(start_paused = true)]
async fn the_first_broker_of_all_comes_back_anew_and_leads_no_group_of_its_own() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let mut brokers = grown(&bucket, &switchboard, false).await;
    vote_by(&brokers, &[1]).await;
    switchboard.hang_up(0);
    brokers[0].metadata.close().await;
    forget(&brokers[1..2], &[1], 0).await;
    for n in 0..40 {
        brokers[1].create(&format!("after-{n}")).await;
    }
    let term = brokers[1].metadata.quorum().term;
    brokers[0] = start(&bucket, 0, &[0, 1], &switchboard).await;
    assert_eq!(brokers[0].metadata.sync().await.expect("up to date").topics.len(), 41);
    let quorum = brokers[1].metadata.quorum();
    assert_eq!((quorum.term, quorum.leader), (term, Some(BrokerId(1))));
    assert_eq!(brokers[0].metadata.voters(), ids(&[1]));
    close(&brokers).await;
}

#[tokio::test(start_paused = true)]
async fn five_that_formed_a_cluster_stay_five_though_one_of_their_ids_is_another_broker_now() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let mut brokers = bucket.start_cluster(5, &switchboard).await;
    switchboard.hang_up(4);
    brokers[4].metadata.close().await;
    forget(&brokers[..4], &[0, 1, 2], 4).await;
    brokers[4] = start(&bucket, 4, &[0, 4], &switchboard).await;
    for broker in &brokers {
        assert_eq!(broker.metadata.wanted_voters(), 5, "broker {}", broker.metadata.broker_id());
    }
    close(&brokers).await;
}

/// A voter that was cut off all the while, as a follower or as the leader, and counts on a broker whose id is another's now.
async fn counts_on_a_former_voter(is_leader: bool) {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let run = |id: i32, peers: &'static [i32]| {
        let (bucket, switchboard) = (bucket.clone(), switchboard.clone());
        async move { start(&bucket, id, peers, &switchboard).await }
    };
    let mut brokers = futures::future::join_all((0..3).map(|id| run(id, &[0, 1, 2]))).await;
    brokers.push(run(3, &[0, 1, 2, 3]).await);
    let clock = brokers[0].runtime.clock.clone();
    let first = eventually(&brokers[0], "a leader", || brokers.iter().position(|b| b.metadata.leads())).await;
    let behind = if is_leader { first } else { (first + 1) % 3 };
    switchboard.cut(behind as i32);
    clock.sleep(Duration::from_secs(4)).await;
    let leads = || (0..3).find(|n| *n != behind && brokers[*n].metadata.leads());
    let leader = eventually(&brokers[0], "a leader", leads).await;
    let former = 3 - behind - leader;
    vote_by(&brokers[leader..=leader], &[leader as i32, behind as i32, 3]).await;
    switchboard.hang_up(former as i32);
    brokers[former].metadata.close().await;
    forget(&brokers[leader..=leader], &[leader as i32, behind as i32, 3], former as i32).await;
    // The new broker of that id and the one that knows no better have nobody but each other.
    switchboard.cut(leader as i32);
    switchboard.cut(3);
    switchboard.mend(behind as i32);
    let watching = async {
        eventually(&brokers[leader], "a new broker", || switchboard.has(former as i32).then_some(())).await;
        for _ in 0..400 {
            assert!(!brokers[behind].metadata.leads(), "two majorities");
            clock.sleep(Duration::from_millis(25)).await;
        }
        switchboard.mend(leader as i32);
        switchboard.mend(3);
    };
    let (new, ()) = tokio::join!(run(former as i32, &[0, 1, 2]), watching);
    brokers[former] = new;
    brokers[behind].create("together").await;
    assert_eq!(brokers[former].metadata.sync().await.expect("up to date").topics.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_broker_of_a_former_id_does_not_vote_by_its_predecessors_right() {
    counts_on_a_former_voter(false).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_broker_of_a_former_id_follows_no_leader_of_its_predecessors_time() {
    counts_on_a_former_voter(true).await;
}

#[tokio::test(start_paused = true)]
async fn a_learner_that_forgot_its_log_is_taught_again_and_may_vote_then() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let mut brokers = grown(&bucket, &switchboard, false).await;
    for n in 0..20 {
        brokers[0].create(&format!("t{n}")).await;
    }
    for id in [1, 2, 1] {
        // Nothing is closed: what a learner did not store is lost.
        switchboard.hang_up(id);
        brokers[id as usize] = start(&bucket, id, &[0, 1, 2], &switchboard).await;
        let image = brokers[id as usize].metadata.sync().await.expect("up to date");
        assert_eq!(image.topics.len(), 21, "broker {id}");
    }
    vote_by(&brokers, &[0, 1, 2]).await;
    brokers[0].create("last").await;
    // Now each of them has to remember.
    switchboard.hang_up(1);
    switchboard.hang_up(2);
    switchboard.hang_up(0);
    let again = [0, 1, 2].map(|id| start(&bucket, id, &[0, 1, 2], &switchboard));
    let brokers = futures::future::join_all(again).await;
    for broker in &brokers {
        assert_eq!(broker.metadata.sync().await.expect("up to date").topics.len(), 22);
    }
    close(&brokers).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_was_removed_leaves_nothing_and_its_id_begins_anew() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let mut brokers = grown(&bucket, &switchboard, true).await;
    let former = brokers[2].metadata.incarnation();
    let metadata = &brokers[0].metadata;
    assert!(matches!(metadata.forget(BrokerId(2)).await, Err(ForgetError::Votes(_))));
    switchboard.hang_up(2);
    brokers[2].metadata.close().await;
    forget(&brokers[..1], &[0], 2).await;
    let metadata = &brokers[1].metadata;
    eventually(&brokers[1], "word of it", || metadata.image().broker(BrokerId(2)).is_none().then_some(()))
        .await;
    let left: Vec<_> =
        bucket.objects().list(Some(&Path::from("data/raft/2"))).try_collect().await.expect("a list");
    assert!(left.is_empty(), "{left:?}");
    assert!(!metadata.quorum_of_leader().await.has(BrokerId(2)));
    let unknown = brokers[0].metadata.forget(BrokerId(7)).await;
    unknown.expect("there is nothing to forget");
    brokers[2] = start(&bucket, 2, &[0, 1, 2], &switchboard).await;
    assert!(brokers[2].metadata.incarnation() > former, "its processes are newer than all before");
    assert!(brokers[2].metadata.image().topic_by_name("before").is_some());
    close(&brokers).await;
}

/// Its former self does not hear of the removal, which waits for that.
#[tokio::test(start_paused = true)]
async fn a_broker_that_comes_back_while_it_is_removed_is_a_member() {
    for late_ms in (0..2_400).step_by(80) {
        let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
        let mut brokers = grown(&bucket, &switchboard, false).await;
        switchboard.hang_up(2);
        brokers[2].metadata.close().await;
        let back = async {
            brokers[1].runtime.clock.sleep(Duration::from_millis(late_ms)).await;
            start(&bucket, 2, &[0, 1], &switchboard).await
        };
        let removed = brokers[0].metadata.forget(BrokerId(2));
        let (removed, back) = tokio::join!(removed, back);
        removed.expect("it is forgotten");
        brokers[2] = back;
        brokers[0].create("after").await;
        let image = brokers[2].metadata.sync().await.expect("up to date");
        assert!(
            image.topic_by_name("after").is_some() && image.broker(BrokerId(2)).is_some(),
            "{late_ms} ms"
        );
        close(&brokers).await;
    }
}

/// Or shards that a learner has would take the metadata for an older copy of itself.
#[tokio::test(start_paused = true)]
async fn all_that_a_learner_sees_while_the_voter_starts_again_is_the_past() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let mut brokers = grown(&bucket, &switchboard, false).await;
    let mut images = brokers[1].metadata.subscribe();
    let watching = async {
        let mut seen = Vec::new();
        while images.changed().await.is_ok() {
            let image = images.borrow_and_update().clone();
            seen.extend(image.moment());
            if image.topic_by_name("last").is_some() {
                break;
            }
        }
        seen
    };
    let starting = async {
        switchboard.hang_up(0);
        brokers[0].metadata.close().await;
        brokers[0] = start(&bucket, 0, &[0, 1, 2], &switchboard).await;
        brokers[0].create("last").await;
    };
    let (seen, ()) = tokio::join!(watching, starting);
    assert!(seen.len() > 3, "{seen:?}");
    let image = brokers[1].metadata.sync().await.expect("up to date");
    for moment in seen {
        assert_eq!(image.contradicts(&moment), None, "{moment:?}");
    }
    close(&brokers).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_late_to_join_does_not_come_back_for_a_removed_broker() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let mut brokers = grown(&bucket, &switchboard, false).await;
    switchboard.hang_up(2);
    brokers[2].metadata.close().await;
    let late = bucket.open_as(bucket.runtime(), &member(2, &[0, 1]), &switchboard).await;
    let last = late.metadata.incarnation();
    forget(&brokers, &[0], 2).await;
    let refused = late.metadata.join().await;
    assert!(matches!(refused, Err(StartError::Removed { broker: BrokerId(2) })), "{refused:?}");
    assert!(brokers[0].metadata.image().broker(BrokerId(2)).is_none());
    late.metadata.close().await;
    brokers[2] = start(&bucket, 2, &[0, 1], &switchboard).await;
    assert!(brokers[2].metadata.incarnation() >= last);
    close(&brokers).await;
}
