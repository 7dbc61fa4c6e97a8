//! Calls and refusals, counted.

use super::support::{SECRET, Traits, World, secret};
use crate::peer::Service;

/// A value of the first broker's metrics: the others of a world count for themselves, unseen.
fn value(world: &World, metric: &str) -> f64 {
    let text = prometheus::TextEncoder::new().encode_to_string(&world.runtime.metrics.gather()).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn calls_are_counted_by_broker_and_purpose() {
    let world = World::new();
    let (one, _two) = world.pair();
    for _ in 0..3 {
        one.ask(2, Service::Raft, "hello").await.unwrap();
    }
    one.ask(3, Service::Liveness, "hello").await.unwrap_err();
    let answered = |of: &str| value(&world, &format!("kafkaesque_peer_call_seconds_count{{{of}}}"));
    assert_eq!(answered("broker=\"2\",service=\"raft\""), 3.0);
    assert_eq!(answered("broker=\"3\",service=\"liveness\""), 0.0);
    let failed = "kafkaesque_peer_calls_failed_total{broker=\"3\",service=\"liveness\"}";
    assert_eq!(value(&world, failed), 1.0);
}

#[tokio::test(start_paused = true)]
async fn refused_strangers_are_counted_by_reason() {
    let world = World::new();
    let _one = world.broker(1, &Traits::default());
    let refused =
        |reason: &str| value(&world, &format!("kafkaesque_peer_refused_total{{reason=\"{reason}\"}}"));
    let without_secret = Traits { secret: secret("another secret than theirs"), ..Traits::default() };
    world.broker(2, &without_secret).refusal(1).await;
    assert_eq!((refused("proof"), refused("cluster")), (1.0, 0.0));
    let of_another = Traits { cluster_id: "another", secret: secret(SECRET), ..Traits::default() };
    world.broker(3, &of_another).refusal(1).await;
    assert_eq!((refused("proof"), refused("cluster")), (1.0, 1.0));
    assert_eq!(refused("late"), 0.0);
}
