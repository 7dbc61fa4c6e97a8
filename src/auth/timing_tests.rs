//! The time of refusals: a stranger must not learn from it which names there are.
//!
//! By hand, on a quiet machine: `cargo test --release --lib auth::timing_tests -- --ignored --nocapture`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{
    Authenticator, Credentials, Mechanism, SaltKey, Scram, ScramCredential, Step, UserSources, Users,
};
use crate::runtime::{Clock, Rng, Runtime, Secret};

/// Refusals of each kind of name.
const SAMPLES: usize = 10_000;
/// Refusals before any is counted.
const WARMING: usize = 2_000;
/// The value of a standard normal distribution beyond which lies 1 %, both sides together.
const BOUND: f64 = 2.576;

/// The users by SCRAM-SHA-512; by the other mechanisms they are users of the process.
struct Stored(BTreeMap<String, Arc<ScramCredential>>);

impl Credentials for Stored {
    fn scram(&self, mechanism: Scram, user: &str) -> Option<Arc<ScramCredential>> {
        self.0.get(user).filter(|_| mechanism == Scram::Sha512).cloned()
    }

    fn salt_key(&self) -> Option<SaltKey> {
        Some(SaltKey::new([5; 32]))
    }
}

fn authenticator() -> Arc<Authenticator> {
    let runtime = Runtime::system();
    let names = numbers().map(|n| format!("user{n}:password{n}")).collect::<Vec<_>>().join(",");
    let sources = UserSources { list: Some(Secret::new(names)), file: None };
    let users = Arc::new(Users::open(&sources, &runtime).expect("users"));
    let stored = numbers().map(|n| {
        let salt = b"3kz1k5p9q7b8w2c4x6v0m1n2b3".to_vec();
        let credential = ScramCredential::of_salted_password(Scram::Sha512, salt, 4096, b"salted");
        (format!("user{n}"), Arc::new(credential))
    });
    Arc::new(Authenticator::new(users, Arc::new(Stored(stored.collect())), None, &runtime))
}

/// Users have even numbers of two digits; nobody has an odd one.
fn numbers() -> impl Iterator<Item = u64> {
    (10..100).step_by(2)
}

fn name(is_known: bool, rng: &Rng) -> String {
    format!("user{}", 10 + 2 * rng.below(45) + u64::from(!is_known))
}

async fn refuse(authenticator: &Arc<Authenticator>, mechanism: Mechanism, name: &str) {
    let mut exchange = authenticator.begin(mechanism);
    if mechanism == Mechanism::Plain {
        let refused = exchange.step(format!("\0{name}\0wrong").as_bytes()).await;
        assert!(matches!(refused, Step::Refused(_)));
        return;
    }
    let Step::Challenge(asked) = exchange.step(format!("n,,n={name},r=nonce").as_bytes()).await else {
        panic!("no challenge")
    };
    let asked = String::from_utf8(asked).expect("text");
    let nonce = asked.split(',').next().expect("a nonce");
    let proof = match mechanism {
        Mechanism::ScramSha256 => format!("{}=", "A".repeat(43)),
        _ => format!("{}==", "A".repeat(86)),
    };
    let refused = exchange.step(format!("c=biws,{nonce},p={proof}").as_bytes()).await;
    assert!(matches!(refused, Step::Refused(_)));
}

/// The distance of the sum of ranks of `one` from what chance makes it, in standard deviations (Mann and Whitney).
fn deviation(one: &[u64], other: &[u64]) -> f64 {
    let mut all: Vec<(u64, bool)> = one.iter().map(|value| (*value, true)).collect();
    all.extend(other.iter().map(|value| (*value, false)));
    all.sort_unstable();
    let (mut ranks, mut ties, mut at) = (0.0, 0.0, 0);
    while at < all.len() {
        let end = at + all[at..].iter().take_while(|(value, _)| *value == all[at].0).count();
        let of_one = all[at..end].iter().filter(|(_, is_one)| *is_one).count();
        let tied = (end - at) as f64;
        ranks += of_one as f64 * (at + 1 + end) as f64 / 2.0;
        ties += tied * tied * tied - tied;
        at = end;
    }
    let (n, m) = (one.len() as f64, other.len() as f64);
    let sum = n + m;
    let variance = n * m / 12.0 * (sum + 1.0 - ties / (sum * (sum - 1.0)));
    (ranks - n * (sum + 1.0) / 2.0) / variance.sqrt()
}

#[test]
fn ranks_tell_apart_what_differs_and_nothing_else() {
    let rng = Rng::seeded(3);
    let draw = |more: u64| (0..10_000).map(|_| 1_000 + more + rng.below(100)).collect::<Vec<u64>>();
    let (one, same, more) = (draw(0), draw(0), draw(3));
    assert!(deviation(&one, &same).abs() < BOUND);
    assert!(deviation(&more, &one) > BOUND && deviation(&one, &more) < -BOUND);
}

#[tokio::test]
#[ignore = "needs a quiet machine"]
async fn refusing_known_and_unknown_users_takes_the_same_time() {
    let (authenticator, clock, rng) = (authenticator(), Clock::system(), Rng::seeded(11));
    let mut told_apart = Vec::new();
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512] {
        let mut times = [Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES)];
        let mut round = 0;
        while times.iter().any(|times| times.len() < SAMPLES) {
            let is_known = rng.below(2) == 1;
            let name = name(is_known, &rng);
            let begun = clock.instant();
            refuse(&authenticator, mechanism, &name).await;
            let took = (clock.instant() - begun).as_nanos() as u64;
            round += 1;
            let kind = &mut times[usize::from(is_known)];
            if round > WARMING && kind.len() < SAMPLES {
                kind.push(took);
            }
        }
        let deviation = deviation(&times[1], &times[0]);
        let median = |times: &mut Vec<u64>| *times.select_nth_unstable(SAMPLES / 2).1;
        let [unknown, known] = times.each_mut().map(median);
        println!("{mechanism}: median {known} ns known, {unknown} ns unknown, deviation {deviation:.2}");
        if deviation.abs() >= BOUND {
            told_apart.push(mechanism);
        }
    }
    assert!(told_apart.is_empty(), "{told_apart:?}");
}
