//! Acknowledgements beside attacks, of those without them: by hand, of a release build that `KAFKAESQUE_BIN` names.
//! `SIEGE_ROUNDS=3 cargo test --test broker besieged::ratios -- --ignored --nocapture --test-threads 1`.
//!
//! By turns: a while without, and the attack, for each of the attacks in each round. Who attacks is on the same machine, so its
//! threads have the least priority: what they compute would be computed elsewhere.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::handshakes::rush;
use super::strangers::{Stop, come, stops};
use super::{Besieged, connections, logged_in};
use crate::attacks::{Acks, acks_of};
use crate::client::Client;

const QUIET: Duration = Duration::from_secs(6);
const SIEGE: Duration = Duration::from_secs(10);
/// Between an attack and what comes next.
const REST: Duration = Duration::from_secs(1);
const NICE: i32 = 19;

/// A broker, a client that has this thread for itself, and threads for who attacks.
struct Siege {
    besieged: Besieged,
    client: Client,
    own: Runtime,
    attackers: Runtime,
}

/// Observations of one attack: without it and during it, in each round.
#[derive(Default)]
struct Seen {
    rounds: Vec<[Acks; 2]>,
    /// Processor time per second of the attack: the broker's, and that of this process.
    cores: [f64; 2],
}

impl Siege {
    fn begin() -> Siege {
        let own = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let least = || assert_eq!(rustix::process::nice(NICE), Ok(NICE));
        let mut attackers = Builder::new_multi_thread();
        let attackers = attackers.worker_threads(2).on_thread_start(least).enable_all();
        let attackers = attackers.build().expect("a runtime");
        let besieged = own.block_on(Besieged::start(&[]));
        let client = own.block_on(logged_in(&besieged.certificates, besieged.sasl_ssl));
        Siege { besieged, client, own, attackers }
    }

    fn watch(&mut self, time: Duration) -> Acks {
        self.own.block_on(acks_of(&mut self.client, time))
    }

    /// One turn without and one with `attack`.
    fn turn<T, A>(&mut self, seen: &mut Seen, attack: A)
    where
        T: Send + 'static,
        A: Future<Output = JoinSet<T>> + Send + 'static,
    {
        let without = self.watch(QUIET);
        let before = [self.besieged.broker.cpu_seconds(), own_cpu_seconds()];
        let (began, attack) = (Instant::now(), self.attackers.spawn(attack));
        let during = self.watch(SIEGE);
        let took = began.elapsed().as_secs_f64();
        let after = [self.besieged.broker.cpu_seconds(), own_cpu_seconds()];
        for (cores, (before, after)) in seen.cores.iter_mut().zip(before.into_iter().zip(after)) {
            *cores += (after - before) / took;
        }
        seen.rounds.push([without, during]);
        self.own.block_on(async { attack.await.expect("an attack").shutdown().await });
        std::thread::sleep(REST);
    }
}

/// Processor time of this process.
fn own_cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("a process");
    let fields = stat.rsplit_once(')').expect("a name").1.split_whitespace();
    // User and system, in hundredths.
    fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("a number")).sum::<f64>() / 100.0
}

impl Seen {
    fn tell(self, name: &str) {
        let ms = |acks: &Acks, percent| acks.percent(percent).as_secs_f64() * 1e3;
        let count = self.rounds.len() as f64;
        let mut ratios = Vec::new();
        for [without, during] in &self.rounds {
            println!("{name}: without {without}; during {during}");
            ratios.push(ms(during, 99) / ms(without, 99));
        }
        ratios.sort_by(f64::total_cmp);
        let [mut without, mut during] = [Acks::default(), Acks::default()];
        for [one, other] in self.rounds {
            without.add(one);
            during.add(other);
        }
        let all = |percent| ms(&during, percent) / ms(&without, percent);
        let [broker, own] = self.cores.map(|cores| cores / count);
        println!("{name}, all rounds: without {without}; during {during}");
        println!(
            "  p50 x{:.2}, p99 x{:.2}; p99 of rounds x{:.2} [{:.2}-{:.2}]; cores: broker {broker:.2}, attack {own:.2}",
            all(50),
            all(99),
            ratios[ratios.len() / 2],
            ratios[0],
            ratios[ratios.len() - 1],
        );
    }
}

fn rounds() -> usize {
    std::env::var("SIEGE_ROUNDS").map_or(3, |rounds| rounds.parse().expect("SIEGE_ROUNDS is a number"))
}

#[test]
#[ignore = "figures of a release build"]
fn beside_five_thousand_that_drip() {
    let mut siege = Siege::begin();
    let count = connections(5000);
    let stops: [(&str, SocketAddr, Stop); 4] = stops(&siege.besieged);
    let mut seen: [Seen; 4] = Default::default();
    for _ in 0..rounds() {
        for ((_, to, stop), seen) in stops.iter().zip(&mut seen) {
            siege.turn(seen, come(count, *to, stop.clone()));
        }
    }
    for ((place, ..), seen) in stops.iter().zip(seen) {
        seen.tell(&format!("{count} connections {place}"));
    }
}

#[test]
#[ignore = "figures of a release build"]
fn beside_five_hundred_handshakes_a_second() {
    let mut siege = Siege::begin();
    let (to, hello, answered) =
        (siege.besieged.sasl_ssl, Arc::new(siege.besieged.hello()), AtomicUsize::new(0));
    let (answered, mut seen) = (Arc::new(answered), Seen::default());
    for _ in 0..rounds() {
        siege.turn(&mut seen, rush(SIEGE, to, Arc::clone(&hello), Arc::clone(&answered)));
    }
    seen.tell("500 handshakes a second that go no further");
    println!("  {} were answered in all", answered.load(Ordering::Relaxed));
}
