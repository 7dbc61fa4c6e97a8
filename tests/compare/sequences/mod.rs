//! Groups over several steps: every answer of ours is compared with Kafka's at the same step.
//!
//! A stage is one group and those who ask for it, each with connections of its own to both brokers. Member ids are each
//! broker's own choice: a stage remembers whose they are, and compares the names. What happens between two requests of
//! different clients has no order, so steps wait by asking until both brokers have come as far.

mod classic;
mod consumer;
mod migration;
mod offsets;
mod random;
mod requests;
mod statics;

use std::collections::BTreeMap;
use std::panic::Location;
use std::time::{Duration, Instant};

use kafkaesque::protocol::ApiKey;
use kafkaesque::protocol::codec::Request;
use uuid::Uuid;

use crate::connection::Connection;
use crate::differences::{differences, planted};
use crate::pair::{Pair, Side};
use crate::permitted::is_permitted;
use crate::shape;

pub use requests::Own;

/// No state takes this long to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Plays all of them.
pub fn play(pair: &mut Pair, told: &mut Told, seed: u64) {
    let begun = Instant::now();
    classic::play(pair, told);
    statics::play(pair, told);
    offsets::play(pair, told);
    consumer::play(pair, told);
    migration::play(pair, told);
    random::play(pair, told, seed);
    told.took = begun.elapsed();
}

/// What came of them.
#[derive(Default)]
pub struct Told {
    compared: usize,
    planted: usize,
    took: Duration,
    /// Each step and place that differs.
    pub places: Vec<String>,
}

impl Told {
    pub fn tell(&self) {
        for place in &self.places {
            crate::tell(place);
        }
        crate::tell(&format!(
            "sequences: {} answers compared with Kafka's in {:.1?}; {} places differ; {} planted values found",
            self.compared,
            self.took,
            self.places.len(),
            self.planted,
        ));
    }
}

/// Which versions a stage is played in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    Oldest,
    /// The first that know static members, or what else was new then.
    Middle,
    Newest,
}

impl Age {
    pub const ALL: [Age; 3] = [Age::Oldest, Age::Middle, Age::Newest];

    pub fn version<R: Request>(self) -> i16 {
        let all = R::MESSAGE.versions;
        match (self, R::KEY) {
            (Age::Oldest, _) => all.first,
            (Age::Newest, _) => all.last,
            (Age::Middle, ApiKey::JoinGroup | ApiKey::OffsetFetch) => 5,
            (Age::Middle, ApiKey::SyncGroup | ApiKey::Heartbeat | ApiKey::LeaveGroup) => 3,
            (Age::Middle, ApiKey::OffsetCommit) => 7,
            (Age::Middle, ApiKey::DescribeGroups | ApiKey::ListGroups) => 4,
            (Age::Middle, _) => all.first.midpoint(all.last),
        }
    }
}

/// One group at both brokers, and those who ask for it.
pub struct Stage<'a> {
    pair: &'a mut Pair,
    told: &'a mut Told,
    scene: String,
    /// The step that is being played.
    at: &'static Location<'static>,
    pub age: Age,
    pub group: String,
    clients: BTreeMap<&'static str, [Connection; 2]>,
}

impl<'a> Stage<'a> {
    #[track_caller]
    pub fn new(pair: &'a mut Pair, told: &'a mut Told, name: &str, age: Age) -> Stage<'a> {
        for side in [&mut pair.ours, &mut pair.theirs] {
            side.names.members.clear();
        }
        let group = format!("sequence-{name}-{age:?}").to_lowercase();
        let (scene, at) = (format!("{name}, {age:?}"), Location::caller());
        Stage { pair, told, scene, at, age, group, clients: BTreeMap::new() }
    }

    fn sides(&mut self, who: &'static str) -> [(&mut Side, &mut Connection); 2] {
        let ports = [self.pair.ours.names.port, self.pair.theirs.names.port];
        let open = || ports.map(|port| Connection::new(port as u16));
        let [ours, theirs] = self.clients.entry(who).or_insert_with(open);
        [(&mut self.pair.ours, ours), (&mut self.pair.theirs, theirs)]
    }

    fn has_id(&self, who: &str) -> bool {
        self.pair.ours.names.members.values().any(|name| name == who)
    }

    /// The names of our topics.
    fn topic_names(&self) -> BTreeMap<Uuid, String> {
        self.pair.ours.names.topics.clone()
    }

    /// From now on a member id, as each broker gave it, is that of `who`.
    pub fn name(&mut self, who: &str, ids: [&str; 2]) {
        for (side, id) in [&mut self.pair.ours, &mut self.pair.theirs].into_iter().zip(ids) {
            side.names.members.insert(id.to_owned(), who.to_owned());
        }
    }

    /// `who` asks both, and what they answer is compared.
    #[track_caller]
    pub fn ask<R: Request>(&mut self, who: &'static str, make: impl Fn(&Own<'_>) -> R) -> [R::Response; 2] {
        self.ask_in(self.age.version::<R>(), who, make)
    }

    #[track_caller]
    pub fn ask_in<R: Request>(
        &mut self,
        version: i16,
        who: &'static str,
        make: impl Fn(&Own<'_>) -> R,
    ) -> [R::Response; 2] {
        self.ask_of::<R>(version, who, make, |_| {})
    }

    /// Compares what `only` leaves of the answers.
    #[track_caller]
    pub fn ask_of<R: Request>(
        &mut self,
        version: i16,
        who: &'static str,
        make: impl Fn(&Own<'_>) -> R,
        only: impl Fn(&mut R::Response),
    ) -> [R::Response; 2] {
        self.start(version, who, make);
        let mut answers = self.sides(who).map(|(_, connection)| connection.finish::<R>(version));
        answers.iter_mut().for_each(only);
        self.compare::<R>(version, &answers);
        answers
    }

    /// Asks for what is answered only when somebody else has done something.
    #[track_caller]
    pub fn start<R: Request>(&mut self, version: i16, who: &'static str, make: impl Fn(&Own<'_>) -> R) {
        self.at = Location::caller();
        let (group, age) = (self.group.clone(), self.age);
        for (side, connection) in self.sides(who) {
            connection.start(&make(&Own { side, group: &group, age }), version);
        }
    }

    #[track_caller]
    pub fn finish<R: Request>(&mut self, version: i16, who: &'static str) -> [R::Response; 2] {
        self.at = Location::caller();
        let answers = self.sides(who).map(|(_, connection)| connection.finish::<R>(version));
        self.compare::<R>(version, &answers);
        answers
    }

    /// Asks each again until its answer is such, and compares those.
    #[track_caller]
    pub fn await_such<R: Request>(
        &mut self,
        version: i16,
        who: &'static str,
        make: impl Fn(&Own<'_>) -> R,
        is_such: impl Fn(&R::Response) -> bool,
    ) -> [R::Response; 2] {
        self.at = Location::caller();
        let (group, age) = (self.group.clone(), self.age);
        let answers = self.sides(who).map(|(side, connection)| {
            let own = Own { side, group: &group, age };
            let deadline = Instant::now() + PATIENCE;
            loop {
                let answer = connection.ask(&make(&own), version);
                if is_such(&answer) || Instant::now() > deadline {
                    return answer;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        for (whose, answer) in ["ours", "Kafka's"].iter().zip(&answers) {
            if !is_such(answer) {
                let shown = shape::show(answer, version, &self.pair.ours.names);
                self.told.places.push(format!("{} at {}: {whose} stays {shown}", self.scene, self.at));
            }
        }
        self.compare::<R>(version, &answers);
        answers
    }

    fn compare<R: Request>(&mut self, version: i16, [ours, theirs]: &[R::Response; 2]) {
        let api = R::KEY.name();
        let ours = shape::show(ours, version, &self.pair.ours.names);
        let theirs = shape::show(theirs, version, &self.pair.theirs.names);
        let mut found = differences(&ours, &theirs);
        found.retain(|difference| !is_permitted(api, difference));
        let place = format!("{} at {}: {api} version {version}", self.scene, self.at);
        for difference in &found {
            self.told.places.push(format!(
                "{place}: {}: ours {}, Kafka's {}",
                difference.path, difference.ours, difference.theirs
            ));
        }
        self.told.compared += 1;
        let wrong = planted(&ours, self.told.compared % 4).or_else(|| planted(&ours, 0));
        if let Some((wrong, path)) = wrong {
            let mut found = differences(&wrong, &theirs).into_iter();
            assert!(found.any(|one| path.starts_with(&one.path)), "{place}: a wrong {path} is not found");
            self.told.planted += 1;
        }
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            crate::tell(&format!(
                "{} stopped at {}; ours is port {}",
                self.scene, self.at, self.pair.ours.names.port
            ));
            self.told.tell();
        }
    }
}
