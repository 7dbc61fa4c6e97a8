//! Clients that do as they are told, in any order, with answers that get lost and members that die.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Join(u8, bool),
    Beat(u8),
    LoseAnswer(u8),
    Die(u8),
    Leave(u8),
    Grow(bool),
    Reload,
    Wait(u16),
}

/// A client, with what it works on: what it was last told, as far as it heard.
#[derive(Clone, Default)]
struct Client {
    epoch: i32,
    owned: Assignment,
    topics: Vec<&'static str>,
    /// True if it missed an answer: then its next heartbeat says everything, and so does the answer.
    missed: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0u8..4;
    let step = prop_oneof![
        3 => (who.clone(), any::<bool>()).prop_map(|(who, both)| Step::Join(who, both)),
        12 => who.clone().prop_map(Step::Beat),
        2 => who.clone().prop_map(Step::LoseAnswer),
        1 => who.clone().prop_map(Step::Die),
        1 => who.prop_map(Step::Leave),
        1 => any::<bool>().prop_map(Step::Grow),
        1 => Just(Step::Reload),
        2 => (0u16..20_000).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..60)
}

struct Run {
    harness: Harness,
    clients: BTreeMap<u8, Client>,
    partitions: [i32; 2],
}

impl Run {
    fn beat(&mut self, who: u8, hears: bool) {
        let Some(client) = self.clients.get(&who).cloned() else { return };
        let mut request = joining(&format!("m{who}"), &client.topics);
        request.says = if client.missed { request.says } else { Says::default() };
        let request = Heartbeat { epoch: client.epoch, owned: Some(client.owned.clone()), ..request };
        match self.harness.send(&request) {
            Ok(reply) if hears => {
                let owned = reply.assignment.unwrap_or(client.owned);
                self.clients.insert(who, Client { epoch: reply.epoch, owned, missed: false, ..client });
            }
            Ok(_) => drop(self.clients.insert(who, Client { missed: true, ..client })),
            // It gives up everything before it does anything else.
            Err(_) => drop(self.clients.remove(&who)),
        }
        self.check();
    }

    /// No partition is worked on by two clients that the group still counts on.
    fn check(&self) {
        let mut owners = BTreeMap::new();
        for (who, client) in &self.clients {
            if !self.harness.ids().contains(&format!("m{who}")) {
                continue;
            }
            for (topic, partitions) in &client.owned {
                for index in partitions {
                    assert_eq!(owners.insert((*topic, *index), who), None, "{topic}-{index} has two owners");
                }
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Join(who, both) if !self.clients.contains_key(who) => {
                let topics = if *both { vec!["t", "u"] } else { vec!["t"] };
                let reply = self.harness.join(&format!("m{who}"), &topics);
                let owned = reply.assignment.unwrap_or_default();
                self.clients.insert(*who, Client { epoch: reply.epoch, owned, topics, missed: false });
            }
            Step::Join(..) => {}
            Step::Beat(who) => self.beat(*who, true),
            Step::LoseAnswer(who) => self.beat(*who, false),
            Step::Die(who) => drop(self.clients.remove(who)),
            Step::Leave(who) if self.clients.remove(who).is_some() => {
                let _ = self.harness.send(&beating(&format!("m{who}"), LEAVING));
            }
            Step::Leave(_) => {}
            Step::Grow(second) => {
                let partitions = &mut self.partitions[usize::from(*second)];
                *partitions += 1;
                self.harness.topics.put(if *second { "u" } else { "t" }, *partitions);
            }
            Step::Reload if self.harness.is_consumer() => {
                self.harness.put(self.harness.loaded());
            }
            Step::Reload => {}
            Step::Wait(ms) => self.harness.pass(i64::from(*ms)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn partitions_never_have_two_owners_and_all_have_one_in_the_end(steps in steps()) {
        let mut run = Run { harness: Harness::new(), clients: BTreeMap::new(), partitions: [3, 2] };
        run.harness.topics.put("t", 3);
        run.harness.topics.put("u", 2);
        run.step(&Step::Join(0, true));
        for step in &steps {
            run.step(step);
        }
        // The dead are removed, the living come to rest.
        for _ in 0..12 {
            run.harness.pass(5000);
            for who in 0..4 {
                run.step(&Step::Join(who, true));
                run.beat(who, true);
            }
        }
        prop_assert_eq!(run.harness.group().state(), State::Stable);
        let owned: usize = run.clients.values().map(|client| count(&client.owned)).sum();
        let is_subscribed = |topic: &&str| run.clients.values().any(|client| client.topics.contains(topic));
        let all = ["t", "u"].iter().zip(run.partitions).filter(|(topic, _)| is_subscribed(topic));
        let exist: i32 = all.map(|(_, partitions)| partitions).sum();
        prop_assert_eq!(i32::try_from(owned).unwrap(), exist);
    }
}
