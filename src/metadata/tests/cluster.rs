//! Three brokers that agree, over a switchboard in memory.

use std::collections::BTreeMap;

use super::support::{Bucket, Process, Switchboard, close, eventually};
use crate::metadata::{Applied, Command, IfExists, NewTopic, Refused};
use crate::types::{BrokerId, Incarnation, ShardId};

fn leader(processes: &[Process]) -> Option<usize> {
    processes.iter().position(|process| process.metadata.leads())
}

#[tokio::test(start_paused = true)]
async fn any_broker_takes_proposals_and_sees_what_they_did() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let brokers = bucket.start_cluster(3, &switchboard).await;
    for (n, broker) in brokers.iter().enumerate() {
        let id = broker.create(&format!("t{n}")).await;
        assert!(broker.metadata.image().topic(id).is_some(), "a broker sees its own changes");
    }
    for broker in &brokers {
        let image = broker.metadata.sync().await.expect("up to date");
        assert_eq!(image.topics.len(), 3);
        assert_eq!(image.brokers.size(), 3);
        assert_eq!(image.shards.size(), 4);
    }
    assert_eq!(brokers.iter().filter(|broker| broker.metadata.leads()).count(), 1);
    let follower = &brokers[(leader(&brokers).expect("a leader") + 1) % 3];
    let quorum = follower.metadata.quorum();
    assert_eq!(quorum.voters.len(), 3);
    close(&brokers).await;
}

#[tokio::test(start_paused = true)]
async fn a_voter_that_comes_late_deposes_nobody_and_takes_part() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let first = (0..2).map(|id| bucket.start_voter(id, 3, &switchboard));
    let mut brokers = futures::future::join_all(first).await;
    brokers[0].create("before").await;
    let quorum = brokers[0].metadata.quorum();
    brokers.push(bucket.start_voter(2, 3, &switchboard).await);
    let now = brokers[2].metadata.quorum();
    assert_eq!((now.term, now.leader), (quorum.term, quorum.leader));
    assert!(brokers[2].metadata.image().topic_by_name("before").is_some());
    switchboard.cut(quorum.leader.expect("a leader").0);
    eventually(&brokers[2], "an election of the late one and another", || {
        brokers.iter().find(|broker| broker.metadata.leads() && broker.metadata.quorum().term > quorum.term)
    })
    .await;
    close(&brokers).await;
}

#[tokio::test(start_paused = true)]
async fn automatic_creation_on_all_brokers_at_once_makes_one_topic() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let brokers = bucket.start_cluster(3, &switchboard).await;
    let made = brokers.iter().map(|broker| async {
        let topic = NewTopic { if_exists: IfExists::Accept, ..broker.topic("auto") };
        broker.metadata.propose(Command::CreateTopic(topic)).await.expect("an outcome").expect("a topic")
    });
    let made = futures::future::join_all(made).await;
    let ids: BTreeMap<_, _> = made
        .iter()
        .map(|applied| match applied {
            Applied::Topic { id, created } => (*id, *created),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids.len(), 1, "{made:?}");
    close(&brokers).await;
}

#[tokio::test(start_paused = true)]
async fn a_follower_asks_the_leader_to_validate() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let brokers = bucket.start_cluster(3, &switchboard).await;
    let leading = leader(&brokers).expect("a leader");
    brokers[leading].create("t").await;
    let follower = &brokers[(leading + 1) % 3];
    let outcomes = follower.metadata.validate(vec![Command::CreateTopic(follower.topic("t"))]).await;
    assert_eq!(outcomes, Ok(vec![Err(Refused::TopicExists("t".to_owned()))]));
    close(&brokers).await;
}

#[tokio::test(start_paused = true)]
async fn the_others_go_on_without_the_leader_and_tell_it_later() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let brokers = bucket.start_cluster(3, &switchboard).await;
    brokers[0].create("before").await;
    let old = leader(&brokers).expect("a leader");
    switchboard.cut(old as i32);
    let others: Vec<usize> = (0..3).filter(|n| *n != old).collect();
    let new = eventually(&brokers[0], "an election", || {
        others.iter().copied().find(|n| brokers[*n].metadata.leads())
    })
    .await;
    brokers[new].create("while-cut").await;
    assert!(brokers[old].metadata.image().topic_by_name("while-cut").is_none());

    switchboard.mend(old as i32);
    eventually(&brokers[old], "catching up", || {
        brokers[old].metadata.image().topic_by_name("while-cut").cloned()
    })
    .await;
    let image = brokers[old].metadata.sync().await.expect("up to date");
    assert_eq!(image.topics.len(), 2);
    close(&brokers).await;
}

/// The process that was replaced cannot even ask: its calls carry the lower incarnation.
#[tokio::test(start_paused = true)]
async fn a_broker_that_comes_back_has_the_log_and_its_old_process_is_refused() {
    let (bucket, switchboard) = (Bucket::new(), Switchboard::default());
    let mut brokers = bucket.start_cluster(3, &switchboard).await;
    let follower = (leader(&brokers).expect("a leader") + 1) % 3;
    for n in 0..5 {
        brokers[0].create(&format!("t{n}")).await;
    }
    let id = BrokerId(follower as i32);
    let again = bucket.start_voter(follower as i32, 3, &switchboard).await;
    let old = std::mem::replace(&mut brokers[follower], again);
    let image = brokers[follower].metadata.image();
    assert_eq!(image.topics.len(), 5);
    let registered: Option<Incarnation> = image.broker(id).map(|broker| broker.incarnation);
    assert_eq!(registered, Some(brokers[follower].metadata.incarnation()));
    assert!(brokers[follower].metadata.incarnation() > old.metadata.incarnation());
    assert!(old.metadata.sync().await.is_err());
    let assign = Command::AssignShard { shard: ShardId(0), owner: Some(old.metadata.owner()) };
    let refused = brokers[0].metadata.propose(assign).await.expect("an outcome");
    assert!(matches!(refused, Err(Refused::StaleIncarnation { .. })), "{refused:?}");
    old.metadata.close().await;
    close(&brokers).await;
}
