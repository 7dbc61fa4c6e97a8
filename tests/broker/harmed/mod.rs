//! Stores of real processes, with an object of each kind harmed in every way, one at a time.
//!
//! The next process serves all that was acknowledged, or refuses what the object concerns by a line that names it; once it is
//! put back, everything is there. The store is a local directory; `KAFKAESQUE_HARM_STORE=environment` has it be the one that
//! the variables of a broker name. `KAFKAESQUE_HARM_CASE` has only cases with this in their name. The simulation does the same
//! to every object of a shard.

#[path = "../../sim/damage/harm.rs"]
mod harm;
mod life;
mod place;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt as _, stream};
use harm::{Harm, Objects};
use kafkaesque::log::segment::{Header, Kind};
use life::Ending;
use verdict::End;

/// Cases that are judged at once.
const AT_ONCE: usize = 6;

/// The id of a segment, from its path, with its header.
fn segment(path: &str, bytes: &[u8]) -> Option<(u64, Header)> {
    let id = path.rsplit_once("/log/")?.1.strip_suffix(".seg")?.parse().expect("an id");
    Some((id, Header::parse(bytes).expect("a header")))
}

/// One object of each kind: the newest, as most depends on it; of segments the newest that others vouch for.
fn one_of_each_kind(objects: &Objects) -> BTreeMap<String, String> {
    let log: Vec<(u64, Header)> = objects.iter().filter_map(|(path, bytes)| segment(path, bytes)).collect();
    let vouched = log.iter().map(|(id, header)| header.vouches_to(*id)).max().unwrap_or(0);
    let mut found = BTreeMap::new();
    for (path, bytes) in objects {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let kind = match segment(path, bytes) {
            Some((id, _)) if id > vouched => continue,
            Some((_, header)) if header.kind == Kind::Data => format!("{folder}, segment"),
            Some(_) => format!("{folder}, fence"),
            None => format!("{folder}, {}", path.rsplit_once('.').map_or("", |(_, extension)| extension)),
        };
        found.insert(kind, path.clone());
    }
    found
}

async fn every_harm(window: u16, ending: Ending) {
    let left = Arc::new(life::live(window, ending).await);
    let only = std::env::var("KAFKAESQUE_HARM_CASE").unwrap_or_default();
    let mut cases = Vec::new();
    for (kind, path) in one_of_each_kind(&left.objects) {
        for harm in Harm::ALL {
            let case = format!("{harm:?} {path}");
            if let Some(harmed) = harm.done_to(&left.objects, &path).filter(|_| case.contains(&only)) {
                cases.push((kind.clone(), case, harmed));
            }
        }
    }
    // Each waits more than it works.
    let judging = stream::iter(cases).map(|(kind, case, harmed)| {
        let left = Arc::clone(&left);
        let judging = tokio::spawn(async move { verdict::judge(&left, window, &harmed).await });
        async move {
            let end = judging.await.unwrap_or_else(|error| End::Wrong(error.to_string()));
            println!("{case}: {end:?}");
            (kind, case, end)
        }
    });
    let (mut wrong, mut by_end) = (Vec::new(), BTreeMap::<_, usize>::new());
    for (kind, case, end) in judging.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await {
        let name = match end {
            End::Served => "served",
            End::Refused(_) => "refused",
            End::Wrong(what) => {
                wrong.push(format!("{case}: {what}"));
                "wrong"
            }
        };
        *by_end.entry((kind, name)).or_default() += 1;
    }
    println!("{} objects, {} acknowledged records", left.objects.len(), left.told.records.len());
    for ((kind, end), count) in &by_end {
        println!("{kind}: {count} {end}");
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn harm_after_sigterm_is_seen_or_does_nothing() {
    every_harm(1, Ending::Stopped).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn harm_after_sigkill_with_segments_in_flight_together_is_seen_or_does_nothing() {
    every_harm(16, Ending::Killed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn harm_after_sigkill_of_one_segment_at_a_time_is_seen_or_does_nothing() {
    every_harm(1, Ending::Killed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn harm_after_sigterm_with_segments_in_flight_together_is_seen_or_does_nothing() {
    every_harm(16, Ending::Stopped).await;
}
