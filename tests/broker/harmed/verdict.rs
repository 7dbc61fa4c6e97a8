//! What comes of a harmed store: the next process serves from it, or refuses, and somebody puts things right.

use std::collections::BTreeMap;
use std::time::Duration;

use kafkaesque::protocol::ErrorCode;
use kafkaesque::protocol::batch::Batch;
use kafkaesque::protocol::codec::Records;
use kafkaesque::protocol::messages::offset_fetch;
use kafkaesque::runtime::Runtime;
use kafkaesque::storage::{self, Part};
use kafkaesque::types::ShardId;
use object_store::ObjectStoreExt as _;

use super::harm::{self, Harmed, Objects};
use super::life::{Left, PARTITIONS, Told, one_record};
use super::place::Place;
use crate::client::Client;
use crate::produce_fetch::fetch_request;

/// The end of one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything is there.
    Served,
    /// What is concerned is refused, by a line that names the object.
    Refused(String),
    /// Anything that must not be.
    Wrong(String),
}

/// What goes on until a shard is open.
const TRY_AGAIN: [ErrorCode; 3] =
    [ErrorCode::NotLeaderOrFollower, ErrorCode::CoordinatorLoadInProgress, ErrorCode::NotCoordinator];

/// What is not answered as it was acknowledged.
enum Trouble {
    Refused(ErrorCode),
    Wrong(String),
}

impl Trouble {
    fn of(code: i16) -> Trouble {
        Trouble::Refused(ErrorCode::from_code(code).expect("a code of Kafka's"))
    }
}

/// Starts brokers on what is left once `harmed` was done to it, then on the same with all put back, and on a repaired one.
pub async fn judge(left: &Left, window: u16, harmed: &Harmed) -> End {
    let place = Place::new(window).await;
    let objects = harm::apply(&left.objects, harmed);
    harm::put(&place.objects, &objects).await;
    let first = serve(&place, &left.told, harmed, Kept::Everything).await;
    match first {
        End::Wrong(_) => return first,
        End::Refused(_) => put_back(&place, left, harmed).await,
        End::Served => {}
    }
    let second = serve(&place, &left.told, harmed, Kept::Everything).await;
    if second != End::Served {
        return End::Wrong(format!("{first:?} at first, then {second:?}"));
    }
    match (&first, part(harmed)) {
        (End::Refused(_), Some(part)) => match repaired(&objects, left, window, harmed, part).await {
            End::Served => first,
            end => End::Wrong(format!("{first:?}, and repaired: {end:?}")),
        },
        _ => first,
    }
}

/// As an operator does: the object, or all of the metadata, since a broker may have written to it.
async fn put_back(place: &Place, left: &Left, harmed: &Harmed) {
    let now = harm::objects(&place.objects).await;
    let is_metadata = |path: &str| path.starts_with("raft/");
    let whole = harmed.keys().any(|path| is_metadata(path));
    let touched = |path: &&String| harmed.contains_key(*path) || (whole && is_metadata(path));
    for path in now.keys().filter(touched) {
        place.objects.delete(&path.as_str().into()).await.expect("deleted");
    }
    let before = left.objects.iter().filter(|(path, _)| touched(path));
    harm::put(&place.objects, &before.map(|(path, bytes)| (path.clone(), bytes.clone())).collect()).await;
}

/// What is to be repaired; the description of the cluster needs no command.
fn part(harmed: &Harmed) -> Option<Part> {
    let path = harmed.keys().next()?;
    match path.split('/').next()? {
        "raft" => Some(Part::Metadata),
        "shards" => Some(Part::Shard(ShardId(0))),
        _ => None,
    }
}

/// What cannot be put back is given up: then the rest is served, and no offset is given out twice.
async fn repaired(objects: &Objects, left: &Left, window: u16, harmed: &Harmed, part: Part) -> End {
    let place = Place::new(window).await;
    harm::put(&place.objects, objects).await;
    match storage::run(&place.config, part, true, &Runtime::system()).await {
        Ok(report) if report.is_sound => match serve(&place, &left.told, harmed, Kept::WhatIsLeft).await {
            // Nobody looks at records but who reads them.
            End::Refused(line) if line.contains("its records are refused") => End::Served,
            end => end,
        },
        outcome => End::Wrong(format!("{outcome:?}")),
    }
}

/// What a broker must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Everything,
    WhatIsLeft,
}

async fn serve(place: &Place, told: &Told, harmed: &Harmed, kept: Kept) -> End {
    let trouble = match place.start() {
        Some(process) => {
            let mut client = Client::connect(process.clients).await;
            let used = read(&mut client, told, kept).await;
            let used = if used.is_ok() { append(&mut client, told).await } else { used };
            drop(client);
            process.stop();
            match used {
                Ok(()) => return End::Served,
                Err(trouble) => trouble,
            }
        }
        None => Trouble::Refused(ErrorCode::None),
    };
    let log = place.log();
    match trouble {
        Trouble::Wrong(what) => End::Wrong(what),
        Trouble::Refused(code) => match log.lines().find(|line| names(line, harmed)) {
            Some(line) => End::Refused(format!("{code:?}: {line}")),
            None => End::Wrong(format!("{code:?}, and no line names it: {log}")),
        },
    }
}

/// A line helps only if it says where, and what to do.
fn names(line: &str, harmed: &Harmed) -> bool {
    let is_named = harmed.keys().any(|path| {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        let mut folders = folders.filter(|folder| folder.contains('/'));
        line.contains(path.as_str()) || folders.any(|folder| line.contains(&format!("{folder} ")))
    });
    // An index that is older is seen by what the log says.
    let by_the_log =
        line.contains("the index is older") && harmed.keys().all(|path| path.contains("/index/"));
    line.contains("put back") && (is_named || by_the_log)
}

/// Everything that was acknowledged is there, at its place.
async fn read(client: &mut Client, told: &Told, kept: Kept) -> Result<(), Trouble> {
    for partition in 0..PARTITIONS {
        let start = if partition == 0 { told.log_start } else { 0 };
        let shown = read_partition(client, partition, start).await?;
        for ((_, offset), value) in told.records.range((partition, start)..(partition, i64::MAX)) {
            match shown.get(offset) {
                Some(other) if other == value => {}
                None if kept == Kept::WhatIsLeft => {}
                other => {
                    let what =
                        format!("partition {partition}, offset {offset} was {value:?} and is {other:?}");
                    return Err(Trouble::Wrong(what));
                }
            }
        }
    }
    let found = committed(client).await?;
    match found == told.committed || kept == Kept::WhatIsLeft {
        true => Ok(()),
        false => Err(Trouble::Wrong(format!("the committed offset {} is {found}", told.committed))),
    }
}

async fn read_partition(
    client: &mut Client,
    partition: i32,
    start: i64,
) -> Result<BTreeMap<i64, String>, Trouble> {
    let (mut found, mut offset) = (BTreeMap::new(), start);
    loop {
        let mut request = fetch_request("t", offset);
        request.topics[0].partitions[0].partition = partition;
        let mut tries = 0;
        let data = loop {
            let data = client.ask(&request, 11).await.responses.remove(0).partitions.remove(0);
            match data.error_code {
                0 => break data,
                code if code == ErrorCode::OffsetOutOfRange.code() => return Ok(found),
                code => again(code, &mut tries).await?,
            }
        };
        let mut rest = data.records.map(Records::into_bytes).unwrap_or_default();
        if rest.is_empty() {
            return Ok(found);
        }
        while !rest.is_empty() {
            let batch = Batch::parse(&rest).map_err(|error| Trouble::Wrong(error.to_string()))?;
            let _ = rest.split_to(batch.len());
            for record in kafkaesque::protocol::batch::Records::new(&batch.header, &batch.payload) {
                let record = record.map_err(|error| Trouble::Wrong(error.to_string()))?;
                let value = String::from_utf8_lossy(record.value.unwrap_or_default()).into_owned();
                found.insert(record.offset(&batch.header), value);
            }
            offset = batch.header.last_offset() + 1;
        }
    }
}

/// Waits, if this code may pass and has not been there for long.
async fn again(code: i16, tries: &mut u32) -> Result<(), Trouble> {
    let may_pass = TRY_AGAIN.iter().any(|of| of.code() == code);
    if !may_pass || *tries == 100 {
        return Err(Trouble::of(code));
    }
    *tries += 1;
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(())
}

async fn committed(client: &mut Client) -> Result<i64, Trouble> {
    let topic = offset_fetch::OffsetFetchRequestTopics {
        name: "t".to_owned(),
        partition_indexes: vec![0],
        ..Default::default()
    };
    let group = offset_fetch::OffsetFetchRequestGroup {
        group_id: "g".to_owned(),
        topics: Some(vec![topic]),
        ..Default::default()
    };
    let request = offset_fetch::Request { groups: vec![group], ..Default::default() };
    let mut tries = 0;
    loop {
        let answer = client.ask(&request, 9).await.groups.remove(0);
        match answer.error_code {
            0 => return Ok(answer.topics[0].partitions[0].committed_offset),
            code => again(code, &mut tries).await?,
        }
    }
}

/// No offset is given out twice.
async fn append(client: &mut Client, told: &Told) -> Result<(), Trouble> {
    for partition in 0..PARTITIONS {
        let answer = client.ask(&one_record(partition, "after"), 9).await;
        let answer = &answer.responses[0].partition_responses[0];
        if answer.error_code != 0 {
            return Err(Trouble::of(answer.error_code));
        }
        if told.records.contains_key(&(partition, answer.base_offset)) {
            return Err(Trouble::Wrong(format!("offset {} of {partition} again", answer.base_offset)));
        }
    }
    Ok(())
}
