//! Elections, driven by silence rather than by the Raft library's timer: a voter campaigns only after a majority said that it
//! hears no leader either, so a voter that was stalled deposes nobody (pre-vote, section 9.6 of Ongaro's dissertation).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::node::Node;
use super::rpc::{Call, Reply};
use super::types::LogId;
use crate::runtime::{Rng, Runtime, Shutdown, TaskKind};
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

/// Beats every other member, as long as it is one, until `stop`.
pub(super) async fn beat_all(node: Arc<Node>, runtime: Runtime, stop: Shutdown) {
    let mut beaten: BTreeMap<BrokerId, Shutdown> = BTreeMap::new();
    loop {
        let others = node.others();
        beaten.retain(|peer, end| {
            let stays = others.contains(peer);
            if !stays {
                end.request();
            }
            stays
        });
        for peer in others {
            beaten.entry(peer).or_insert_with(|| {
                let end = Shutdown::new();
                let beating = beat(Arc::clone(&node), peer, end.clone(), stop.clone());
                runtime.tasks.spawn(TaskKind::Raft, beating);
                end
            });
        }
        tokio::select! {
            () = stop.requested() => return,
            () = node.members_change() => {}
        }
    }
}

/// Tells one member, as long as this broker leads, that it does. Nothing is stored for it.
async fn beat(node: Arc<Node>, peer: BrokerId, end: Shutdown, stop: Shutdown) {
    loop {
        tokio::select! {
            () = stop.requested() => return,
            () = end.requested() => return,
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
        if !node.electorate().has_me() {
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
        node.contacts().leader_is_gone(leader);
    }
}

/// True if a majority, this voter among it, hears no leader and has no newer log.
async fn others_consent(node: &Node) -> bool {
    let electorate = node.electorate();
    let canvass = Call::Canvass { last_log: node.last_log() };
    let others = electorate.voters().into_iter().filter(|voter| *voter != node.id());
    let ask = |voter| {
        let asked = node.peers().call(voter, canvass.clone(), QUICK_LIMIT);
        async move { (voter, asked.await) }
    };
    let mut answers: FuturesUnordered<_> = others.map(ask).collect();
    let mut consenting = BTreeSet::new();
    while !electorate.consents(&consenting) {
        match answers.next().await {
            Some((voter, Ok(Reply::Canvass { consents: true }))) => {
                consenting.insert(voter);
            }
            Some(_) => {}
            None => return false,
        }
    }
    true
}

/// The answer to a voter that would campaign.
pub(super) fn consents(node: &Node, last_log: Option<LogId>) -> bool {
    let (silence, _) = node.contacts().silence();
    let is_behind = last_log < node.last_log() || !node.may_vote_for(last_log);
    node.leading_term().is_none() && silence >= CONSENT && !is_behind
}
