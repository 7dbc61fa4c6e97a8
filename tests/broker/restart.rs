//! What was acknowledged is there after a restart, also after one without a farewell.

use kafkaesque::protocol::ErrorCode;
use kafkaesque::runtime::{Clock, Runtime};

use crate::Running;
use crate::admin::{create, describe, topic};
use crate::produce_fetch::{batch, bytes, produce, read_all};

#[tokio::test]
async fn records_topics_and_ids_survive() {
    let data = tempfile::tempdir().expect("a directory");
    let mut id = None;
    let mut epoch = -1;
    for round in 0..3 {
        let running = Running::on(data.path(), &[]).await;
        let mut client = running.client().await;
        if round == 0 {
            create(&mut client, vec![topic("t", 1, 1)]).await;
        }
        let described = describe(&mut client, "t", false).await;
        assert_eq!(*id.get_or_insert(described.topic_id), described.topic_id);
        assert!(described.partitions[0].leader_epoch > epoch, "every life of an owner has a higher epoch");
        if round > 0 {
            let mut stale = crate::produce_fetch::fetch_request("t", 0);
            stale.topics[0].partitions[0].current_leader_epoch = epoch;
            let fenced = client.ask(&stale, 11).await.responses.remove(0).partitions.remove(0);
            assert_eq!(fenced.error_code, ErrorCode::FencedLeaderEpoch.code());
        }
        epoch = described.partitions[0].leader_epoch;
        let answer = produce(&mut client, "t", bytes(batch(&[&round.to_string()]))).await;
        assert_eq!((answer.error_code, answer.base_offset), (0, round));
        let expected: Vec<_> = (0..=round).map(|n| (n, n.to_string())).collect();
        assert_eq!(read_all(&mut client, "t", 0).await, expected);
        running.stop().await;
    }
}

#[tokio::test]
async fn a_producers_window_survives() {
    let data = tempfile::tempdir().expect("a directory");
    for round in 0..3 {
        let running = Running::on(data.path(), &[]).await;
        let mut client = running.client().await;
        create(&mut client, vec![topic("t", 1, 1)]).await;
        for sequence in 0..=round {
            let sent = bytes(batch(&[&sequence.to_string()]).producer(4242, 0, sequence));
            let answer = produce(&mut client, "t", sent).await;
            assert_eq!((answer.error_code, answer.base_offset), (0, i64::from(sequence)), "round {round}");
        }
        running.stop().await;
    }
}

#[tokio::test]
async fn a_clock_that_is_behind_keeps_no_broker_from_starting() {
    let data = tempfile::tempdir().expect("a directory");
    let now = Runtime::system().clock.now_ms();
    let minute = 60_000;
    let mut expected = Vec::new();
    for (round, behind) in [0, 10 * minute, 300 * minute, 300 * minute].into_iter().enumerate() {
        let runtime = Runtime { clock: Clock::simulated(now - behind), ..Runtime::system() };
        let running = Running::in_world(runtime, data.path(), &[]).await;
        let mut client = running.client().await;
        create(&mut client, vec![topic("t", 1, 1)]).await;
        let value = round.to_string();
        assert_eq!(produce(&mut client, "t", bytes(batch(&[&value]))).await.error_code, 0);
        expected.push((round as i64, value));
        assert_eq!(read_all(&mut client, "t", 0).await, expected);
        // Tables are made at the end, some time after the last row.
        running.runtime.clock.sleep(std::time::Duration::from_millis(100)).await;
        running.stop().await;
    }
}

#[tokio::test]
async fn another_cluster_id_stops_the_start() {
    let data = tempfile::tempdir().expect("a directory");
    Running::on(data.path(), &[("CLUSTER_ID", "one")]).await.stop().await;
    let given = kafkaesque::config::Given::nothing()
        .with("HOST", "127.0.0.1")
        .with("PORT", "0")
        .with("HEALTH_PORT", "0")
        .with("CLUSTER_ID", "two")
        .with("DATA_PATH", data.path().display().to_string());
    let config = kafkaesque::config::Config::load(&given).expect("settings");
    let runtime = Runtime::system();
    let refused = kafkaesque::broker::Broker::start(&config, &runtime).await.err().expect("a refusal");
    assert!(refused.to_string().contains("CLUSTER_ID"), "{refused}");
}
