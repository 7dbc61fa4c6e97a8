//! Calls between brokers that know each other.

use std::time::Duration;

use bytes::Bytes;

use super::support::{LIMIT, Traits, World, soon};
use crate::peer::{MAX_MESSAGE_BYTES, Service};
use crate::runtime::TaskKind;
use crate::types::BrokerId;

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_for_each_service_and_the_caller_is_known() {
    let world = World::new();
    let (one, two) = world.pair();
    for service in Service::ALL {
        assert_eq!(one.ask(2, service, "hello").await.unwrap(), "hello");
        assert_eq!(two.ask(1, service, "").await.unwrap(), "");
    }
    let expected: Vec<_> = Service::ALL.map(|service| (BrokerId(1), service)).to_vec();
    assert_eq!(*two.script.callers.lock(), expected);
}

#[tokio::test(start_paused = true)]
async fn messages_have_a_limit_in_both_directions() {
    let world = World::new();
    let (one, two) = world.pair();
    for service in Service::ALL {
        let largest = Bytes::from(vec![7; service.max_request_bytes()]);
        assert_eq!(one.ask(2, service, largest.clone()).await.unwrap(), largest);
    }
    let begun = two.begun();
    let refused = one.ask(2, Service::Raft, vec![7; MAX_MESSAGE_BYTES + 1]).await.unwrap_err();
    assert!(refused.reason.contains("4194305 bytes"), "{refused}");
    assert_eq!(two.begun(), begun, "it was not sent");
    let refused = one.ask(2, Service::Raft, "too large").await.unwrap_err();
    assert!(refused.reason.contains("500"), "{refused}");
    assert_eq!(one.ask(2, Service::Raft, "after").await.unwrap(), "after");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_waits_for_ends_on_both_sides() {
    let world = World::new();
    let (one, two) = world.pair();
    for service in Service::ALL {
        let begun = two.begun();
        let limit = Duration::from_millis(300);
        let call = one.network.transport();
        let started = world.runtime.clock.instant();
        let late = call.call(BrokerId(2), service, "wait".into(), limit).await.unwrap_err();
        assert!(late.reason.contains("300ms") && !late.is_refused, "{late}");
        assert_eq!(world.runtime.clock.instant() - started, limit);
        assert_eq!(two.begun(), begun + 1);
        soon(&world.runtime, "the answer is dropped", || two.dropped() == begun + 1).await;
    }
    // Many more than may be unanswered at one time.
    for _ in 0..300 {
        let call = one.ask(2, Service::Metadata, "wait");
        let _ = world.runtime.clock.timeout(Duration::from_millis(1), call).await;
    }
    assert_eq!(one.ask(2, Service::Metadata, "still").await.unwrap(), "still");
    let connections = two.script.callers.lock().len();
    assert!(connections > 300, "they had begun: {connections}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_busy_delays_no_other() {
    let world = World::new();
    let (one, two) = world.pair();
    let most = Service::Metadata.share();
    let small = u32::try_from("wait".len()).unwrap();
    let mut large = b"wait".to_vec();
    large.resize((most.bytes - (most.calls - 1) * small) as usize / 2, 0);
    for n in 0..most.calls + 5 {
        let request = Bytes::from(if n < 2 { large.clone() } else { b"wait".to_vec() });
        let transport = one.network.transport();
        world.runtime.tasks.spawn(TaskKind::Peer, async move {
            let answer = transport.call(BrokerId(2), Service::Metadata, request, LIMIT).await;
            assert!(answer.is_err(), "nobody answers it");
        });
    }
    soon(&world.runtime, "all places are taken", || two.begun() == most.calls as usize).await;
    let started = world.runtime.clock.instant();
    assert_eq!(one.ask(2, Service::Liveness, "alive?").await.unwrap(), "alive?");
    assert_eq!(one.ask(2, Service::Raft, vec![1; MAX_MESSAGE_BYTES]).await.unwrap().len(), MAX_MESSAGE_BYTES);
    assert!(world.runtime.clock.instant() - started < Duration::from_millis(100));
    assert_eq!(two.begun(), most.calls as usize + 2, "the others wait for a place");
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_made_anew_within_the_call() {
    let world = World::new();
    let (one, two) = world.pair();
    assert_eq!(one.ask(2, Service::Raft, "first").await.unwrap(), "first");
    two.network.close().await;
    let newer = Traits { incarnation: 2, ..Traits::default() };
    let two = world.broker(2, &newer);
    for service in Service::ALL {
        assert_eq!(one.ask(2, service, "second").await.unwrap(), "second");
    }
    assert_eq!(two.begun(), Service::ALL.len());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_is_missed_at_once() {
    let world = World::new();
    let (one, two) = world.pair();
    let started = world.runtime.clock.instant();
    let waiting = Service::ALL.map(|service| one.ask(2, service, "wait"));
    let ending = async {
        soon(&world.runtime, "the calls have begun", || two.begun() == Service::ALL.len()).await;
        world.forget(2);
        two.network.close().await;
        world.runtime.clock.instant()
    };
    let (answers, ended) = futures::join!(futures::future::join_all(waiting), ending);
    assert!(world.runtime.clock.instant() - started < Duration::from_secs(1));
    assert!(ended - started < Duration::from_secs(1));
    let is_refused: Vec<bool> = answers.into_iter().map(|answer| answer.unwrap_err().is_refused).collect();
    assert_eq!(
        is_refused,
        Service::ALL.map(Service::may_repeat),
        "a proposal may have been applied, and is not made again"
    );
    assert_eq!(two.dropped(), Service::ALL.len());
    let refused = one.ask(2, Service::Metadata, "hello").await.unwrap_err();
    assert!(refused.is_refused, "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_comes_up_is_reached_within_moments() {
    let world = World::new();
    let one = world.broker(1, &Traits::default());
    for _ in 0..10 {
        let limit = Duration::from_millis(100);
        let call = one.network.transport();
        let refused = call.call(BrokerId(2), Service::Liveness, Bytes::new(), limit).await.unwrap_err();
        assert!(refused.is_refused, "{refused}");
    }
    let _two = world.broker(2, &Traits::default());
    let started = world.runtime.clock.instant();
    assert_eq!(one.ask(2, Service::Liveness, "hello").await.unwrap(), "hello");
    assert!(world.runtime.clock.instant() - started <= Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_called_before_the_start_or_after_the_end() {
    let world = World::new();
    let one = world.bound(1, &Traits::default());
    let two = world.broker(2, &Traits::default());
    assert!(one.refusal(2).await.contains("has not started yet"));
    one.network.serve(one.member(&Traits::default()));
    assert_eq!(one.ask(2, Service::Raft, "hello").await.unwrap(), "hello");
    assert!(one.refusal(1).await.contains("this broker itself"));
    one.network.close().await;
    assert!(one.refusal(2).await.contains("stopping"));
    world.forget(1);
    assert!(two.ask(1, Service::Raft, "hello").await.unwrap_err().is_refused);
}
