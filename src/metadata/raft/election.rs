//! Elections, driven by silence rather than by the Raft library's timer: a voter campaigns only after a majority said that it
//! hears no leader either, so a voter that was stalled deposes nobody (pre-vote, section 9.6 of Ongaro's dissertation).

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::node::Node;
use super::rpc::{Call, Reply};
use super::types::LogId;
use crate::runtime::{Rng, Shutdown};
use crate::types::BrokerId;

/// Between two beats of a leader to one voter.
const BEAT: Duration = Duration::from_millis(100);
/// The longest wait for an answer out of memory.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// The same where somebody else is asked when it does not come.
const QUICK_LIMIT: Duration = Duration::from_millis(300);
const TICK: Duration = Duration::from_millis(25);
/// Silence after which a voter looks whether its leader's process is there.
const DOUBT: Duration = Duration::from_millis(250);
/// Silence after which a voter consents to an election: longer than any proof of ownership lasts.
const CONSENT: Duration = Duration::from_millis(400);
/// Silence after which a voter campaigns at the earliest, if the leader's process is gone, and if it may only be slow.
const WAIT_FOR_GONE: Duration = Duration::from_millis(500);
const WAIT_FOR_SILENT: Duration = Duration::from_millis(1000);

/// Time drawn anew for each wait, so that voters do not campaign together for ever.
fn drawn(rng: &Rng, up_to: Duration) -> Duration {
    Duration::from_millis(rng.below(up_to.as_millis() as u64))
}

/// Tells one voter, as long as this broker leads, that it does. Nothing is stored for it.
pub(super) async fn beat(node: Arc<Node>, peer: BrokerId, stop: Shutdown) {
    loop {
        tokio::select! {
            () = stop.requested() => return,
            () = node.contacts().beats_wanted() => {}
            () = node.clock().sleep(BEAT) => {}
        }
        let Some(term) = node.leading_term() else { continue };
        node.call_followers(!node.is_stuck());
        if node.is_stuck() {
            continue;
        }
        node.contacts().lead(term);
        let sent = node.clock().instant();
        match node.peers().call(peer, Call::Beat { term }, ANSWER_LIMIT).await {
            Ok(Reply::Beat { agrees: true }) => node.contacts().agreed(peer, term, sent),
            Ok(_) => {}
            Err(error) => node.contacts().missed(peer, error.is_refused),
        }
    }
}

/// Watches for a leader, and campaigns when there is none, until `stop`.
pub(super) async fn run(node: Arc<Node>, rng: Rng, stop: Shutdown) {
    let mut extra = drawn(&rng, WAIT_FOR_SILENT);
    loop {
        tokio::select! {
            () = stop.requested() => return,
            () = node.clock().sleep(TICK) => {}
        }
        if let Some(term) = node.leading_term() {
            if !node.is_stuck() {
                node.contacts().lead(term);
            }
            continue;
        }
        let (silence, is_gone) = node.contacts().silence();
        if silence < DOUBT {
            continue;
        }
        if !is_gone && silence < WAIT_FOR_SILENT {
            look_for_leader(&node).await;
        }
        let wait = if is_gone { WAIT_FOR_GONE + extra / 5 } else { WAIT_FOR_SILENT + extra };
        if silence < wait {
            continue;
        }
        if others_consent(&node).await {
            node.elect().await;
        }
        extra = drawn(&rng, WAIT_FOR_SILENT);
        node.clock().sleep(QUICK_LIMIT + extra / 2).await;
    }
}

/// A leader whose machine refuses connections is gone.
async fn look_for_leader(node: &Node) {
    let Some(leader) = node.last_leader().filter(|leader| *leader != node.id()) else { return };
    if let Err(error) = node.peers().call(leader, Call::Ping, QUICK_LIMIT).await
        && error.is_refused
    {
        node.contacts().leader_is_gone();
    }
}

/// True if a majority, this voter among it, hears no leader and has no newer log.
async fn others_consent(node: &Node) -> bool {
    let voters = node.voters();
    let canvass = Call::Canvass { last_log: node.last_log() };
    let others = voters.iter().filter(|voter| **voter != node.id());
    let mut answers: FuturesUnordered<_> =
        others.map(|voter| node.peers().call(*voter, canvass.clone(), QUICK_LIMIT)).collect();
    let mut consenting = 1;
    while consenting <= voters.len() / 2 {
        match answers.next().await {
            Some(Ok(Reply::Canvass { consents: true })) => consenting += 1,
            Some(_) => {}
            None => return false,
        }
    }
    true
}

/// The answer to a voter that would campaign.
pub(super) fn consents(node: &Node, last_log: Option<LogId>) -> bool {
    let (silence, _) = node.contacts().silence();
    node.leading_term().is_none() && silence >= CONSENT && last_log >= node.last_log()
}
