//! Grounds for letting somebody in: the secret, the cluster, the versions, and which process of a broker is the newest.

use bytes::Bytes;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};

use super::support::{CLUSTER, LIMIT, SECRET, Traits, World, pipe, secret, soon};
use crate::peer::Service;
use crate::peer::handshake::{HandshakeError, Me, Proven, be_called, call};
use crate::peer::hello::{
    Hello, MAGIC, NONCE_BYTES, PROOF_BYTES, Refusal, Versions, Welcome, read_frame, write_frame,
};
use crate::peer::known::Known;
use crate::peer::proof::{Key, Role, Transcript};
use crate::runtime::Runtime;
use crate::types::BrokerId;

fn me(id: i32) -> Me<'static> {
    Me { broker: BrokerId(id), incarnation: 1, cluster_id: CLUSTER, versions: Versions::OURS }
}

fn known(id: i32) -> Known {
    Known::new(BrokerId(id))
}

/// Broker 1 calls broker 2 for Raft.
async fn called_by(stream: &mut DuplexStream, me: Me<'_>) -> Result<Proven, HandshakeError> {
    let to = (BrokerId(2), Service::Raft);
    call(stream, &None, me, to, &secret(SECRET), &known(1)).await
}

async fn answered_by(stream: &mut DuplexStream, me: Me<'_>) -> Result<Proven, HandshakeError> {
    be_called(stream, &None, me, &secret(SECRET), &known(2)).await
}

/// Both sides of one connection.
async fn meet(
    caller: Me<'_>,
    called: Me<'_>,
) -> (Result<Proven, HandshakeError>, Result<Proven, HandshakeError>) {
    let (mut here, mut there) = pipe();
    futures::join!(called_by(&mut here, caller), answered_by(&mut there, called))
}

fn refusal(result: Result<Proven, HandshakeError>) -> Refusal {
    match result {
        Err(HandshakeError::Refused(refusal) | HandshakeError::Refuses(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn both_sides_learn_who_the_other_is() {
    let (caller, called) = meet(me(1), Me { incarnation: 7, ..me(2) }).await;
    let called_is = Proven { broker: BrokerId(2), incarnation: 7, service: Service::Raft, version: 1 };
    assert_eq!(caller.unwrap(), called_is);
    let caller_is = Proven { broker: BrokerId(1), incarnation: 1, ..called_is };
    assert_eq!(called.unwrap(), caller_is);
}

#[tokio::test(start_paused = true)]
async fn without_the_secret_nobody_is_let_in() {
    let world = World::new();
    let one = world.broker(1, &Traits { secret: secret("another secret than theirs"), ..Traits::default() });
    let two = world.broker(2, &Traits::default());
    assert!(one.refusal(2).await.contains("RAFT_CLUSTER_SECRET"));
    assert!(two.refusal(1).await.contains("RAFT_CLUSTER_SECRET"));
    assert_eq!((one.begun(), two.begun()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_broker_of_another_cluster_is_told_so() {
    let world = World::new();
    let one = world.broker(1, &Traits { cluster_id: "another", ..Traits::default() });
    let two = world.broker(2, &Traits::default());
    assert!(one.refusal(2).await.contains("CLUSTER_ID"));
    assert!(two.refusal(1).await.contains("CLUSTER_ID"));
}

#[tokio::test]
async fn what_one_side_does_not_know_gets_an_answer() {
    let (caller, called) = meet(me(1), me(3)).await;
    assert_eq!([refusal(caller), refusal(called)], [Refusal::Broker(BrokerId(3)); 2]);
    let (mut here, mut there) = pipe();
    let hello = Hello { service: 9, ..greeting() }.encode();
    write_frame(&mut here, MAGIC, &hello).await.unwrap();
    assert_eq!(refusal(answered_by(&mut there, me(2)).await), Refusal::Service);
    let said = read_frame(&mut here).await.unwrap();
    assert_eq!(Welcome::decode(&said), Some(Err(Refusal::Service)));
    assert_eq!(Welcome::decode(&[77]), Some(Err(Refusal::Unknown(77))));
}

#[tokio::test]
async fn versions_are_agreed_on_or_refused_by_number() {
    let versions = |oldest, latest| Versions { oldest, latest };
    for (caller, called, agreed) in [
        (versions(1, 1), versions(1, 1), Some(1)),
        (versions(1, 3), versions(1, 2), Some(2)),
        (versions(2, 3), versions(1, 9), Some(3)),
        (versions(1, 1), versions(2, 3), None),
        (versions(4, 4), versions(2, 3), None),
    ] {
        let (one, two) = meet(Me { versions: caller, ..me(1) }, Me { versions: called, ..me(2) }).await;
        match agreed {
            Some(version) => assert_eq!([one.unwrap().version, two.unwrap().version], [version; 2]),
            None => assert_eq!([refusal(one), refusal(two)], [Refusal::Version(called); 2]),
        }
    }
}

#[tokio::test]
async fn a_greeting_of_a_later_version_may_be_longer() {
    let mut longer = greeting().encode();
    longer.extend(b"what version 2 says");
    assert_eq!(Hello::decode(&longer), Some(greeting()));
    for len in 0..greeting().encode().len() {
        assert_eq!(Hello::decode(&longer[..len]), None, "{len}");
    }
    for refusal in [
        Refusal::Version(Versions { oldest: 2, latest: 5 }),
        Refusal::Cluster,
        Refusal::Broker(BrokerId(7)),
        Refusal::Service,
        Refusal::Proof,
        Refusal::Replaced(9),
        Refusal::Outdated,
        Refusal::Unknown(99),
    ] {
        assert_eq!(Refusal::decode(&mut &refusal.encode()[..]), Some(Some(refusal)));
    }
}

fn greeting() -> Hello {
    Hello {
        versions: Versions::OURS,
        nonce: [7; 32],
        service: Service::Raft.number(),
        caller: BrokerId(1),
        incarnation: 1,
        called: BrokerId(2),
        newest: 0,
        cluster_id: CLUSTER.to_owned(),
    }
}

proptest! {
    #[test]
    fn no_greeting_is_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        // They may be anything but a panic.
        let _ = (Hello::decode(&bytes), Welcome::decode(&bytes), Refusal::decode(&mut &bytes[..]));
        if let Some(hello) = Hello::decode(&bytes) {
            prop_assert!(bytes.starts_with(&hello.encode()));
        }
    }
}

/// Copies what goes from one end to the other, both ways, until either is closed.
async fn copy(mut from: DuplexStream, mut to: DuplexStream) -> (Vec<u8>, Vec<u8>) {
    let (mut forth, mut back) = (Vec::new(), Vec::new());
    let (mut one, mut two) = ([0; 1024], [0; 1024]);
    loop {
        tokio::select! {
            Ok(len) = from.read(&mut one) => {
                forth.extend(&one[..len]);
                if len == 0 || to.write_all(&one[..len]).await.is_err() {
                    return (forth, back);
                }
            }
            Ok(len) = to.read(&mut two) => {
                back.extend(&two[..len]);
                if len == 0 || from.write_all(&two[..len]).await.is_err() {
                    return (forth, back);
                }
            }
            else => return (forth, back),
        }
    }
}

#[tokio::test]
async fn what_was_said_once_is_of_no_use_again() {
    let (mut here, middle) = pipe();
    let (other_middle, mut there) = pipe();
    let caller = async move { called_by(&mut here, me(1)).await.map(drop) };
    let called = async move { answered_by(&mut there, me(2)).await.map(drop) };
    let (one, two, (forth, back)) = futures::join!(caller, called, copy(middle, other_middle));
    one.unwrap();
    two.unwrap();

    let (mut thief, mut there) = pipe();
    thief.write_all(&forth).await.unwrap();
    assert_eq!(refusal(answered_by(&mut there, me(2)).await), Refusal::Proof);

    let (mut here, mut thief) = pipe();
    thief.write_all(&back).await.unwrap();
    let fooled = called_by(&mut here, me(1)).await;
    assert!(matches!(fooled, Err(HandshakeError::Proof)), "{fooled:?}");
}

#[tokio::test]
async fn what_a_broker_says_is_of_no_use_against_itself() {
    // Its own words come back to it.
    let (mut here, thief) = pipe();
    let (mut read, mut write) = tokio::io::split(thief);
    let reflecting = async move { tokio::io::copy(&mut read, &mut write).await };
    let calling = async move { called_by(&mut here, me(1)).await };
    let (fooled, _) = futures::join!(calling, reflecting);
    assert!(fooled.is_err(), "{fooled:?}");
    // And by way of its own listener.
    let (caller, called) = {
        let (mut here, mut there) = pipe();
        futures::join!(called_by(&mut here, me(1)), answered_by(&mut there, me(1)))
    };
    assert_eq!([refusal(caller), refusal(called)], [Refusal::Broker(BrokerId(1)); 2]);
    // A caller's proof is none of a called one.
    let key = Key::new(SECRET.as_bytes());
    let transcript = Transcript::new(&None);
    let proof = key.prove(&transcript, Role::Caller);
    assert!(key.accepts(&transcript, Role::Caller, &proof));
    assert!(!key.accepts(&transcript, Role::Called, &proof));
    assert!(!key.accepts(&Transcript::new(&Some([1; 32])), Role::Caller, &proof));
    assert!(!key.accepts(&transcript, Role::Caller, &proof[..31]));
}

/// A connection in whose middle somebody changes one byte of what the caller says, or the called one.
async fn changed(at: usize, is_forth: bool) -> [bool; 2] {
    let (here, middle) = pipe();
    let (other_middle, there) = pipe();
    let clock = Runtime::simulated(1).clock;
    // Each may wait for more than comes.
    let caller = async {
        let mut here = here;
        clock.timeout(LIMIT, called_by(&mut here, me(1))).await.is_ok_and(|proven| proven.is_ok())
    };
    let called = async {
        let mut there = there;
        clock.timeout(LIMIT, answered_by(&mut there, me(2))).await.is_ok_and(|proven| proven.is_ok())
    };
    let (from_caller, to_caller) = tokio::io::split(middle);
    let (from_called, to_called) = tokio::io::split(other_middle);
    let forth = change(from_caller, to_called, is_forth.then_some(at));
    let back = change(from_called, to_caller, (!is_forth).then_some(at));
    let (one, two, ..) = futures::join!(caller, called, forth, back);
    [one, two]
}

async fn change(mut from: ReadHalf<DuplexStream>, mut to: WriteHalf<DuplexStream>, at: Option<usize>) {
    let mut byte = [0; 1];
    for count in 0.. {
        match from.read(&mut byte).await {
            Ok(1) => {}
            _ => break,
        }
        byte[0] ^= u8::from(at == Some(count));
        if to.write_all(&byte).await.is_err() {
            break;
        }
    }
    // Whoever waits for more than comes sees the end.
    let _ = to.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn no_byte_can_be_changed_on_the_way() {
    let forth = MAGIC.len() + 2 + greeting().encode().len() + 2 + PROOF_BYTES;
    let back = 2 + 1 + 2 + NONCE_BYTES + 4 + 8 + 2 + 1 + PROOF_BYTES;
    assert_eq!(changed(forth, true).await, [true; 2], "behind the last byte");
    for at in 0..forth {
        assert_eq!(changed(at, true).await, [false; 2], "byte {at} of the caller");
    }
    for at in 0..back {
        assert!(!changed(at, false).await[0], "byte {at} of the called one");
    }
}

#[tokio::test]
async fn a_verdict_is_believed_with_a_proof_alone() {
    let (mut here, mut there) = pipe();
    let known = known(1);
    let calling = async {
        let to = (BrokerId(2), Service::Raft);
        call(&mut here, &None, me(1), to, &secret(SECRET), &known).await
    };
    let lying = async {
        let mut magic = [0; MAGIC.len()];
        there.read_exact(&mut magic).await.unwrap();
        read_frame(&mut there).await.unwrap();
        let welcome = Welcome { version: 1, nonce: [1; 32], broker: BrokerId(2), incarnation: 1 };
        write_frame(&mut there, &[], &welcome.encode()).await.unwrap();
        read_frame(&mut there).await.unwrap();
        let verdict = [&Refusal::Replaced(9).encode()[..], &[0; 32]].concat();
        write_frame(&mut there, &[], &verdict).await.unwrap();
    };
    let (fooled, ()) = futures::join!(calling, lying);
    assert!(matches!(fooled, Err(HandshakeError::Proof)), "{fooled:?}");
    assert_eq!(known.newest(BrokerId(1)), 0, "nobody is replaced by the word of a stranger");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_replaced_is_told_and_listened_to_no_more() {
    let world = World::new();
    let old = world.broker(1, &Traits { incarnation: 3, ..Traits::default() });
    let two = world.broker(2, &Traits::default());
    assert_eq!(old.ask(2, Service::Raft, "old").await.unwrap(), "old");
    assert_eq!(two.ask(1, Service::Raft, "old").await.unwrap(), "old");
    let new = world.broker(1, &Traits { incarnation: 4, ..Traits::default() });
    assert_eq!(new.ask(2, Service::Raft, "new").await.unwrap(), "new");
    // The old one's connection has ended with that, and it hears why when it makes another.
    assert!(old.refusal(2).await.contains("incarnation 4"));
    let replaced = old.network.replaced().await;
    assert_eq!((replaced.broker, replaced.incarnation, replaced.newer), (BrokerId(1), 3, 4));
    assert!(replaced.to_string().contains("BROKER_ID"));
    assert!(old.refusal(2).await.contains("newer process"));
    let begun = old.begun();
    assert_eq!(two.ask(1, Service::Raft, "new").await.unwrap(), "new");
    assert_eq!((old.begun(), new.begun()), (begun, 1), "the newer one is called");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_called_in_place_of_a_newer_one_is_told_too() {
    let world = World::new();
    let new = world.broker(1, &Traits { incarnation: 4, ..Traits::default() });
    let two = world.broker(2, &Traits::default());
    assert_eq!(new.ask(2, Service::Liveness, Bytes::new()).await.unwrap(), "");
    // From here on its place is another's.
    let old = world.broker(1, &Traits { incarnation: 3, ..Traits::default() });
    assert!(two.refusal(1).await.contains("newer process has its id"));
    assert_eq!(old.network.replaced().await.newer, 4);
    // It lets nobody in any more, whoever has not heard of the newer one.
    let three = world.broker(3, &Traits::default());
    assert!(three.refusal(1).await.contains("newer process has its id"));
    assert_eq!(old.begun(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_a_process_that_was_replaced_meanwhile_does_not_count() {
    let world = World::new();
    let one = world.broker(1, &Traits::default());
    let old = world.broker(2, &Traits { incarnation: 3, ..Traits::default() });
    let go_on = old.script.hold();
    let asking = Service::ALL.map(|service| one.ask(2, service, "slow"));
    let replacing = async {
        soon(&world.runtime, "the calls have begun", || old.begun() == Service::ALL.len()).await;
        let new = world.broker(2, &Traits { incarnation: 4, ..Traits::default() });
        new.script.hold().request();
        new.ask(1, Service::Liveness, "here I am").await.unwrap();
        go_on.request();
        new
    };
    let (answers, new) = futures::join!(futures::future::join_all(asking), replacing);
    let is_answered: Vec<bool> = answers.iter().map(|answer| answer.is_ok()).collect();
    assert_eq!(
        is_answered,
        Service::ALL.map(Service::may_repeat),
        "a proposal may have been taken by either: {answers:?}"
    );
    assert_eq!(new.begun(), is_answered.iter().filter(|is_answered| **is_answered).count());
}
