//! Our answers beside Apache Kafka's: one real broker is started from its jars beside ours, both get the same generated
//! requests of every API and version that we announce, a third of them wrong and some written oddly (`odd.rs`), and each
//! field of the answers is compared.
//!
//! What may differ stands in `permitted.rs`, each with its reason. Every answer that agrees is compared once more with a
//! wrong value planted in it, which has to be found. `COMPARE_SEED` makes another run; a run says its seed.

// Tests read the environment and run other programs.
#![allow(clippy::disallowed_methods)]

mod batches;
mod brokers;
mod catalog;
mod certificates;
mod connection;
mod credentials;
mod described;
mod differences;
mod doors;
#[path = "../free_port.rs"]
mod free_port;
mod generator;
mod issuer;
mod logins;
mod odd;
mod pair;
mod permitted;
mod scram;
mod sequences;
mod shape;
mod tls;
mod tokens;
mod vocabulary;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use kafkaesque::protocol::ApiKey;
use kafkaesque::protocol::messages::api_versions;

use brokers::Brokers;
use catalog::{APIS, Api, Recipe};
use differences::{differences, planted};
use odd::Oddity;
use pair::{Asked, Pair, topics_for};
use permitted::is_permitted;

/// Requests of each version of each API that are written with care, and of each oddity.
const REQUESTS: u64 = 21;
const ODD_REQUESTS: usize = 3;
/// How often a question without consequences is put again before two answers are said to differ: Kafka's broker hears
/// of what its controller did a little later.
const TRIES: usize = 10;

/// What a run saw.
#[derive(Default)]
struct Tally {
    compared: usize,
    wrong: usize,
    odd: usize,
    planted: usize,
    /// Kafka's own handler failed.
    kafka_failed: usize,
    /// Each place that differs, with the first request that showed it and how many did.
    places: BTreeMap<String, (String, usize)>,
}

#[test]
fn answers_are_kafkas() {
    let Some(brokers) = Brokers::start() else { return };
    let seed =
        std::env::var("COMPARE_SEED").map_or(1, |seed| seed.parse().expect("COMPARE_SEED is a number"));
    let mut pair = Pair::new(brokers);
    pair.wait_for_coordinators();
    pair.reset(&[]);
    pair.write_records();
    let only = std::env::var("COMPARE_API").ok();
    let mut told = sequences::Told::default();
    if only.as_deref().is_none_or(|only| only == "sequences") {
        sequences::play(&mut pair, &mut told, seed);
    }
    if only.as_deref().is_none_or(|only| only == "batches") {
        batches::play(&mut pair, &mut told, seed);
    }
    let mut tally = Tally::default();
    let mut serial = 0;
    for (api, versions) in announced(&mut pair) {
        if only.as_deref().is_some_and(|only| only != api.name) {
            continue;
        }
        for version in versions {
            pair.reset(topics_for(api.name));
            let careful = (0..REQUESTS).map(|n| (n % 3 == 2, None));
            let odd = Oddity::ALL.into_iter().flat_map(|oddity| [(false, Some(oddity)); ODD_REQUESTS]);
            for (is_bad, oddity) in careful.chain(odd) {
                serial += 1;
                let seed = seed << 32 | serial;
                let recipe = Recipe { version, seed, serial, is_bad, oddity };
                let asked = ask(&mut pair, api, recipe);
                tally.count(api, recipe, &asked);
            }
        }
    }
    if only.as_deref().is_none_or(|only| ["sequences", "batches"].contains(&only)) {
        told.tell();
    }
    tally.tell(seed);
    assert!(told.places.is_empty(), "{} places of sequences differ from Kafka's", told.places.len());
    assert!(tally.places.is_empty(), "{} places differ from Kafka's", tally.places.len());
}

/// Every API that we announce, with its versions.
fn announced(pair: &mut Pair) -> Vec<(&'static Api, std::ops::RangeInclusive<i16>)> {
    let request = api_versions::Request {
        client_software_name: "compare".to_owned(),
        client_software_version: "1".to_owned(),
        ..Default::default()
    };
    let answer = pair.ours.connection.ask(&request, 3);
    let find = |key| APIS.iter().find(|api| ApiKey::key(api.key) == key).expect("an API with a declaration");
    // Produce is announced from version 0, as by Kafka, and not served before 3.
    let versions = |api: &Api, row: &api_versions::ApiVersion| {
        (api.versions.first.max(row.min_version), row.max_version)
    };
    let rows = answer.api_keys.iter().map(|row| (find(row.api_key), row));
    rows.map(|(api, row)| (api, versions(api, row))).map(|(api, (first, last))| (api, first..=last)).collect()
}

fn ask(pair: &mut Pair, api: &Api, recipe: Recipe) -> Asked {
    let mut asked = pair.ask(api, recipe);
    for _ in 0..TRIES {
        if !is_repeatable(api.key) || asked.differences(api.name).is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
        asked = pair.ask(api, recipe);
    }
    asked
}

/// Whether asking again changes nothing.
fn is_repeatable(key: ApiKey) -> bool {
    let name = key.name();
    let asks =
        ["Describe", "List", "Metadata", "Find", "OffsetFetch", "ApiVersions", "OffsetFor", "DeleteRecords"];
    asks.iter().any(|start| name.starts_with(start)) || name == "Fetch"
}

impl Tally {
    fn count(&mut self, api: &Api, recipe: Recipe, asked: &Asked) {
        let Recipe { version, seed, oddity, .. } = recipe;
        if asked.kafka_failed() {
            self.kafka_failed += 1;
            return;
        }
        self.compared += 1;
        self.wrong += usize::from(asked.spoilt > 0);
        self.odd += usize::from(oddity.is_some());
        let found = asked.differences(api.name);
        for difference in &found {
            let place = format!(
                "{}/{}: ours {}, Kafka's {}",
                api.name, difference.path, difference.ours, difference.theirs
            );
            let request = format!("version {version} seed {seed} oddity {oddity:?}: {}", asked.request);
            self.places.entry(place).or_insert((request, 0)).1 += 1;
        }
        if found.is_empty() && asked.ours.is_object() == asked.theirs.is_object() {
            self.plant(api, asked, seed);
        }
    }

    /// One value of our answer is changed, and has to be found.
    fn plant(&mut self, api: &Api, asked: &Asked, seed: u64) {
        let Some((wrong, path)) = planted(&asked.ours, seed as usize) else { return };
        let found = differences(&wrong, &asked.theirs);
        let is_found = found
            .iter()
            .any(|difference| difference.path == path || path.starts_with(&format!("{}/", difference.path)));
        assert!(is_found, "{}: a wrong {path} is not found", api.name);
        self.planted += usize::from(found.iter().any(|difference| !is_permitted(api.name, difference)));
    }

    fn tell(&self, seed: u64) {
        for (place, (request, times)) in &self.places {
            tell(&format!("{place}\n    {times} times, first at {request}"));
        }
        tell(&format!(
            "compared with Kafka at seed {seed}: {} answers, {} of them to wrong requests and {} to odd ones; \
             {} places differ; {} planted values found; Kafka itself failed {} times",
            self.compared,
            self.wrong,
            self.odd,
            self.places.len(),
            self.planted,
            self.kafka_failed,
        ));
    }
}

/// Past the capture of test output: whoever runs the tests should see it.
fn tell(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
