//! The life of a store, up to the moment when it is harmed: three processes, one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use kafkaesque::protocol::messages::{offset_commit, produce};

use super::harm::{self, Objects};
use super::place::Place;
use crate::admin::{create, topic};
use crate::client::Client;
use crate::process::Process;
use crate::produce_fetch::{batch, bytes, delete_to, produce_request};

pub const PARTITIONS: i32 = 2;
const PROCESSES: i64 = 3;

/// How the last process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By SIGTERM.
    Stopped,
    /// By SIGKILL, with requests under way.
    Killed,
}

/// What clients were told.
#[derive(Debug, Default)]
pub struct Told {
    /// By partition and offset.
    pub records: BTreeMap<(i32, i64), String>,
    /// Of partition 0: records below were deleted.
    pub log_start: i64,
    pub committed: i64,
}

pub struct Left {
    pub objects: Objects,
    pub told: Told,
}

/// A produce of one record.
pub fn one_record(partition: i32, value: &str) -> produce::Request {
    let mut request = produce_request("t", bytes(batch(&[value])), -1);
    request.topic_data[0].partition_data[0].index = partition;
    request
}

/// Records to both partitions, several unanswered at a time.
async fn work(client: &mut Client, told: &mut Told, rounds: usize) {
    for _ in 0..rounds {
        let mut sent = Vec::new();
        for partition in (0..PARTITIONS).cycle().take(8) {
            let value = format!("value {}", told.records.len() + sent.len());
            client.send(&one_record(partition, &value), 9).await;
            sent.push((partition, value));
        }
        for (partition, value) in sent {
            let (_, mut answer) = client.receive::<produce::Request>(9).await;
            let answer = answer.responses.remove(0).partition_responses.remove(0);
            assert_eq!((answer.index, answer.error_code), (partition, 0), "{answer:?}");
            told.records.insert((partition, answer.base_offset), value);
        }
    }
}

async fn commit(client: &mut Client, offset: i64) {
    let partition =
        offset_commit::OffsetCommitRequestPartition { committed_offset: offset, ..Default::default() };
    let topic = offset_commit::OffsetCommitRequestTopic {
        name: "t".to_owned(),
        partitions: vec![partition],
        ..Default::default()
    };
    let request = offset_commit::Request {
        group_id: "g".to_owned(),
        generation_id_or_member_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    };
    let answer = client.ask(&request, 8).await.topics.remove(0).partitions.remove(0);
    assert_eq!(answer.error_code, 0);
}

/// Lives through it all.
pub async fn live(window: u16, ending: Ending) -> Left {
    let place = Place::new(window).await;
    let mut told = Told::default();
    for number in 1..=PROCESSES {
        let process = place.start().unwrap_or_else(|| panic!("it ended: {}", place.log()));
        let mut client = Client::connect(process.clients).await;
        if number == 1 {
            create(&mut client, vec![topic("t", PARTITIONS, 1)]).await;
        }
        work(&mut client, &mut told, 3).await;
        commit(&mut client, number).await;
        told.committed = number;
        assert_eq!(delete_to(&mut client, "t", number).await, (0, number));
        told.log_start = number;
        work(&mut client, &mut told, 2).await;
        match (number, ending) {
            (1, _) | (PROCESSES, Ending::Killed) => kill(process, client).await,
            _ => process.stop(),
        }
    }
    Left { objects: harm::objects(&place.objects).await, told }
}

/// Records are on their way, and nobody hears of them.
async fn kill(process: Process, mut client: Client) {
    for partition in (0..PARTITIONS).cycle().take(8) {
        client.send(&one_record(partition, "unanswered"), 9).await;
    }
    tokio::time::sleep(Duration::from_millis(3)).await;
    drop(process);
}
